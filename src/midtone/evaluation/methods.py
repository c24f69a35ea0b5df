"""The methods that can be compared: midtone's models, published baselines, other programs.

``BASELINES`` is the one list of published methods. A new one is one line there.
"""

from __future__ import annotations

import io
import shlex
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from midtone import photo
from midtone.baselines.auto_gamma import auto_gamma
from midtone.baselines.clahe import clahe
from midtone.baselines.dual import dual
from midtone.baselines.equalize import equalize
from midtone.baselines.fusion import fusion
from midtone.baselines.hqec import hqec
from midtone.baselines.learned import run as learned
from midtone.baselines.lime import lime
from midtone.baselines.wvm import wvm
from midtone.batch.correct_one import correct_file
from midtone.corrector import Corrector
from midtone.errors import Error, ModelError, UsageError
from midtone.evaluation.images import read_srgb, srgb_codes

Correct = Callable[[np.ndarray], np.ndarray]  # H x W x 3 uint8 sRGB -> the same


@dataclass(frozen=True)
class Baseline:
    """A published method.

    correct: H x W x 3 uint8 sRGB -> the same; must pickle (a function of a module, or a partial)
    weights: names the weights that ``correct`` uses, for instance "authors', sha256 5c1f...".
             Raises ModelError with one sentence where they are missing: the method is then listed
             as not available; the others are measured. None for a method without weights.
    """

    correct: Correct
    weights: Callable[[], str] | None = None


def unchanged(image: np.ndarray) -> np.ndarray:
    """The input itself, H x W x 3 uint8."""
    return image


MODEL = "midtone"
PAPER = "paper"
"""Among the names of methods: all rows of the paper's Table 1."""
BASELINES: dict[str, Baseline] = {
    "input": Baseline(unchanged),
    "HE": Baseline(equalize),
    "CLAHE": Baseline(clahe),
    "WVM": Baseline(wvm),
    "LIME": Baseline(lime),
    "HQEC": Baseline(hqec),
    "DUAL": Baseline(dual),
    "gamma": Baseline(auto_gamma),
    "fusion": Baseline(fusion),
    **{name: Baseline(*functions) for name, functions in learned.methods().items()},
}
# Rows of the paper's Table 1 in its order, and our name of each method.
TABLE_1 = {
    "HE": "HE",
    "CLAHE": "CLAHE",
    "WVM": "WVM",
    "LIME": "LIME",
    "HDRCNN_RHT": "hdrcnn-rht",
    "HDRCNN_PS": "hdrcnn-reinhard",
    "DPED_iPhone": "dped-iphone",
    "DPED_BlackBerry": "dped-blackberry",
    "DPED_Sony": "dped-sony",
    "DPE_HDR": "dpe-hdr",
    "DPE_U-FiveK": "dpe-ufivek",
    "DPE_S-FiveK": "dpe-sfivek",
    "HQEC": "HQEC",
    "RetinexNet": "retinexnet",
    "DeepUPE": "deep-upe",
    "Zero-DCE": "zero-dce",
    "Ours_w_Ladv": MODEL,
}
_TIMEOUT = 600  # seconds that a command may take for one image


