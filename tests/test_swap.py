from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from midtone.cli import main
from midtone.evaluation.swap import swap_levels


def test_levels_are_replaced_one_by_one(astronaut):
    reference = astronaut[:101, :150] / 255
    image = reference**2.5
    pictures = swap_levels(image, reference, 4)
    np.testing.assert_allclose(pictures[0], image, atol=1e-12)
    np.testing.assert_allclose(pictures[4], reference, atol=1e-12)
    errors = [np.abs(picture - reference).mean() for picture in pictures]
    assert sorted(errors, reverse=True) == errors
    assert errors[1] < 0.3 * errors[0]  # the coarsest level carries the exposure


def test_images_of_two_sizes_are_refused(astronaut):
    with pytest.raises(ValueError, match="different shapes"):
        swap_levels(astronaut[:10] / 255, astronaut[:11] / 255)


def test_the_picture_from_the_command_line(tmp_path, astronaut, capsys):
    for name, image in (("dark", astronaut // 3), ("right", astronaut), ("other", astronaut[:99])):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    dark, right, other = (str(tmp_path / f"{name}.png") for name in ("dark", "right", "other"))
    out = tmp_path / "swapped.png"
    assert main(["swap", dark, right, "-o", str(out), "--size", "100"]) == 0
    with Image.open(out) as picture:
        assert picture.size == (5 * 100 + 4 * 8, 100)
    assert main(["swap", dark, other, "-o", str(out), "--overwrite"]) == 2
    assert "not of one shape" in capsys.readouterr().err
    assert main(["swap", dark, right, "-o", str(out)]) == 2
    assert "exists already; use --overwrite to replace it" in capsys.readouterr().err
    assert main(["swap", dark, right, "-o", str(tmp_path / "a.txt")]) == 2
    assert main(["swap", dark, right, "-o", str(tmp_path / "new" / "a.jpg")]) == 0
