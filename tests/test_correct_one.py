"""One file into another: its quality, what is left unchanged, what exists already."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import midtone
from midtone import photo
from midtone.batch.correct_one import correct_file, correct_one, plan_file
from midtone.batch.inputs import Job
from midtone.options import CorrectionOptions, FileOptions, OutputOptions


@pytest.fixture
def source(tmp_path, dark) -> Path:
    path = tmp_path / "dark.png"
    Image.fromarray(dark[:60, :80]).save(path)
    return path


@pytest.mark.parametrize(
    ("suffix", "options", "quality"),
    [
        ("jpg", {}, 95),
        ("avif", {}, 80),
        ("webp", {}, 95),
        ("webp", {"lossless": True}, 100),
        ("png", {}, None),
    ],
)
def test_the_quality_is_that_of_the_format_or_of_a_better_input(
    suffix, options, quality, tmp_path, dark, corrector
):
    source = tmp_path / f"a.{suffix}"
    Image.fromarray(dark[:60, :80]).save(source, **options)
    (result,) = midtone.correct_tree(source, tmp_path / "out", corrector=corrector).results
    assert result.quality == quality
    if options:
        assert b"VP8L" in (tmp_path / "out" / "a.webp").read_bytes()


def test_a_plan_is_that_of_the_correction(corrector, source):
    file = photo.open_file(source)
    planned, (_, corrected) = plan_file(corrector, file), correct_file(corrector, file)
    assert planned.exposure_error == corrected.exposure_error < 0


def test_a_photograph_below_min_error_is_unchanged(corrector, source, tmp_path):
    job = Job(source, tmp_path / "out.png")
    file = photo.open_file(source)
    assert correct_file(corrector, file, CorrectionOptions(min_error=9))[0] is None
    for least, dry, status in (
        (9, False, "unchanged"),
        (9, True, "unchanged"),
        (0.01, True, "planned"),
    ):
        options = FileOptions(CorrectionOptions(min_error=least))
        result = correct_one(corrector, options, job, dry_run=dry)
        assert result.status == status
        assert result.exposure_error < 0
    assert correct_one(corrector, FileOptions(), job, dry_run=True).exposure_error is None
    assert not job.target.exists()


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_result_that_exists_stays(corrector, source, tmp_path, dry_run):
    job = Job(source, tmp_path / "out.png")
    job.target.write_bytes(b"mine")
    for existing, status in (("fail", "failed"), ("skip", "skipped"), ("resume", "skipped")):
        options = FileOptions(output=OutputOptions(existing))
        result = correct_one(corrector, options, job, dry_run=dry_run)
        assert result.status == status
        assert (result.error is None) == (status == "skipped")
    assert job.target.read_bytes() == b"mine"


def test_a_target_that_cannot_be_looked_up_is_one_sentence(corrector, source, tmp_path):
    result = correct_one(corrector, FileOptions(), Job(source, tmp_path / ("a" * 300 + ".png")))
    assert result.status == "failed"
    assert "cannot be written (File name too long)" in result.error
