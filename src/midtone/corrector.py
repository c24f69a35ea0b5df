"""Correct a photograph: figure 3 of Afifi et al. 2021.

photograph -> Laplacian pyramid -> network -> post-processing -> bilateral grid -> photograph
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from midtone import __version__, adapters, bilateral_grid, colour, notebook, postprocess
from midtone import model as model_files
from midtone.adapters import AnyImage, ImageLike
from midtone.errors import UsageError
from midtone.model import Model
from midtone.options import CorrectionOptions
from midtone.photo import ImageFile, Photo
from midtone.pipeline import PipelineConfig, choose_pipeline
from midtone.preprocess import NetworkInput, preprocess


@dataclass(frozen=True)
class Correction:
    """The correction of one photograph, before it is applied at full size.

    before, after: the low-resolution image, uncorrected and corrected: h x w x 3 float32 sRGB in
                   [0, 1]
    grid:          bilateral grid in the photograph's own colour space
    exposure_error: estimated by the model, in EV: negative when underexposed
    confidence:     the part of the network's correction that remains, in [0, 1]
                    (``postprocess.ShrinkByConfidence``); 1 for a model without that step
    """

    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)
    grid: np.ndarray = field(repr=False)
    exposure_error: float
    confidence: float = 1.0

    def _repr_html_(self) -> str:
        """The low-resolution image before and after, in a notebook."""
        caption = f"Exposure error {self.exposure_error:+.2f} EV"
        return notebook.side_by_side(self.before, self.after, caption)


class Corrector:
    """A loaded model, ready for many photographs and safe to share between threads.

    model:    name of an embedded model, or path of a model file
    device:   "auto", "cpu" or "cuda"
    threads:  for the network and the grid; None: one a core
    pipeline: "default" (the model's own), "paper", a .toml file or a ``PipelineConfig``
    Raises ModelError, UsageError.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "default",
        device: str = "auto",
        *,
        threads: int | None = None,
        pipeline: str | os.PathLike[str] | PipelineConfig = "default",
    ) -> None:
        self.model = model_files.load(model, device, threads)
        self.config = choose_pipeline(self.model.info.config, pipeline)
        self.device = device
        self.threads = threads

    def __call__(
        self,
        image: AnyImage,
        *,
        strength: float = 1.0,
        ev: float = 0.0,
        protect_highlights: bool = False,
        fusion: bool = False,
        contrast: bool = False,
        scales: Sequence[float] | None = None,
        min_error: float = 0.0,
    ) -> AnyImage:
        """Correct an image; the result has the type, size and value range of the input.

        image: Photo, Pillow image, array (H x W, H x W x 3 or x 4, N x H x W x 3; uint8, uint16 or
               float in [0, 1], sRGB) or torch tensor (3 x H x W or N x 3 x H x W, float in [0, 1]).
        The keywords are those of ``CorrectionOptions``. Raises UsageError for values out of range,
        PhotoError for what is no image.
        """
        options = CorrectionOptions(
            strength=strength,
            ev=ev,
            protect_highlights=protect_highlights,
            fusion=fusion,
            contrast=contrast,
            scales=tuple(scales) if scales else None,
            min_error=min_error,
        )
        return adapters.like(image, [self.correct(p, options) for p in adapters.to_photos(image)])

    def correct(self, image: Photo, options: CorrectionOptions = CorrectionOptions()) -> Photo:
        """Correct one photograph."""
        correction = self.plan(image, options)
        if abs(correction.exposure_error) < options.min_error:
            return image
        return self._slice(correction, image, options.strength)

    def plan(
        self, image: ImageLike, options: CorrectionOptions = CorrectionOptions()
    ) -> Correction:
        """Everything but the work at full size, for ``apply``.

        image: one image, as ``__call__`` takes it. Raises UsageError for several, PhotoError.
        """
        self.check(options)
        photos = adapters.to_photos(image)
        if len(photos) != 1:
            raise UsageError(f"a correction is planned for one image, not for {len(photos)}")
        photo = photos[0]
        inputs = preprocess(photo, self.config, options.scales)
        prediction = predict(self.model, inputs)
        prediction, confidence = postprocess.apply_steps(
            self.config.postprocess, prediction, inputs.reference
        )
        error = postprocess.exposure_error(inputs.reference, np.clip(prediction, 0, 1))
        for step in _chosen_steps(options):
            prediction = step(prediction, inputs.reference)
        grid = bilateral_grid.fit(
            inputs.source, _in_space_of(photo, prediction, inputs), self.config.grid
        )
        return Correction(inputs.reference, np.clip(prediction, 0, 1), grid, error, confidence)

    def apply(self, correction: Correction, image: AnyImage, strength: float = 1.0) -> AnyImage:
        """Apply a correction at full size, to its own image or to others, such as a film's frames.

        image: as ``__call__`` takes it, in the colour space of the image that the correction was
               planned for; of any size
        Raises UsageError if one of them is grey and the other is not.
        """
        photos = adapters.to_photos(image)
        return adapters.like(image, [self._slice(correction, one, strength) for one in photos])

    def _slice(
        self, correction: Correction, image: Photo, strength: float, *, in_place: bool = False
    ) -> Photo:
        """``in_place`` overwrites the photograph's pixels."""
        if correction.grid.shape[3] != image.pixels.shape[2]:
            raise UsageError(
                "a correction of a grey image fits grey images, one of a colour image colour images"
            )
        grid = bilateral_grid.blend_with_identity(correction.grid, strength)
        pixels = image.pixels
        out = pixels if in_place and pixels.flags.writeable and pixels.flags.c_contiguous else None
        sliced = bilateral_grid.slice_grid(grid, pixels, out=out, threads=self.threads)
        return image.with_pixels(sliced)

    def plan_file(
        self, file: ImageFile, options: CorrectionOptions = CorrectionOptions()
    ) -> Correction:
        """Only the correction, from a preview where the format has one."""
        return self.plan(file.preview(2 * self.config.size) or file.decode(), options)

    def correct_file(
        self, file: ImageFile, options: CorrectionOptions = CorrectionOptions()
    ) -> tuple[Photo | None, Correction]:
        """Decode and correct: the preview is planned while the pixels are decoded.

        The photograph is None if its exposure is off by less than ``options.min_error`` EV.
        """
        with ThreadPoolExecutor(1) as pool:
            decoding = pool.submit(file.decode)
            preview = file.preview(2 * self.config.size)
            correction = self.plan(preview or decoding.result(), options)
            image = decoding.result()
        if abs(correction.exposure_error) < options.min_error:
            return None, correction
        return self._slice(correction, image, options.strength, in_place=True), correction

    def exposure_error(self, image: ImageLike) -> float:
        """Estimated exposure error in EV: negative when underexposed, positive when overexposed."""
        return self.plan(image).exposure_error

    def check(self, options: CorrectionOptions) -> None:
        """Raise UsageError if the options do not fit the model."""
        scales, levels = options.scales, self.config.levels
        if scales is not None and len(scales) != levels:
            raise UsageError(f"{len(scales)} scales for a model of {levels} pyramid levels")


