"""What an application does with midtone; ``tests/test_typing.py`` runs ``mypy --strict`` on it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import midtone


def files(path: str, folder: Path) -> None:
    midtone.correct(path, "fixed.jpg", strength=0.5, ev=0.3)
    midtone.correct(folder / "dark.jpg", folder / "fixed.jpg", overwrite=True)
    midtone.correct(b"data", io.BytesIO(), format="png")
    with open(path, "rb") as source, open("fixed.jpg", "wb") as target:
        midtone.correct(source, target, quality=90)
    with tempfile.NamedTemporaryFile() as source, tempfile.TemporaryFile() as target:
        midtone.correct(source, target)
        midtone.write(midtone.read(source), target, format="jpeg")


def images(array: np.ndarray, image: Image.Image, photo: midtone.Photo) -> None:
    corrector = midtone.Corrector("default", threads=1)
    one: np.ndarray = corrector(array, scales=[1, 1, 1, 1])
    two: Image.Image = midtone.correct(image, protect_highlights=True)
    three: midtone.Photo = corrector(photo)
    plan: midtone.Correction = corrector.plan(array, midtone.CorrectionOptions(0.5))
    four: np.ndarray = corrector.apply(plan, one)
    five: Image.Image = corrector.apply(plan, two, 0.5)
    error: float = corrector.exposure_error(three)
    print(four.shape, five.size, error)


def folders(folder: str) -> list[str]:
    options = midtone.FileOptions(output=midtone.OutputOptions("skip"))
    report = midtone.correct_tree([folder, Path(folder)], "out", options=options, workers=2)
    return [result.error or str(result.target) for result in report.failed]
