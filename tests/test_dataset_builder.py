from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from midtone.cli import main
from midtone.data import dataset_builder, scenes
from midtone.data.pairs import read_pairs
from midtone.data.synthesize import measured_curve

pytest.importorskip("rawpy", reason="needs midtone[raw]")

from midtone.data.raw import develop


def render(raws, out, *more, code=0):
    assert main(["render", str(raws), "-o", str(out), *more]) == code


def images(folder):
    """Contents of the images below a folder, by their path."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.png")}


def test_a_rendered_set_has_the_papers_layout(raws, tmp_path):
    out = tmp_path / "pairs"
    render(raws, out, "--format", "png", "--workers", "2")
    found = read_pairs(out)
    assert not found.problems
    assert len(found.pairs) == 30
    assert {pair.ev for pair in found.pairs} == set(scenes.PAPER_EVS)
    by_split = {s: {p.scene for p in found.of(s)} for s in ("training", "validation", "testing")}
    assert all(by_split.values())
    assert sum(map(len, by_split.values())) == 6  # no scene in two
    entries = dataset_builder.read_manifest(out / "manifest.jsonl")
    assert len(entries) == 30
    assert {e["file"] for e in entries} == {
        p.input.relative_to(out).as_posix() for p in found.pairs
    }
    good = next(p for p in found.pairs if p.ev == 0)
    assert good.input.read_bytes() == good.reference.read_bytes()
    with Image.open(next(p for p in found.pairs if p.ev == -1).input) as dark:
        assert dark.size == (240, 160)
        assert dark.getexif()[0x0110].strip("\0") == "test camera"
    assert {e["camera"] for e in entries} == {"midtone test camera"}

    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.png")}
    render(raws, out, "--format", "png")  # nothing left to do
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.png")} == before


def test_shards_are_disjoint_and_whole(raws, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    render(raws, whole, "--format", "png")
    for part in ("1/3", "2/3", "3/3"):
        render(raws, parts, "--format", "png", "--shard", part)
    assert images(whole) == images(parts)
    entries = [
        entry["file"]
        for number in (1, 2, 3)
        for entry in dataset_builder.read_manifest(parts / f"manifest-{number}-of-3.jsonl")
    ]
    assert len(entries) == len(set(entries)) == 30


def test_what_is_left_out_is_named_and_the_rest_done(raws, tmp_path, capsys):
    mixed = tmp_path / "mixed"
    shutil.copytree(raws, mixed)
    (mixed / "scene1.dng").write_bytes((raws / "scene1.dng").read_bytes()[:9000])
    (mixed / "scene2.nef").write_bytes(b"no RAW at all")
    Image.new("RGB", (20, 20)).save(mixed / "photo.jpg")
    (mixed / "again").mkdir()
    shutil.copy(raws / "scene0.dng", mixed / "again" / "scene0.dng")
    out = tmp_path / "pairs"
    render(mixed, out, "--format", "png", code=1)
    errors = capsys.readouterr().err
    assert "photo.jpg: not a camera RAW file" in errors
    assert "scene0.dng: " in errors
    assert "is of the same scene; left out" in errors
    assert "scene2.nef: " in errors
    assert len({p.scene for p in read_pairs(out).pairs}) >= 4
    assert not list(out.rglob("*.partial"))


def test_experts_are_found_fitted_and_misfits_left_out(raws, tmp_path, capsys):
    folder = tmp_path / "expert c"
    folder.mkdir()
    for number in range(5):
        developed = develop((raws / f"scene{number}.dng").read_bytes()).render(0).pixels
        finish = np.rint(255 * (developed / 255) ** 0.9).astype(np.uint8)
        if number == 1:
            finish = np.roll(finish, 12, 1)
        if number == 2:
            finish = finish[:, :160]
        size = (480, 320) if number != 2 else (320, 320)
        Image.fromarray(finish).resize(size).save(folder / f"scene{number}.tif")
    shutil.copy(folder / "scene0.tif", folder / "other.tif")
    out = tmp_path / "pairs"
    render(raws, out, "--format", "png", "--expert", f"c={folder}", code=1)
    errors = capsys.readouterr().err
    assert "other.tif: expert c has a scene that has no source" in errors
    assert "scene5.dng: expert c has no rendering of it" in errors
    assert "scene1.dng: expert c's rendering does not fit: it is shifted" in errors
    assert "scene2.dng: expert c's rendering does not fit: its shape is another one" in errors
    found = read_pairs(out)
    assert {p.scene for p in found.pairs} == {"scene0", "scene3", "scene4"}
    assert all(set(p.references) >= {"reference"} for p in found.pairs)
    assert Image.open(found.pairs[0].reference).size == (240, 160)


def test_a_full_disk_is_reported(raws, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scenes.photo, "write", full)
    render(raws, tmp_path / "pairs", code=1)
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert dataset_builder.read_manifest(tmp_path / "pairs" / "manifest.jsonl") == []


def test_synthesized_sets_and_their_map(tmp_path, astronaut, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        part = astronaut[number * 60 : number * 60 + 200, number * 50 : number * 50 + 260]
        Image.fromarray(part).save(photos / f"p{number}.png")
    out = tmp_path / "pairs"
    call = ["synthesize", str(photos), "-o", str(out), "--format", "png", "--size", "128"]
    assert main(call) in (0, 1)  # overlapping parts may count as near-duplicates
    found = read_pairs(out)
    assert len(found.pairs) == 20
    for pair in found.pairs:
        right, wrong = (np.asarray(Image.open(p)) for p in (pair.reference, pair.input))
        np.testing.assert_array_equal(
            wrong, np.rint(measured_curve(pair.ev)).astype(np.uint8)[right]
        )
    pytest.importorskip("sklearn")
    capsys.readouterr()
    assert main(["explore", str(out), "-o", str(tmp_path / "map.png"), "--thumbnails"]) == 0
    rows = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith(("| -", "| +"))
    ]
    luma = [float(row.split("|")[3]) for row in rows]
    assert len(luma) == 5
    assert luma == sorted(luma)
    assert Image.open(tmp_path / "map.png").size[0] > 500
    assert main(["explore", str(out), "-o", str(tmp_path / "map.png")]) == 2


def test_given_splits_and_small_sizes(tmp_path, astronaut, capsys):
    photos, path = tmp_path / "photos", tmp_path / "splits.csv"
    photos.mkdir()
    for number in range(3):
        Image.fromarray(astronaut[number * 100 :][:200, :300]).save(photos / f"p{number}.png")
    path.write_text("scene,split\np0,testing\np1,training\nother,training\n")
    out = tmp_path / "pairs"
    call = ["synthesize", str(photos), "-o", str(out), "--format", "png", "--size", "150"]
    assert main([*call, "--evs=-1,1", "--splits", str(path)]) == 1
    found = read_pairs(out)
    assert {(pair.scene, pair.split) for pair in found.pairs} == {
        ("p0", "testing"),
        ("p1", "training"),
    }
    errors = capsys.readouterr().err
    assert "p2.png: has no split; left out" in errors
    assert "1 of 3 scenes with a split have no source" in errors
    assert "--size 150: a photograph of 3 : 2 becomes 150 x 100 px" in errors
    assert "4 of 4 images are smaller than 512 px on a side" in errors


def test_wrong_usage_is_refused(raws, tmp_path, capsys):
    for more, message in [
        (["--evs", "x"], "--evs takes numbers"),
        (["--target", "expert"], "needs --expert"),
        (["--expert", "z=/"], "takes a letter"),
        (["--shard", "3/2"], "a shard is"),
        (["--evs", "nan"], "--evs takes numbers from -10 to 10"),
        (["--evs", "0,99"], "--evs takes numbers from -10 to 10"),
        (["--expert", "a"], "takes a letter of a to e and a folder, not a"),
        (["--size", "-1"], "--size must be at least 0, not -1"),
        (["--quality", "101"], "--quality must be from 1 to 100, not 101"),
        (["--splits", "none.csv"], "none.csv: cannot be read as splits (No such file"),
    ]:
        render(raws, tmp_path / "out", *more, code=2)
        assert message in capsys.readouterr().err
    render(tmp_path / "none", tmp_path / "out", code=2)


def test_a_set_inside_its_source_is_no_source(tmp_path, astronaut, capsys):
    Image.fromarray(astronaut[:200, :300]).save(tmp_path / "a.png")
    (tmp_path / "a\nb.png").write_bytes(b"no image")
    call = ["synthesize", str(tmp_path), "--size", "64", "--evs", "1", "-o"]
    for _ in range(2):
        assert main([*call, str(tmp_path / "pairs")]) == 1
        assert len(read_pairs(tmp_path / "pairs").pairs) == 1
        said = capsys.readouterr().err.splitlines()
        assert said[-1].startswith(f"midtone: {tmp_path}/a\\nb.png: not a readable")
    assert main([*call, str(tmp_path)]) == 2
    assert "needs a folder of its own" in capsys.readouterr().err
    assert main([*call, str(tmp_path / "a.png")]) == 1
    assert "a.png: is a file, not a folder" in capsys.readouterr().err
    assert main(["synthesize", str(tmp_path / "a.png"), "-o", str(tmp_path / "out")]) == 2
    assert "a.png: is a file, not a folder" in capsys.readouterr().err


def test_maps_are_pictures(tmp_path, capsys):
    assert main(["explore", str(tmp_path), "-o", str(tmp_path / "map.txt")]) == 2
    assert "map.txt: a map ends in .png" in capsys.readouterr().err


_KILLED = "MIDTONE_TEST_KILLED"


def _dies_once(out, settings, scene):
    """As ``from_raw``, but the first worker that gets scene3 is killed in the middle of it."""
    mark = os.environ[_KILLED]
    if scene.name == "scene3" and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), 9)
    return scenes.from_raw(out, settings, scene)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_a_killed_worker_loses_and_doubles_nothing(raws, tmp_path, monkeypatch, kind):
    if kind == "dask":
        pytest.importorskip("distributed")
    monkeypatch.setenv(_KILLED, str(tmp_path / "mark"))
    planned, problems = dataset_builder.plan(raws.glob("*.dng"), {}, 1)
    settings = scenes.Settings(format="png")
    entries, failed = dataset_builder.build(
        planned, tmp_path / "out", _dies_once, settings, workers=2, backend=kind
    )
    assert not problems + failed
    assert (tmp_path / "mark").exists()
    files = [entry["file"] for entry in entries]
    assert len(files) == len(set(files)) == 30
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["file"] for line in lines) == sorted(files)
    dataset_builder.build(planned, tmp_path / "one", scenes.from_raw, settings)
    assert images(tmp_path / "one") == images(tmp_path / "out")
