from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from safetensors import SafetensorError

from midtone.errors import Error, UsageError
from midtone.training import pack
from midtone.training.pack import main, read_pack, write_pack

GOOD = [True, False, True, True]


@pytest.fixture
def images(astronaut):
    return [np.ascontiguousarray(astronaut[: 100 + n : 2, ::4]) for n in range(4)]


def test_a_pack_returns_its_photographs(images, tmp_path):
    path = tmp_path / "photographs.pack"
    quality, size = write_pack(images, GOOD, path)
    assert quality == 95
    assert path.stat().st_size == size
    found, good = read_pack(path)
    assert good == GOOD
    for one, two in zip(images, found, strict=True):
        assert one.shape == two.shape
        assert np.abs(one.astype(int) - two).mean() < 5


def test_a_limit_costs_quality_and_is_kept(images, tmp_path):
    path = tmp_path / "photographs.pack"
    _, large = write_pack(images, GOOD, path)
    limit = 4096 + (large - 500) // 2
    quality, size = write_pack(images, GOOD, path, limit)
    assert quality < 95
    assert size <= limit
    with pytest.raises(UsageError, match="4 photographs do not fit"):
        write_pack(images, GOOD, path, 5000)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "photographs.pack"
    path.write_bytes(b"no pack")
    with pytest.raises(UsageError, match="not a pack of photographs"):
        read_pack(path)


def test_the_command_packs_what_can_be_a_target(tmp_path, astronaut, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(astronaut[:90, :120]).save(folder / "good.png")
    Image.fromarray(astronaut[:90, :120] // 4).save(folder / "dark.png")
    (folder / "broken.jpg").write_text("no photograph")
    out = tmp_path / "photographs.pack"
    assert main([str(folder), "-o", str(out)]) == 0
    output = capsys.readouterr()
    assert "1 photographs" in output.out
    assert "1 are dark" in output.out
    assert "broken.jpg" in output.err
    assert read_pack(out)[1] == [True]
    assert main([str(folder), "-o", str(out), "--all"]) == 0
    assert read_pack(out)[1] == [False, True]
    assert main([str(folder), "-o", str(out), "--limit", "0.001"]) == 2


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(pack, "save_file", full)
    with pytest.raises(Error, match=r"cannot be written .*No space left"):
        write_pack([np.zeros((8, 8, 3), np.uint8)], [True], tmp_path / "a.pack")
    assert list(tmp_path.iterdir()) == []
