"""The networks against values that their authors' code computed with the same made-up weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learned_weights import variables

from conftest import DATA

torch = pytest.importorskip("torch")

from midtone.baselines.learned import (  # noqa: E402
    catalogue,
    deep_upe,
    dpe,
    dped,
    hdrcnn,
    networks,
    retinexnet,
    rht,
    zero_dce,
)
from midtone.baselines.learned.importing import convert  # noqa: E402
from midtone.baselines.learned.layers import symmetric_pad  # noqa: E402
from midtone.baselines.learned.tensors import apply_tiled, tiles, to_tensor  # noqa: E402

COUNTS = {
    "hdrcnn-reinhard": 29_447_332,
    "dped-iphone": 401_475,
    "dpe-hdr": 3_338_115,
    "retinexnet": 207_748 + 236_865,
    "deep-upe": 998_816,
    "zero-dce": 79_416,
}


@pytest.fixture(scope="session")
def reference() -> dict[str, np.ndarray]:
    return dict(np.load(DATA / "learned.npz"))


@pytest.fixture(scope="session")
def made_up():
    """Networks with made-up weights by the method's name."""
    built: dict[str, torch.nn.Module] = {}

    def build(method: str) -> torch.nn.Module:
        if method not in built:
            network = networks.DEFINITIONS[method].build()
            values = convert(method, variables(method), Path("made-up"))
            networks.fill(
                network, {k: torch.from_numpy(v) for k, v in values.items()}, Path("made-up")
            )
            built[method] = network.eval().requires_grad_(False)
        return built[method]

    return build


def picture(tensor) -> np.ndarray:
    return tensor[0].permute(1, 2, 0).numpy()


def test_every_method_has_a_definition_and_all_of_its_names():
    assert list(networks.DEFINITIONS) == list(catalogue.METHODS)
    for method, definition in networks.DEFINITIONS.items():
        wanted = networks.parameters(definition.build())
        assert set(definition.names) == set(wanted), method
        assert len(set(definition.names.values())) == len(wanted), method


@pytest.mark.parametrize(("method", "count"), COUNTS.items())
def test_the_networks_have_the_authors_numbers_of_values(method, count):
    network = networks.DEFINITIONS[method].build()
    assert sum(value.numel() for value in networks.parameters(network).values()) == count


def test_deep_upe_equals_the_authors_graph(made_up, reference):
    network, image = made_up("deep-upe"), to_tensor(reference["odd"])
    grid = network.grid(deep_upe.low_resolution(image))
    by_place = grid[0].view(3, 4, 8, 16, 16).permute(3, 4, 2, 0, 1).numpy()
    np.testing.assert_allclose(by_place[::5, ::5], reference["upe_grid"], atol=1e-5)
    guide = picture(network.guide(image))[::5, ::5, 0]
    np.testing.assert_allclose(guide, reference["upe_guide"], atol=1e-5)
    illumination = network(image)
    np.testing.assert_allclose(
        picture(illumination)[::5, ::5], reference["upe_illumination"], atol=1e-4
    )
    enhanced = picture(deep_upe.retouch(image, illumination))[::5, ::5]
    np.testing.assert_allclose(enhanced, reference["upe_enhanced"], atol=1e-4)


def test_deep_upe_samples_the_authors_rows(reference):
    rows = torch.arange(61.0).expand(1, 3, 83, 61).transpose(2, 3)
    assert (deep_upe.low_resolution(rows)[0, 0, :, 0].numpy() == reference["upe_rows"]).all()


@pytest.mark.parametrize("rate", [1, 2])
def test_dpe_equals_the_authors_graph(made_up, reference, rate):
    tile = to_tensor(reference["dpe_tile"]).flip(1)
    whole = torch.from_numpy(reference["dpe_whole"])[None]
    result = picture(made_up("dpe-hdr")(tile, whole, rate).flip(1))[::5, ::5]
    np.testing.assert_allclose(result, reference[f"dpe_rate{rate}"], atol=1e-4)


