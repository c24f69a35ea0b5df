from __future__ import annotations

import json

import pytest

from midtone.evaluation import tables
from midtone.evaluation.results import Protocol, Results, Row, Score

PROTOCOL = Protocol(experts=("a", "b"))


def row(method, image, group, psnr, milliseconds=1.0, ma=None):
    scores = {"a": Score(psnr, 0.5), "b": Score(psnr + 2, 0.7)}
    return Row(
        method=method,
        image=image,
        scene=image,
        ev=None,
        group=group,
        scores=scores,
        niqe=4.0,
        ma=ma,
        milliseconds=milliseconds,
    )


@pytest.fixture
def results():
    rows = (
        row("mine", "dark", "under", 10, 5), row("mine", "bright", "over", 20, 7),
        row("mine", "other", "over", 90, 900), row("input", "dark", "under", 1, ma=8.0),
        row("input", "bright", "over", 2, ma=8.0),
    )  # fmt: skip
    return Results(
        methods=("mine", "input", "absent"),
        rows=rows,
        problems=(),
        missing={"absent": "no weights"},
        weights={"mine": "ours"},
    )


def test_only_images_that_every_method_has_are_counted(results):
    lines = {(line.method, line.group): line for line in tables.summarise(results)}
    every = lines["mine", "all"]
    assert every.images == 2
    assert every.scores["a"].psnr == 15
    assert every.mean.psnr == 16
    assert every.mean.ssim == pytest.approx(0.6)
    assert every.milliseconds == 6
    assert lines["mine", "over"].scores["b"].psnr == 22
    assert lines["absent", "all"].scores == {}


def test_the_perceptual_index_needs_both_measures(results):
    lines = {line.method: line for line in tables.summarise(results) if line.group == "all"}
    assert lines["mine"].pi is None
    assert lines["input"].pi == 3.0


@pytest.mark.parametrize("name", tables.FORMATS)
def test_formats_have_the_same_figures(name, results):
    text = tables.FORMATS[name](tables.summarise(results), PROTOCOL)
    if name == "json":
        line = next(one for one in json.loads(text)["lines"] if one["group"] == "all")
        assert (line["method"], line["psnr"], line["weights"]) == ("mine", 16, "ours")
        return
    assert "mine (ours)" in text
    assert "15.00 / 0.500" in text
    assert "not available" in text


def test_published_rows_stand_below_their_method():
    lines = [
        tables.Line(method=name, group="over", images=1, scores=scores)
        for name, scores in (("HE", {"a": Score(1, 1)}), ("x", {}))
    ]
    merged = tables.with_published(lines, ("a",))
    assert merged[0].method == "HE"
    assert merged[1].row == "HE"
    assert merged[2].method == "x"
    assert len(merged) - len(lines) == len(tables.published(("a",)))
