"""docs/paper.md, taken literally: six small RAW files and five made-up experts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("rawpy", reason="needs midtone[raw]")

import midtone
from dng import write_dng
from midtone.data.raw import develop
from midtone.network import NetworkConfig
from midtone.training.recipe import Recipe, Stage

GUIDE = Path(__file__).parents[1] / "docs" / "paper.md"
STEM = "a{:04d}-jmac_DSC{}"


def blocks(kind):
    """The shell blocks of the guide that are marked so."""
    pattern = rf"<!-- test: {kind} -->\n```sh\n(.*?)```"
    return re.findall(pattern, GUIDE.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def fivek(tmp_path, astronaut):
    from skimage import data

    sources = [astronaut, data.coffee(), data.chelsea(), data.rocket(), data.immunohistochemistry()]
    sources.append(np.ascontiguousarray(astronaut[::-1, ::-1]))
    folder = tmp_path / "fivek"
    (folder / "dng").mkdir(parents=True)
    for number, image in enumerate(sources, start=1):
        stem = STEM.format(number, 1400 + number)
        path = folder / "dng" / f"{stem}.dng"
        write_dng(path, np.asarray(Image.fromarray(image).resize((240, 160))), seed=number)
        good = develop(path.read_bytes()).render(0).pixels / 255
        for taste, expert in enumerate("abcde"):
            finished = np.rint(255 * good ** (0.8 + 0.1 * taste)).astype(np.uint8)
            target = folder / f"tiff16_{expert}" / f"{stem}.tif"
            target.parent.mkdir(exist_ok=True)
            Image.fromarray(finished).save(target)
    return folder


@pytest.mark.slow
def test_the_walk_ends_in_table_1(fivek, tmp_path):
    (settings,) = blocks("settings")
    names = re.findall(r"^(\w+)=", settings, re.MULTILINE)
    assert names == ["FIVEK", "OUT", "SIZE", "RECIPE"]
    stages = tuple(
        Stage(size=size, batch=2, steps=2, crops=None, longest_side=None) for size in (32, 64)
    )
    recipe = Recipe(stages=stages, network=NetworkConfig(2, (4, 4), (2, 2)))
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(recipe)))
    values = [str(fivek), str(tmp_path / "out"), "160", str(tmp_path / "recipe.json")]
    script = "\n".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    script += "\n" + "".join(blocks("run"))
    done = _run(script, tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    results = tmp_path / "out" / "results"
    assert any(results.iterdir())
    assert "over" in done.stdout
    assert "under" in done.stdout


def _run(script, folder):
    """Run in a shell in which ``midtone`` is this one."""
    command = folder / "bin" / "midtone"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m midtone.cli "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(midtone.__file__).parents[1]),
    }
    return subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
