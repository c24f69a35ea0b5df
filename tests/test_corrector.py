from __future__ import annotations

import dataclasses
import inspect
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import midtone
from metadata import DISPLAY_P3
from midtone import colour, photo
from midtone.batch.correct_one import correct_file
from midtone.bilateral_grid import GridConfig
from midtone.corrector import Corrector
from midtone.data.synthesize import expose
from midtone.errors import UsageError
from midtone.evaluation.metrics import psnr
from midtone.options import CorrectionOptions
from midtone.postprocess import exposure_error
from midtone.preprocess import resize

from conftest import DATA  # noqa: F401


def test_a_dark_photograph_gets_brighter_and_better(corrector, dark, astronaut):
    fixed = corrector(dark)
    good = astronaut[:400] / 255
    assert fixed.dtype == np.uint8
    assert fixed.shape == dark.shape
    assert psnr(fixed / 255, good) > psnr(dark / 255, good) + 1


def test_a_bright_photograph_gets_darker_and_better(corrector, astronaut):
    bright = np.rint(255 * np.clip(1.15 * (astronaut / 255) ** 0.45, 0, 1)).astype(np.uint8)
    fixed = corrector(bright)
    assert psnr(fixed / 255, astronaut / 255) > psnr(bright / 255, astronaut / 255) + 1


def test_sharpness_is_kept(corrector, dark):
    def detail(image: np.ndarray) -> np.ndarray:
        grey = image.astype(float).mean(2)
        return (grey[1:-1, 1:-1] * 4 - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2]
                - grey[1:-1, 2:]).ravel()  # fmt: skip

    large = np.asarray(Image.fromarray(dark).resize((1536, 1200), Image.Resampling.LANCZOS))
    before, after = detail(large), detail(corrector(large))
    small = corrector.plan(photo.from_array(large)).after
    soft = Image.fromarray(np.rint(255 * small).astype(np.uint8)).resize((1536, 1200))
    assert np.corrcoef(before, after)[0, 1] > 0.7
    assert after.std() > before.std()  # brighter, so steeper
    assert after.std() > 2 * detail(np.asarray(soft)).std()


def test_strength_blends_exactly(corrector, dark):
    image = dark.astype(np.float32) / 255
    full, half = corrector(image), corrector(image, strength=0.5)
    inside = ((full > 0) & (full < 1)).all(2)
    np.testing.assert_allclose(half[inside], (0.5 * (image + full))[inside], atol=1e-5)
    np.testing.assert_array_equal(corrector(dark, strength=0), dark)


@settings(max_examples=10)
@given(
    st.integers(1, 300), st.integers(1, 300),
    st.sampled_from([np.uint8, np.uint16, np.float32, np.float64]), st.sampled_from([0, 1, 3, 4]),
)  # fmt: skip
def test_the_result_has_the_type_and_size_of_the_input(corrector, height, width, dtype, channels):
    rng = np.random.default_rng(height * 1000 + width)
    shape = (height, width, channels) if channels else (height, width)
    full = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = (rng.random(shape) * full).astype(dtype)
    result = corrector(image)
    assert result.dtype == dtype
    assert result.shape == shape
    assert result.max() <= full
    if channels == 4:
        np.testing.assert_array_equal(result[..., 3], image[..., 3])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 1), (1, 2000, 3), (2000, 1, 1), (50, 3000, 3)])
def test_extreme_sizes(corrector, shape):
    image = np.full(shape, 100, np.uint8)
    result = corrector(image)
    assert result.shape == shape
    assert result.dtype == np.uint8


def test_grey_stays_grey(corrector, dark):
    grey = dark[..., 1]
    fixed = corrector(grey)
    assert fixed.shape == grey.shape
    assert fixed.mean() > grey.mean()
    colour = corrector(np.repeat(grey[..., None], 3, 2))
    assert np.ptp(colour.astype(int), axis=2).max() == 0
    assert np.abs(colour[..., 0].astype(int) - fixed).mean() < 2


def test_pillow_and_photo_keep_their_type(corrector, dark):
    picture = Image.fromarray(dark)
    assert isinstance(corrector(picture), Image.Image)
    np.testing.assert_array_equal(np.asarray(corrector(picture)), corrector(dark))
    grey = corrector(picture.convert("LA"))
    assert grey.mode == "LA"
    one = photo.from_array(dark)
    assert isinstance(corrector(one), midtone.Photo)


