from __future__ import annotations

import dataclasses

import pytest

from midtone import options
from midtone.cli import main
from midtone.errors import UsageError
from midtone.options import (
    CorrectionOptions,
    FileOptions,
    InputOptions,
    OutputOptions,
    file_options,
)  # fmt: skip

KINDS = (CorrectionOptions, InputOptions, OutputOptions)


def test_every_option_has_help():
    names = [field.name for kind in KINDS for field in dataclasses.fields(kind)]
    assert len(names) == len(set(names))
    for kind in KINDS:
        for field in dataclasses.fields(kind):
            assert field.metadata["help"]
            assert f"    {field.name}:" in kind.__doc__


def test_every_option_has_its_flag(capsys):
    with pytest.raises(SystemExit):
        main(["fix", "--help"])
    shown = capsys.readouterr().out
    for kind in KINDS:
        for field in dataclasses.fields(kind):
            if field.name != "existing":  # --overwrite, --skip, --resume
                assert f"--{field.name.replace('_', '-')}" in shown


@pytest.mark.parametrize(
    ("name", "format"),
    [("jpeg", "JPEG"), ("JPG", "JPEG"), ("heic", "HEIF"), ("Tif", "TIFF"), ("webp", "WEBP")],
)
def test_formats_have_the_same_names_everywhere(name, format):
    assert OutputOptions(format=name).format == format


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strength": 2}, "strength must lie within 0 and 1.5, not 2"),
        ({"strength": float("nan")}, "strength"),
        ({"quality": 0}, "quality must lie within 1 and 100, not 0"),
        ({"existing": "ask"}, "existing must be one of fail, skip, resume, overwrite, not ask"),
        ({"format": "bmp"}, "format must be one of jpeg"),
        ({"max_megapixels": -1}, "max_megapixels must lie 0 up"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        file_options(values)


def test_options_are_taken_from_parsed_flags():
    found = file_options({"strength": 0.5, "quality": 80, "verb": "fix"})
    assert found == FileOptions(CorrectionOptions(0.5), output=OutputOptions(quality=80))
    assert options.from_mapping(InputOptions, {}) == InputOptions()
