from __future__ import annotations

import json

import pytest

from midtone import postprocess
from midtone.bilateral_grid import GridConfig
from midtone.errors import UsageError
from midtone.pipeline import PAPER, PipelineConfig, choose_pipeline

OWN = PipelineConfig(
    levels=3, multiple=32, size=256, rotate_tta=True, grid=GridConfig(8, 8, 1000.0, 30.0),
    postprocess=postprocess.DEFAULT,
)  # fmt: skip


def test_a_configuration_survives_a_header():
    layout = PipelineConfig(levels=3, multiple=32)
    assert layout.override(json.loads(json.dumps(OWN.to_dict()))) == OWN


def test_the_paper_has_no_steps_and_its_own_grid():
    paper = choose_pipeline(OWN, "paper")
    assert (paper.size, paper.levels, paper.multiple) == (256, 3, 32)
    assert (paper.postprocess, paper.rotate_tta, paper.padding) == ((), False, "edge")
    assert paper.grid == GridConfig()
    assert set(PAPER) < set(OWN.to_dict())


def test_a_file_replaces_the_settings_that_it_names(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "rotate_tta = false\n[grid]\nnodes = 16\n"
        '[[postprocess]]\nstep = "shrink_by_confidence"\nhalf = 0.7\n'
    )
    mine = choose_pipeline(OWN, path)
    assert mine.grid == GridConfig(16, 8, 1000.0, 30.0)
    assert mine.postprocess == (postprocess.ShrinkByConfidence(0.7, 2.0),)
    assert (mine.size, mine.rotate_tta) == (256, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharpness = 1", "unknown pipeline settings sharpness"),
        ("levels = 2", "unknown pipeline settings levels"),
        ("= 1", "not a TOML file"),
        ("[grid]\nnodes = 1", "two nodes"),
        ("[grid]\nwidth = 1", "not usable as pipeline settings"),
        ('[[postprocess]]\nstep = "sharpen"', "unknown step sharpen"),
        ("size = 0", "must be positive"),
        ('padding = "zero"', "padding must be"),
    ],
)
def test_wrong_files_are_one_sentence(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        choose_pipeline(OWN, str(path))
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_pipelines_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no such pipeline; use default, paper"):
        choose_pipeline(OWN, "best")
    with pytest.raises(UsageError, match="cannot be read"):
        choose_pipeline(OWN, tmp_path / "none.toml")
    assert choose_pipeline(OWN, "default") is OWN
    assert choose_pipeline(PipelineConfig(), OWN) is OWN
