"""A training run of minutes on one GPU: ``python -m midtone.training.gpu_run PACK -o OUT``.

Reads a pack of photographs (``midtone.training.pack``), makes all examples on the device, trains in
bfloat16 within a time limit, and writes OUT/weights.safetensors (a model file, float16) and
OUT/log.jsonl. Needs torch, NumPy, Pillow and safetensors only. The stages of the recipe share the
time as their steps would; what they do is that of ``midtone train``, but for the adversarial loss.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from midtone import pyramid
from midtone.errors import Error
from midtone.model import header, network_layout
from midtone.network import CoarseToFine, NetworkConfig, save_network
from midtone.options import DEVICES
from midtone.training.checkpoint import State
from midtone.training.device import flush_denormals, select_device, to_device, use_bfloat16
from midtone.training.device_examples import DeviceExamples, DevicePhotographs
from midtone.training.grid_loss import apply_single_cell_grid, input_at_output_scale
from midtone.training.losses import pyramid_targets
from midtone.training.pack import read_pack
from midtone.training.recipe import VALIDATION_EVS, Recipe, Stage, load_recipe
from midtone.training.recipes import RECIPES
from midtone.training.step import compute_losses, update_weights
from midtone.training.stopping import format_duration, parse_duration

_LOG_EVERY, _WARMUP = 50, 200
_VALIDATED = 16


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """How a run is carried out.

    limit:   seconds of training, on a processor those of its cores
    steps:   largest number of steps; 0: no limit
    batch:   examples in a step, as a multiple of the recipe's
    start:   model file whose weights are the first ones
    compile: compile the network (needs a C compiler and Triton on a GPU)
    """

    limit: float = 480.0
    steps: int = 0
    batch: int = 4
    device: str = "auto"
    precision: str = "auto"
    start: Path | None = None
    compile: bool = False


class Clock:
    """Seconds since it was made: of wall time on a GPU, of processor time without one.

    Runs that share a processor with other work are thus comparable.
    """

    def __init__(self, device: torch.device) -> None:
        self._now = time.process_time if device.type == "cpu" else time.monotonic
        self._start = self._now()

    def seconds(self) -> float:
        """Seconds until now."""
        return self._now() - self._start


@flush_denormals()
def train_on_device(pack: Path, out: Path, recipe: Recipe, options: GpuOptions) -> Path:
    """Train; returns the path of the weights. Raises UsageError or ModelError."""
    device = select_device(options.device)
    bfloat16 = use_bfloat16(device, options.precision)
    photographs, held_out = _upload(pack, recipe.hold_out, device)
    out.mkdir(parents=True, exist_ok=True)
    state = State.new(recipe, device)
    if options.start:
        state.start_from(options.start, recipe.reset_levels)
    network = torch.compile(state.network) if options.compile else state.network
    flips = torch.Generator().manual_seed(recipe.seed)

    log = _Log(out / "log.jsonl", Clock(device))
    stage_before: Stage | None = None
    for stage, done in _schedule(recipe, options, log.clock):
        if stage is not stage_before:
            stage_before = stage
            examples = DeviceExamples(photographs, stage, recipe.seed + state.step)
            state.network.set_spatial_dropout(stage.spatial_dropout)
            if recipe.reset_optimizer:
                state.reset_optimizer()
        source, target = examples.batch(options.batch * stage.batch)
        levels, targets = _prepare(source, target, recipe.network, stage.finest)
        adversarial = stage.adversarial > 0 and done * stage.epochs >= stage.adversarial_after
        losses = compute_losses(
            network,
            levels,
            targets,
            recipe,
            stage,
            bfloat16=bfloat16,
            discriminator=state.discriminator,
            flips=flips if adversarial else None,
        )
        factor = stage.factor_at(done) * min(1.0, (state.step + 1) / _WARMUP)
        update_weights(state, losses, recipe, stage, rate=stage.rate * factor)
        log.add_step(state.step, losses.image.detach(), len(source))
    log.write_losses()
    seconds = round(log.clock.seconds(), 1)
    scores = validate_on_device(state, held_out, recipe, recipe.stages[-1], bfloat16=bfloat16)
    log.close({"step": state.step, "psnr": scores, "seconds": seconds})
    made = {"step": state.step, "examples": log.examples, "seconds": seconds}
    return _save(state, out / "weights.safetensors", recipe, made | {"recipe": asdict(recipe)})


def _upload(
    pack: Path, hold_out: int, device: torch.device
) -> tuple[DevicePhotographs, DevicePhotographs]:
    """The photographs of a pack on the device: those to train on, and those held out."""
    images, good = read_pack(pack)
    numbers = range(len(images))
    held_out = numbers[hold_out - 1 :: hold_out] or numbers[-1:]
    training = [number for number in numbers if number not in held_out]
    photographs, checks = (
        DevicePhotographs.upload([images[n] for n in part], [good[n] for n in part], device)
        for part in (training, held_out)
    )
    return photographs, checks


class _Log:
    """The log of a run, log.jsonl, and its progress on standard error.

    examples: number of examples that were trained on
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.examples = 0
        self._step = 0
        self._losses: list[Tensor] = []
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def add_step(self, step: int, loss: Tensor, examples: int) -> None:
        """Record a step."""
        self._step = step
        self.examples += examples
        self._losses.append(loss)
        if step % _LOG_EVERY == 0:
            self.write_losses()

    def close(self, result: dict[str, object]) -> None:
        """Record the result of the run."""
        self._file.write(json.dumps(result) + "\n")
        self._file.close()
        print(f"PSNR {result['psnr']} dB", file=sys.stderr)

    def write_losses(self) -> None:
        """Record the mean loss of the steps since the last record, and the speed of the run."""
        if not self._losses:
            return
        loss, seconds = torch.stack(self._losses).mean().item(), self.clock.seconds()
        self._losses.clear()
        rate = self.examples / seconds
        record = {"step": self._step, "loss": round(loss, 5), "seconds": round(seconds, 1)}
        record["examples_per_second"] = round(rate, 1)
        self._file.write(json.dumps(record) + "\n")
        if self._step % (20 * _LOG_EVERY) == 0:
            text = f"step {self._step}, loss {loss:.4f}, {rate:.0f} examples/s"
            print(f"{text}, {format_duration(seconds)}", file=sys.stderr, flush=True)


