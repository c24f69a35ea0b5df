"""Correct a photograph: figure 3 of Afifi et al. 2021.

photograph -> Laplacian pyramid -> network -> post-processing -> bilateral grid -> photograph
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from midtone import adapters, bilateral_grid, postprocess, sequence
from midtone import model as model_files
from midtone.adapters import AnyImage, ImageLike
from midtone.correction import Correction
from midtone.errors import UsageError
from midtone.model import Model
from midtone.options import CorrectionOptions
from midtone.photo import ImageFile, Photo
from midtone.pipeline import PipelineConfig, choose_pipeline
from midtone.preprocess import NetworkInput, preprocess, to_source_space
from midtone.sequence import Member, SequenceCorrection, Single


class Corrector:
    """A loaded model, ready for many photographs and safe to share between threads.

    model:    name of an embedded model, path of a model file, or what ``model.load`` returned
    device:   "auto", "cpu" or "cuda"
    threads:  for the network and the grid; None: one a core
    pipeline: "default" (the model's own), "paper", a .toml file or a ``PipelineConfig``
    Raises ModelError, UsageError.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "default",
        device: str = "auto",
        *,
        threads: int | None = None,
        pipeline: str | os.PathLike[str] | PipelineConfig = "default",
    ) -> None:
        if isinstance(model, str | os.PathLike):
            model = model_files.load(model, device, threads)
        self.model = model
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
        return correction.slice(image, options.strength, self.threads)

    def plan(
        self, image: ImageLike, options: CorrectionOptions = CorrectionOptions()
    ) -> Correction:
        """Everything but the work at full size, for ``apply``.

        image: one image, as ``__call__`` takes it. Raises UsageError for several, PhotoError.
        """
        self.check(options)
        photo = adapters.to_photo(image)
        inputs = preprocess(photo, self.config, options.scales)
        with ThreadPoolExecutor(1) as pool:
            prediction = pool.submit(predict, self.model, inputs)
            if self.threads == 1:
                prediction.result()
            # While the network runs: most of the fit depends on the photograph alone.
            fitter = bilateral_grid.Fitter(inputs.source, self.config.grid)
        single = self._postprocess(prediction.result(), inputs, options)
        target = to_source_space(single.prediction, inputs, photo.icc)
        return Correction(
            inputs.reference,
            np.clip(single.prediction, 0, 1),
            fitter(target),
            single.exposure_error,
            single.confidence,
        )

    def _postprocess(
        self, prediction: np.ndarray, inputs: NetworkInput, options: CorrectionOptions
    ) -> Single:
        """The correction of one photograph at low resolution, after all steps."""
        prediction, confidence = postprocess.apply_steps(
            self.config.postprocess, prediction, inputs.reference
        )
        error = postprocess.exposure_error(inputs.reference, np.clip(prediction, 0, 1))
        for step in postprocess.chosen(options):
            prediction = step(prediction, inputs.reference)
        return Single(inputs, prediction, error, confidence)

    def apply(self, correction: Correction, image: AnyImage, strength: float = 1.0) -> AnyImage:
        """Apply a correction at full size, to its own image or to others, such as a film's frames.

        image: as ``__call__`` takes it, in the colour space of the image that the correction was
               planned for; of any size
        Raises UsageError if one of them is grey and the other is not.
        """
        photos = adapters.to_photos(image)
        sliced = [correction.slice(one, strength, self.threads) for one in photos]
        return adapters.like(image, sliced)

    def correct_sequence(
        self,
        images: Sequence[AnyImage],
        *,
        together: str = "same",
        strength: float = 1.0,
        ev: float = 0.0,
        protect_highlights: bool = False,
        fusion: bool = False,
        contrast: bool = False,
        scales: Sequence[float] | None = None,
        min_error: float = 0.0,
    ) -> list[AnyImage]:
        """Correct images that belong together, so that nothing flickers.

        images:   in the order of time; each as ``__call__`` takes it, but no batches
        together: "same": one correction for all; "smooth": one that changes smoothly
        min_error: all are returned as they are if the median exposure is off by less
        The other keywords are those of ``CorrectionOptions``. Raises as ``__call__`` does.
        """
        sequence.check(together)
        options = CorrectionOptions(
            strength=strength,
            ev=ev,
            protect_highlights=protect_highlights,
            fusion=fusion,
            contrast=contrast,
            scales=tuple(scales) if scales else None,
            min_error=min_error,
        )
        photos = [adapters.to_photo(image) for image in images]
        if not photos:
            return []
        members = [self.observe(one, options, together, len(photos)) for one in photos]
        corrections = sequence.plan(members, together, self.config.grid)
        results = [
            self.correct_member(corrections, n, one, options) for n, one in enumerate(photos)
        ]
        return [
            adapters.like(image, [result or photo])
            for image, photo, (result, _) in zip(images, photos, results, strict=True)
        ]

    def observe(
        self, photo: Photo, options: CorrectionOptions, together: str, pictures: int
    ) -> Member:
        """What a sequence of that many pictures keeps of one photograph."""
        inputs = preprocess(photo, self.config, options.scales)
        single = self._postprocess(predict(self.model, inputs), inputs, options)
        return sequence.observe(photo, single, together, self.config.grid, pictures)

    def correct_member(
        self,
        corrections: SequenceCorrection,
        number: int,
        photo: Photo,
        options: CorrectionOptions,
        *,
        in_place: bool = False,
    ) -> tuple[Photo | None, Correction]:
        """Correct picture ``number`` of a sequence, from 0.

        The photograph is None if the median picture is off by less than ``options.min_error`` EV.
        ``in_place`` overwrites the photograph's pixels.
        """
        correction = corrections.fit(number, photo)
        if sequence.is_unchanged(corrections.members, options.min_error):
            return None, correction
        sliced = correction.slice(photo, options.strength, self.threads, in_place=in_place)
        return sliced, correction

    def plan_file(
        self, file: ImageFile, options: CorrectionOptions = CorrectionOptions()
    ) -> Correction:
        """Only the correction, from a preview where the format has one."""
        return self.plan(file.preview(2 * self.config.size) or file.decode(), options)

    def correct_file(
        self,
        file: ImageFile,
        options: CorrectionOptions = CorrectionOptions(),
        *,
        strips: bool = False,
    ) -> tuple[Photo | None, Correction]:
        """Decode and correct: the preview is planned while the pixels are decoded.

        strips: the result may have ``Strips`` for pixels, which are decoded and corrected while
                they are encoded as JPEG
        The photograph is None if its exposure is off by less than ``options.min_error`` EV.
        """
        # With one thread, other photographs keep the cores busy.
        with file.decoding(strips=strips, ahead=self.threads != 1) as decoded:
            preview = file.preview(2 * self.config.size)
            correction = self.plan(preview or decoded(), options)
            image = decoded()
        if abs(correction.exposure_error) < options.min_error:
            return None, correction
        return correction.slice(image, options.strength, self.threads, in_place=True), correction

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
