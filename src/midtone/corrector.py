"""Correct a photograph: figure 3 of Afifi et al. 2021.

photograph -> Laplacian pyramid -> network -> post-processing -> bilateral grid -> photograph
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from midtone import adapters, bilateral_grid, postprocess
from midtone import model as model_files
from midtone.adapters import AnyImage, ImageLike
from midtone.correction import Correction, LowResolution
from midtone.errors import UsageError
from midtone.model import Model
from midtone.options import CorrectionOptions
from midtone.photo import Photo
from midtone.pipeline import PipelineConfig, choose_pipeline
from midtone.preprocess import NetworkInput, preprocess, to_source_space


class Corrector:
    """A loaded model, ready for many photographs and safe to share between threads.

    model:    name of an embedded model, path of a model file, or what ``model.load`` returned
    device:   "auto", "cpu" or "cuda"
    threads:  for the network and the grid; None: one a core
    pipeline: "default" (the model's own), "paper", a .toml file or a ``PipelineConfig``
    Raises ModelError, UsageError. A corrector that is pickled loads its model again from its file.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "default",
        device: str = "auto",
        *,
        threads: int | None = None,
        pipeline: str | os.PathLike[str] | PipelineConfig = "default",
    ) -> None:
        if threads is not None and (not isinstance(threads, int) or threads < 1):
            raise UsageError(f"threads must be a whole number of at least 1, not {threads!r:.60}")
        if isinstance(model, str | os.PathLike):
            model = model_files.load(model, device, threads)
        elif not hasattr(model, "info"):
            raise UsageError(f"a model is a name, a path or a loaded model, not {model!r:.60}")
        self.model = model
        self.config = choose_pipeline(self.model.info.config, pipeline)
        self.device = device
        self.threads = threads

    def __repr__(self) -> str:
        return f"Corrector({self.model.info.name}, device={self.device}, threads={self.threads})"

    def __reduce__(self) -> tuple[Callable[..., Corrector], tuple[()]]:
        path = self.model.info.path.resolve()
        again = partial(Corrector, path, self.device, threads=self.threads, pipeline=self.config)
        return again, ()

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
            scales=scales,
            min_error=min_error,
        )
        return self.correct(image, options)

    def correct(
        self, image: AnyImage, options: CorrectionOptions = CorrectionOptions()
    ) -> AnyImage:
        """Correct an image, as a call does, with options in one object."""
        corrected = []
        for photo in adapters.to_photos(image):
            correction = self.plan(photo, options)
            if abs(correction.exposure_error) >= options.min_error:
                photo = correction.slice(photo, options.strength, self.threads)
            corrected.append(photo)
        return adapters.like(image, corrected)

    def plan(
        self, image: ImageLike, options: CorrectionOptions = CorrectionOptions()
    ) -> Correction:
        """Everything but the work at full size, for ``apply``.

        image: one image, as a call takes it. Raises UsageError for several, PhotoError.
        """
        photo = adapters.to_photo(image)
        inputs = self.preprocess(photo, options)
        fit = bilateral_grid.begin_fit(inputs.source, self.config.grid, parallel=self.threads != 1)
        low = self.correct_low_resolution(inputs, options)
        target = to_source_space(low.corrected, inputs, photo.icc)
        return Correction(
            inputs.reference,
            np.clip(low.corrected, 0, 1),
            fit(target),
            low.exposure_error,
            confidence=low.confidence,
        )

    def preprocess(self, photo: Photo, options: CorrectionOptions) -> NetworkInput:
        """What the network is given. Raises UsageError if the options do not fit the model."""
        self.check(options)
        return preprocess(photo, self.config, options.scales)

    def correct_low_resolution(
        self, inputs: NetworkInput, options: CorrectionOptions
    ) -> LowResolution:
        """The network and the steps after it."""
        prediction, confidence = postprocess.apply_steps(
            self.config.postprocess, predict(self.model, inputs), inputs.reference
        )
        error = postprocess.exposure_error(inputs.reference, np.clip(prediction, 0, 1))
        for step in postprocess.chosen(options):
            prediction = step(prediction, inputs.reference)
        return LowResolution(prediction, error, confidence)

    def apply(self, correction: Correction, image: AnyImage, strength: float = 1.0) -> AnyImage:
        """Apply a correction at full size, to its own image or to others, such as a video's frames.

        image: as a call takes it, in the colour space of the image that the correction was planned
               for; of any size
        Raises UsageError if one of them is grey and the other is not, or strength is out of range.
        """
        CorrectionOptions(strength)
        photos = adapters.to_photos(image)
        sliced = [correction.slice(one, strength, self.threads) for one in photos]
        return adapters.like(image, sliced)

    def correct_sequence(
        self,
        images: Sequence[AnyImage],
        options: CorrectionOptions = CorrectionOptions(),
        *,
        together: str = "same",
    ) -> list[AnyImage]:
        """Correct images that belong together, so that nothing flickers.

        images:   in the order of time; each as a call takes it, but no batches
        together: "same": one correction for all; "smooth": one that changes smoothly
        All are returned as they are if the median exposure is off by less than
        ``options.min_error``. Raises UsageError, PhotoError.
        """
        from midtone import sequence  # here, because one photograph needs none of it

        return sequence.correct(self, images, options, together)

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
