from __future__ import annotations

import os

import pytest

from midtone import atomic


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted():
        with atomic.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    mask = os.umask(0o022)
    try:
        with atomic.replacing(tmp_path / "file"):
            pass
    finally:
        os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_leftovers_of_killed_runs_are_deleted(tmp_path):
    (tmp_path / "sub").mkdir()
    kept = [tmp_path / "photo.jpg", tmp_path / "notes.partial", tmp_path / ".hidden-file"]
    for path in (*kept, tmp_path / ".a.jpg-x1.partial", tmp_path / "sub" / ".b.jpg-x2.partial"):
        path.touch()
    assert atomic.sweep(tmp_path) == 2
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(kept)


def test_folders_are_made_and_errors_name_the_file(tmp_path):
    with atomic.replacing(tmp_path / "new" / "deep" / "file") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "new" / "deep" / "file").read_text() == "x"
    with (
        pytest.raises(NotADirectoryError, match="new/deep/file"),
        atomic.replacing(tmp_path / "new" / "deep" / "file" / "a"),
    ):
        pass
    long = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="name too long"), atomic.replacing(long):
        pass


def test_a_folder_that_refuses_is_an_error_of_the_file(tmp_path, monkeypatch):
    def refuse(**keywords):
        raise PermissionError(13, "Permission denied", "a temporary name")

    monkeypatch.setattr(atomic.tempfile, "mkstemp", refuse)
    with (
        pytest.raises(PermissionError, match="photo"),
        atomic.replacing(tmp_path / "photo.jpg"),
    ):
        pass
