"""One visible training loop: pictures in, weights out; stops and resumes anywhere.

With ``torchrun`` each process takes its share of every batch, so the result does not depend on the
number of processes (but for the discriminator's batch normalisation, which sees its own share, and
for dropped features).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from midtone.errors import UsageError
from midtone.training.checkpoint import CHECKPOINT, State
from midtone.training.dataset import open_source
from midtone.training.discriminator import view
from midtone.training.grid_loss import carried_loss
from midtone.training.loader import Share, batches
from midtone.training.losses import (
    adversarial_loss,
    discriminator_loss,
    pyramid_loss,
    reconstruction_loss,
)
from midtone.training.recipe import Recipe, Stage
from midtone.training.run_log import Journal, Watch
from midtone.training.validation import validate


@contextmanager
def _flushing() -> Iterator[None]:
    """Numbers too small to matter are zero, and do not slow everything down."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@_flushing()
def train(
    source: Path,
    out: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    start: Path | None = None,
    workers: int = 1,
    device: str = "auto",
    precision: str = "auto",
    progress: bool = False,
) -> Path:
    """Train on pairs, or on good photographs that are spoiled on the fly.

    source:  folder of pairs (either layout of ``data.pairs``) or of photographs
    out:     receives recipe.json, log.jsonl, sheets/, tensorboard/ (where that package is there)
             and checkpoint.safetensors (weights, their moving average, Adam's moments, the step)
    resume:  go on from the checkpoint in ``out``, if there is one
    start:   checkpoint of another run, or .onnx model, whose weights are the first ones
    workers: loader processes
    device:  "auto", "cpu" or "cuda"
    precision: "float32", "bfloat16" or "auto": bfloat16 where the processor has it

    Returns the path of the final checkpoint. Raises UsageError for unusable data and for a run in
    ``out`` unless ``resume``, ModelError if that has other settings, or if the loss diverges.
    """
    place, rank, world = _join(device)
    half = _half(place, precision)
    checkpoint = out / CHECKPOINT
    if checkpoint.exists() and not resume:
        raise UsageError(f"{out}: holds a run already; resume it or choose another folder")
    state = State.new(recipe, place)
    if checkpoint.exists():
        state.load(checkpoint, recipe)
    elif start:
        state.start_from(start, recipe.fresh_levels)
    data = open_source(source, recipe, _warn if rank == 0 else _ignore)
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n", "utf-8")
    lengths = [stage.steps or stage.length(len(data.examples(stage))) for stage in recipe.stages]
    journal = Journal(out, state.step, sum(lengths), progress) if rank == 0 else None

    before = 0
    for stage, length in zip(recipe.stages, lengths, strict=True):
        steps = range(max(state.step, before), before + length)
        before += length
        if not steps:
            continue
        if recipe.fresh_adam and state.step == before - length:
            state.forget_moments()
        examples = data.examples(stage)
        share = Share(steps, stage.batch, rank, world)
        state.network.drop(stage.dropped)
        network = _shared(state.network, stage, world)
        watch = Watch()
        for levels, targets in batches(examples, share, recipe.network, stage.finest, workers):
            done = state.step - before + length
            if stage.dropped:
                torch.manual_seed(_seed(recipe.seed, state.step, rank))
            factor = stage.factor(done, len(examples))
            with torch.autocast(place.type, torch.bfloat16, enabled=half):
                results = network(*(_lay(level, place) for level in levels), finest=stage.finest)
            results = [result.float() for result in results]
            targets = [target.to(place) for target in targets]
            loss = total = picture_loss(results, targets, recipe.pyramid_weight, stage.finest)
            if stage.carried:
                total = total + stage.carried * carried_loss(
                    [level.to(place) for level in levels],
                    results[0],
                    targets[0],
                    recipe.network.taps,
                )
            judged = stage.adversarial and done >= stage.adversarial_after * stage.epoch(
                len(examples)
            )
            if judged:
                random = _random(recipe.seed, state.step, rank)
                fake, real = view(results[0], random), view(targets[0], random)
                state.discriminator.requires_grad_(False)
                total = total + stage.adversarial * adversarial_loss(state.discriminator(fake))
            state.adam.param_groups[0]["lr"] = stage.rate * factor
            state.adam.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
            if recipe.clip is not None:
                nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
            watch.see(total.item(), state.step)
            state.adam.step()
            if judged:
                _sharpen(state, real, fake.detach(), stage.discriminator_rate * factor, world)
            state.follow(stage.ema)
            state.step += 1
            if journal:
                journal.see(loss.item())
                if state.step % recipe.validate_every == 0 or state.step == sum(lengths):
                    state.save(checkpoint, recipe)
                    scores = validate(
                        state.network, state.average, data.checks, stage.size, stage.finest, half
                    )
                    journal.validated(scores, stage.size, stage.rate * factor)
    if journal:
        journal.close()
    if world > 1:
        torch.distributed.destroy_process_group()
    return checkpoint


def picture_loss(
    results: list[Tensor], targets: list[Tensor], pyramid_weight: float, finest: int = 1
) -> Tensor:
    """Reconstruction and pyramid loss of (y1, u2, ..., un), or of the coarse ones alone."""
    if finest > 1:
        return pyramid_loss(results, targets, finest)
    loss = reconstruction_loss(results[0], targets[0])
    if len(results) > 1 and pyramid_weight:
        loss = loss + pyramid_weight * pyramid_loss(results[1:], targets[1:])
    return loss


def _sharpen(state: State, real: Tensor, fake: Tensor, rate: float, world: int) -> None:
    """Train the discriminator one step."""
    state.discriminator.requires_grad_(True)
    mistake = discriminator_loss(state.discriminator(real), state.discriminator(fake))
    state.discriminator_adam.param_groups[0]["lr"] = rate
    state.discriminator_adam.zero_grad()
    mistake.backward()  # type: ignore[no-untyped-call]
    if world > 1:
        for parameter in state.discriminator.parameters():
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad.div_(world)  # type: ignore[union-attr]
    state.discriminator_adam.step()


def _join(device: str) -> tuple[torch.device, int, int]:
    """Device, rank and number of processes; joins the group that ``torchrun`` describes."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device here; use --device cpu")
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if world > 1:
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    if not cuda:
        return torch.device("cpu"), rank, world
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    torch.cuda.set_device(place)
    return place, rank, world


def _half(place: torch.device, precision: str) -> bool:
    """Whether to work in bfloat16."""
    if precision != "auto":
        return precision == "bfloat16"
    if place.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _shared(network: nn.Module, stage: Stage, world: int) -> nn.Module:
    """The network as it is, or with its gradients averaged over the processes."""
    if world == 1:
        return network
    return DistributedDataParallel(network, find_unused_parameters=stage.finest > 1)


def _lay(level: Tensor, place: torch.device) -> Tensor:
    """On the device, in the layout in which convolutions are fast."""
    return level.to(place).contiguous(memory_format=torch.channels_last)


def _random(seed: int, step: int, rank: int) -> torch.Generator:
    return torch.Generator().manual_seed(_seed(seed, step, rank))


def _seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])


def _warn(sentence: str) -> None:
    print(f"midtone: {sentence}", file=sys.stderr)


def _ignore(_: str) -> None:
    """Say nothing: another process says it."""
