from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from midtone import settings
from midtone.errors import UsageError


@dataclass(frozen=True)
class Curve:
    depth: int = 1
    slope: float = 1.0
    name: str = ""
    on: bool = True
    steps: list[int] = field(default_factory=list)


@pytest.mark.parametrize(
    "good",
    [{}, {"depth": 3}, {"slope": 3}, {"slope": float("inf")}, {"name": "a", "on": False},
     {"steps": "anything"}],
)  # fmt: skip
def test_values_of_the_fields(good: dict[str, Any]):
    settings.check(good, Curve, "curve")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depth": 1.5}, "depth of curve must be a whole number, not 1.5"),
        ({"depth": True}, "depth of curve must be a whole number, not True"),
        ({"slope": "x"}, "slope of curve must be a number, not 'x'"),
        ({"slope": float("nan")}, "slope of curve must be a number, not nan"),
        ({"name": 1}, "name of curve must be a text, not 1"),
        ({"on": 1}, "on of curve must be true or false, not 1"),
        ({"dept": 1}, "unknown setting dept of curve; known are depth, slope, name, on, steps"),
        (3, "curve must be a table of settings, not 3"),
    ],
)
def test_other_values(wrong: Any, message: str):
    with pytest.raises(UsageError) as caught:
        settings.check(wrong, Curve, "curve")
    assert str(caught.value) == message
