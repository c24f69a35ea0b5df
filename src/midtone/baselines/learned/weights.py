"""Files of weights: a safetensors file for each method, with its origin in the header.

The user's own files come before those in the package. Values are stored under torch's names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from midtone.atomic import writing
from midtone.errors import ModelError, UsageError

PACKAGED = Path(__file__).parent / "weights"
AUTHORS, OURS = "authors", "ours"
LABELS = {AUTHORS: "authors'", OURS: "ours"}
FOLDER_VARIABLE = "MIDTONE_BASELINES"
_HEADER = "midtone_baseline"
_LONGEST_HEADER = 1 << 24  # bytes; ours have a few thousand


@dataclass(frozen=True)
class WeightsInfo:
    """The header of a file of weights.

    method:  the method that they are for
    origin:  AUTHORS (imported) or OURS (trained with midtone)
    licence: of the weights
    made:    the sources with their SHA-256, or the data and settings of the training
    """

    method: str
    origin: str
    licence: str
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The method and the origin: "zero-dce (authors')"."""
        return f"{self.method} ({LABELS[self.origin]})"


def folder() -> Path:
    """Where the user's weights are: $MIDTONE_BASELINES, else the user's data folder."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "midtone" / "baselines"


def find(method: str) -> Path | None:
    """The weights of a method: the user's file, else the packaged one, else None."""
    paths = (place / f"{method}.safetensors" for place in (folder(), PACKAGED))
    return next((path for path in paths if path.is_file()), None)


def read_info(path: Path) -> WeightsInfo:
    """Header of a file of weights. Raises ModelError for any other file."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= _LONGEST_HEADER:
                raise ValueError
            text = json.loads(stream.read(length))["__metadata__"][_HEADER]
        info = WeightsInfo(**json.loads(text))
        if info.origin not in LABELS:
            raise ValueError
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: not a file of a baseline's weights; make one with midtone baselines import"
        ) from error
    return info


def read(path: Path) -> tuple[dict[str, np.ndarray], WeightsInfo]:
    """Values by name, float32, and the header. Raises ModelError."""
    info = read_info(path)
    values = read_safetensors(path)
    return {name: value.astype(np.float32) for name, value in values.items()}, info


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Values by name of any safetensors file. Raises ModelError."""
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ModelError(f"{path}: reading it needs pip install midtone[train]") from error
    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: is damaged or no safetensors file") from error


def write(
    path: Path, values: Mapping[str, np.ndarray], info: WeightsInfo, *, overwrite: bool = False
) -> None:
    """Write a file of weights, whole or not at all.

    Raises UsageError if the file exists, Error if it cannot be written, ModelError without
    midtone[train].
    """
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        raise ModelError(f"{path}: writing it needs pip install midtone[train]") from error
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: exists already; choose another name or give --overwrite")
    metadata = {_HEADER: json.dumps(asdict(info), sort_keys=True)}
    with writing(path) as temporary:
        save_file(dict(values), temporary, metadata)