def predict(model: Model, inputs: NetworkInput) -> np.ndarray:
    """Run the network: h x w x 3 float32 sRGB, unclipped, of the size of ``inputs.reference``.

    The mean over the image and its rotation if ``inputs`` hold both.
    """
    height, width = inputs.reference.shape[:2]
    views = model.run(inputs.levels)[..., :height, :width].transpose(0, 2, 3, 1)
    if len(views) == 1:
        return np.ascontiguousarray(views[0])
    return np.asarray((views[0] + views[1, ::-1, ::-1]) / 2)


def software_tag(model: Model, options: CorrectionOptions) -> str:
    """The Software tag of a corrected photograph: version, model, strength and trim."""
    name = f"{model.info.name} {model.info.sha256[:8]}"
    trim = f", {options.ev:+g} EV" if options.ev else ""
    return f"midtone {__version__} (model {name}, strength {options.strength:g}{trim})"


def _chosen_steps(options: CorrectionOptions) -> list[postprocess.Step]:
    """The steps that the user adds to the model's own."""
    steps: list[tuple[bool, postprocess.Step]] = [
        (options.fusion, postprocess.ExposureFusion()),
        (options.contrast, postprocess.ContrastStretch()),
        (options.ev != 0, postprocess.ExposureTrim(options.ev)),
        (options.protect_highlights, postprocess.ProtectHighlights()),
    ]
    return [step for chosen, step in steps if chosen]


def _in_space_of(image: Photo, prediction: np.ndarray, inputs: NetworkInput) -> np.ndarray:
    """The prediction in the photograph's colour space: h x w x C.

    With a profile only the change is converted, so colours outside sRGB are moved, not lost.
    """
    channels = inputs.source.shape[2]
    if image.icc is None:
        return colour.from_srgb(prediction, None, channels)
    after = colour.from_srgb(np.clip(prediction, 0, 1), image.icc, channels)
    return inputs.source + after - colour.from_srgb(inputs.reference, image.icc, channels)
