"""Scenes of a data set: each is rendered at several exposures, with its targets.

A scene is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from midtone import photo
from midtone.data import align, splits
from midtone.data.pairs import format_ev
from midtone.data.photographs import decode
from midtone.data.raw import Developed, develop
from midtone.data.synthesize import expose
from midtone.errors import PhotoError

PAPER_EVS = (-1.5, -1.0, 0.0, 1.0, 1.5)
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "png16": ".png"}


@dataclass(frozen=True, kw_only=True)
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

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self) | {"evs": list(self.evs)}


@dataclass(frozen=True)
class Scene:
    """One scene: where it comes from, its split, its experts' renderings."""

    name: str
    source: Path
    split: str
    experts: tuple[tuple[str, Path], ...] = ()


Entry = dict[str, Any]  # of an image in the manifest
Maker = Callable[[Path, Settings, Scene], list[Entry]]


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
                "settings": settings.to_dict(),
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
