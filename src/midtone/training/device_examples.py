"""Training examples made on the device, as tensor operations on whole batches.

The models are those of ``midtone.data`` (crops, augmentation, errors, targets), with random numbers
of their own. Four things differ: JPEG compression is left out, crops are resampled once more before
the error is synthesised, collages take the second photograph as it is cropped, and flat patches are
not rejected.

A batch is B pictures on a square canvas. The content of a picture is ``rows`` x ``columns`` px at
the top left of its canvas; the rest is a reflection of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from midtone.data.augment import Augmentation
from midtone.data.targets import MEAN_LUMA, TargetModel
from midtone.errors import UsageError
from midtone.training.device_errors import (
    Draws,
    draw_ev,
    luma_of,
    round_codes,
    synthesize,
    vary_exposure,
)
from midtone.training.recipe import Stage

_LATTICE = 64  # statistics of a picture are taken from 64 x 64 of its pixels
_WHITE = (0.94, 0.99)  # as in data.targets
_TAIL = 0.005


@dataclass(frozen=True)
class DevicePhotographs:
    """Photographs on the device.

    pixels: N x 3 x S x S uint8, each at the top left, its last row and column repeated
    sizes:  N x 2, height and width in pixels
    well_exposed: N booleans; the others are their own targets
    """

    pixels: Tensor
    sizes: Tensor
    well_exposed: Tensor

    @classmethod
    def upload(
        cls, images: Sequence[np.ndarray], good: Sequence[bool], device: torch.device
    ) -> DevicePhotographs:
        """Copy photographs, H x W x 3 uint8 each, to the device. Raises UsageError for none.

        good: whether each is well exposed
        """
        if not images:
            raise UsageError("no photographs to train on")
        side = max(max(image.shape[:2]) for image in images)
        padded = [
            np.pad(image, ((0, side - image.shape[0]), (0, side - image.shape[1]), (0, 0)), "edge")
            for image in images
        ]
        pixels = torch.from_numpy(np.stack(padded)).permute(0, 3, 1, 2).contiguous()
        sizes = torch.tensor([image.shape[:2] for image in images], dtype=torch.float32)
        return cls(pixels.to(device), sizes.to(device), torch.tensor(good, device=device))


class DeviceExamples:
    """Batches of (input, target), B x 3 x size x size float32 in [0, 1] each.

    stage: its crops, augmentation, errors and targets; without crops the paper's patches are cut,
           from photographs that are large enough
    Raises UsageError if no photograph is large enough.
    """

    def __init__(self, photographs: DevicePhotographs, stage: Stage, seed: int) -> None:
        self.photographs = photographs
        self.stage = stage
        self.device = photographs.pixels.device
        least = 0 if stage.crops else stage.size
        usable = photographs.sizes.amin(1) >= least
        if not stage.unchanged_others:
            usable = usable & photographs.well_exposed
        self.usable = usable.nonzero().flatten()
        if not len(self.usable):
            raise UsageError(
                f"no photograph of the pack is well exposed and at least {least} px wide and high"
            )
        self.draws = Draws(self.device, seed)
        self.canvas = (stage.longest_side if stage.crops else None) or stage.size

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Draw a batch of ``count`` examples."""
        stage, errors, draws = self.stage, self.stage.errors, self.draws
        picture, size, good = self._crop(count)
        picture = round_codes(self._augment(picture, size, stage.augmentation))
        ev = draw_ev(draws, count, errors)
        changed = good & draws.chance(count, 1 - errors.unchanged_prob)
        target = self._normalize(picture, size, ev, stage.targets)
        same = vary_exposure(draws, picture, errors.unchanged_ev)
        target = torch.where(changed[:, None, None, None], round_codes(target), same)
        source = synthesize(draws, target, ev, errors)
        source = torch.where(changed[:, None, None, None], round_codes(source), target)
        target = round_codes(_keep_whites(target, source, stage.targets.white_floor))
        return self._resize(source, size), self._resize(target, size)

    def _crop(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Random crops: pictures, sizes, and whether their photographs are well exposed.

        B x 3 x C x C with the crop at the top left of its canvas; B x 2: its height and width; B
        """
        draws = self.draws
        index = self.usable[
            torch.randint(len(self.usable), (count,), generator=draws.generator, device=self.device)
        ]
        whole = self.photographs.sizes[index]
        crops = self.stage.crops
        if crops is None:
            cut = torch.full_like(whole, self.stage.size)
            corner = (draws.rand(count, 2) * (whole - cut + 1)).floor()
        else:
            coverage = draws.uniform(count, *crops.coverage)[:, None]
            square = draws.chance(count, crops.square_share)[:, None]
            cut = (coverage * torch.where(square, whole.amin(1, keepdim=True), whole)).clamp(min=1)
            corner = draws.rand(count, 2) * (whole - cut)
        scale = self.canvas / cut.amax(1, keepdim=True)
        size = (cut * scale).round().clamp(min=1)
        upside_down = crops.vertical_flip_prob if crops else 0.0
        flips = torch.stack((draws.chance(count, upside_down), draws.chance(count, 0.5)), 1)
        places = torch.arange(self.canvas, device=self.device) + 0.5
        folded = _reflect(places[None, None], size[..., None])
        folded = torch.where(flips[..., None], size[..., None] - folded, folded)
        at = corner[..., None] + folded / scale[..., None]
        side = self.photographs.pixels.shape[-1]
        y, x = (2 * at / side - 1).unbind(1)
        grid = torch.stack(
            (
                x[:, None, :].expand(-1, self.canvas, -1),
                y[:, :, None].expand(-1, -1, self.canvas),
            ),
            -1,
        )
        picture = functional.grid_sample(
            self.photographs.pixels[index].float() / 255,
            grid,
            mode="bicubic",
            padding_mode="border",
            align_corners=False,
        )
        return round_codes(picture), size, self.photographs.well_exposed[index]

    def _augment(self, picture: Tensor, size: Tensor, model: Augmentation) -> Tensor:
        count, draws = len(picture), self.draws
        grey = luma_of(picture)
        picture = grey + draws.uniform(count, *model.saturation)[:, None, None, None] * (
            picture - grey
        )
        gains = (model.balance * draws.randn(count, 3)).exp()
        picture = (picture * (gains / gains.amax(1, keepdim=True))[..., None, None]).clamp(0, 1)
        picture = picture ** (model.gamma * draws.randn(count)).exp()[:, None, None, None]
        shuffled = draws.rand(count, 3).argsort(1)
        shuffle = draws.chance(count, model.channel_shuffle_prob)[:, None]
        order = torch.where(shuffle, shuffled, torch.arange(3, device=self.device))
        picture = picture.gather(1, order[..., None, None].expand_as(picture))
        if model.collage_prob:
            share = draws.uniform(count, 0.2, 0.5)[:, None] * size
            places = torch.arange(self.canvas, device=self.device)
            vertical = draws.chance(count, 0.5)[:, None, None]
            rows = (places < share[:, :1])[:, :, None]
            columns = (places < share[:, 1:])[:, None, :]
            other = torch.where(vertical, rows, columns)
            other = other & draws.chance(count, model.collage_prob)[:, None, None]
            picture = torch.where(other[:, None], picture.roll(1, 0), picture)
        return picture

    def _normalize(self, picture: Tensor, size: Tensor, ev: Tensor, model: TargetModel) -> Tensor:
        """``data.targets.normalize_target``."""
        (near, far), (small, large) = model.brightness_part, model.brightness_ev
        part = near + (far - near) * ((ev.abs() - small) / (large - small)).clamp(0, 1)
        sample = _lattice(picture, size)
        ordered = luma_of(sample).flatten(1).sort(1).values
        last = ordered.shape[1] - 1
        low = model.levels_part * ordered[:, round(_TAIL * last)]
        high = 1 - model.levels_part * (1 - ordered[:, round((1 - _TAIL) * last)])
        spread = (high - low).clamp(min=0.2)

        def stretch(values: Tensor) -> Tensor:
            shape = (-1,) + (1,) * (values.dim() - 1)
            return ((values - low.view(shape)) / spread.view(shape)).clamp(0, 1)

        mean = stretch(sample[:, 1]).mean((1, 2)).clamp(0.02, 0.98)
        wanted = (1 - part) * mean + part * MEAN_LUMA
        gamma = (wanted.log() / mean.log()).clamp(0.5, 2.0)
        return stretch(picture) ** gamma[:, None, None, None]

    def _resize(self, picture: Tensor, size: Tensor) -> Tensor:
        """The canvas at the stage's size, its content reflected at the bottom and the right."""
        side = self.stage.size
        if side != self.canvas:
            picture = functional.interpolate(
                picture, (side, side), mode="bicubic", antialias=True, align_corners=False
            )
        content = (size * side / self.canvas).round().clamp(1, side)
        places = torch.arange(side, device=self.device) + 0.5
        y, x = _reflect(places[None, None], content[..., None]).long().unbind(1)
        picture = picture.gather(2, y[:, None, :, None].expand_as(picture))
        return round_codes(picture.gather(3, x[:, None, None, :].expand_as(picture)))


def _keep_whites(target: Tensor, source: Tensor, floor: float) -> Tensor:
    """``data.targets.keep_whites``."""
    low, high = _WHITE
    share = ((source.amin(1, keepdim=True) - low) / (high - low)).clamp(0, 1)
    share = share * share * (3 - 2 * share)
    return target + share * (target.clamp(min=floor) - target)


def _reflect(places: Tensor, size: Tensor) -> Tensor:
    """Fold coordinates at 0 and at ``size``."""
    folded = places.remainder(2 * size)
    return torch.minimum(folded, 2 * size - folded)


def _lattice(picture: Tensor, size: Tensor) -> Tensor:
    """64 x 64 pixels of the content: B x 3 x 64 x 64."""
    part = (torch.arange(_LATTICE, device=picture.device) + 0.5) / _LATTICE
    y, x = (part * size[..., None]).long().clamp(max=picture.shape[-1] - 1).unbind(1)
    shape = (-1, picture.shape[1], -1, picture.shape[3])
    rows = picture.gather(2, y[:, None, :, None].expand(shape))
    return rows.gather(3, x[:, None, None, :].expand(-1, picture.shape[1], _LATTICE, -1))
