"""Everything that can be compared: midtone's models, classical methods, other people's programs."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from midtone.baselines.auto_gamma import auto_gamma
from midtone.baselines.clahe import clahe
from midtone.baselines.dual import dual
from midtone.baselines.equalize import equalize
from midtone.baselines.fusion import fusion
from midtone.baselines.hqec import hqec
from midtone.baselines.lime import lime
from midtone.baselines.wvm import wvm
from midtone.corrector import Corrector
from midtone.data.photographs import decode
from midtone.errors import Error, ModelError, UsageError


def _unchanged(image: np.ndarray) -> np.ndarray:
    return image


MODEL = "midtone"
CLASSICAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "input": _unchanged,
    "HE": equalize,
    "CLAHE": clahe,
    "WVM": wvm,
    "LIME": lime,
    "HQEC": hqec,
    "DUAL": dual,
    "gamma": auto_gamma,
    "fusion": fusion,
}
_PATIENCE = 600  # seconds for one image


@dataclass(frozen=True)
class Method:
    """A method by name: H x W x 3 uint8 sRGB -> the same.

    model:   name or file of a midtone model
    folder:  outputs of another program, one an input, by the input's name without its suffix
    command: template of a shell-free command line with {input} and {output}, both PNG
    With none of them, a classical method.
    """

    name: str
    model: str = ""
    folder: Path | None = None
    command: str = ""

    def __call__(self, image: np.ndarray, source: Path, longest_side: int | None) -> np.ndarray:
        """Correct an image that was read from ``source`` and reduced to ``longest_side``.

        Raises Error if the result is missing or of another size.
        """
        if self.model:
            result = _corrector(self.model)(image)
        elif self.folder:
            result = decode(_only(self.folder, source.stem), longest_side)
        elif self.command:
            result = _run(self.command, image)
        else:
            result = CLASSICAL[self.name](image)
        if result.shape != image.shape:
            height, width = result.shape[:2]
            raise Error(
                f"{source}: {self.name} made {width} x {height} of {image.shape[1]} x "
                f"{image.shape[0]}"
            )
        return result

    @property
    def identity(self) -> str:
        """What its results depend on, to know results that can be kept."""
        if self.model:
            return _corrector(self.model).model.info.sha256
        return str(self.folder.resolve()) if self.folder else self.command


def parse(names: str, others: list[str], model: str) -> list[Method]:
    """Methods of ``--methods a,b,c`` and of every ``--method name=FOLDER|MODEL|COMMAND``.

    Names are matched whatever their case. Raises UsageError.
    """
    known = {name.lower(): name for name in (MODEL, *CLASSICAL)}
    methods = []
    for name in filter(None, (part.strip().lower() for part in names.split(","))):
        if name not in known:
            raise UsageError(f"no method {name}; there are {', '.join(known.values())}")
        methods.append(Method(known[name], model if name == MODEL else ""))
    for given in others:
        name, separator, what = given.partition("=")
        if not separator or not name or not what:
            raise UsageError(f"--method takes name=FOLDER, name=MODEL or name=COMMAND, not {given}")
        if Path(what).is_dir():
            methods.append(Method(name, folder=Path(what)))
        elif Path(what).suffix in (".onnx", ".safetensors"):
            methods.append(Method(name, model=what))
        elif "{input}" in what and "{output}" in what:
            methods.append(Method(name, command=what))
        else:
            raise UsageError(f"{what}: neither a folder, a model nor a command with {{input}} and {{output}}")  # fmt: skip  # noqa: E501
    twice = {method.name for method in methods if sum(m.name == method.name for m in methods) > 1}
    if twice or not methods:
        raise UsageError(f"method given twice: {', '.join(twice)}" if twice else "no methods given")
    return methods


@lru_cache(maxsize=8)
def _corrector(model: str) -> Corrector:
    return Corrector(model)


def _only(folder: Path, stem: str) -> Path:
    found = sorted(path for path in folder.glob("*.*") if path.stem == stem)
    if len(found) != 1:
        what = "no output" if not found else f"{len(found)} outputs"
        raise Error(f"{folder}: has {what} named {stem}")
    return found[0]


def _run(command: str, image: np.ndarray) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="midtone-") as folder:
        source, target = Path(folder, "input.png"), Path(folder, "output.png")
        Image.fromarray(image).save(source)
        words = [
            word.replace("{input}", str(source)).replace("{output}", str(target))
            for word in shlex.split(command)
        ]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Error(f"{words[0]}: took longer than {_PATIENCE} s") from error
        except OSError as error:
            raise ModelError(f"{words[0]}: cannot be run ({error.strerror})") from error
        if done.returncode or not target.is_file():
            last = (done.stderr.strip().splitlines() or ["no output file"])[-1]
            raise Error(f"{words[0]}: failed ({last})")
        return decode(target)
