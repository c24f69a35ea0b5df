from __future__ import annotations

import dataclasses
import inspect
import io

import numpy as np
import pytest
from PIL import Image

import midtone
from midtone.options import CorrectionOptions, OutputOptions


def test_files_streams_and_arrays(tmp_path, dark):
    source, target = tmp_path / "dark.png", tmp_path / "fixed.png"
    Image.fromarray(dark).save(source)
    midtone.correct(source, target)
    written = np.asarray(Image.open(target))
    np.testing.assert_array_equal(written, midtone.correct(dark))
    stream = io.BytesIO()
    midtone.correct(source.read_bytes(), stream, format="png")
    np.testing.assert_array_equal(np.asarray(Image.open(stream)), written)
    half = midtone.correct(dark, strength=0.5)
    assert dark.mean() < half.mean() < written.mean()
    with pytest.raises(midtone.UsageError, match="give a target"):
        midtone.correct(source)
    with pytest.raises(midtone.UsageError, match="ndarray is no file: give no target"):
        midtone.correct(dark, target)


@pytest.mark.parametrize("name", ["png", "PNG", ".Png"])
def test_names_of_formats_in_any_case(name, dark):
    source, target = io.BytesIO(), io.BytesIO()
    Image.fromarray(dark).save(source, "JPEG")
    midtone.correct(source.getvalue(), target, format=name)
    assert Image.open(target).format == "PNG"


def test_a_suffix_and_another_format_are_refused(tmp_path, dark):
    source = tmp_path / "dark.png"
    Image.fromarray(dark).save(source)
    with pytest.raises(midtone.UsageError, match="differ; give one of them"):
        midtone.correct(source, tmp_path / "fixed.png", format="jpeg")
    midtone.correct(source, tmp_path / "fixed.jpg", format="jpg")


def test_nothing_is_overwritten_unless_asked(tmp_path, dark):
    source = tmp_path / "dark.png"
    Image.fromarray(dark).save(source)
    with pytest.raises(midtone.PhotoError, match="exists already"):
        midtone.correct(source, source)
    midtone.correct(str(source), str(source), overwrite=True)
    assert (np.asarray(Image.open(source)) != dark).any()


def test_the_software_tag_names_the_model(tmp_path, dark):
    target = tmp_path / "fixed.jpg"
    stream = io.BytesIO()
    Image.fromarray(dark).save(stream, "JPEG")
    midtone.correct(stream.getvalue(), target)
    tag = Image.open(target).getexif()[0x0131]
    assert tag.startswith(f"midtone {midtone.__version__} (model default ")
    midtone.correct(stream.getvalue(), target, overwrite=True, keep_software_tag=True)
    assert 0x0131 not in Image.open(target).getexif()


def test_keywords_are_the_fields_of_the_options():
    names = {
        field.name for kind in (CorrectionOptions, OutputOptions)
        for field in dataclasses.fields(kind)
    }  # fmt: skip
    keywords = set(inspect.signature(midtone.correct).parameters)
    assert keywords - {"image", "target", "model", "overwrite"} == names - {"existing", "min_error"}
