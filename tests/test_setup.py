"""The wheel's tag says whether the compiled part is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compiler", "tag"), [("/bin/false", "py3-none-any"), (None, "cp311-abi3-")]
)
def test_the_tag(compiler, tag, tmp_path):
    if compiler is None and not shutil.which("cc"):
        pytest.skip("no compiler here")
    ignored = shutil.ignore_patterns("*.so", ".*", "build", "dist", "*.egg-info", "tests", "docs")
    shutil.copytree(ROOT, tmp_path / "midtone", ignore=ignored)
    environment = {**os.environ} | ({"CC": compiler} if compiler else {})
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel"],
        cwd=tmp_path / "midtone",
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    (wheel,) = (tmp_path / "midtone" / "dist").glob("*.whl")
    assert tag in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith((".so", ".pyd")) for name in names) == (compiler is None)
    assert ((done.stdout + done.stderr).count("13 times slower") == 1) == (compiler is not None)
