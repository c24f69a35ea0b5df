from __future__ import annotations

import numpy as np
import pytest

from midtone.evaluation.shape import generalised_shape


@pytest.mark.parametrize(("draw", "shape"), [("laplace", 1.0), ("normal", 2.0), ("uniform", 10.0)])
def test_shapes_of_known_distributions(draw, shape):
    values = getattr(np.random.default_rng(0), draw)(size=(2, 200_000))
    found = generalised_shape(values)
    assert found.shape == (2,)
    if draw == "uniform":  # the shape is infinite, the table ends at 10
        assert (found > 8).all()
    else:
        np.testing.assert_allclose(found, shape, rtol=0.03)


def test_the_shape_depends_on_neither_scale_nor_mean():
    values = np.random.default_rng(1).normal(size=5000)
    assert generalised_shape(300 + 20 * values) == generalised_shape(values)
