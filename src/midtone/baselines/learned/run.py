"""The learned methods as functions of a photograph, for tables of methods. Imports no torch itself.

A method has two functions: H x W x 3 uint8 -> the same, and what its weights are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from midtone.baselines.learned import catalogue, weights
from midtone.errors import ModelError

if TYPE_CHECKING:
    from midtone.baselines.learned.networks import Enhancer

Correct = Callable[[np.ndarray], np.ndarray]
STRETCH = "-stretch"
"""Ends the name of a DPED whose results are stretched as by the authors' script."""
OURS = "-ours"
"""Suffix of a method's name: use the weights in the package, not imported ones."""


def methods() -> dict[str, tuple[Correct, Callable[[], str]]]:
    """All methods by name, in the order of the paper's table 1; then their variants."""
    names = list(catalogue.METHODS)
    names += [name + STRETCH for name in names if name.startswith("dped-")]
    names += [path.stem + OURS for path in sorted(weights.PACKAGED.glob("*.safetensors"))]
    return {name: (partial(correct, name), partial(describe, name)) for name in names}


def correct(name: str, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same. Raises ModelError without weights or torch."""
    path, _ = installed(name)
    out_of_range = "stretch" if name.endswith(STRETCH) else "clip"
    return _load(path, _method(name).name, path.stat().st_mtime_ns, out_of_range)(image)


def describe(name: str) -> str:
    """The weights of a method: "authors', sha256 5c1f..." or "ours, sha256 ...".

    Raises ModelError without weights or torch.
    """
    path, info = installed(name)
    if not find_spec("torch"):
        raise ModelError(f"{name}: needs torch: pip install midtone[train]")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{weights.LABELS[info.origin]}, sha256 {checksum}"


def installed(name: str) -> tuple[Path, weights.WeightsInfo]:
    """The file of a method's weights and its header. Raises ModelError without whole weights."""
    method = _method(name)
    if name.endswith(OURS):
        path: Path | None = weights.PACKAGED / f"{method.name}.safetensors"
    else:
        path = weights.find(method.name) or (weights.find(method.also) if method.also else None)
    if path is None:
        raise ModelError(
            f"{name}: weights are missing; midtone baselines import {method.name} FILES "
            "(docs/baselines.md)"
        )
    info = weights.read_info(path)
    if missing := set(info.made.get("missing", ())) & set(method.parts):
        raise ModelError(
            f"{path}: lacks the network {missing.pop()}; import all files of {info.method} together"
        )
    return path, info


def _method(name: str) -> catalogue.Method:
    return catalogue.method(name.removesuffix(STRETCH).removesuffix(OURS))


@lru_cache(maxsize=2)
def _load(path: Path, method: str, modified: int, out_of_range: str) -> Enhancer:
    """A method in memory; ``modified`` makes a changed file another one."""
    del modified
    try:
        from midtone.baselines.learned.networks import load
    except ImportError as error:
        raise ModelError(f"{method}: needs torch: pip install midtone[train]") from error
    return load(path, method, out_of_range=out_of_range)
