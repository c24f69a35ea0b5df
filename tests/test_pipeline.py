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
        ("[grid]\nnodes = 1", "2 to 256 nodes"),
        ("[grid]\nnodes = 100000", "2 to 256 nodes"),
        ("[grid]\ndepth = 1", "a depth of 2 to 256 nodes"),
        ("[grid]\nlambda_s = -1", "lambda_s of a grid must be at least 0"),
        ("[grid]\nlambda_s = inf", "lambda_s of a grid must be at least 0 and finite"),
        ("[grid]\nlambda_s = nan", "lambda_s of grid must be a number"),
        ('[grid]\nnodes = "a"', "nodes of grid must be a whole number, not 'a'"),
        ("[grid]\nwidth = 1", "unknown setting width of grid"),
        ("grid = 3", "grid must be a table"),
        ("postprocess = 3", "postprocess must be a list of steps"),
        ("[[postprocess]]\nhalf = 1", "unknown step in"),
        ('[[postprocess]]\nstep = "shrink_by_confidence"\nhelf = 1', "unknown setting helf"),
        ('[[postprocess]]\nstep = "shrink_by_confidence"\nhalf = "x"', "must be a number, not 'x'"),
        ("rotate_tta = 3", "rotate_tta of the pipeline must be true or false, not 3"),
        ("size = 100000", "from 1 to 4096, not 100000"),
        ('[[postprocess]]\nstep = "sharpen"', "unknown step in .*sharpen"),
        ("size = 0", "from 1 to 4096, not 0"),
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
