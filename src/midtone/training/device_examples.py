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

from midtone.colour import REC601
from midtone.data.augment import Augmentation
from midtone.data.local_light import LocalLight
from midtone.data.neutral import NeutralModel
from midtone.data.synthesize import BETA_GAMMA, ErrorModel, measured_curve
from midtone.data.targets import MEAN_LUMA, TargetModel
from midtone.errors import UsageError
from midtone.training.recipe import Stage

_LATTICE = 64  # statistics of a picture are taken from 64 x 64 of its pixels
_EV_STEP, _EV_LOW, _EV_HIGH = 0.05, -7.0, 5.0
_WHITE = (0.94, 0.99)  # as in data.targets
_TAIL = 0.005


@dataclass(frozen=True)
class DevicePhotographs:
    """Photographs on the device.

    pixels: N x 3 x S x S uint8, each at the top left, its last row and column repeated
    sizes:  N x 2, height and width in pixels
    """

    pixels: Tensor
    sizes: Tensor

    @classmethod
    def upload(cls, images: Sequence[np.ndarray], device: torch.device) -> DevicePhotographs:
        """Copy photographs, H x W x 3 uint8 each, to the device. Raises UsageError for none."""
        if not images:
            raise UsageError("no photographs to train on")
        side = max(max(image.shape[:2]) for image in images)
        padded = [
            np.pad(image, ((0, side - image.shape[0]), (0, side - image.shape[1]), (0, 0)), "edge")
            for image in images
        ]
        pixels = torch.from_numpy(np.stack(padded)).permute(0, 3, 1, 2).contiguous()
        sizes = torch.tensor([image.shape[:2] for image in images], dtype=torch.float32)
        return cls(pixels.to(device), sizes.to(device))


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
        self.usable = (photographs.sizes.amin(1) >= least).nonzero().flatten()
        if not len(self.usable):
            raise UsageError(f"no photograph of the pack is {least} px wide and high or larger")
        self.random = torch.Generator(self.device).manual_seed(seed)
        self.canvas = (stage.longest_side if stage.crops else None) or stage.size
        evs = np.arange(_EV_LOW, _EV_HIGH + _EV_STEP / 2, _EV_STEP)
        curves = np.stack([measured_curve(ev) for ev in evs]) / 255
        self.measured = torch.tensor(curves, dtype=torch.float32, device=self.device)
        self.codes = torch.arange(256, device=self.device) / 255

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Draw a batch of ``count`` examples."""
        stage, errors = self.stage, self.stage.errors
        picture, size = self._crop(count)
        picture = _round(self._augment(picture, size, stage.augmentation))
        ev = self._draw_ev(count, errors)
        changed = self._chance(count, 1 - errors.unchanged_prob)
        target = self._normalize(picture, size, ev, stage.targets)
        target = torch.where(changed[:, None, None, None], _round(target), picture)
        source = self._degrade(target, ev, errors)
        source = torch.where(changed[:, None, None, None], _round(source), target)
        target = _round(_keep_whites(target, source, stage.targets.white_floor))
        return self._resize(source, size), self._resize(target, size)

    def _crop(self, count: int) -> tuple[Tensor, Tensor]:
        """Pictures on their canvas, B x 3 x C x C, and the size of their content, B x 2."""
        index = self.usable[
            torch.randint(len(self.usable), (count,), generator=self.random, device=self.device)
        ]
        whole = self.photographs.sizes[index]
        crops = self.stage.crops
        if crops is None:
            cut = torch.full_like(whole, self.stage.size)
            corner = (self._rand(count, 2) * (whole - cut + 1)).floor()
        else:
            coverage = self._uniform(count, *crops.coverage)[:, None]
            square = self._chance(count, crops.square_share)[:, None]
            cut = (coverage * torch.where(square, whole.amin(1, keepdim=True), whole)).clamp(min=1)
            corner = self._rand(count, 2) * (whole - cut)
        scale = self.canvas / cut.amax(1, keepdim=True)
        size = (cut * scale).round().clamp(min=1)
        upside_down = crops.vertical_flip_prob if crops else 0.0
        flips = torch.stack((self._chance(count, upside_down), self._chance(count, 0.5)), 1)
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
        return _round(picture), size

    def _augment(self, picture: Tensor, size: Tensor, model: Augmentation) -> Tensor:
        count = len(picture)
        grey = _luma(picture)
        picture = grey + self._uniform(count, *model.saturation)[:, None, None, None] * (
            picture - grey
        )
        gains = (model.balance * self._randn(count, 3)).exp()
        picture = (picture * (gains / gains.amax(1, keepdim=True))[..., None, None]).clamp(0, 1)
        picture = picture ** (model.gamma * self._randn(count)).exp()[:, None, None, None]
        shuffled = self._rand(count, 3).argsort(1)
        shuffle = self._chance(count, model.channel_shuffle_prob)[:, None]
        order = torch.where(shuffle, shuffled, torch.arange(3, device=self.device))
        picture = picture.gather(1, order[..., None, None].expand_as(picture))
        if model.collage_prob:
            share = self._uniform(count, 0.2, 0.5)[:, None] * size
            places = torch.arange(self.canvas, device=self.device)
            vertical = self._chance(count, 0.5)[:, None, None]
            rows = (places < share[:, :1])[:, :, None]
            columns = (places < share[:, 1:])[:, None, :]
            other = torch.where(vertical, rows, columns)
            other = other & self._chance(count, model.collage_prob)[:, None, None]
            picture = torch.where(other[:, None], picture.roll(1, 0), picture)
        return picture

    def _draw_ev(self, count: int, errors: ErrorModel) -> Tensor:
        bands = torch.tensor(errors.bands, device=self.device)
        band = torch.multinomial(bands[:, 0], count, replacement=True, generator=self.random)
        low, high = bands[band, 1], bands[band, 2]
        return low + (high - low) * self._rand(count)

    def _normalize(self, picture: Tensor, size: Tensor, ev: Tensor, model: TargetModel) -> Tensor:
        """``data.targets.normalize_target``."""
        near, far = model.brightness_part
        part = near + (far - near) * ((ev.abs() - 1) / 2).clamp(0, 1)
        sample = _lattice(picture, size)
        ordered = _luma(sample).flatten(1).sort(1).values
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

    def _degrade(self, picture: Tensor, ev: Tensor, errors: ErrorModel) -> Tensor:
        """``data.synthesize.synthesize``, without JPEG compression."""
        count = len(picture)
        neutral = self._chance(count, errors.neutral.prob)[:, None, None, None]
        picture = torch.where(neutral, _round(self._neutral(picture, errors.neutral)), picture)
        camera = self._draw_camera(count, errors)
        mask, outside, within = self._local_light(picture, errors.light)
        codes = (255 * picture).round().long().flatten(2)
        one, other = (
            camera.table(self, ev + change).gather(2, codes).view_as(picture)
            for change in (outside, within)
        )
        exposed = one + mask[:, None] * (other - one)
        noisy = self._chance(count, errors.noise_prob)[:, None, None, None]
        return torch.where(noisy, self._noise(exposed, errors), exposed)

    def _neutral(self, picture: Tensor, model: NeutralModel) -> Tensor:
        count = len(picture)
        part = self._uniform(count, 0, model.contrast)[:, None, None, None]
        flat = 0.5 - ((1 - 2 * picture).arcsin() / 3).sin()
        picture = (1 - part) * picture + part * flat
        black = self._uniform(count, 0, model.black) * self._chance(count, 0.5)
        black = black[:, None, None, None]
        gamma = (model.gamma * self._randn(count)).exp()[:, None, None, None]
        picture = (black + (1 - black) * picture).clamp(0, 1) ** gamma
        grey = _luma(picture)
        return grey + self._uniform(count, *model.saturation)[:, None, None, None] * (
            picture - grey
        )

    def _draw_camera(self, count: int, errors: ErrorModel) -> _Cameras:
        other = self._chance(count, errors.camera_prob)
        beta_gamma = other & self._chance(count, 0.5)
        response = torch.tensor(BETA_GAMMA, device=self.device)
        return _Cameras(
            beta_gamma=beta_gamma,
            linear=other & ~beta_gamma,
            response=response * (1 + 0.08 * self._randn(count, 2)),
            black=self._rand(count) * self._chance(count, errors.black_prob),
            lights=self._rand(count).sqrt() * self._chance(count, errors.bright_lights_prob),
            lights_exponent=self._uniform(count, 2, 14),
            exponent=(errors.contrast * self._randn(count)).exp(),
            gains=(errors.balance * self._randn(count, 3)).exp(),
        )

    def _local_light(self, picture: Tensor, model: LocalLight) -> tuple[Tensor, Tensor, Tensor]:
        """Mask B x C x C, and the change of the exposure outside and within, B each."""
        count, zero = len(picture), torch.zeros(len(picture), device=self.device)
        region = self._chance(count, model.region_prob)
        spot = self._chance(count, model.spot_prob) & ~region
        sign = torch.where(self._chance(count, 0.8), 1.0, -1.0)
        apart = self._uniform(count, *model.region_ev) * sign
        outside = torch.where(region, -0.6 * apart, zero)
        within = torch.where(region, 0.4 * apart, zero)
        within = torch.where(spot, model.spot_ev * self._randn(count), within)
        mask = torch.zeros_like(picture[:, 0])
        if model.region_prob:
            mask = torch.where(region[:, None, None], self._lighter_region(picture), mask)
        if model.spot_prob:
            mask = torch.where(spot[:, None, None], self._spot(count), mask)
        return mask, outside, within

    def _lighter_region(self, picture: Tensor) -> Tensor:
        """``data.local_light.lighter_region``; borders shrink the filter's box."""
        count, luma = len(picture), _luma(picture)[:, 0]
        radius = (self._uniform(count, 0.02, 0.08) * self.canvas).round().clamp(min=2).long()
        blurred = _box(luma, radius)
        step = max(1, self.canvas // _LATTICE)
        ordered = blurred[:, ::step, ::step].flatten(1).sort(1).values
        place = (self._uniform(count, 0.25, 0.75) * (ordered.shape[1] - 1)).long()
        mask = (blurred > ordered.gather(1, place[:, None])[..., None]).float()
        epsilon = 10 ** self._uniform(count, -4, -2)[:, None, None]
        mean, share = blurred, _box(mask, radius)
        slope = (_box(luma * mask, radius) - mean * share) / (
            _box(luma * luma, radius) - mean * mean + epsilon
        )
        smooth = _box(slope, radius) * luma + _box(share - slope * mean, radius)
        return smooth.clamp(0, 1)

    def _spot(self, count: int) -> Tensor:
        places = torch.linspace(-0.5, 0.5, self.canvas, device=self.device)
        centre, radius = self._uniform(2 * count, -0.7, 0.7), self._uniform(count, 0.2, 0.6)
        y, x = (places - centre.view(2, count, 1)).unbind(0)
        squared = y[:, :, None] ** 2 + x[:, None, :] ** 2
        return (-squared / (2 * radius[:, None, None] ** 2)).exp()

    def _noise(self, picture: Tensor, errors: ErrorModel) -> Tensor:
        count = len(picture)
        shot, read = (
            (most * self._rand(count) ** 2)[:, None, None, None]
            for most in (errors.shot, errors.read)
        )
        light = _to_linear(picture)
        normal = torch.randn(
            picture.shape, generator=self.random, device=self.device, dtype=picture.dtype
        )
        return _to_srgb((light + (light * shot + read).sqrt() * normal).clamp(0, 1))

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
        return _round(picture.gather(3, x[:, None, None, :].expand_as(picture)))

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.random, device=self.device)

    def _randn(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.random, device=self.device)

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        return low + (high - low) * self._rand(count)

    def _chance(self, count: int, probability: float) -> Tensor:
        return self._rand(count) < probability


