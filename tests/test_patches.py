from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from midtone.cli import main
from midtone.data.crops import is_acceptable
from midtone.data.pairs import read_pairs, split_scenes
from midtone.data.patches import write_patches
from midtone.data.photographs import decode_pair


@pytest.fixture
def pairs(tmp_path, astronaut):
    for number in range(3):
        target = np.roll(astronaut[:200, :300], 70 * number, 1)
        for name, image in (("input", target // 2), ("reference", target)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    return read_pairs(tmp_path).pairs


def test_written_patches_are_pairs_again(pairs, tmp_path):
    out = tmp_path / "patches"
    counts = [write_patches(out, 128, 2, 1, [pair]) for pair in pairs]
    assert counts == [(2, [])] * 3
    found = read_pairs(out)
    assert not found.problems
    assert len(found.pairs) == 6
    assert {pair.scene for pair in found.pairs} == {pair.scene for pair in pairs}
    for pair in found.pairs:
        source, target = decode_pair(pair)
        assert is_acceptable(target)
        np.testing.assert_array_equal(source, target // 2)


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
    errors = capsys.readouterr().err
    assert "a_N1.png" in errors
    assert "c_N1.png: has no reference" in errors
    assert {pair.scene for pair in read_pairs(out).pairs} == {"a", "b"}
    assert main(["patches", str(paper), "-o", str(out), "--size", "128"]) == 2
    assert "out: is not empty" in capsys.readouterr().err
    assert main(["patches", str(paper), "-o", str(tmp_path / "big"), "--size", "512"]) == 1
    assert "no patch" in capsys.readouterr().err
