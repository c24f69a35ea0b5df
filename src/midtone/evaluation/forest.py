"""Regression forests as R's randomForest grows them, read from MATLAB structs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_LEAF = -1


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Binary trees in columns, nodes in rows, children and features counted from 0.

    lower, upper: child where the feature is at most, or above, the threshold; nodes x trees
    feature, threshold: of the inner nodes
    leaf, value: whether a node is one, and the mean of the training values in it
    correction:  (a, b) of the bias correction a + b * mean
    """

    lower: np.ndarray
    upper: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    leaf: np.ndarray
    value: np.ndarray
    correction: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def from_matlab(cls, struct: Any) -> Forest:
        """Read a struct of RF_Reg_C. Raises AttributeError or ValueError for anything else."""
        trees = int(struct.ntree)

        def table(name: str) -> np.ndarray:
            values = np.asarray(getattr(struct, name))
            return values.reshape(-1, trees)

        coefficients = np.asarray(getattr(struct, "coef", ())).ravel()
        correction = (0.0, 1.0)
        if coefficients.size == 2 and coefficients.any():
            correction = float(coefficients[0]), float(coefficients[1])
        return cls(
            lower=table("lDau").astype(np.intp) - 1,
            upper=table("rDau").astype(np.intp) - 1,
            feature=table("mbest").astype(np.intp) - 1,
            threshold=table("upper").astype(np.float64),
            leaf=table("nodestatus") == _LEAF,
            value=table("avnode").astype(np.float64),
            correction=correction,
        )

    @property
    def features(self) -> int:
        """How many features the inner nodes refer to, at least."""
        return int(self.feature[~self.leaf].max(initial=-1)) + 1

    def __call__(self, features: np.ndarray) -> float:
        """Mean of the trees' predictions for one vector of features."""
        trees = np.arange(self.leaf.shape[1])
        node = np.zeros_like(trees)
        while not (done := self.leaf[node, trees]).all():
            goes_low = features[self.feature[node, trees]] <= self.threshold[node, trees]
            child = np.where(goes_low, self.lower[node, trees], self.upper[node, trees])
            node = np.where(done, node, child)
        mean = float(self.value[node, trees].mean())
        return self.correction[0] + self.correction[1] * mean
