"""One visible training loop: photographs in, weights out; stops and resumes anywhere."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader

from midtone import pyramid
from midtone.data.patches import Examples, Photographs, find_photos, fit, hold_out, pad_square
from midtone.data.synthesize import synthesize
from midtone.errors import ModelError
from midtone.network import CoarseToFine, NetworkConfig
from midtone.training.losses import pyramid_loss, pyramid_targets, reconstruction_loss
from midtone.training.recipe import Recipe, Stage

CHECKPOINT = "checkpoint.safetensors"
_VALIDATION_EVS = (-3.0, -1.5, -1.0, 0.0, 1.0, 1.5)


def train(photos: Path, out: Path, recipe: Recipe, *, workers: int = 1) -> Path:
    """Train on the photographs below ``photos``; continue from the checkpoint in ``out`` if any.

    Returns the path of the final checkpoint. ``out`` receives recipe.json, log.jsonl and
    checkpoint.safetensors (weights, their moving average, Adam's moments and the step). Raises
    ModelError if ``out`` holds a run with other settings or a loss is not finite.
    """
    torch.set_flush_denormal(True)
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    settings = json.dumps(asdict(recipe), sort_keys=True)
    checkpoint = out / CHECKPOINT

    network = CoarseToFine(recipe.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = {name: p.detach().clone() for name, p in network.named_parameters()}
    adam = torch.optim.Adam(network.parameters(), fused=True)
    step = 0
    if checkpoint.exists():
        step = load(checkpoint, network, average, adam, settings)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n", "utf-8")

    training, validation = hold_out(find_photos(photos), recipe.hold_out)
    if not training or not validation:
        raise ModelError(f"{photos}: too few photographs to train on")
    checks = validation_set(validation, recipe)

    total = sum(stage.steps for stage in recipe.stages)
    started, start_step = time.monotonic(), step
    before = 0
    for stage in recipe.stages:
        if step >= before + stage.steps:
            before += stage.steps
            continue
        photographs = Photographs(training, stage.longest_side, chosen=True)
        examples = Examples(photographs, stage.size, recipe.seed, stage.errors, stage.windows)
        losses: list[float] = []
        numbers = range(step * stage.batch, (before + stage.steps) * stage.batch)
        for levels, targets in batches(examples, stage, recipe.network, numbers, workers):
            adam.param_groups[0]["lr"] = stage.rate_at(step - before)
            with torch.autocast("cpu", torch.bfloat16):
                results = network(*map(channels_last, levels), finest=stage.finest)
            results = [result.float() for result in results]
            if stage.finest == 1:
                loss = reconstruction_loss(results[0], targets[0])
                if len(results) > 1:
                    loss = loss + recipe.pyramid_weight * pyramid_loss(results[1:], targets[1:])
            else:
                loss = pyramid_loss(results, targets, stage.finest)
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            adam.step()
            losses.append(loss.item())
            if not np.isfinite(losses[-1]):
                raise ModelError(f"the loss of step {step} is {losses[-1]}; {checkpoint} is kept")
            # A short memory first, or the random start would stay in the average.
            decay = min(stage.ema, (1 + step) / (10 + step))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.values()), list(network.parameters()), 1 - decay)
            step += 1
            if step % recipe.validate_every == 0 or step == total:
                save(checkpoint, network, average, adam, step, settings)
                record = {
                    "step": step,
                    "size": stage.size,
                    "rate": adam.param_groups[0]["lr"],
                    "loss": round(float(np.mean(losses)), 5),
                    "psnr": validate(network, average, checks, stage),
                    "seconds": round(time.monotonic() - started, 1),
                    "steps_per_second": round(
                        (step - start_step) / (time.monotonic() - started), 3
                    ),
                }
                losses.clear()
                with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                    log.write(json.dumps(record) + "\n")
                print(json.dumps(record), flush=True)
        before += stage.steps
    return checkpoint


def batches(
    examples: Examples, stage: Stage, network: NetworkConfig, numbers: range, workers: int
) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """(Laplacian levels of the inputs, targets of the results) of each batch of the stage.

    The loader's processes make the pyramids too, which leaves the cores to the network.
    """

    def collate(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[list[Tensor], list[Tensor]]:
        wrong, right = (
            _to_float(torch.from_numpy(np.stack(images))) for images in zip(*pairs, strict=True)
        )
        return prepare(wrong, right, network, stage.finest)

    loader: DataLoader[tuple[list[Tensor], list[Tensor]]] = DataLoader(
        examples,  # type: ignore[arg-type]
        batch_size=stage.batch,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        collate_fn=collate,
        worker_init_fn=_single_thread,
        multiprocessing_context="fork" if workers else None,
    )
    yield from loader


def prepare(
    wrong: Tensor, right: Tensor, network: NetworkConfig, finest: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Levels ``finest`` to n of the network's input, and what it should make of them."""
    smaller = pyramid.gaussian(wrong, finest, network.taps)[-1]
    levels = pyramid.split(smaller, network.levels - finest + 1, network.taps)
    return levels, pyramid_targets(right, network.levels, network.taps, finest)


def validation_set(paths: list[Path], recipe: Recipe) -> list[tuple[np.ndarray, np.ndarray]]:
    """One error for each held-out photograph, the EVs in turn, the same in every stage."""
    last = recipe.stages[-1]
    pairs = []
    for number, image in enumerate(Photographs(paths, last.longest_side).images):
        rng = np.random.default_rng((recipe.seed, number))
        ev = _VALIDATION_EVS[number % len(_VALIDATION_EVS)]
        pairs.append((synthesize(image, ev, last.errors, rng), image))
    return pairs


@torch.no_grad()
def validate(
    network: CoarseToFine,
    average: dict[str, Tensor],
    checks: list[tuple[np.ndarray, np.ndarray]],
    stage: Stage,
) -> dict[str, float]:
    """Mean PSNR in dB of the averaged weights at each EV, whole photographs at the stage's size.

    While only coarse levels are trained, their finest result is compared with its own target.
    """
    found: dict[str, list[float]] = {}
    config = network.config
    for number, (wrong, right) in enumerate(checks):
        inputs = _to_float(torch.from_numpy(pad_square(fit(wrong, stage.size))[None]))
        target = _to_float(torch.from_numpy(pad_square(fit(right, stage.size))[None]))
        levels, targets = prepare(inputs, target, config, stage.finest)
        with torch.autocast("cpu", torch.bfloat16):
            result = torch.func.functional_call(
                network, average, tuple(levels), {"finest": stage.finest}
            )[0]
        error = (result.float().clamp(0, 1) - targets[0]).square().mean()
        ev = f"{_VALIDATION_EVS[number % len(_VALIDATION_EVS)]:+.1f}"
        found.setdefault(ev, []).append(float(-10 * torch.log10(error)))
    means = {ev: round(float(np.mean(values)), 2) for ev, values in sorted(found.items())}
    return means | {"mean": round(float(np.mean(list(means.values()))), 2)}


def channels_last(tensor: Tensor) -> Tensor:
    """The layout in which convolutions are fast on a CPU."""
    return tensor.contiguous(memory_format=torch.channels_last)


def save(
    path: Path,
    network: CoarseToFine,
    average: dict[str, Tensor],
    adam: torch.optim.Adam,
    step: int,
    settings: str,
) -> None:
    """Write a checkpoint whole or not at all."""
    tensors = {}
    for name, parameter in network.named_parameters():
        tensors["weights/" + name] = parameter.detach()
        tensors["average/" + name] = average[name]
        for key, value in adam.state[parameter].items():
            tensors[f"adam_{key}/{name}"] = value
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    temporary = path.with_suffix(".partial")
    save_file(tensors, temporary, {"step": str(step), "recipe": settings})
    os.replace(temporary, path)


def load(
    path: Path,
    network: CoarseToFine,
    average: dict[str, Tensor],
    adam: torch.optim.Adam,
    settings: str,
) -> int:
    """Restore a checkpoint; returns its step. Raises ModelError if the settings differ."""
    with safe_open(path, "pt") as file:
        header = file.metadata()
        if json.loads(header["recipe"]) != json.loads(settings):
            raise ModelError(f"{path} was made with other settings; choose another folder")
        step = int(header["step"])
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(file.get_tensor("weights/" + name))
                average[name].copy_(file.get_tensor("average/" + name))
                if f"adam_step/{name}" not in file.keys():  # noqa: SIM118, not a dict
                    continue
                adam.state[parameter] = {
                    "step": file.get_tensor("adam_step/" + name),
                    "exp_avg": torch.empty_like(parameter).copy_(
                        file.get_tensor("adam_exp_avg/" + name)
                    ),
                    "exp_avg_sq": torch.empty_like(parameter).copy_(
                        file.get_tensor("adam_exp_avg_sq/" + name)
                    ),
                }
    return step


def _to_float(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2).contiguous().float().div(255)


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)