@dataclass(frozen=True)
class _Cameras:
    """``data.synthesize.Camera`` of each picture: B, but for response (B x 2) and gains (B x 3)."""

    beta_gamma: Tensor
    linear: Tensor
    response: Tensor
    black: Tensor
    lights: Tensor
    lights_exponent: Tensor
    exponent: Tensor
    gains: Tensor

    def table(self, examples: DeviceExamples, ev: Tensor) -> Tensor:
        """Values of the rendering for each code at 0 EV: B x 3 x 256 in [0, 1]."""
        codes, measured = examples.codes, examples.measured
        place = ((ev.clamp(_EV_LOW, _EV_HIGH - 1e-3) - _EV_LOW) / _EV_STEP)[:, None]
        below, weight = place.floor().long()[:, 0], place.frac()
        curve = (1 - weight) * measured[below] + weight * measured[below + 1]
        curve = 1 - (1 - curve) / (1 - self.black[:, None] * curve[:, :1])
        a, b = self.response[:, :1], self.response[:, 1:]
        power = (2 ** ev[:, None]) ** a
        curve = torch.where(self.beta_gamma[:, None], (b * (1 - power)).exp() * codes**power, curve)
        gained = _to_srgb((_to_linear(codes) * 2 ** ev[:, None]).clamp(max=1))
        curve = torch.where(self.linear[:, None], gained, curve)
        raised = self.lights[:, None] * (1 - curve[:, -1:]) * (ev < 0)[:, None]
        curve = curve + raised * codes ** self.lights_exponent[:, None]
        curve = curve.clamp(min=0) ** self.exponent[:, None]
        return (curve[:, None] * self.gains[..., None]).clamp(0, 1)


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


def _box(picture: Tensor, radius: Tensor) -> Tensor:
    """Means over squares of 2 radius + 1 px, cut at the borders: B x C x C, radius B."""
    side = picture.shape[-1]
    places = torch.arange(side, device=picture.device)
    low = (places - radius[:, None]).clamp(min=0)
    high = (places + radius[:, None] + 1).clamp(max=side)
    for _ in range(2):  # each pass filters one axis and swaps the two
        sums = functional.pad(picture.cumsum(1), (0, 0, 1, 0))
        ends = [sums.gather(1, at[:, :, None].expand_as(picture)) for at in (low, high)]
        picture = ((ends[1] - ends[0]) / (high - low)[:, :, None]).transpose(1, 2)
    return picture


def _luma(picture: Tensor) -> Tensor:
    weights = torch.tensor(REC601, device=picture.device)
    return (picture * weights[:, None, None]).sum(1, keepdim=True)


def _round(picture: Tensor) -> Tensor:
    """To the nearest of 256 codes."""
    return (255 * picture.clamp(0, 1)).round() / 255


def _to_linear(srgb: Tensor) -> Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: Tensor) -> Tensor:
    return torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055
    )
