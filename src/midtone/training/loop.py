"""The training loop: pictures in, weights out; it stops and resumes at any step.

With ``torchrun`` each process takes its part of every batch, so the result does not depend on the
number of processes (but for the discriminator's batch normalisation, which uses the statistics of
one process, and for spatial dropout, which each process draws for itself).
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from midtone import atomic
from midtone.errors import UsageError
from midtone.training.checkpoint import CHECKPOINT, State
from midtone.training.dataset import open_dataset
from midtone.training.device import (
    close_distributed,
    flush_denormals,
    init_distributed,
    to_device,
    use_bfloat16,
    wrap_ddp,
)
from midtone.training.loader import DistributedBatchSampler, batches
from midtone.training.recipe import Recipe
from midtone.training.run_log import DivergenceMonitor, RunLog
from midtone.training.schedule import describe, schedule
from midtone.training.step import compute_losses, update_weights
from midtone.training.stopping import StopRequest
from midtone.training.validation import validate


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run is carried out. None of these changes the weights, but for ``precision``.

    resume:    continue from the checkpoint in the run's folder, if there is one
    start:     checkpoint of another run, or model file, whose weights are the first ones
    workers:   loader processes
    device:    "auto", "cpu" or "cuda"
    precision: "float32", "bfloat16" or "auto": bfloat16 where the hardware has it
    checkpoint_every: seconds between checkpoints; there is one at every validation as well
    limit:     seconds after which the run stops and can be resumed; None: no limit
    progress:  report progress on standard error
    """

    resume: bool = False
    start: Path | None = None
    workers: int = 1
    device: str = "auto"
    precision: str = "auto"
    checkpoint_every: float = 300.0
    limit: float | None = None
    progress: bool = False


@dataclass(frozen=True)
class RunResult:
    """Where a run ended: its checkpoint, steps done and to do, and what stopped it.

    stopped: number of the signal, ``stopping.TIME_LIMIT``, or 0 for a finished run
    """

    checkpoint: Path
    step: int
    steps: int
    stopped: int = 0


@flush_denormals()
def train(folder: Path, out: Path, recipe: Recipe, options: RunOptions = RunOptions()) -> RunResult:
    """Train on pairs, or on well exposed photographs with synthesised errors.

    folder: of pairs (either layout of ``data.pairs``) or of photographs
    out:    receives recipe.json, log.jsonl, sheets/, tensorboard/ (where that package is there)
            and checkpoint.safetensors (weights, their moving average, Adam's moments, the step)

    Raises UsageError for unusable data and for a run in ``out`` unless ``options.resume``,
    ModelError if that run has other settings, or if the loss diverges.
    """
    worker = init_distributed(options.device)
    device, is_main = worker.device, worker.rank == 0
    bfloat16 = use_bfloat16(device, options.precision)
    state, checkpoint = _open_run(out, recipe, options, device)
    dataset = open_dataset(folder, recipe, _warn if is_main else _ignore)
    stages = schedule(recipe, dataset.examples)
    steps, stopped, saved = stages[-1].last, 0, time.monotonic()
    if is_main:
        out.mkdir(parents=True, exist_ok=True)
        atomic.sweep(out)
        (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n", "utf-8")
        costs = [(stage.last, stage.stage.step_cost(recipe.network)) for stage in stages]
        log = RunLog(out, state.step, costs, progress=options.progress)
        if options.progress:
            precision = "bfloat16" if bfloat16 else "float32"
            log.say(f"{device.type}, {precision}, {worker.world} processes, {steps} steps")
            log.say("\n".join(describe(stages)))

    with StopRequest(worker, options.limit) as stop:
        for stage in stages:
            settings, todo = stage.stage, stage.steps_from(state.step)
            if stopped or not todo:
                continue
            if recipe.reset_optimizer and state.step == stage.first:
                state.reset_optimizer()
            state.network.set_spatial_dropout(settings.spatial_dropout)
            network = wrap_ddp(state.network, worker, unused_parameters=settings.finest > 1)
            monitor = DivergenceMonitor()
            sampler = DistributedBatchSampler(todo, settings.batch, worker.rank, worker.world)
            for levels, targets in batches(stage.examples, sampler, stage.config, options.workers):
                step, seed = state.step, _seed(recipe.seed, state.step, worker.rank)
                torch.manual_seed(seed)  # of the dropout
                flips = torch.Generator().manual_seed(seed)
                losses = compute_losses(
                    network,
                    to_device(levels, device),
                    to_device(targets, device),
                    recipe,
                    settings,
                    bfloat16=bfloat16,
                    discriminator=state.discriminator,
                    flips=flips if stage.uses_adversarial(step) else None,
                )
                monitor.check(losses.total.item(), step)
                update_weights(
                    state, losses, recipe, settings, rate=stage.rate(step), world=worker.world
                )

                stopped = stop.check() if state.step < steps else 0
                if is_main:
                    log.add_step(losses.image.item())
                    due = state.step % recipe.validate_every == 0 or state.step == steps
                    if due or stopped or time.monotonic() - saved >= options.checkpoint_every:
                        state.save(checkpoint, recipe)
                        saved = time.monotonic()
                    if due and not stopped:
                        scores = validate(
                            state.network, state.ema, dataset.checks, stage.config, bfloat16
                        )
                        log.add_scores(scores, settings.size, stage.rate(step))
                if stopped:
                    break
    if is_main:
        log.close()
    close_distributed(worker)
    return RunResult(checkpoint, state.step, steps, stopped)


def _open_run(
    out: Path, recipe: Recipe, options: RunOptions, device: torch.device
) -> tuple[State, Path]:
    """The state that a run begins with, and its checkpoint's path."""
    checkpoint = out / CHECKPOINT
    if checkpoint.exists() and not options.resume:
        raise UsageError(f"{out}: holds a run already; resume it or choose another folder")
    state = State.new(recipe, device)
    if checkpoint.exists():
        state.load(checkpoint, recipe)
    elif options.start:
        state.start_from(options.start, recipe.reset_levels)
    return state, checkpoint


def _seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])


def _warn(sentence: str) -> None:
    print(f"midtone: {sentence}", file=sys.stderr)


def _ignore(_: str) -> None:
    """Say nothing: another process reports it."""
