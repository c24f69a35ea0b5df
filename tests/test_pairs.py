from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.pairs import format_ev, parse_name, read_pairs, split_scenes
from midtone.errors import UsageError

CODES = ("N1.5", "N1", "0", "P1", "P1.5")


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


@pytest.fixture
def paper(tmp_path):
    for split, scenes in (("training", "abc"), ("validation", "d"), ("testing", "ef")):
        inputs = [f"{scene}_{code}.JPG" for scene in scenes for code in CODES]
        touch(tmp_path / split / "INPUT_IMAGES", *inputs)
        references = [f"{scene}.jpg" for scene in scenes]
        folders = [f"expert_{expert}_testing_set" for expert in "abcde"]
        for name in folders if split == "testing" else ["GT_IMAGES"]:
            touch(tmp_path / split / name, *references)
    return tmp_path


def test_the_papers_layout(paper):
    found = read_pairs(paper)
    assert not found.problems
    assert [len(found.of(split)) for split in ("training", "validation", "testing")] == [15, 5, 10]
    pair = found.of("training")[0]
    assert (pair.scene, pair.ev) == ("a", 0.0)
    assert pair.reference == paper / "training" / "GT_IMAGES" / "a.jpg"
    assert list(found.of("testing")[0].references) == ["a", "b", "c", "d", "e"]
    assert {pair.ev for pair in found.pairs} == {-1.5, -1.0, 0.0, 1.0, 1.5}
    assert read_pairs(paper / "testing").pairs == found.of("testing")


def test_the_plain_layout(tmp_path):
    touch(tmp_path / "input", "one.jpg", "two_N1.png", "three.jpg", "note.txt")
    touch(tmp_path / "reference", "one.png", "two_N1.png", "four.png")
    found = read_pairs(tmp_path)
    assert [(pair.scene, pair.ev) for pair in found.pairs] == [("one", None), ("two", -1.0)]
    assert sorted(found.problems) == [
        f"{tmp_path / 'input' / 'three.jpg'}: has no reference of that name",
        f"{tmp_path / 'reference' / 'four.png'}: has no input",
    ]


def test_what_is_missing_is_named(paper):
    testing = paper / "testing"
    (testing / "expert_b_testing_set" / "e.jpg").unlink()
    (testing / "INPUT_IMAGES" / "odd.JPG").touch()
    touch(testing / "expert_c_testing_set", "g.jpg", "f.png")
    found = read_pairs(paper)
    assert sum("has no reference in expert_b_testing_set" in p for p in found.problems) == 5
    assert any("odd.JPG: its name does not end" in p for p in found.problems)
    assert any("g.jpg: has no input" in p for p in found.problems)
    assert any("f.png: f.jpg has the same name" in p for p in found.problems)
    assert [p.references.keys() for p in found.of("testing")][:1] == [{"a", "c", "d", "e"}]


@pytest.mark.parametrize("folders", [[], ["input"], ["training/INPUT_IMAGES"]])
def test_folders_without_pairs_are_refused(tmp_path, folders):
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(UsageError, match=r"no pairs here|not a single pair"):
        read_pairs(tmp_path)


def test_scenes_are_never_split(paper):
    training, held_out = split_scenes(read_pairs(paper).pairs, 2)
    assert {pair.scene for pair in training} == set("ace")
    assert {pair.scene for pair in held_out} == set("bdf")
    assert len(training) + len(held_out) == 30


@given(st.from_regex(r"[\w .-]{1,20}", fullmatch=True), st.integers(-40, 40).map(lambda n: n / 10))
def test_names_say_scene_and_ev(scene, ev):
    assert parse_name(f"{scene}_{format_ev(ev)}") == (scene, ev)


def test_names_of_another_form_have_no_ev():
    assert parse_name("a0001") is None
    assert parse_name("a0001_1") is None
