from __future__ import annotations

import numpy as np
import pytest

from midtone import colour, icc_profile


@pytest.fixture
def ramp() -> np.ndarray:
    """1 x 50 x 3 float32, from black to white, coloured."""
    steps = np.linspace(0, 1, 50)
    return np.stack([steps, steps**1.5, steps**2], 1)[None].astype(np.float32)


def test_srgb_needs_no_profile():
    assert icc_profile.cicp_profile(1, 13) == (None, None)
    assert icc_profile.cicp_profile(2, 2) == (None, None)
    assert icc_profile.gamma_profile(icc_profile.BT709, 2.2) is None


@pytest.mark.parametrize("primaries", [4, 5, 6, 9, 11, 12, 22])
@pytest.mark.parametrize("transfer", [1, 4, 5, 7, 8, 13])
def test_grey_stays_grey_and_the_way_back_is_the_same(primaries, transfer, ramp):
    profile, cicp = icc_profile.cicp_profile(primaries, transfer)
    assert cicp is None
    assert colour.usable_profile(profile, "RGB") is not None
    grey = np.repeat(ramp[..., :1], 3, 2)
    assert np.ptp(colour.to_srgb(grey, profile), axis=2).max() < 0.003
    inside = ramp * 0.5 + 0.25
    back = colour.from_srgb(colour.to_srgb(inside, profile), profile)
    assert np.abs(back - inside).max() < 0.05


def test_display_p3_agrees_with_its_definition(ramp):
    # Linear P3-D65 to linear sRGB (SMPTE EG 432-1 and IEC 61966-2-1), from the chromaticities.
    matrix = np.array(
        [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09827]]
    )
    profile, _ = icc_profile.cicp_profile(12, 13)
    wanted = colour.linear_to_srgb(np.clip(colour.srgb_to_linear(ramp) @ matrix.T, 0, 1))
    inside = (wanted > 0.02) & (wanted < 0.98)
    assert np.abs(colour.to_srgb(ramp, profile) - wanted)[inside].max() < 0.004


def test_hdr_keeps_its_code_points():
    assert icc_profile.cicp_profile(9, 16) == (None, (9, 16))
    assert icc_profile.cicp_profile(9, 18) == (None, (9, 18))


def test_absurd_primaries_give_no_profile():
    assert icc_profile.gamma_profile((0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3), 2.2) is None
    assert icc_profile.gamma_profile((0, 0, 0, 0, 0, 0, 0, 0), 2.2) is None


def test_linear_light_is_linear():
    profile = icc_profile.gamma_profile(icc_profile.BT709, 1.0)
    value = np.full((1, 1, 3), 0.2140, np.float32)  # linear light of sRGB 0.5
    assert colour.to_srgb(value, profile) == pytest.approx(0.5, abs=0.002)
    grey = icc_profile.grey_profile((1.0,))
    assert colour.usable_profile(grey, "GRAY") is not None
