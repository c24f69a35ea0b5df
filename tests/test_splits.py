from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.data import splits
from midtone.errors import UsageError


@given(st.integers(0, 200), st.integers(0, 5))
def test_every_scene_has_one_split_whatever_the_order(count, seed):
    names = [f"s{number}" for number in range(count)]
    assigned = splits.assign(names, seed)
    assert assigned == splits.assign(reversed(names), seed)
    assert set(assigned) == set(names)
    if count >= 3:
        assert set(assigned.values()) == {"training", "validation", "testing"}
    if count == 200:
        sizes = [list(assigned.values()).count(split) for split in ("training", "testing")]
        assert sizes == [145, 49]


def test_near_duplicates_in_two_splits_are_found(astronaut):
    darker = np.rint(255 * (astronaut / 255) ** 1.5).astype(np.uint8)
    prints = {
        "a": ("training", splits.fingerprint(astronaut)),
        "b": ("testing", splits.fingerprint(darker[::2, ::2])),
        "c": ("testing", splits.fingerprint(astronaut[::-1])),
    }
    assert splits.near_duplicates(prints) == [("a", "b")]
    assert splits.near_duplicates(prints | {"b": ("training", prints["b"][1])}) == []


def test_splits_are_read_from_a_csv_file(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("camera,scene,split\nx,a0001-jmac_DSC1459,training\ny,a0002,testing\n")
    assert splits.read_splits(path) == {"a0001-jmac_DSC1459": "training", "a0002": "testing"}


def test_splits_are_read_from_lists_of_the_released_files(tmp_path):
    (tmp_path / "training.txt").write_text(
        "a0001-jmac_DSC1459_0.JPG\na0001-jmac_DSC1459_N1.5.JPG\na0001-jmac_DSC1459.jpg\n\n"
    )
    (tmp_path / "testing.txt").write_text("INPUT_IMAGES/a4747-09h.04_MG_9562_P1.JPG\na5000-dgw_0\n")
    assert splits.read_splits(tmp_path) == {
        "a0001-jmac_DSC1459": "training",
        "a4747-09h.04_MG_9562": "testing",
        "a5000-dgw_0": "testing",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs the columns scene and split"),
        ("scene,split\n", "holds no scenes"),
        (
            "scene,split\na,train\n",
            "scene a has the split train, not",
        ),
        ("scene,split\na,training\na,testing\n", "scene a is in training and in testing"),
    ],
)
def test_unusable_files_are_named(tmp_path, text, message):
    path = tmp_path / "splits.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"splits\.csv: {message}"):
        splits.read_splits(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.csv: cannot be read as splits"):
        splits.read_splits(tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"holds no training\.txt, "):
        splits.read_splits(tmp_path)
