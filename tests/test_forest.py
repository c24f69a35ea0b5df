from __future__ import annotations

import numpy as np

from midtone.evaluation.forest import Forest


def test_a_tree_of_one_leaf_and_bias_correction():
    struct = type("Struct", (), {})()
    for name in ("lDau", "rDau", "mbest", "upper"):
        setattr(struct, name, np.zeros(2))
    struct.ntree, struct.nodestatus = 2, np.array([-1, -1])
    struct.avnode, struct.coef = np.array([3.0, 5.0]), np.array([1.0, 2.0])
    assert Forest.from_matlab(struct)(np.zeros(3)) == 9
