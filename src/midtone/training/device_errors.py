"""Exposure errors on the device: ``midtone.data.synthesize`` as tensor operations on batches.

Pictures are B x 3 x C x C float32 in [0, 1]. JPEG compression is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from midtone.colour import REC601
from midtone.data.local_light import LocalLight
from midtone.data.neutral import NeutralModel
from midtone.data.synthesize import BETA_GAMMA, ErrorModel, measured_curve

_EV_STEP, _EV_LOW, _EV_HIGH = 0.05, -7.0, 5.0
_SAMPLED = 64  # quantiles are those of about 64 x 64 pixels


class Draws:
    """Random numbers on a device, the same for the same seed."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def rand(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.device)

    def randn(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def uniform(self, count: int, low: float, high: float) -> Tensor:
        """Uniform in [low, high)."""
        return low + (high - low) * self.rand(count)

    def chance(self, count: int, probability: float) -> Tensor:
        """Booleans, each true with that probability."""
        return self.rand(count) < probability


def draw_ev(draws: Draws, count: int, errors: ErrorModel) -> Tensor:
    """Draw ``count`` exposure errors in EV."""
    bands = torch.tensor(errors.bands, device=draws.device)
    band = torch.multinomial(bands[:, 0], count, replacement=True, generator=draws.generator)
    low, high = bands[band, 1], bands[band, 2]
    return low + (high - low) * draws.rand(count)


def synthesize(draws: Draws, picture: Tensor, ev: Tensor, errors: ErrorModel) -> Tensor:
    """``data.synthesize.synthesize``: B x 3 x C x C in [0, 1], ev B in EV -> B x 3 x C x C."""
    count = len(picture)
    neutral = draws.chance(count, errors.neutral.prob)[:, None, None, None]
    picture = torch.where(neutral, round_codes(_neutral(draws, picture, errors.neutral)), picture)
    camera = _draw_camera(draws, count, errors)
    mask, outside, within = _local_light(draws, picture, errors.light)
    codes = (255 * picture).round().long().flatten(2)
    one, other = (
        camera.table(ev + change).gather(2, codes).view_as(picture) for change in (outside, within)
    )
    exposed = one + mask[:, None] * (other - one)
    noisy = draws.chance(count, errors.noise_prob)[:, None, None, None]
    return torch.where(noisy, _noise(draws, exposed, errors), exposed)


def vary_exposure(draws: Draws, picture: Tensor, largest: float) -> Tensor:
    """``data.synthesize.vary_exposure``: B x 3 x C x C in [0, 1] -> the same."""
    if not largest:
        return picture
    count = len(picture)
    none, one = torch.zeros(count, device=draws.device), torch.ones(count, device=draws.device)
    camera = _Cameras(
        beta_gamma=none.bool(),
        linear=draws.chance(count, 0.5),
        response=one[:, None].expand(-1, 2),
        black=none,
        lights=none,
        lights_exponent=one,
        exponent=one,
        gains=one[:, None].expand(-1, 3),
    )
    codes = (255 * picture).round().long().flatten(2)
    table = camera.table(largest * draws.uniform(count, -0.5, 1))
    return round_codes(table.gather(2, codes).view_as(picture))


def _neutral(draws: Draws, picture: Tensor, model: NeutralModel) -> Tensor:
    count = len(picture)
    part = draws.uniform(count, 0, model.contrast)[:, None, None, None]
    flat = 0.5 - ((1 - 2 * picture).arcsin() / 3).sin()
    picture = (1 - part) * picture + part * flat
    black = draws.uniform(count, 0, model.black) * draws.chance(count, 0.5)
    black = black[:, None, None, None]
    gamma = (model.gamma * draws.randn(count)).exp()[:, None, None, None]
    picture = (black + (1 - black) * picture).clamp(0, 1) ** gamma
    grey = luma_of(picture)
    return grey + draws.uniform(count, *model.saturation)[:, None, None, None] * (picture - grey)


def _draw_camera(draws: Draws, count: int, errors: ErrorModel) -> _Cameras:
    other = draws.chance(count, errors.camera_prob)
    beta_gamma = other & draws.chance(count, 0.5)
    response = torch.tensor(BETA_GAMMA, device=draws.device)
    return _Cameras(
        beta_gamma=beta_gamma,
        linear=other & ~beta_gamma,
        response=response * (1 + 0.08 * draws.randn(count, 2)),
        black=draws.rand(count) * draws.chance(count, errors.black_prob),
        lights=draws.rand(count).sqrt() * draws.chance(count, errors.bright_lights_prob),
        lights_exponent=draws.uniform(count, 2, 14),
        exponent=(errors.contrast * draws.randn(count)).exp(),
        gains=(errors.balance * draws.randn(count, 3)).exp(),
    )


def _local_light(draws: Draws, picture: Tensor, model: LocalLight) -> tuple[Tensor, Tensor, Tensor]:
    """Mask B x C x C, and the change of the exposure outside and within, B each."""
    count, zero = len(picture), torch.zeros(len(picture), device=draws.device)
    region = draws.chance(count, model.region_prob)
    spot = draws.chance(count, model.spot_prob) & ~region
    sign = torch.where(draws.chance(count, 0.8), 1.0, -1.0)
    apart = draws.uniform(count, *model.region_ev) * sign
    outside = torch.where(region, -0.6 * apart, zero)
    within = torch.where(region, 0.4 * apart, zero)
    within = torch.where(spot, model.spot_ev * draws.randn(count), within)
    mask = torch.zeros_like(picture[:, 0])
    if model.region_prob:
        mask = torch.where(region[:, None, None], _lighter_region(draws, picture), mask)
    if model.spot_prob:
        mask = torch.where(spot[:, None, None], _spot(draws, picture), mask)
    return mask, outside, within


def _lighter_region(draws: Draws, picture: Tensor) -> Tensor:
    """``data.local_light.lighter_region``; borders shrink the filter's box."""
    count, luma = len(picture), luma_of(picture)[:, 0]
    radius = (draws.uniform(count, 0.02, 0.08) * picture.shape[-1]).round().clamp(min=2).long()
    blurred = _blur(luma, radius)
    step = max(1, picture.shape[-1] // _SAMPLED)
    ordered = blurred[:, ::step, ::step].flatten(1).sort(1).values
    place = (draws.uniform(count, 0.25, 0.75) * (ordered.shape[1] - 1)).long()
    mask = (blurred > ordered.gather(1, place[:, None])[..., None]).float()
    epsilon = 10 ** draws.uniform(count, -4, -2)[:, None, None]
    mean, share = blurred, _blur(mask, radius)
    slope = (_blur(luma * mask, radius) - mean * share) / (
        _blur(luma * luma, radius) - mean * mean + epsilon
    )
    smooth = _blur(slope, radius) * luma + _blur(share - slope * mean, radius)
    return smooth.clamp(0, 1)


def _spot(draws: Draws, picture: Tensor) -> Tensor:
    count = len(picture)
    places = torch.linspace(-0.5, 0.5, picture.shape[-1], device=draws.device)
    centre, radius = draws.uniform(2 * count, -0.7, 0.7), draws.uniform(count, 0.2, 0.6)
    y, x = (places - centre.view(2, count, 1)).unbind(0)
    squared = y[:, :, None] ** 2 + x[:, None, :] ** 2
    return (-squared / (2 * radius[:, None, None] ** 2)).exp()


def _noise(draws: Draws, picture: Tensor, errors: ErrorModel) -> Tensor:
    count = len(picture)
    shot, read = (
        (most * draws.rand(count) ** 2)[:, None, None, None] for most in (errors.shot, errors.read)
    )
    light = _to_linear(picture)
    normal = draws.randn(*picture.shape)
    return _to_srgb((light + (light * shot + read).sqrt() * normal).clamp(0, 1))


@dataclass(frozen=True, kw_only=True)
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

    def table(self, ev: Tensor) -> Tensor:
        """Values of the rendering for each code at 0 EV: B x 3 x 256 in [0, 1]."""
        codes, measured = torch.arange(256, device=ev.device) / 255, _measured(ev.device)
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


def _blur(picture: Tensor, radius: Tensor) -> Tensor:
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


def luma_of(picture: Tensor) -> Tensor:
    """Rec. 601 luma: B x 3 x H x W -> B x 1 x H x W."""
    weights = torch.tensor(REC601, device=picture.device)
    return (picture * weights[:, None, None]).sum(1, keepdim=True)


def round_codes(picture: Tensor) -> Tensor:
    """Round values in [0, 1] to the nearest of 256 codes."""
    return (255 * picture.clamp(0, 1)).round() / 255


def _to_linear(srgb: Tensor) -> Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: Tensor) -> Tensor:
    return torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055
    )


@cache
def _measured(device: torch.device) -> Tensor:
    """Measured curves at steps of 0.05 EV: E x 256 in [0, 1]."""
    evs = np.arange(_EV_LOW, _EV_HIGH + _EV_STEP / 2, _EV_STEP)
    curves = np.stack([measured_curve(ev) for ev in evs]) / 255
    return torch.tensor(curves, dtype=torch.float32, device=device)