@torch.no_grad()
def validate_on_device(
    state: State, photographs: DevicePhotographs, recipe: Recipe, stage: Stage, *, bfloat16: bool
) -> dict[str, float]:
    """Mean PSNR in dB by EV of held-out photographs, after a grid of one cell, and their mean."""
    network = state.network.eval()
    scores = {}
    for ev in VALIDATION_EVS:
        errors = replace(stage.errors, bands=((1.0, ev, ev),), unchanged_prob=0.0)
        examples = DeviceExamples(photographs, replace(stage, errors=errors), seed=1)
        source, target = examples.batch(min(_VALIDATED, 4 * len(photographs.pixels)))
        levels, targets = _prepare(source, target, recipe.network, stage.finest)
        with torch.autocast(source.device.type, torch.bfloat16, enabled=bfloat16):
            results = torch.func.functional_call(
                network, state.ema, tuple(levels), {"finest": stage.finest}
            )
        result = results[0].float()
        before = input_at_output_scale(levels, result, recipe.network.taps)
        error = apply_single_cell_grid(before, result).clamp(0, 1) - targets[0]
        psnr = -10 * error.square().mean((1, 2, 3)).clamp(min=1e-6).log10()
        scores[f"{ev:+.1f}"] = round(psnr.mean().item(), 2)
    network.train()
    return scores | {"mean": round(sum(scores.values()) / len(scores), 2)}


def _schedule(recipe: Recipe, options: GpuOptions, clock: Clock) -> Iterator[tuple[Stage, float]]:
    """The stage of each step, and the part of it that has passed, until time or steps are over."""
    costs = [
        (stage.steps or stage.epochs * stage.per_image / stage.batch)
        * stage.step_cost(recipe.network)
        for stage in recipe.stages
    ]
    ends = [sum(costs[: number + 1]) / sum(costs) for number in range(len(costs))]
    step = 0
    while True:
        done = clock.seconds() / options.limit
        if options.steps:
            done = max(done, step / options.steps)
        if done >= 1:
            return
        number = next(n for n, end in enumerate(ends) if done < end or n == len(ends) - 1)
        first = ends[number - 1] if number else 0.0
        yield recipe.stages[number], min(1.0, (done - first) / (ends[number] - first))
        step += 1


def _prepare(
    source: Tensor, target: Tensor, network: NetworkConfig, finest: int
) -> tuple[list[Tensor], list[Tensor]]:
    levels = pyramid.split(source, network.levels, network.taps)[finest - 1 :]
    targets = pyramid_targets(target, network.levels, network.taps, finest)
    return to_device(levels, source.device), targets


def _save(state: State, path: Path, recipe: Recipe, made: dict[str, object]) -> Path:
    """Write the averaged weights as a model file, rounded to float16."""
    network = CoarseToFine(recipe.network)
    network.load_state_dict({name: value.cpu() for name, value in state.ema.items()})
    last = recipe.stages[-1]
    settings = recipe.network.to_dict()
    config = replace(network_layout(settings, last.finest), size=last.size)
    save_network(path, network.half(), header(settings, config, made))
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Train from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m midtone.training.gpu_run", description=__doc__.splitlines()[0]
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="default", help="name or .json file (default)")
    parser.add_argument("--for", dest="limit", default="8m", help="time of training (8m)")
    parser.add_argument("--steps", type=int, default=0, help="largest number of steps (no limit)")
    parser.add_argument("--batch", type=int, default=4, help="times the recipe's batch (4)")
    parser.add_argument("--start", type=Path, help="model file to begin with")
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--compile", action="store_true", help="compile the network")
    options = parser.parse_args(arguments)
    try:
        weights = train_on_device(
            options.pack,
            options.out,
            load_recipe(options.recipe, RECIPES),
            GpuOptions(
                limit=parse_duration(options.limit),
                steps=options.steps,
                batch=options.batch,
                device=options.device,
                precision=options.precision,
                start=options.start,
                compile=options.compile,
            ),
        )
    except Error as error:
        print(f"midtone: {error}", file=sys.stderr)
        return 2
    print(f"{weights}: {weights.stat().st_size / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
