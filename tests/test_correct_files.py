"""Trees of files through `midtone.correct_tree`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import midtone
from midtone.options import FileOptions, InputOptions, OutputOptions


@pytest.fixture
def tree(tmp_path, dark) -> Path:
    """Good files at two depths, and bad ones between them."""
    root = tmp_path / "shoot"
    (root / "day" / "two").mkdir(parents=True)
    small = Image.fromarray(dark[:120, :160])
    small.save(root / "a.jpg")
    small.save(root / "day" / "b.png")
    small.save(root / "day" / "two" / "a.jpg")
    (root / "notes.txt").write_text("no photograph, left alone")
    (root / ".hidden.jpg").write_bytes(b"")
    (root / "text.jpg").write_text("not an image")
    (root / "empty.jpg").write_bytes(b"")
    whole = (root / "a.jpg").read_bytes()
    (root / "day" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    return root


@pytest.mark.parametrize("workers", [1, 3])
def test_trees_are_mirrored_and_failures_named(tree, tmp_path, corrector, workers):
    out = tmp_path / "out"
    seen = []
    report = midtone.correct_tree(
        tree, out, corrector=corrector, workers=workers, progress=seen.append
    )
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert written == {"a.jpg", "day/b.png", "day/two/a.jpg"}
    assert {result.source.name for result in report.failed} == {"text.jpg", "empty.jpg", "half.jpg"}
    assert len(seen) == len(report.results) == 6
    for result in report.failed:
        assert str(result.source) in (result.error or "")
        assert "\n" not in (result.error or "")
    assert all(result.exposure_error < 0 for result in report.results if not result.error)


def test_a_second_run_overwrites_nothing(tree, tmp_path, corrector):
    out = tmp_path / "out"
    midtone.correct_tree(tree, out, corrector=corrector)
    (out / "a.jpg").write_bytes(b"mine")
    report = midtone.correct_tree(tree, out, corrector=corrector)
    assert len(report.failed) == 6
    assert (out / "a.jpg").read_bytes() == b"mine"
    report = midtone.correct_tree(
        tree, out, corrector=corrector, options=FileOptions(output=OutputOptions("overwrite"))
    )
    assert len(report.failed) == 3
    assert midtone.read(out / "a.jpg").size == (160, 120)


def test_output_inside_the_source_is_not_corrected_again(tree, corrector):
    out = tree / "corrected"
    for existing in ("fail", "overwrite"):
        options = FileOptions(output=OutputOptions(existing))
        report = midtone.correct_tree(tree, out, corrector=corrector, options=options)
        assert len(report.results) == 6


def test_a_read_only_output_is_one_sentence(tree, tmp_path, corrector):
    blocked = tmp_path / "out"
    blocked.mkdir()
    (blocked / "day").write_text("a file where a folder is needed")
    report = midtone.correct_tree([tree], blocked, corrector=corrector)
    errors = {result.source.name: result.error for result in report.results}
    assert errors["a.jpg"] is None or "cannot be written" in errors["a.jpg"]
    assert "cannot be written" in (errors["b.png"] or "")
    assert not list(tmp_path.rglob("*.partial"))


def test_results_do_not_depend_on_the_number_of_workers(tmp_path, dark, corrector):
    source = tmp_path / "in"
    source.mkdir()
    for number in range(4):
        Image.fromarray(np.roll(dark[:100, :150], 10 * number, 1)).save(source / f"{number}.png")
    outs = []
    for workers in (1, 4):
        out = tmp_path / f"out{workers}"
        midtone.correct_tree(source, out, corrector=corrector, workers=workers)
        outs.append([np.asarray(Image.open(path)) for path in sorted(out.iterdir())])
    np.testing.assert_array_equal(*outs)


def test_raw_files_beside_jpegs_are_as_the_options_say(raws, tmp_path, dark, corrector):
    pytest.importorskip("rawpy")
    source = tmp_path / "in"
    source.mkdir()
    shutil.copy(raws / "scene0.dng", source / "a.dng")
    Image.fromarray(dark[:60, :80]).save(source / "a.jpg")
    for rule, expected in (("also", {"a.jpg", "a.dng.jpg"}), ("prefer", {"a.jpg"})):
        out = tmp_path / rule
        options = FileOptions(input=InputOptions(raw=rule))
        report = midtone.correct_tree(source, out, corrector=corrector, options=options)
        assert {path.name for path in out.iterdir()} == expected
        assert {result.source.suffix for result in report.results} >= {".dng"}
