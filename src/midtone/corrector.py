"""Correct a photograph: reads like the paper's figure 3.

photo -> small picture -> Laplacian pyramid -> network -> last touches -> bilateral grid -> photo
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

import numpy as np
from PIL import Image

from midtone import __version__, bilateral_grid, colour, photo, postprocess, pyramid
from midtone import model as model_files
from midtone.errors import UsageError
from midtone.photo import ImageFile, Photo

if TYPE_CHECKING:
    import torch

ImageLike: TypeAlias = "np.ndarray | Image.Image | Photo | torch.Tensor"
AnyImage = TypeVar("AnyImage", bound=ImageLike)
# The network's picture has errors of its own from place to place; a coarse, stiff grid does not
# follow them (benchmarks/smoothness.py; the reference implementation has 22 nodes and (1, 1)).
_NODES, _SMOOTHNESS = 8, (1000.0, 30.0)


@dataclass(frozen=True)
class Correction:
    """What the network wants to do with one photograph, before it is done at full size.

    before, after: small pictures, h x w x 3 float32 sRGB in [0, 1]
    grid:          bilateral grid in the photograph's own colour space
    """

    before: np.ndarray
    after: np.ndarray
    grid: np.ndarray

    @property
    def exposure_error(self) -> float:
        """Estimated exposure error in EV: negative when underexposed.

        Minus the change of the mean of log2 of the linear luminance.
        """
        return postprocess.exposure_error(self.before, self.after)


@dataclass(frozen=True)
class Settings:
    """What the user may change about a correction.

    strength: 0 (unchanged) to 1 (the network's correction)
    fusion:   blend input and result by exposure fusion
    contrast: stretch the result's contrast to the full range
    scales:   a factor for each pyramid level of the network's input, finest first, or None
    Raises UsageError for values out of range.
    """

    strength: float = 1.0
    fusion: bool = False
    contrast: bool = False
    scales: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength must lie within 0 and 1, not {self.strength:g}")
        if self.scales is not None and not all(0 <= scale <= 10 for scale in self.scales):
            raise UsageError(f"level scales must lie within 0 and 10, not {self.scales}")


_DEFAULTS = Settings()


class Corrector:
    """A loaded model, ready for many photographs and safe to share between threads.

    model:   name of an embedded model or path of a model file
    device:  "auto", "cpu" or "cuda"
    threads: for the network and the grid; by default one a core
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "default",
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.model = model_files.load(model, device, threads)
        self.threads = threads

    def __call__(
        self,
        image: AnyImage,
        *,
        strength: float = 1.0,
        fusion: bool = False,
        contrast: bool = False,
        scales: Sequence[float] | None = None,
    ) -> AnyImage:
        """Correct an image; what comes back has the type, size and value range of what went in.

        image: Photo, Pillow image, array (H x W, H x W x 3 or x 4; uint8, uint16 or float in
               [0, 1], sRGB) or torch tensor (3 x H x W or N x 3 x H x W, float in [0, 1]).
        The others are those of ``Settings``. Raises UsageError for values out of range,
        PhotoError for what is no image.
        """
        settings = Settings(strength, fusion, contrast, tuple(scales) if scales else None)
        return self.correct_any(image, settings)

    def correct_any(self, image: AnyImage, settings: Settings) -> AnyImage:
        """``__call__`` with the options in one piece."""
        opened = _open(image)
        return _close(image, opened, [self.correct(one, settings).pixels for one in opened])

    def check(self, settings: Settings) -> None:
        """Raise UsageError if the settings do not fit the model."""
        levels = self.model.info.levels
        if settings.scales is not None and len(settings.scales) != levels:
            raise UsageError(
                f"{len(settings.scales)} scales for a model of {levels} pyramid levels"
            )

    def correct(self, image: Photo, settings: Settings = _DEFAULTS) -> Photo:
        """Correct one photograph."""
        return self.finish(image, self.plan(image, settings), settings)

    def plan(self, image: Photo, settings: Settings = _DEFAULTS) -> Correction:
        """Everything but the full-size work."""
        self.check(settings)
        small = reduce(image.pixels, self.model.info.size)
        whole = _to_float(colour.to_srgb(small, image.icc))
        before = self.as_seen(whole)
        after = postprocess.neutral_whites(self._answer(whole, before, settings.scales), before)
        after = postprocess.spare(after, before)
        if settings.fusion:
            after = postprocess.exposure_fusion([before, np.clip(after, 0, 1)])
        if settings.contrast:
            after = postprocess.contrast_stretch(after)
        if (np.ptp(whole, axis=2) == 0).all():
            after = np.repeat(postprocess.luma(after)[..., None], 3, 2)  # grey stays grey
        if image.icc is None:
            own = before[..., : small.shape[2]]
            wanted = after[..., : small.shape[2]]
        else:
            own = self.as_seen(_to_float(small))
            # The change, so that colours which sRGB has not are moved, not lost.
            wanted = own + _back(after, image.icc) - _back(before, image.icc)
        grid = fit_grid(own, wanted)
        return Correction(before, np.clip(after, 0, 1), grid)

    def correct_file(
        self, opened: ImageFile, settings: Settings = _DEFAULTS, only_needed: float = 0.0
    ) -> tuple[Photo | None, Correction]:
        """Decode and correct: the plan is made from a preview while the pixels are decoded.

        only_needed: None instead of the photograph if it is off by fewer EV
        """
        with ThreadPoolExecutor(1) as pool:
            decoding = pool.submit(opened.decode)
            preview = opened.preview(2 * self.model.info.size)
            plan = self.plan(preview or decoding.result(), settings)
            image = decoding.result()
        if abs(plan.exposure_error) < only_needed:
            return None, plan
        return self.finish(image, plan, settings, in_place=True), plan

    def plan_file(self, opened: ImageFile) -> Correction:
        """Only the plan, from a preview where the format has one."""
        return self.plan(opened.preview(2 * self.model.info.size) or opened.decode())

    def finish(
        self,
        image: Photo,
        plan: Correction,
        settings: Settings = _DEFAULTS,
        *,
        in_place: bool = False,
    ) -> Photo:
        """Carry out a plan at full size; ``in_place`` overwrites the photograph's pixels."""
        grid = plan.grid
        if settings.strength < 1:
            still = bilateral_grid.identity(grid.shape[:3], grid.shape[3])
            grid = settings.strength * grid + (1 - settings.strength) * still
        pixels = image.pixels
        out = pixels if in_place and pixels.flags.writeable and pixels.flags.c_contiguous else None
        return image.with_pixels(bilateral_grid.apply(grid, pixels, out=out, threads=self.threads))

    def _answer(
        self, picture: np.ndarray, before: np.ndarray, scales: Sequence[float] | None
    ) -> np.ndarray:
        """What the network makes of a picture, at the brightness that is usual if it is far off."""
        after = self.network(picture, scales)
        error = postprocess.exposure_error(before, np.clip(after, 0, 1))
        return postprocess.usual_brightness(after, error)

    def network(
        self,
        picture: np.ndarray,
        scales: Sequence[float] | None = None,
        *,
        turned: bool = True,
    ) -> np.ndarray:
        """Run the network: h x w x 3 float32 sRGB in [0, 1] -> the same, unclipped.

        A model of coarse levels alone gives a smaller picture, of the size of ``as_seen``.
        turned: the mean of what it makes of the picture and of the picture turned by 180 degrees;
                two guesses of the right exposure are better than one (benchmarks/smoothness.py)
        """
        results = self.model.run(self.given(picture, scales, turned=turned))
        coarser = max(0, self.model.info.finest - 2)
        height, width = (-(-side >> coarser) for side in picture.shape[:2])
        upright = results[..., :height, :width].transpose(0, 2, 3, 1)
        if turned:
            return (upright[0] + upright[1, ::-1, ::-1]) / 2
        return np.ascontiguousarray(upright[0])

    def given(
        self,
        picture: np.ndarray,
        scales: Sequence[float] | None = None,
        *,
        turned: bool = True,
    ) -> list[np.ndarray]:
        """The Laplacian levels of a picture that the model is given."""
        model = self.model.info
        padding = [(0, -side % model.multiple) for side in picture.shape[:2]]
        batch: list[list[np.ndarray]] = []
        for view in (picture, picture[::-1, ::-1])[: 1 + turned]:
            padded = np.pad(view, [*padding, (0, 0)], mode="symmetric")
            split = pyramid.split(padded, model.levels, model.taps)
            if scales is not None:
                split = postprocess.scale_levels(split, scales)
            batch.append([level.transpose(2, 0, 1) for level in split[model.finest - 1 :]])
        return [np.stack(views) for views in zip(*batch, strict=True)]

    def as_seen(self, picture: np.ndarray) -> np.ndarray:
        """What the network's result must be compared with: h x w x C -> h' x w' x C float.

        The picture itself; for a model of coarse levels l to n, up(G_l), as its target was.
        """
        finest, taps = self.model.info.finest, self.model.info.taps
        if finest == 1:
            return picture
        gaussian = pyramid.gaussian(picture, finest, taps)
        return pyramid.up(gaussian[-1], pyramid.size(gaussian[-2]), taps)

    def exposure_error(self, image: ImageLike) -> float:
        """Estimated exposure error in EV: negative when underexposed, positive when overexposed."""
        return self.plan(_open(image)[0]).exposure_error


def fit_grid(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The grid that carries the network's answer to full size: h x w x C float in [0, 1] each."""
    shape = bilateral_grid.grid_shape(before.shape[0], before.shape[1], _NODES)
    grid = bilateral_grid.fit(before, after, shape, _SMOOTHNESS)
    if (np.ptp(after, axis=2) == 0).all():
        grid[...] = grid[..., :1, :]  # equal to the last bit, or rounding would tint
    return grid


def reduce(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize so that the longest side is ``size``: H x W x C -> h x w x C uint8."""
    height, width, channels = pixels.shape
    scale = size / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = photo.to_8_bit(pixels)
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
    small = picture.resize(shape, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(small).reshape(shape[1], shape[0], channels)


def _back(picture: np.ndarray, icc: bytes) -> np.ndarray:
    """A picture in sRGB, in the colour space of ``icc``."""
    return _to_float(colour.from_srgb(photo.to_8_bit(picture), icc))


def _to_float(codes: np.ndarray) -> np.ndarray:
    return codes.astype(np.float32) / np.float32(255)


def _open(image: Any) -> list[Photo]:
    if isinstance(image, Photo):
        return [image]
    if isinstance(image, Image.Image):
        return [photo.from_pillow(image)]
    if isinstance(image, np.ndarray):
        return [photo.from_array(image)]
    if hasattr(image, "detach"):
        batch = image.detach().cpu().numpy()
        if batch.ndim not in (3, 4) or batch.shape[-3] != 3 or batch.dtype.kind != "f":
            raise UsageError(f"a tensor is 3 x H x W or N x 3 x H x W float, not {batch.shape}")
        batch = batch.reshape(-1, *batch.shape[-3:])
        return [photo.from_array(one.transpose(1, 2, 0)) for one in batch]
    raise UsageError(f"cannot correct a {type(image).__name__}")


def _close(image: Any, opened: list[Photo], results: list[np.ndarray]) -> Any:
    """Give the results the type of ``image``."""
    if isinstance(image, Photo):
        return opened[0].with_pixels(results[0])
    if isinstance(image, Image.Image):
        return photo.to_pillow(opened[0].with_pixels(results[0]))
    if isinstance(image, np.ndarray):
        result, alpha = results[0], opened[0].alpha
        if image.dtype.kind == "f":
            result = np.clip(result, 0, 1)
        if alpha is not None:
            result = np.concatenate((result, image[..., 3:]), 2)
        return result.reshape(image.shape)
    import torch

    batch = np.stack([result.transpose(2, 0, 1) for result in results])
    return torch.from_numpy(np.clip(batch, 0, 1)).reshape(image.shape).to(image.device, image.dtype)


def signature(settings: Settings) -> str:
    """What a corrected photograph's Software tag says."""
    return f"midtone {__version__} (strength {settings.strength:g})"


@cache
def _shared(model: str) -> Corrector:
    return Corrector(model)


@overload
def correct(
    image: str,
    target: str | os.PathLike[str],
    *,
    model: str = ...,
    settings: Settings = ...,
    quality: int | None = ...,
    overwrite: bool = ...,
    strip: bool = ...,
) -> None: ...
@overload
def correct(image: AnyImage, *, model: str = ..., settings: Settings = ...) -> AnyImage: ...
def correct(
    image: Any,
    target: str | os.PathLike[str] | None = None,
    *,
    model: str = "default",
    settings: Settings = _DEFAULTS,
    quality: int | None = None,
    overwrite: bool = False,
    strip: bool = False,
) -> Any:
    """Correct a file into another file, or an image in memory into one of the same type.

    The model is loaded once and kept. Raises PhotoError, ModelError or UsageError.
    """
    corrector = _shared(model)
    if target is not None:
        corrector.check(settings)
        result, _ = corrector.correct_file(photo.open_file(image), settings)
        assert result is not None
        photo.write(
            result,
            target,
            quality=quality,
            overwrite=overwrite,
            strip=strip,
            software=None if strip else signature(settings),
        )
        return None
    if isinstance(image, str | os.PathLike):
        raise UsageError(f"{image}: say where the corrected photograph goes, or read() it first")
    return corrector.correct_any(image, settings)