@dataclass(frozen=True)
class Method(ABC):
    """A method by name. ``is_optional``: without its weights the other methods are measured."""

    name: str
    is_optional: ClassVar[bool] = False

    def __call__(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """Correct one photograph: H x W x 3 uint8 sRGB of the size of ``image``.

        source: the file
        image:  the same as H x W x 3 uint8 sRGB, reduced to ``longest_side`` px
        Raises Error if the result is missing or of another size.
        """
        result = self.correct(source, image, longest_side)
        if result.shape != image.shape:
            height, width = result.shape[:2]
            raise Error(
                f"{source}: {self.name} made {width} x {height} of {image.shape[1]} x "
                f"{image.shape[0]}"
            )
        return result

    @abstractmethod
    def correct(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """The result for one photograph, of any size: H x W x 3 uint8 sRGB. Raises Error."""

    @abstractmethod
    def identity(self) -> str:
        """What its results depend on, so that kept results can be recognised.

        Raises ModelError if the method's weights are missing.
        """

    @property
    def has_weights(self) -> bool:
        """Whether it is a baseline with weights, which may be the authors' or ours."""
        return False


@dataclass(frozen=True)
class BaselineMethod(Method):
    """The baseline of this name in ``BASELINES``."""

    is_optional: ClassVar[bool] = True

    def correct(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """Apply it to the reduced image."""
        return BASELINES[self.name].correct(image)

    def identity(self) -> str:
        """Its weights."""
        weights = BASELINES[self.name].weights
        return weights() if weights else ""

    @property
    def has_weights(self) -> bool:
        """Whether there are any."""
        return BASELINES[self.name].weights is not None


@dataclass(frozen=True)
class ModelMethod(Method):
    """A midtone model, which corrects a file as ``midtone fix`` does: at its own size and format.

    model:    name or file
    pipeline: "default", "paper" or a TOML file
    """

    model: str = "default"
    pipeline: str = "default"

    def correct(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """Correct the file into a file in memory, and read that."""
        corrected, _ = correct_file(corrector(self.model, self.pipeline), photo.open_file(source))
        assert corrected is not None
        written = io.BytesIO()
        kept = corrected.format if corrected.format in photo.WRITABLE else "JPEG"
        photo.write(corrected, written, format=kept)
        return srgb_codes(photo.read(written.getvalue()), longest_side)

    def identity(self) -> str:
        """Hash of the model, and the pipeline."""
        one = corrector(self.model, self.pipeline)
        return f"{one.model.info.sha256} {one.config}"


@dataclass(frozen=True)
class FolderMethod(Method):
    """Outputs of another program, one an input, by the input's name without its suffix."""

    folder: Path

    def correct(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """Read the one output of the file's name, whatever its suffix."""
        found = sorted(path for path in self.folder.glob("*.*") if path.stem == source.stem)
        if len(found) != 1:
            what = "no output" if not found else f"{len(found)} outputs"
            raise Error(f"{self.folder}: has {what} named {source.stem}")
        return read_srgb(found[0], longest_side)

    def identity(self) -> str:
        """The folder."""
        return str(self.folder.resolve())


@dataclass(frozen=True)
class CommandMethod(Method):
    """Another program.

    command: template of a shell-free command line with {input} and {output}, both PNG
    """

    command: str

    def correct(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """Run it on the reduced image."""
        with tempfile.TemporaryDirectory(prefix="midtone-") as folder:
            given, made = Path(folder, "input.png"), Path(folder, "output.png")
            Image.fromarray(image).save(given)
            words = [
                word.replace("{input}", str(given)).replace("{output}", str(made))
                for word in shlex.split(self.command)
            ]
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT)
            except subprocess.TimeoutExpired as error:
                raise Error(f"{words[0]}: took longer than {_TIMEOUT} s") from error
            except OSError as error:
                raise ModelError(f"{words[0]}: cannot be run ({error.strerror})") from error
            if done.returncode or not made.is_file():
                last = (done.stderr.strip().splitlines() or ["no output file"])[-1]
                raise Error(f"{words[0]}: failed ({last})")
            return read_srgb(made)

    def identity(self) -> str:
        """The command."""
        return self.command


def parse(
    names: str, others: Sequence[str], model: str = "default", pipeline: str = "default"
) -> list[Method]:
    """Methods of ``--methods a,b,c`` and of every ``--method name=FOLDER|MODEL|COMMAND``.

    ``PAPER`` among the names stands for all rows of the paper's Table 1. Names are matched
    whatever their case. Raises UsageError.
    """
    known = {name.lower(): name for name in (MODEL, *BASELINES)}
    ours = ModelMethod(MODEL, model, pipeline)
    methods: list[Method] = []
    for name in split(names):
        if name == PAPER:
            methods += [ours if one == MODEL else BaselineMethod(one) for one in TABLE_1.values()]
        elif name in known:
            methods.append(ours if name == MODEL else BaselineMethod(known[name]))
        else:
            raise UsageError(f"no method {name}; there are {PAPER}, {', '.join(known.values())}")
    for given in others:
        name, separator, what = given.partition("=")
        if not separator or not name or not what:
            raise UsageError(f"--method takes name=FOLDER, name=MODEL or name=COMMAND, not {given}")
        if Path(what).is_dir():
            methods.append(FolderMethod(name, Path(what)))
        elif Path(what).suffix in (".onnx", ".safetensors"):
            methods.append(ModelMethod(name, what))
        elif "{input}" in what and "{output}" in what:
            methods.append(CommandMethod(name, what))
        else:
            kinds = "neither a folder, a model nor a command with {input} and {output}"
            raise UsageError(f"{what}: {kinds}")
    twice = {method.name for method in methods if sum(m.name == method.name for m in methods) > 1}
    if twice or not methods:
        raise UsageError(f"method given twice: {', '.join(twice)}" if twice else "no methods given")
    return methods


def split(names: str) -> list[str]:
    """The names in ``--methods``, in lower case."""
    return [part.strip().lower() for part in names.split(",") if part.strip()]


@lru_cache(maxsize=8)
def corrector(model: str, pipeline: str) -> Corrector:
    """A corrector, loaded once in each process. Raises ModelError, UsageError."""
    return Corrector(model, pipeline=pipeline)
