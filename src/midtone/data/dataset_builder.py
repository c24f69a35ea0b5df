"""Builds a data set in the paper's layout: each scene at several exposures, with its target.

A scene is the unit of work. It is written whole or not at all, listed in the manifest when it is
written, and skipped when the manifest lists it. Shards of one plan are disjoint on any machines.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from midtone import photo
from midtone.batch import parallel
from midtone.data import align, splits
from midtone.data.pairs import format_ev
from midtone.data.photographs import decode
from midtone.data.raw import Developed, develop
from midtone.data.synthesize import expose
from midtone.errors import PhotoError

PAPER_EVS = (-1.5, -1.0, 0.0, 1.0, 1.5)
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "png16": ".png"}


@dataclass(frozen=True)
class Settings:
    """How scenes are rendered; stored in the manifest.

    evs:     exposures relative to the good one
    format:  "jpeg", "png" or "png16" (16 bits, from RAW only)
    quality: of JPEG
    target:  "expert" (c, or the first there is), "rendering" (0 EV) or "embedded" (the camera's own
             JPEG in the RAW file)
    side:    longest side in pixels; None keeps the size
    """

    evs: tuple[float, ...] = PAPER_EVS
    format: str = "jpeg"
    quality: int = 95
    target: str = "rendering"
    side: int | None = None


@dataclass(frozen=True)
class Scene:
    """One scene: where it comes from, its split, its experts' renderings."""

    name: str
    source: Path
    split: str
    experts: tuple[tuple[str, Path], ...] = ()


Entry = dict[str, Any]
Maker = Callable[[Path, Settings, Scene], list[Entry]]


def plan(
    sources: Iterable[Path],
    experts: dict[str, dict[str, Path]],
    seed: int,
    given: Mapping[str, str] | None = None,
) -> tuple[list[Scene], list[str]]:
    """Scenes by the names of their files, and a sentence for each file that is left out.

    experts: files by expert and scene
    seed:    of the splits that are drawn
    given:   splits by scene, instead of those; scenes without one are left out
    """
    problems: list[str] = []
    found: dict[str, Path] = {}
    for path in sorted(sources):
        if found.setdefault(path.stem, path) is not path:
            problems.append(f"{path}: {found[path.stem]} is of the same scene; left out")
    for expert, files in experts.items():
        problems += [
            f"{files[scene]}: expert {expert} has a scene that has no source"
            for scene in sorted(files.keys() - found.keys())
        ]
        problems += [
            f"{found[scene]}: expert {expert} has no rendering of it; left out"
            for scene in sorted(found.keys() - files.keys())
        ]
    names = [name for name in found if all(name in files for files in experts.values())]
    if given is None:
        assigned = splits.assign(names, seed)
    else:
        assigned = {name: given[name] for name in names if name in given}
        problems += [
            f"{found[name]}: has no split; left out" for name in names if name not in given
        ]
        if missing := len(given.keys() - found.keys()):
            problems.append(f"{missing} of {len(given)} scenes with a split have no source")
    scenes = [
        Scene(name, found[name], assigned[name], tuple((e, f[name]) for e, f in experts.items()))
        for name in sorted(assigned)
    ]
    return scenes, problems


def build(
    scenes: Sequence[Scene],
    out: Path,
    make: Maker,
    settings: Settings,
    *,
    shard: tuple[int, int] = (1, 1),
    workers: int = 1,
    backend: str = "processes",
    address: str | None = None,
    progress: Callable[[Scene], object] | None = None,
) -> tuple[list[Entry], list[str]]:
    """Make the scenes that are missing; returns the manifest, and a sentence for each failure.

    shard: (i, n): every n-th scene from the i-th on, with a manifest of its own
    """
    out.mkdir(parents=True, exist_ok=True)
    number, count = shard
    manifest = out / ("manifest.jsonl" if count == 1 else f"manifest-{number}-of-{count}.jsonl")
    entries = {entry["file"]: entry for entry in read_manifest(manifest)}
    done = {e["scene"] for e in entries.values() if e["settings"] == _plain(settings)}
    todo = [s for s in scenes[number - 1 :: count] if s.name not in done]
    problems: list[str] = []
    if workers == 1 and backend == "processes":
        backend = "threads"  # one worker needs no process of its own
    flow = parallel.run(
        partial(make, out, settings), todo, workers=workers, backend=backend, address=address
    )
    with manifest.open("a", encoding="utf-8") as stream:
        for outcome in flow:
            if isinstance(outcome, parallel.Failed):
                error = outcome.error
                full = isinstance(error, OSError) and f"cannot be written ({error.strerror})"
                source = str(outcome.item.source)
                reason = full or f"{outcome.reason.removeprefix(f'{source}: ')}; left out"
                problems.append(f"{source}: {reason}")
            else:
                entries |= {entry["file"]: entry for entry in outcome.value}
                stream.write("".join(json.dumps(entry) + "\n" for entry in outcome.value))
                stream.flush()
            if progress:
                progress(outcome.item)
    prints = {e["scene"]: (e["split"], int(e["fingerprint"], 16)) for e in entries.values()}
    problems += [
        f"{one} and {other} show the same, but are in different splits"
        for one, other in splits.near_duplicates(prints)
    ]
    return list(entries.values()), sorted(problems)


