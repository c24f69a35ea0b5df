"""The annotations of the public names, as an application sees them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import midtone

TESTS = Path(__file__).parent


def test_mypy_accepts_a_client(tmp_path, monkeypatch):
    api = pytest.importorskip("mypy.api")
    monkeypatch.setenv("MYPYPATH", str(Path(midtone.__file__).parents[1]))
    monkeypatch.chdir(tmp_path)  # without the settings of this project
    arguments = ["--strict", "--python-executable", sys.executable, "--follow-imports=silent"]
    cache = ["--cache-dir", str(TESTS.parent / ".mypy_cache" / "client")]
    shown, problems, code = api.run([*arguments, *cache, str(TESTS / "client.py")])
    assert code == 0, shown + problems


def test_all_public_names_are_listed_and_found():
    assert dir(midtone) == sorted(midtone.__all__)
    for name in midtone.__all__:
        assert getattr(midtone, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        midtone.nothing  # noqa: B018
