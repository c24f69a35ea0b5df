"""Published weights -> a file of weights: read, checked against the network, and labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from midtone.baselines.learned import catalogue, published
from midtone.baselines.learned.networks import DEFINITIONS, Definition, parameters
from midtone.baselines.learned.weights import AUTHORS, WeightsInfo
from midtone.errors import ModelError

# Methods of two networks, which may be imported one after the other: their first names.
_PARTS = {"retinexnet": ("decom", "relight"), "hdrcnn-rht": ("hdrcnn", "rht")}


@dataclass(frozen=True)
class Imported:
    """Values by our names in torch's layout, what they are, and which networks are missing."""

    values: dict[str, np.ndarray]
    info: WeightsInfo
    missing: tuple[str, ...]


def import_weights(name: str, paths: Sequence[Path]) -> Imported:
    """Read the authors' files of a method. Raises ModelError for any other file.

    Of a method with two networks one may be missing, but no network may be there in part.
    """
    method = catalogue.method(name)
    values: dict[str, np.ndarray] = {}
    for path in paths:
        values = convert(method.name, published.read_file(path, _list_names(name)), path) | values
    files = published.checksums(paths)
    for other in catalogue.METHODS.values():
        if other is not method and set(files.values()) & set(other.known):
            raise ModelError(f"{paths[0]}: these are the weights of {other.name}")
    made = {
        "source": method.source,
        "paper": method.paper,
        "files": files,
        "known": set(files.values()) <= set(method.known),
    }
    present = {ours.split(".")[0] for ours in values}
    missing = tuple(part for part in _PARTS.get(method.name, ()) if part not in present)
    return Imported(values, WeightsInfo(method.name, AUTHORS, method.licence, made), missing)


def convert(name: str, values: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """The authors' values by their names -> ours, of all networks that are complete.

    Raises ModelError where none is.
    """
    definition = DEFINITIONS[name]
    theirs = {definition.normalise(key): value for key, value in values.items()}
    wanted = parameters(definition.build())
    result: dict[str, np.ndarray] = {}
    problem = ""
    for part in _PARTS.get(name, ("",)):
        some = {ours: value for ours, value in wanted.items() if ours.startswith(part)}
        found = {ours: theirs.get(definition.names[ours]) for ours in some}
        wrong = next((o for o, value in found.items() if not _fits(definition, value, some[o])), "")
        if wrong:
            value = found[wrong]
            what = "is missing" if value is None else f"has the shape {value.shape}"
            problem = problem or f"{definition.names[wrong]} {what}"
        else:
            result |= {o: _layout(definition, v) for o, v in found.items() if v is not None}
    if not result:
        raise ModelError(f"{path}: these are not the weights of {name}: {problem}")
    for ours, value in result.items():
        if not np.isfinite(value).all():
            raise ModelError(f"{path}: {definition.names[ours]} has values that are no numbers")
    return result


def _list_names(name: str) -> Sequence[str]:
    return DEFINITIONS[name].list_names


def _fits(definition: Definition, value: np.ndarray | None, parameter: Tensor) -> bool:
    return value is not None and _layout(definition, value).shape == tuple(parameter.shape)


def _layout(definition: Definition, value: np.ndarray) -> np.ndarray:
    """Kernels H x W x I x O (transposed ones H x W x O x I) and matrices I x O in torch's order."""
    if definition.tensorflow and value.ndim == 5:  # Deep UPE's slopes have a leading 1
        value = value[0]
    if definition.tensorflow and value.ndim in (2, 4):
        value = value.transpose()
        value = value.transpose(0, 1, 3, 2) if value.ndim == 4 else value
    return np.ascontiguousarray(value, np.float32)