@pytest.mark.parametrize(
    ("method", "key"),
    [("zero-dce", "zero_dce"), ("dped-sony", "dped"), ("retinexnet", "retinexnet")],
)
def test_networks_that_equalled_the_authors_stay_as_they_are(made_up, reference, method, key):
    """Their values with the authors' weights may not be here; those with made-up weights are."""
    result = picture(made_up(method)(to_tensor(reference["odd"])))[::5, ::5]
    np.testing.assert_allclose(result, reference[key], atol=1e-4)


def test_hdr_cnn_stays_as_it_is(made_up, reference):
    image = to_tensor(reference["odd"])
    linear = hdrcnn.linear_image(made_up("hdrcnn-rht").hdrcnn, image)
    np.testing.assert_allclose(picture(linear)[::5, ::5], reference["hdrcnn"], atol=1e-4)


def test_hdr_cnn_changes_only_what_is_nearly_white(made_up, reference):
    image = to_tensor(reference["odd"])
    linear = hdrcnn.linear_image(made_up("hdrcnn-rht").hdrcnn, image)
    unclipped = (image.amax(1) <= 0.95)[0]
    assert unclipped.any()
    assert torch.equal(linear[0][:, unclipped], image.square()[0][:, unclipped])


def test_the_authors_list_has_eighty_arrays():
    names = list(hdrcnn.published_names().values())
    assert len(names) == 80
    assert names[26:30] == [
        "encoder/h6/conv/W_conv2d",
        "encoder/h6/conv/b_conv2d",
        "encoder/h6/batch_norm/beta",
        "encoder/h6/batch_norm/gamma",
    ]
    assert names[-2:] == [
        "decoder/h7/fuse_skip_connection/W_conv2d",
        "decoder/h7/fuse_skip_connection/b_conv2d",
    ]


@settings(max_examples=6)
@given(height=st.integers(30, 90), width=st.integers(30, 90))
def test_retinexnet_by_tiles_equals_the_whole(height, width):
    torch.manual_seed(height * width)
    network = retinexnet.RetinexNet().eval()
    image = torch.rand(1, 3, height, width)
    with torch.inference_mode():
        tiled = retinexnet.relit(network, image, side=24)
        torch.testing.assert_close(tiled, network(image), atol=1e-5, rtol=1e-4)


def test_dped_by_tiles_equals_the_whole(made_up, reference):
    network, image = made_up("dped-sony"), to_tensor(reference["odd"])
    torch.testing.assert_close(dped.by_tiles(network, image, 40), network(image), atol=1e-5, rtol=0)


def test_hdr_cnn_by_tiles_equals_the_whole(made_up):
    network = made_up("hdrcnn-rht").hdrcnn
    image = torch.rand(1, 3, 32, 800, generator=torch.Generator().manual_seed(0))
    expected = hdrcnn.blend(image, network(image))
    torch.testing.assert_close(hdrcnn.linear_image(network, image, 32), expected, rtol=1e-4, atol=0)


def test_zero_dce_by_tiles_equals_the_whole(made_up, reference):
    network, image = made_up("zero-dce"), to_tensor(reference["odd"])
    torch.testing.assert_close(apply_tiled(network, image, 7, 20), network(image))


@given(
    height=st.integers(1, 80),
    width=st.integers(1, 80),
    side=st.sampled_from([8, 16, 32]),
    multiple=st.sampled_from([1, 8]),
)
def test_tiles_cover_an_image_once(height, width, side, multiple):
    seen = np.zeros((height, width), int)
    for tile in tiles(height, width, 8, side, multiple):
        (top, bottom), (left, right) = tile.outer
        (first, last), (begin, end) = tile.inner
        seen[first:last, begin:end] += 1
        assert top == max(0, first - 8)
        assert top % multiple == 0
        assert left % multiple == 0
        assert (bottom - top - height) % multiple == 0
        assert (right - left - width) % multiple == 0
        assert bottom >= min(height, last + 8)
    assert (seen == 1).all()


