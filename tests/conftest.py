from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("midtone", deadline=None)  # the first call may import torch
settings.load_profile("midtone")

DATA = Path(__file__).parent / "data"


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