def read_manifest(path: Path) -> list[Entry]:
    """Entries of a manifest; a last line that was cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def from_raw(out: Path, settings: Settings, scene: Scene) -> list[Entry]:
    """Render a RAW file. Raises PhotoError, OSError."""
    data = scene.source.read_bytes()
    developed = develop(data)
    if settings.side:
        developed = _smaller(developed, settings.side)
    bits = 16 if settings.format == "png16" else 8
    good = developed.render(0, bits)
    rendering = developed.render(0).pixels
    targets = _targets(scene, settings, data, good, rendering)
    inputs = {ev: developed.render(ev, bits) for ev in settings.evs}
    entry = {"camera": developed.camera, "source": hashlib.sha256(data).hexdigest()}
    return _write(out, settings, scene, inputs, targets, rendering, entry)


def from_photograph(out: Path, settings: Settings, scene: Scene) -> list[Entry]:
    """Synthesise exposure errors by the measured curves. Raises PhotoError, OSError."""
    data = scene.source.read_bytes()
    good = decode(scene.source, settings.side)
    inputs = {ev: photo.Photo(expose(good, ev)) for ev in settings.evs}
    entry = {"camera": "", "source": hashlib.sha256(data).hexdigest()}
    return _write(out, settings, scene, inputs, {"": photo.Photo(good)}, good, entry)


def _targets(
    scene: Scene, settings: Settings, data: bytes, good: photo.Photo, rendering: np.ndarray
) -> dict[str, photo.Photo]:
    """Targets of a scene by expert, of the size of the inputs; the key "" is that of GT_IMAGES."""
    found = {}
    for expert, path in scene.experts:
        found[expert] = _fitted(decode(path), rendering, f"expert {expert}'s rendering")
    if settings.target == "expert" and found:
        found[""] = found.get("c") or next(iter(found.values()))
    elif settings.target == "embedded":
        from midtone.photo import raw

        preview = raw.preview(data)
        if preview is None:
            raise PhotoError("it holds no JPEG that could be the target")
        embedded = photo.read(io.BytesIO(preview)).pixels
        found[""] = _fitted(embedded, rendering, "the embedded JPEG")
    else:
        found[""] = good
    return found


def _fitted(target: np.ndarray, rendering: np.ndarray, what: str) -> photo.Photo:
    problem = align.problem(rendering, target)
    if problem:
        raise PhotoError(f"{what} does not fit: {problem}")
    size = rendering.shape[1], rendering.shape[0]
    resized = Image.fromarray(target).resize(size, Image.Resampling.LANCZOS)
    return photo.Photo(np.asarray(resized))


def _write(
    out: Path,
    settings: Settings,
    scene: Scene,
    inputs: dict[float, photo.Photo],
    targets: dict[str, photo.Photo],
    rendering: np.ndarray,
    entry: Entry,
) -> list[Entry]:
    root, suffix = out / scene.split, SUFFIXES[settings.format]
    folders = {"": "GT_IMAGES"} | {e: f"expert_{e}_{scene.split}_set" for e, _ in scene.experts}
    files = [(root / folders[e] / f"{scene.name}{suffix}", p) for e, p in targets.items()]
    entries = []
    for ev, image in inputs.items():
        path = root / "INPUT_IMAGES" / f"{scene.name}_{format_ev(ev)}{suffix}"
        files.append((path, image))
        entries.append(
            {
                "file": path.relative_to(out).as_posix(),
                "scene": scene.name,
                "split": scene.split,
                "ev": ev,
                "width": image.size[0],
                "height": image.size[1],
                "fingerprint": f"{splits.fingerprint(rendering):016x}",
                "settings": _plain(settings),
                **entry,
            }
        )
    for path, image in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.write(image, path, quality=settings.quality, overwrite=True)
    return entries


def _smaller(developed: Developed, side: int) -> Developed:
    """Reduce to ``side`` px on the longer side, in linear light, by a box filter."""
    height, width = developed.light.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return developed
    size = max(1, round(width * scale)), max(1, round(height * scale))
    planes = [
        Image.fromarray(developed.light[..., c].astype(np.float32)).resize(
            size, Image.Resampling.BOX
        )
        for c in range(3)
    ]
    light = np.stack([np.asarray(plane) for plane in planes], -1)
    return Developed(np.rint(light).astype(np.uint16), developed.exif, developed.camera)


def _plain(settings: Settings) -> dict[str, Any]:
    return dict(json.loads(json.dumps(asdict(settings))))