FAST = ("dped-sony", "retinexnet", "deep-upe", "zero-dce")
SLOW = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("hdrcnn-rht", "hdrcnn-reinhard", "dpe-hdr")
]


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (61, 2)])
@pytest.mark.parametrize("method", [*FAST, *SLOW])
def test_photographs_of_any_size_keep_it(made_up, recwarn, method, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    image.flags.writeable = False  # as decoders may leave it
    result = networks.DEFINITIONS[method].enhance(made_up(method), image)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert not recwarn.list


def test_subnormal_weights_become_zero():
    """Convolutions with them are 45 times slower."""
    network = torch.nn.Conv2d(1, 2, 1, bias=False)
    values = torch.tensor([1e-40, -0.5]).view(2, 1, 1, 1)
    networks.fill(network, {"weight": values}, Path("made-up"))
    assert network.weight.flatten().tolist() == [0, -0.5]


@pytest.mark.parametrize("size", [(70, 50), (1200, 900)])
@pytest.mark.parametrize("method", [*COUNTS, "hdrcnn-rht"])
def test_everything_is_computed_where_the_network_is(monkeypatch, method, size):
    """On torch's meta device: it computes nothing, but refuses tensors of another device."""
    monkeypatch.setattr(torch.Tensor, "cpu", lambda x: torch.zeros(x.shape, dtype=x.dtype))
    definition = networks.DEFINITIONS[method]
    with torch.device("meta"):
        network = definition.build().eval()
    image = np.zeros((*size, 3), np.uint8)
    assert definition.enhance(network, image).shape == image.shape


def test_deep_upe_never_darkens(made_up):
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    image[0] = 0
    result = deep_upe.enhance(made_up("deep-upe"), image)
    assert (result >= image).all()
    assert (result[0] == 0).all()


def test_dped_clips_or_stretches(made_up, reference):
    network = made_up("dped-sony")
    values = network(to_tensor(reference["odd"]))
    low, high = float(values.min()), float(values.max())
    assert low < 0 or high > 1
    clipped = dped.enhance(network, reference["odd"])
    stretched = dped.enhance(network, reference["odd"], "stretch")
    np.testing.assert_array_equal(clipped, np.floor(255 * picture(values).clip(0, 1) + 0.5))
    assert stretched.min() == 0
    assert stretched.max() == 255
    np.testing.assert_allclose(stretched, 255 * (picture(values) - low) / (high - low), atol=0.51)


def test_zero_dce_follows_equation_three():
    image, curves = torch.rand(1, 3, 4, 5), torch.rand(1, 24, 4, 5) * 2 - 1
    expected = image.numpy()
    for n in range(8):
        a = curves.numpy()[:, 3 * n : 3 * n + 3]
        expected = expected + a * (expected**2 - expected)
    np.testing.assert_allclose(zero_dce.apply_curves(image, curves).numpy(), expected, atol=1e-6)


def test_rht_keeps_the_size_and_the_range():
    torch.manual_seed(0)
    with torch.inference_mode():
        result = rht.RHT()(4 * torch.rand(1, 3, 64, 64))
    assert result.shape == (1, 3, 64, 64)
    assert 0 <= float(result.min()) <= float(result.max()) <= 1


def test_reinhard_maps_the_brightest_to_white_and_keeps_the_order():
    ramp = torch.linspace(0.001, 8, 50).expand(1, 3, 1, 50)
    result = hdrcnn.reinhard(ramp)[0, 0, 0]
    assert (result.diff() > 0).all()
    assert float(result[-1]) == pytest.approx(1, abs=1e-4)


def test_symmetric_padding_repeats_the_edge():
    image = torch.arange(3.0).expand(1, 1, 2, 3)
    padded = symmetric_pad(image, (2, 7, 1, 0))[0, 0]
    assert padded.shape == (3, 12)
    assert padded[0].tolist() == [1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2]


def test_stretched_kernels_keep_their_sum_and_sides():
    kernel = torch.rand(2, 3, 5, 5)
    larger = dpe.stretched(kernel, 3)
    assert larger.shape == (2, 3, 13, 13)
    torch.testing.assert_close(larger.sum((2, 3)), kernel.sum((2, 3)))
    assert dpe.stretched(kernel, 1) is kernel
