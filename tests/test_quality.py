"""benchmarks/quality.py and its parts on small made-up sets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import development_sets
import quality
from held_out import Entry, Face, HeldOut, by_group, read_list
from midtone.data.synthesize import expose
from midtone.evaluation import tone


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory, astronaut):
    folder, good = tmp_path_factory.mktemp("data"), astronaut[:120, 150:330]
    dark, bright = expose(good, -1.5), expose(good, 1.5)
    save(folder / "kodak" / "one.png", good)
    save(folder / "fivek" / "input" / "a.png", dark)
    save(folder / "fivek" / "reference" / "a.png", good)
    for name, picture in (("s_N1", dark), ("s_0", good), ("s_P1.5", bright)):
        save(folder / "msec" / "input" / f"{name}.png", picture)
        save(folder / "msec" / "reference" / f"{name}.png", good)
    for name, picture in (("s_under", dark), ("s_over", bright)):
        save(folder / "brackets" / "input" / f"{name}.png", picture)
    save(folder / "brackets" / "reference" / "s.png", good)
    (folder / "brackets" / "pairs.csv").write_text(
        "input,reference,kind\ns_under.png,s.png,under\ns_over.png,s.png,over\n"
    )
    return folder


def test_the_sets_come_in_their_order_and_groups(data):
    found = list(development_sets.examples(data))
    assert [(example.set, example.group) for example in found] == [
        ("fivek", "as shot"),
        ("msec", "0 EV"),
        ("msec", "under"),
        ("msec", "over"),
        ("brackets", "under"),
        ("brackets", "over"),
        *(("kodak", f"{ev} EV") for ev in ("-1.5", "-1", "0", "+1", "+1.5")),
    ]
    assert np.array_equal(found[8].image, found[8].reference)
    assert found[6].image.mean() < found[6].reference.mean() < found[10].image.mean()


def test_pairs_are_measured_by_set_and_group(data):
    methods = {"input": np.copy, "same": np.copy, "black": np.zeros_like}
    figures = quality.measure_pairs(data, methods, quick=False)
    assert figures["input"]["kodak, 0 EV"] == quality.EQUAL
    assert figures["same"]["kodak, 0 EV, SSIM"] == pytest.approx(1)
    assert "kodak, 0 EV, SSIM" not in figures["input"]
    assert figures["input"]["kodak as it is, changed by > 0.5 EV"] == 0
    assert figures["black"]["kodak as it is, changed by > 0.5 EV"] == 100
    errors = [figures["input"][f"kodak, {ev} EV"] for ev in ("-1.5", "-1", "+1", "+1.5")]
    assert figures["input"]["kodak, four errors"] == pytest.approx(np.mean(errors))
    assert figures["input"]["fivek, as shot"] > figures["black"]["fivek, as shot"]
    quick = quality.measure_pairs(data, methods, quick=True)
    assert quick["same"].keys() == quick["input"].keys() == figures["input"].keys()


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut):
    folder = tmp_path_factory.mktemp("photos")
    blown = astronaut[:200, 100:400].copy()
    blown[:60, :80] = 255
    save(folder / "a.png", blown)
    return folder


ENTRIES = [
    Entry("a.png", "s", "leave_alone", "portrait"),
    Entry("a.png", "s", "white", ""),
    Entry("a.png", "s", "on_white", "product"),
    Entry("a.png", "s", "backlight", ""),
    Entry("a.png", "s", "made", ""),
    Entry("a.png", "s", "skin", "", (75, 60, 90, 120)),
]


def darken(picture: np.ndarray) -> np.ndarray:
    return picture // 3


def test_a_method_that_changes_nothing(photos):
    held_out = HeldOut(photos, ENTRIES, np.copy)
    figures, changes, faces = quality.measure_photographs(held_out)
    assert figures["leave alone, mean change"] == 0
    assert figures["white, median"] == pytest.approx(255, abs=0.01)
    assert figures["on white, median"] >= 250
    assert figures["backlight, dark part"] == 0
    assert figures["backlight made, error of the dark part"] > 0.8
    assert figures["backlight made, change of the bright part"] < 0.3
    assert [change.group for change in changes] == ["portrait", "product on white"]
    (face,) = faces
    assert face.errors[0] == 0
    assert face.errors[1] < -0.5 < 0.5 < face.errors[2]


def test_a_method_that_darkens(photos):
    figures, changes, faces = quality.measure_photographs(HeldOut(photos, ENTRIES, darken))
    assert figures["leave alone, changed by > 0.5 EV"] == 100
    assert figures["white, median"] < 250
    assert figures["backlight, dark part"] < 0
    assert changes[0].ev < -0.5
    assert faces[0].errors[0] < -0.5


def test_each_photograph_is_corrected_once_as_it_is(photos):
    calls = []

    def count(picture: np.ndarray) -> np.ndarray:
        calls.append(picture.tobytes())
        return picture

    held_out = HeldOut(photos, ENTRIES, count)
    quality.measure_photographs(held_out)
    quality.sheet_of_changes(held_out, list(held_out.leave_alone()), 2)
    assert len(calls) == len(set(calls))


def test_the_gallery_begins_with_photographs_that_were_badly_exposed(photos):
    entries = [*ENTRIES, Entry("a.png", "s", "badly_exposed", "dark")]
    drawn = quality.gallery(HeldOut(photos, entries, np.zeros_like), 2)
    image = HeldOut(photos, entries, np.copy).image("a.png")
    small = drawn[:112, :168].astype(int)
    reduced = Image.fromarray(image).resize((168, 112), Image.Resampling.LANCZOS)
    assert np.abs(small - np.asarray(reduced)).mean() < 3
    assert (drawn[:100, 174 : 174 + 168] == 0).all()
    assert drawn.shape == (112 + 6, 4 * (168 + 6), 3)
    assert quality.before_after([photos / "a.png"], np.copy).shape == (200 + 6, 2 * 306, 3)


def test_groups_of_skin_are_means_of_their_faces():
    faces = [Face("a", "tan", (0.0, 1.0, 2.0)), Face("b", "tan", (1.0, 0.0, 0.0))]
    faces.append(Face("c", "dark", (3.0, 3.0, 3.0)))
    means = by_group(faces)
    assert list(means) == ["tan", "dark"]
    assert means["tan"].tolist() == [0.5, 0.5, 1.0]
    assert "| tan | 2 | +0.50 +- 0.50 |" in quality.table_of_skin(faces)


def test_the_table_has_goals_and_peers():
    text = quality.table({"mine": {"fivek, as shot": 19.5, "kodak, four errors": 25.0}})
    assert "| fivek, as shot, dB | 19.50 ! | 20.6 CoTF | 18.1 | 20.0 | 22 |" in text
    assert "| kodak, four errors, dB | 25.00 | " in text
    assert "msec" not in text


def test_the_list_is_what_the_goals_ask_for():
    entries = read_list()
    assert len(set(entries)) == len(entries)
    by_test = {test: [e for e in entries if e.test == test] for test in {e.test for e in entries}}
    assert len(by_test["leave_alone"]) >= 150
    assert len(by_test["skin"]) >= 100
    assert all(entry.box for entry in by_test["skin"])
    kinds = {entry.group for entry in by_test["leave_alone"]}
    assert kinds >= {"high key", "low key", "night", "snow", "fog", "sunset", "document"}
    assert tone.SKIN_GROUPS.keys() >= {"light", "dark"}


def test_the_program_from_the_command_line(data, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quality, "read_list", lambda: ENTRIES)
    out, sheet = tmp_path / "out.json", tmp_path / "sheet.jpg"
    arguments = ["--data", data, "--photos", photos, "--quick", "--out", out]
    arguments += ["--contact-sheet", sheet]
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, arguments)])
    assert quality.main() == 0
    assert "| kodak, four errors, dB |" in capsys.readouterr().out
    assert json.loads(out.read_text())["figures"]["default"]["fivek, as shot"] > 10
    assert (tmp_path / "sheet-default.jpg").exists()
