"""Weights made from the authors' names of variables alone, as the reference values were made."""

from __future__ import annotations

import zlib

import numpy as np

from midtone.baselines.learned.networks import DEFINITIONS, parameters


def variables(method: str, part: str = "") -> dict[str, np.ndarray]:
    """Made-up values by the authors' names, in the authors' layout."""
    definition = DEFINITIONS[method]
    shapes = {name: tuple(value.shape) for name, value in parameters(definition.build()).items()}
    return {
        theirs: make(method, theirs, _published_shape(method, theirs, shapes[ours]))
        for ours, theirs in definition.names.items()
        if ours.startswith(part)
    }


def make(method: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One variable, float32: a frozen stream seeded by its name, scaled."""
    x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(size=shape)
    fan = float(np.prod(shape[:-1]))
    return np.asarray(_RULES[method.split("-")[0]](name, x, fan), np.float32)


def _published_shape(method: str, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if method == "zero-dce":
        return shape
    turned = tuple(shape[k] for k in (2, 3, 1, 0)) if len(shape) == 4 else shape[::-1]
    return (1, *turned) if name.endswith("slopes") else turned


def _plain(name: str, x: np.ndarray, fan: float) -> np.ndarray:
    return x * np.sqrt(2 / fan) if x.ndim > 1 else 0.05 * x


def _zero_dce(name: str, x: np.ndarray, fan: float) -> np.ndarray:
    return 0.02 * x


def _dped(name: str, x: np.ndarray, fan: float) -> np.ndarray:
    if "Variable" in name:
        return 1 + 0.1 * x if name.endswith(("1", "3", "5", "7", "9")) else 0.1 * x
    return x / np.sqrt(fan) if x.ndim > 1 else 0.05 * x


def _dpe(name: str, x: np.ndarray, fan: float) -> np.ndarray:
    if name.endswith("_w"):
        return x / np.sqrt(fan) * (0.2 if name == "netG_3/conv_28_w" else 1)
    if name.endswith("mv_var"):
        return np.exp(0.2 * x)
    if name.endswith("scale"):
        return 1 + 0.1 * x
    return (0.02 if name.endswith("_b") else 0.1) * x


def _deep_upe(name: str, x: np.ndarray, fan: float) -> np.ndarray:
    name = name.removeprefix("inference/").removeprefix("coefficients/")
    starts = {
        "guide/ccm": np.eye(3),
        "guide/shifts": np.arange(16) / 16,
        "guide/slopes": np.eye(16)[0],
        "guide/channel_mixing/weights": 1 / 3,
    }
    if name in starts:
        return starts[name] + (0.01 if name == "guide/shifts" else 0.05) * x
    if name.startswith("guide/"):
        return 0.02 * x
    if name == "prediction/conv1/weights":
        return 0.05 * x / 8
    if name == "prediction/conv1/biases":
        return 0.1 * x + 0.55 * (np.arange(96) >= 72)
    if name.endswith("biases"):
        return 0.05 * x
    linear = name.startswith(("local/", "global/fc3")) and not name.startswith("local/conv1/")
    return x * np.sqrt((1 if linear else 2) / fan)


def _hdrcnn(name: str, x: np.ndarray, fan: float) -> np.ndarray:
    if "W_deconv2d" in name:
        return x * np.sqrt(2 / (4 * x.shape[3]))
    if "W_conv2d" in name:
        scale = 0.01 if "/h6/conv/" in name else 0.5 if name.startswith("decoder/h7") else 1
        return x * scale * np.sqrt((2 if name.startswith("encoder") else 1) / fan)
    if name.endswith("moving_variance"):
        return np.exp(0.2 * x)
    if name.endswith("gamma"):
        return 1 + 0.1 * x
    return (0.1 if name.endswith(("beta", "moving_mean")) else 0.05) * x


_RULES = {
    "zero": _zero_dce,
    "dped": _dped,
    "retinexnet": _plain,
    "dpe": _dpe,
    "deep": _deep_upe,
    "hdrcnn": _hdrcnn,
}
