"""The training loop: pictures in, weights out; it stops and resumes at any step.

With ``torchrun`` each process takes its part of every batch, so the result does not depend on the
number of processes (but for the discriminator's batch normalisation, which uses the statistics of
one process, and for spatial dropout, which each process draws for itself).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from midtone import atomic
from midtone.errors import UsageError
from midtone.training.checkpoint import CHECKPOINT, State
from midtone.training.dataset import open_dataset
from midtone.training.device import (
    Worker,
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
from midtone.training.schedule import ScheduledStage, describe, schedule
from midtone.training.step import compute_losses, update_weights
from midtone.training.stopping import StopRequest
from midtone.training.validation import Check, validate


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
    run = _open_run(out, recipe, options)
    state, worker, is_main = run.state, run.worker, run.worker.rank == 0
    dataset = open_dataset(folder, recipe, _warn if is_main else _ignore)
    stages = schedule(recipe, dataset.examples)
    steps, stopped = stages[-1].last, 0
    recorder = _Recorder(run, stages, dataset.checks) if is_main else None

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
                    to_device(levels, worker.device),
                    to_device(targets, worker.device),
                    recipe,
                    settings,
                    bfloat16=run.bfloat16,
                    discriminator=state.discriminator,
                    flips=flips if stage.uses_adversarial(step) else None,
                )
                monitor.check(losses.total.item(), step)
                update_weights(
                    state, losses, recipe, settings, rate=stage.rate(step), world=worker.world
                )
                stopped = stop.check() if state.step < steps else 0
                if recorder:
                    recorder.add_step(stage, losses.image.item(), stopped=bool(stopped))
                if stopped:
                    break
    if recorder:
        recorder.log.close()
    close_distributed(worker)
    return RunResult(run.checkpoint, state.step, steps, stopped)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What stays the same while a run goes on; ``state`` changes in place."""

    out: Path
    recipe: Recipe
    options: RunOptions
    worker: Worker
    bfloat16: bool
    state: State

    @property
    def checkpoint(self) -> Path:
        return self.out / CHECKPOINT


def _open_run(out: Path, recipe: Recipe, options: RunOptions) -> _Run:
    """The run in a folder, with the state that it begins with."""
    if (out / CHECKPOINT).exists() and not options.resume:
        raise UsageError(f"{out}: holds a run already; resume it or choose another folder")
    worker = init_distributed(options.device)
    run = _Run(
        out=out,
        recipe=recipe,
        options=options,
        worker=worker,
        bfloat16=use_bfloat16(worker.device, options.precision),
        state=State.new(recipe, worker.device),
    )
    if run.checkpoint.exists():
        run.state.load(run.checkpoint, recipe)
    elif options.start:
        run.state.start_from(options.start, recipe.reset_levels)
    return run


class _Recorder:
    """What the main process writes: recipe.json, the log, checkpoints and validations.

    checks: held-out pictures
    """

    def __init__(
        self, run: _Run, stages: Sequence[ScheduledStage], checks: Sequence[Check]
    ) -> None:
        self.run, self.checks = run, checks
        run.out.mkdir(parents=True, exist_ok=True)
        atomic.sweep(run.out)
        settings = json.dumps(asdict(run.recipe), indent=1)
        (run.out / "recipe.json").write_text(settings + "\n", "utf-8")
        costs = [(stage.last, stage.stage.step_cost(run.recipe.network)) for stage in stages]
        self.log = RunLog(run.out, run.state.step, costs, progress=run.options.progress)
        precision = "bfloat16" if run.bfloat16 else "float32"
        world = run.worker.world
        where = [run.worker.device.type, precision, *([f"{world} processes"] if world > 1 else [])]
        head = ", ".join([*where, f"{stages[-1].last} steps"])
        self.log.print("\n".join([head, *describe(stages)]))
        self.saved = time.monotonic()

    def add_step(self, stage: ScheduledStage, loss: float, *, stopped: bool) -> None:
        """Record a step that is done; save and validate where that is due."""
        run, state = self.run, self.run.state
        self.log.add_step(loss)
        due = state.step % run.recipe.validate_every == 0 or state.step == self.log.total
        if due or stopped or time.monotonic() - self.saved >= run.options.checkpoint_every:
            state.save(run.checkpoint, run.recipe)
            self.saved = time.monotonic()
        if due and not stopped:
            scores = validate(state.network, state.ema, self.checks, stage.config, run.bfloat16)
            self.log.add_scores(scores, stage.stage.size, stage.rate(state.step - 1))


def _seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])


def _warn(sentence: str) -> None:
    print(f"midtone: {sentence}", file=sys.stderr)


def _ignore(_: str) -> None:
    """Print nothing: another process reports it."""
