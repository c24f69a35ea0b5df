"""Published weights -> a file of weights: read, checked against the network, and labelled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from midtone.baselines.learned import catalogue, published
from midtone.baselines.learned.networks import DEFINITIONS, Definition, parameters
from midtone.baselines.learned.weights import AUTHORS, WeightsInfo
from midtone.errors import ModelError


@dataclass(frozen=True)
class Imported:
    """Values by our names in torch's layout, and what they are."""

    values: dict[str, np.ndarray]
    info: WeightsInfo


def import_weights(name: str, paths: Sequence[Path]) -> Imported:
    """Read the authors' files of a method. Raises ModelError for any other file.

    Of a method with two networks one may be missing, but no network may be there in part. The
    published values of another method are refused, whatever file they are in.
    """
    method = catalogue.method(name)
    values: dict[str, np.ndarray] = {}
    for path in paths:
        values = convert(method.name, published.read_file(path, _list_names(name)), path) | values
    parts = {part: _of_part(values, part) for part in method.parts or ("",)}
    checksums = {checksum(some) for some in parts.values() if some}
    for other in catalogue.METHODS.values():
        if checksums & (set(other.known) - set(method.known)):
            raise ModelError(f"{paths[0]}: these are the weights of {other.name}")
    made = {
        "source": method.source,
        "paper": method.paper,
        "files": published.checksums(paths),
        "known": checksums <= set(method.known),
        "missing": [part for part, some in parts.items() if not some],
    }
    return Imported(values, WeightsInfo(method.name, AUTHORS, method.licence, made))


def checksum(values: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a network's values, whatever file they came in."""
    digest = hashlib.sha256()
    for name in sorted(values):
        digest.update(name.encode() + np.asarray(values[name], "<f4").tobytes())
    return digest.hexdigest()


def _of_part(values: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    """Values of one of a method's networks; of all with ""."""
    return {name: value for name, value in values.items() if name.startswith(part)}


def convert(name: str, values: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """The authors' values by their names -> ours, of all networks that are complete.

    Raises ModelError where none is.
    """
    definition, parts = DEFINITIONS[name], catalogue.method(name).parts
    theirs = {definition.normalise(key): value for key, value in values.items()}
    wanted = parameters(definition.build())
    result: dict[str, np.ndarray] = {}
    problem = ""
    for part in parts or ("",):
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
