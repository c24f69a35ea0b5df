from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from PIL import Image

from midtone.cli import main
from midtone.data.crops import (
    WindowModel,
    acceptable,
    draw_patch,
    draw_window,
    fit,
    mean_gradient,
    pad_square,
)
from midtone.data.pairs import read_pairs, split_scenes
from midtone.data.patches import FromPairs, FromPhotographs, load, write_patches
from midtone.data.photographs import (
    Photographs,
    decode,
    find_photos,
    hold_out,
    size_of,
    well_exposed,
)
from midtone.data.synthesize import ErrorModel
from midtone.errors import PhotoError

from conftest import DATA


@pytest.fixture
def folder(tmp_path, astronaut):
    for number in range(5):
        Image.fromarray(np.roll(astronaut[:300], 40 * number, 1)).save(tmp_path / f"{number}.png")
    (tmp_path / "note.txt").write_text("no photograph")
    return tmp_path


@pytest.fixture
def pairs(tmp_path, astronaut):
    for number in range(3):
        right = np.roll(astronaut[:200, :300], 70 * number, 1)
        for name, image in (("input", right // 2), ("reference", right)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    return read_pairs(tmp_path).pairs


def test_examples_depend_on_their_number_alone(folder):
    examples = FromPhotographs(Photographs.read(find_photos(folder), 200), 64, seed=3)
    forwards = [examples[number] for number in range(7)]
    backwards = [examples[number] for number in reversed(range(7))][::-1]
    for one, two in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, two)
    assert all(part.shape == (64, 64, 3) for pair in forwards for part in pair)


@pytest.mark.parametrize("per_image", [1, 3])
def test_every_photograph_is_seen_equally_often_in_an_epoch(per_image):
    photographs = Photographs([np.full((30, 40, 3), 40 * n, np.uint8) for n in range(5)])
    examples = FromPhotographs(photographs, 16, seed=0, per_image=per_image)
    assert len(examples) == 5 * per_image
    for epoch in range(3):
        numbers = range(epoch * len(examples), (epoch + 1) * len(examples))
        means = [round(examples[n][1].mean() / 40) for n in numbers]
        assert sorted(means) == sorted(per_image * [0, 1, 2, 3, 4])


def test_windows_lie_within_the_photograph():
    rng = np.random.default_rng(0)
    for _ in range(50):
        window = draw_window((200, 333), WindowModel(), rng)
        assert window.top >= 0
        assert window.left >= 0
        assert window.top + window.height <= 200
        assert window.left + window.width <= 333
        assert window.height >= 0.8 * 200 - 1


@pytest.mark.parametrize(
    ("windows", "changed"),
    [({"gamma": 0.5}, True), ({"swapped_share": 1.0}, False), ({"swapped_share": 0.0}, False)],
)
def test_windows_are_varied_before_they_are_spoiled(windows, changed):
    image = np.full((40, 40, 3), (40, 90, 160), np.uint8)
    model = WindowModel(saturation=(1.0, 1.0), **windows)
    exactly = ErrorModel(((1.0, 0.0, 0.0),), camera_share=0, black_share=0, balance=0, contrast=0)
    exactly = replace(exactly, noise_share=0, jpeg_share=0)
    examples = FromPhotographs(Photographs([image]), 32, 0, exactly, model)
    seen = set()
    for number in range(40):
        wrong, right = examples[number]
        np.testing.assert_array_equal(wrong, right)  # varied alike
        assert (right == right[0, 0]).all()
        seen.add(tuple(map(int, right[0, 0])))
    if changed:
        assert len(seen) > 30
        assert all(red < green < blue for red, green, blue in seen)
        assert min(green for _, green, _ in seen) < 80 < 100 < max(green for _, green, _ in seen)
    else:
        assert {tuple(sorted(colour)) for colour in seen} == {(40, 90, 160)}
        assert len(seen) == (6 if windows["swapped_share"] else 1)


@pytest.mark.parametrize("shape", [(10, 300), (300, 10), (64, 64), (1, 1), (500, 333)])
def test_whatever_shape_becomes_a_square(shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert pad_square(fit(image, 64)).shape == (64, 64, 3)


def test_held_out_photographs_are_not_trained_on(folder):
    training, validation = hold_out(find_photos(folder), 3)
    assert len(training) == 4
    assert len(validation) == 1
    assert not set(training) & set(validation)


def test_photographs_are_kept_small(folder):
    photographs = Photographs.read(find_photos(folder), 100)
    assert photographs.images[0].shape == (59, 100, 3)
    assert len(photographs.at_least(60)) == 0
    assert len(photographs.at_least(59)) == 5


def test_only_well_exposed_photographs_are_chosen(astronaut, folder):
    assert well_exposed(astronaut)
    for wrong in (astronaut // 3, 255 - (255 - astronaut) // 3, 80 + astronaut // 4):
        assert not well_exposed(wrong)
    Image.fromarray(astronaut // 3).save(folder / "dark.png")
    assert len(Photographs.read(find_photos(folder), 100, chosen=True)) == 5


def test_sizes_are_those_seen_upright(tmp_path, astronaut):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(astronaut[:100, :200]).save(path, exif=exif)
    assert size_of(path) == (200, 100) == decode(path).shape[:2]


def test_what_is_no_photograph_is_named(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("no photograph")
    for read in (size_of, decode):
        with pytest.raises(PhotoError, match=r"text\.jpg: cannot be read"):
            read(path)


@pytest.mark.parametrize(
    "name",
    [
        *("rocket", "coffee", "astronaut", "chelsea"),
        *("coffeedark", "coffeelow", "rocketbright", "chelseabright"),
    ],
)
def test_patches_are_accepted_as_in_the_release(name):
    known = np.load(DATA / "patch_accept.npz")
    source = next(n for n in ("rocket", "coffee", "astronaut", "chelsea") if name.startswith(n))
    image = known[f"{name}_table"][getattr(skimage.data, source)()]
    for (row, column), accepted, stats in zip(
        known[f"{name}_pos"], known[f"{name}_accept"], known[f"{name}_stats"], strict=True
    ):
        patch = image[row - 1 :, column - 1 :][:128, :128]
        assert patch.mean() / 255 == pytest.approx(stats[1], abs=1e-12)
        assert mean_gradient(patch) == pytest.approx(stats[2], abs=1e-12)
        assert acceptable(patch) == accepted


def test_no_patch_of_a_flat_or_small_image():
    rng = np.random.default_rng(0)
    assert draw_patch(np.full((300, 300, 3), 128, np.uint8), 128, rng) is None
    assert draw_patch(np.zeros((100, 300, 3), np.uint8), 128, rng) is None


@pytest.mark.parametrize("windows", [None, WindowModel()])
def test_both_images_of_a_pair_are_cut_alike(pairs, windows):
    examples = FromPairs(pairs, 64, seed=1, windows=windows, per_image=2)
    assert len(examples) == 6
    for number in range(6):
        wrong, right = examples[number]
        assert wrong.shape == right.shape == (64, 64, 3)
        np.testing.assert_allclose(wrong, right / 2, atol=2)


def test_a_pair_of_two_sizes_is_named(pairs, astronaut):
    Image.fromarray(astronaut[:100, :100]).save(pairs[1].reference)
    with pytest.raises(PhotoError, match=r"1\.png: is 300 x 200, its reference 1\.png 100 x 100"):
        load(pairs[1])


def test_written_patches_are_pairs_again(pairs, tmp_path):
    out = tmp_path / "patches"
    counts = [write_patches(out, 128, 2, 1, [pair]) for pair in pairs]
    assert counts == [(2, [])] * 3
    found = read_pairs(out)
    assert not found.problems
    assert len(found.pairs) == 6
    assert {pair.scene for pair in found.pairs} == {pair.scene for pair in pairs}
    for pair in found.pairs:
        wrong, right = load(pair)
        assert acceptable(right)
        np.testing.assert_array_equal(wrong, right // 2)


@pytest.fixture
def paper(tmp_path, astronaut):
    root = tmp_path / "set" / "training"
    for folder in ("INPUT_IMAGES", "GT_IMAGES"):
        (root / folder).mkdir(parents=True)
    for scene in ("a", "b"):
        Image.fromarray(astronaut[:300, :400]).save(root / "GT_IMAGES" / f"{scene}.png")
        for ev in ("N1", "P1.5"):
            Image.fromarray(astronaut[:300, :400] // 2).save(
                root / "INPUT_IMAGES" / f"{scene}_{ev}.png"
            )
    return tmp_path / "set"


def test_the_command_writes_the_papers_layout_in_any_order(paper, tmp_path, capsys):
    outs = [tmp_path / "one", tmp_path / "two"]
    for out, workers in zip(outs, "12", strict=True):
        call = ["patches", str(paper), "-o", str(out), "--size", "128", "--per-image", "2"]
        assert main([*call, "--workers", workers]) == 0
    one, two = (sorted(path.relative_to(out) for path in out.rglob("*.png")) for out in outs)
    assert one == two
    assert len(one) == 12  # 2 scenes x 2 patches x (2 exposures + 1 reference)
    for name in one:
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    found = read_pairs(outs[0])
    assert not found.problems
    assert [pair.scene for pair in found.pairs] == list("aaaabbbb")
    assert {pair.ev for pair in found.pairs} == {-1, 1.5}
    training, held_out = split_scenes(found.pairs, 2)
    assert {p.scene for p in training} == {"a"}
    assert {p.scene for p in held_out} == {"b"}


def test_the_command_names_what_it_leaves_out(paper, tmp_path, capsys):
    (paper / "training" / "INPUT_IMAGES" / "a_N1.png").write_bytes(b"no image")
    (paper / "training" / "INPUT_IMAGES" / "c_N1.png").write_bytes(b"no image")
    out = tmp_path / "out"
    assert main(["patches", str(paper), "-o", str(out), "--size", "128"]) == 1
    said = capsys.readouterr().err
    assert "a_N1.png" in said
    assert "c_N1.png: has no reference" in said
    assert {pair.scene for pair in read_pairs(out).pairs} == {"a", "b"}
    assert main(["patches", str(paper), "-o", str(out), "--size", "128"]) == 2
    assert "out: is not empty" in capsys.readouterr().err
    assert main(["patches", str(paper), "-o", str(tmp_path / "big"), "--size", "512"]) == 1
    assert "no patch" in capsys.readouterr().err
