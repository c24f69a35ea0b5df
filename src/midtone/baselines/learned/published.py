"""Weights as their authors publish them -> arrays by the authors' names. Nothing is executed."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from midtone.baselines.learned import tensorflow_checkpoint, weights
from midtone.errors import ModelError

_MOST_BYTES = 1 << 30  # VGG-19's file has 575 MB
_MOST_IN_LIST = 1 << 28  # bytes; HDR CNN's has 118 MB
_NUMPY = {
    (f"{package}.multiarray", "_reconstruct") for package in ("numpy.core", "numpy._core")
} | {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}


def read_file(path: Path, list_names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Values of one file by the authors' names. Raises ModelError.

    path:       .pth, .npz, .safetensors, or a TensorFlow checkpoint's .index or data file
    list_names: names of the arrays in an .npz file, which holds a list without names
    """
    if checkpoint := tensorflow_checkpoint.files_of(path):
        return tensorflow_checkpoint.read(*checkpoint)
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    if size > _MOST_BYTES:
        raise ModelError(f"{path}: is larger than any published file of weights")
    if path.suffix in (".pth", ".pt"):
        return _read_torch(path)
    if path.suffix == ".npz":
        return _read_list(path, list_names)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    raise ModelError(
        f"{path}: give a .pth, .npz or .safetensors file, or a TensorFlow checkpoint's .index"
    )


def checksums(paths: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of every file that ``read_file`` reads for these paths, by its name."""
    files: list[Path] = []
    for path in paths:
        files += tensorflow_checkpoint.files_of(path) or (path,)
    return {file.name: _sha256(file) for file in dict.fromkeys(files)}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    """A state dictionary; torch's restricted unpickler accepts only tensors and containers."""
    try:
        import torch
    except ImportError as error:
        raise ModelError(f"{path}: reading it needs torch: pip install midtone[train]") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about old formats
            values = torch.load(path, map_location="cpu", weights_only=True)
        return {
            name.removeprefix("module."): value.detach().float().numpy()
            for name, value in values.items()
        }
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: is damaged or holds more than weights; it is not read"
        ) from error
    except Exception as error:  # a damaged pickle, or another content, can raise anything
        raise ModelError(f"{path}: is damaged or holds no table of weights") from error


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Values by the authors' names; a file that midtone made has other names and a licence."""
    try:
        info = weights.read_info(path)
    except ModelError:
        return weights.read_safetensors(path)
    raise ModelError(
        f"{path}: was made by midtone, {info.label}; copy it to {weights.folder()} to use it"
    )


class _Arrays(pickle.Unpickler):
    """Unpickles NumPy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NUMPY:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def _read_list(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The pickled list of arrays under the key "params" of an .npz file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("params.npy") as member:
            if archive.getinfo("params.npy").file_size > _MOST_IN_LIST:
                raise ValueError
            stream = io.BytesIO(member.read())
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        _, _, dtype = read_header(stream)
        if dtype != np.dtype(object):
            raise ValueError
        arrays = list(_Arrays(stream, encoding="latin1").load())
        if not all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arrays):
            raise ValueError
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: is damaged or holds more than arrays, and is not read"
        ) from error
    except Exception as error:  # a hostile pickle can raise anything
        raise ModelError(f"{path}: is damaged or holds no list of weights") from error
    if len(arrays) != len(names):
        raise ModelError(f"{path}: has {len(arrays)} arrays where {len(names)} are expected")
    return {name: a.astype(np.float32) for name, a in zip(names, arrays, strict=True)}
