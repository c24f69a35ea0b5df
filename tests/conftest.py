from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("midtone", deadline=None)  # the first call may import torch
settings.load_profile("midtone")

DATA = Path(__file__).parent / "data"


def fix(*arguments: object) -> int:
    """Run ``midtone fix``; returns the exit code."""
    from midtone.cli import main

    return main(["fix", *map(str, arguments)])


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A real photograph, 512 x 512 x 3 uint8 (NASA, public domain)."""
    from skimage.data import astronaut as load

    return np.asarray(load())


@pytest.fixture(scope="session")
def dark(astronaut: np.ndarray) -> np.ndarray:
    """The same, about 1.5 EV too dark."""
    return np.rint(255 * (astronaut / 255) ** 1.8).astype(np.uint8)[:400]


@pytest.fixture(scope="session")
def corrector():
    from midtone import Corrector

    return Corrector(threads=2)


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a network."""
    from chromium import launched

    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A folder of six photographs, 120 x 90 px each. Not to be changed."""
    from tiny_training import write_photos

    folder = tmp_path_factory.mktemp("training") / "photos"
    write_photos(folder, astronaut)
    return folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The folder of a finished run of ``tiny_training.TINY``. Not to be changed."""
    import tiny_training

    out = tmp_path_factory.mktemp("run") / "tiny"
    tiny_training.run(photos, out)
    return out


@pytest.fixture(scope="session")
def raws(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A folder of six small DNGs of different scenes. Not to be changed."""
    from PIL import Image
    from skimage import data

    from dng import write_dng

    folder = tmp_path_factory.mktemp("raws")
    sources = [astronaut, data.coffee(), data.chelsea(), data.rocket(), data.immunohistochemistry()]
    sources.append(np.ascontiguousarray(astronaut[::-1, ::-1]))
    for number, image in enumerate(sources):
        small = np.asarray(Image.fromarray(image).resize((240, 160)))
        write_dng(folder / f"scene{number}.dng", small, seed=number)
    return folder