def test_tensors(corrector, dark):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(dark[:200, :300].copy()).permute(2, 0, 1).float() / 255
    one = corrector(tensor)
    batch = corrector(torch.stack((tensor, tensor)))
    assert one.shape == tensor.shape
    assert batch.shape == (2, 3, 200, 300)
    torch.testing.assert_close(batch[1], one)


def test_icc_profiles_are_applied(corrector, dark):
    plain = corrector(photo.from_array(dark))
    tagged = corrector(photo.Photo(dark, icc=DISPLAY_P3))
    assert tagged.icc == DISPLAY_P3
    # Same numbers, other colours: so the network has another input.
    assert np.abs(plain.pixels.astype(int) - tagged.pixels).mean() > 0.5
    result = colour.to_srgb(resize(tagged.pixels, 256), tagged.icc)
    expected = corrector(photo.from_array(colour.to_srgb(resize(dark, 256), tagged.icc))).pixels
    assert 255 * np.abs(result - np.clip(expected, 0, 1)).mean() < 6


def test_options_change_the_result(corrector, dark):
    dull = dark // 2 + 40
    plain = corrector(dull)
    for options in ({"fusion": True}, {"contrast": True}, {"scales": (1.5, 1.5, 1.5, 1.05)}):
        assert np.abs(corrector(dull, **options).astype(int) - plain).mean() > 0.5, options


def test_exposure_error_has_the_right_sign(corrector, dark, astronaut):
    exposures = [expose(astronaut, ev) for ev in (-2, 0, 1.5)]
    errors = [corrector.exposure_error(image) for image in exposures]
    assert errors[0] < -0.5
    assert errors[0] < errors[1] - 0.3 < errors[2] - 0.6
    assert corrector.exposure_error(dark) < -0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.6}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"scales": (1, 1)}, "model of 4 pyramid levels"),
        ({"scales": (-1, 1, 1, 1)}, "scales must be from 0 to 10, not -1"),
        ({"min_error": -1}, "min_error must be at least 0, not -1"),
    ],
)
def test_wrong_options_are_refused(corrector, dark, options, message):
    with pytest.raises(midtone.UsageError, match=message):
        corrector(dark, **options)


@pytest.mark.parametrize(
    "image", [np.zeros((3, 4, 5, 6)), np.zeros((4, 4), np.int64), np.zeros((4, 4, 2)), "text", None]
)
def test_inputs_that_are_no_images_are_refused(corrector, image):
    with pytest.raises(midtone.Error):
        corrector(image)


def test_files_and_arrays_by_midtone_correct(tmp_path, dark):
    source, target = tmp_path / "dark.png", tmp_path / "fixed.png"
    Image.fromarray(dark).save(source)
    midtone.correct(source, target)
    written = np.asarray(Image.open(target))
    np.testing.assert_array_equal(written, midtone.correct(dark))
    with pytest.raises(midtone.UsageError, match="give a target"):
        midtone.correct(source)
    half = midtone.correct(dark, strength=0.5)
    assert dark.mean() < half.mean() < written.mean()


def test_an_unavailable_device_is_an_error():
    with pytest.raises(midtone.ModelError, match="CUDA"):
        Corrector(device="cuda")
    with pytest.raises(midtone.UsageError, match="device"):
        Corrector(device="tpu")


def test_a_plan_from_the_preview_is_as_good(corrector, tmp_path):
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 120, (30, 40, 3), np.uint8)
    large = np.asarray(Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC))
    path = tmp_path / "large.jpg"
    Image.fromarray(large).save(path, quality=95)
    opened = photo.open_file(path)
    preview = opened.preview(512)
    assert preview.size < (1600, 1200)
    assert max(preview.size) >= 512
    fast, _ = correct_file(corrector, opened)
    slow = corrector.correct(photo.read(path))
    assert psnr(fast.pixels / 255, slow.pixels / 255) > 45


