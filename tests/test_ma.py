from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat
from skimage import data

from midtone.errors import ModelError
from midtone.evaluation.ma import MaModel, features, ma, perceptual_index
from midtone.evaluation.niqe import luma

from conftest import DATA


@pytest.mark.parametrize("name", ["chelsea", "camera"])
def test_features_equal_the_original_programs(name):
    """The second group reads its filters from tables there; from formulas it moves by 1.6e-6."""
    plane = luma(getattr(data, name)())[4:-4, 4:-4]
    with np.load(DATA / "ma_features.npz") as golden:
        for number, (found, tolerance) in enumerate(
            zip(features(plane), (1e-10, 3e-6, 1e-10), strict=True), start=1
        ):
            np.testing.assert_allclose(found, golden[f"f{number}_{name}"], rtol=0, atol=tolerance)


def test_features_of_odd_and_flat_planes_are_numbers():
    rng = np.random.default_rng(0)
    for plane in (rng.integers(16, 236, (47, 61)), np.full((50, 50), 128)):
        first, second, third = features(plane.astype(np.uint8))
        assert (first.shape, second.shape, third.shape) == ((18,), (45,), (75,))
        assert np.isfinite(np.concatenate((first, second, third))).all()
    with pytest.raises(ValueError, match="at least 45 px"):
        features(np.zeros((44, 100), np.uint8))


def forest(seed: int, features: int, trees: int = 7) -> dict[str, object]:
    """Trees of three levels as RF_Reg_C stores them: children and features counted from 1."""
    rng = np.random.default_rng(seed)
    status = np.array([-3, -3, -1, -1, -1, 0])[:, None].repeat(trees, 1)
    lower = np.array([2, 4, 0, 0, 0, 0])[:, None].repeat(trees, 1)
    upper = np.array([3, 5, 0, 0, 0, 0])[:, None].repeat(trees, 1)
    return {
        "ntree": trees,
        "nrnodes": 6,
        "lDau": lower,
        "rDau": upper,
        "nodestatus": status,
        "upper": rng.random((6, trees)),
        "avnode": rng.random((6, trees)) * 10,
        "mbest": rng.integers(1, features + 1, (6, trees)),
        "ndtree": np.full(trees, 5),
        "coef": np.zeros(2),
    }


def walk(struct: dict[str, object], x: np.ndarray) -> float:
    """By the book, one tree after the other."""
    predictions = []
    for tree in range(struct["ntree"]):
        row = 1
        while struct["nodestatus"][row - 1, tree] == -3:
            low = x[struct["mbest"][row - 1, tree] - 1] <= struct["upper"][row - 1, tree]
            row = struct["lDau" if low else "rDau"][row - 1, tree]
        predictions.append(struct["avnode"][row - 1, tree])
    return float(np.mean(predictions))


@pytest.fixture
def model(tmp_path):
    cells = np.empty((3, 1), object)
    for number, count in enumerate((18, 45, 75)):
        cells[number, 0] = forest(number, count)
    path = tmp_path / "model.mat"
    savemat(path, {"model": {"rf": cells, "linear": np.array([[0.5], [0.2], [0.3], [0.4]])}})
    return path


def test_the_score_is_that_of_a_walk_through_the_trees(model, astronaut):
    plane = luma(astronaut)[4:-4, 4:-4]
    groups = features(plane)
    walks = [walk(forest(k, len(group)), group) for k, group in enumerate(groups)]
    expected = 0.5 + np.dot([0.2, 0.3, 0.4], walks)
    assert ma(astronaut, MaModel.read(model)) == pytest.approx(expected, abs=1e-12)
    assert ma(astronaut[:50, :50], MaModel.read(model)) is None
    assert perceptual_index(8, 3) == 2.5


@pytest.mark.parametrize("content", [b"", b"no MATLAB file at all" * 20])
def test_files_that_are_no_model_are_refused(tmp_path, content):
    path = tmp_path / "model.mat"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is no model of the Ma metric"):
        MaModel.read(path)
    savemat(path, {"other": 1})
    with pytest.raises(ModelError, match="is no model of the Ma metric"):
        MaModel.read(path)
