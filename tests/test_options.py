"""Options: their limits, their flags, and what they take."""

from __future__ import annotations

import dataclasses

import numpy as np
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
        ({"strength": 2}, "strength must be from 0 to 1.5, not 2"),
        ({"strength": float("nan")}, "strength"),
        ({"quality": 0}, "quality must be from 1 to 100, not 0"),
        ({"strength": "a"}, "strength must be a number, not 'a'"),
        ({"strength": None}, "strength must be a number, not None"),
        ({"strength": True}, "strength must be a number, not True"),
        ({"fusion": "no"}, "fusion must be true or false, not 'no'"),
        ({"scales": 3}, "scales must be numbers, not 3"),
        ({"scales": [1, "a"]}, "scales must be numbers"),
        ({"quality": 50.5}, "quality must be a whole number, not 50.5"),
        ({"salvage": 1}, "salvage must be true or false, not 1"),
        ({"existing": "ask"}, "existing must be one of fail, skip, resume, overwrite, not ask"),
        ({"format": "bmp"}, "format must be one of jpeg"),
        ({"max_megapixels": -1}, "max_megapixels must be at least 0, not -1"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        file_options(values)


@pytest.mark.parametrize("given", [[1.5, 1], np.array([1.5, 1]), (1.5, 1.0)])
def test_scales_are_any_sequence(given):
    options = CorrectionOptions(scales=given)
    assert options.scales == (1.5, 1)
    assert hash(options) == hash(CorrectionOptions(scales=(1.5, 1)))


def test_options_are_taken_from_parsed_flags():
    found = file_options({"strength": 0.5, "quality": 80, "verb": "fix"})
    assert found == FileOptions(CorrectionOptions(0.5), output=OutputOptions(quality=80))
    assert options.from_mapping(InputOptions, {}) == InputOptions()