def test_16_bit_photographs_are_corrected_without_a_detour_through_8_bits(corrector, dark):
    fine = dark.astype(np.uint16) * 257
    coarse = corrector(photo.Photo(dark)).pixels
    result = corrector(photo.Photo(fine)).pixels
    assert np.abs(result / 257 - coarse).max() <= 2
    ramp = np.repeat(np.linspace(0, 4000, 4096).astype(np.uint16)[None, :, None], 64, 0)
    assert len(np.unique(corrector(photo.Photo(np.repeat(ramp, 3, 2))).pixels)) > 2000


def test_keywords_are_the_fields_of_the_options():
    fields = {field.name: field.default for field in dataclasses.fields(CorrectionOptions)}
    keywords = inspect.signature(Corrector.__call__).parameters
    given = {n: p.default for n, p in keywords.items() if p.kind is p.KEYWORD_ONLY}
    assert given == fields


def test_photographs_with_a_small_error_are_left_unchanged(corrector, dark):
    np.testing.assert_array_equal(corrector(dark, min_error=9), dark)
    assert (corrector(dark, min_error=0.1) != dark).any()


def test_the_paper_pipeline_is_the_method_without_further_steps(dark):
    paper = Corrector(pipeline="paper")
    assert paper.config.postprocess == ()
    assert not paper.config.rotate_tta
    assert paper.config.grid == GridConfig()
    assert paper.plan(photo.from_array(dark)).grid.shape == (22, 22, 8, 3, 4)
    assert np.abs(paper(dark).astype(int) - Corrector()(dark)).mean() > 0.5


def test_a_correction_is_kept_and_applied_to_other_images(corrector, dark):
    planned = corrector.plan(dark)
    np.testing.assert_array_equal(corrector.apply(planned, dark), corrector(dark))
    np.testing.assert_array_equal(
        corrector.apply(planned, dark, 0.5), corrector(dark, strength=0.5)
    )
    frames = np.stack((dark[:100], dark[100:200]))
    assert corrector.apply(planned, frames).shape == frames.shape
    smaller = Image.fromarray(dark).resize((200, 100))
    assert np.asarray(corrector.apply(planned, smaller)).mean() > np.asarray(smaller).mean() + 5
    with pytest.raises(UsageError, match="a grey image fits grey"):
        corrector.apply(planned, dark[..., 0])
    with pytest.raises(UsageError, match="one image, not for 2"):
        corrector.plan(frames)


def test_ev_makes_brighter_or_darker_and_is_no_exposure_error(corrector, dark):
    means = [corrector(dark, ev=ev).mean() for ev in (-0.5, 0, 0.5)]
    assert means[0] < means[1] - 3 < means[2] - 6
    one, two = (corrector.plan(dark, CorrectionOptions(ev=ev)) for ev in (0, 1))
    assert one.exposure_error == two.exposure_error
    lift = exposure_error(two.before, two.after) - exposure_error(one.before, one.after)
    assert -1 < lift < -0.4


def test_highlights_are_protected(corrector, dark):
    plain, protected = corrector(dark), corrector(dark, protect_highlights=True)
    bright = dark.min(2) > 180
    assert protected[bright].mean() < plain[bright].mean() - 2
    shadows = dark.max(2) < 40
    assert protected[shadows].mean() == pytest.approx(plain[shadows].mean(), abs=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 3}, "a model is a name, a path or a loaded model, not 3"),
        ({"model": None}, "not None"),
        ({"threads": 0}, "threads must be a whole number of at least 1, not 0"),
        ({"threads": "2"}, "threads must be"),
        ({"pipeline": None}, "a pipeline is a name, a file or a PipelineConfig, not None"),
    ],
)
def test_what_makes_no_corrector_is_one_sentence(arguments, message):
    with pytest.raises(UsageError, match=message):
        midtone.Corrector(**arguments)


def test_a_pickled_corrector_corrects_as_before(dark):
    own = midtone.Corrector(threads=1, pipeline="paper")
    again = pickle.loads(pickle.dumps(own))
    assert (again.threads, again.config) == (1, own.config)
    assert repr(again) == "Corrector(default, device=auto, threads=1)"
    np.testing.assert_array_equal(again(dark), own(dark))


@pytest.mark.parametrize("strength", [9, -1, float("nan"), "a"])
def test_a_correction_is_applied_with_a_strength_in_range(corrector, dark, strength):
    correction = corrector.plan(dark)
    with pytest.raises(UsageError, match="strength must be"):
        corrector.apply(correction, dark, strength)
