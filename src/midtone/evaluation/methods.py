"""The methods that can be compared: midtone's models, published baselines, other programs.

``BASELINES`` is the one list of published methods. A new one is one line there.
"""

from __future__ import annotations

import io
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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
class Method:
    """A method by name.

    model:   name or file of a midtone model
    pipeline: of the model: "default", "paper" or a TOML file
    folder:  outputs of another program, one an input, by the input's name without its suffix
    command: template of a shell-free command line with {input} and {output}, both PNG
    With none of them, the baseline of this name.
    """

    name: str
    model: str = ""
    pipeline: str = "default"
    folder: Path | None = None
    command: str = ""

    def __call__(self, source: Path, image: np.ndarray, longest_side: int | None) -> np.ndarray:
        """Correct one photograph: H x W x 3 uint8 sRGB of the size of ``image``.

        source: the file, which a midtone model corrects as ``midtone fix`` does: decoded, corrected
                and written at its own size in its own format; the written file is measured
        image:  the same as H x W x 3 uint8 sRGB, reduced to ``longest_side`` px, which baselines
                and commands are given
        Raises Error if the result is missing or of another size.
        """
        if self.model:
            result = _fixed(corrector(self.model, self.pipeline), source, longest_side)
        elif self.folder:
            result = read_srgb(_only_file(self.folder, source.stem), longest_side)
        elif self.command:
            result = _run_command(self.command, image)
        else:
            result = BASELINES[self.name].correct(image)
        if result.shape != image.shape:
            height, width = result.shape[:2]
            raise Error(
                f"{source}: {self.name} made {width} x {height} of {image.shape[1]} x "
                f"{image.shape[0]}"
            )
        return result

    @property
    def has_weights(self) -> bool:
        """Whether it is a baseline with weights, which may be the authors' or ours."""
        other = self.model or self.folder or self.command
        return not other and BASELINES[self.name].weights is not None

    def identity(self) -> str:
        """What its results depend on, so that kept results can be recognised.

        Raises ModelError if the method's weights are missing.
        """
        if self.model:
            one = corrector(self.model, self.pipeline)
            return f"{one.model.info.sha256} {one.config}"
        if self.folder:
            return str(self.folder.resolve())
        if self.command:
            return self.command
        weights = BASELINES[self.name].weights
        return weights() if weights else ""


def parse(
    names: str, others: Sequence[str], model: str = "default", pipeline: str = "default"
) -> list[Method]:
    """Methods of ``--methods a,b,c`` and of every ``--method name=FOLDER|MODEL|COMMAND``.

    ``PAPER`` among the names stands for all rows of the paper's Table 1. Names are matched
    whatever their case. Raises UsageError.
    """
    known = {name.lower(): name for name in (MODEL, *BASELINES)}
    ours = Method(MODEL, model, pipeline)
    methods = []
    for name in split(names):
        if name == PAPER:
            methods += [ours if one == MODEL else Method(one) for one in TABLE_1.values()]
        elif name in known:
            methods.append(ours if name == MODEL else Method(known[name]))
        else:
            raise UsageError(f"no method {name}; there are {PAPER}, {', '.join(known.values())}")
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


def _fixed(corrector: Corrector, source: Path, longest_side: int | None) -> np.ndarray:
    """Correct a file into a file in memory, as ``midtone fix`` does, and read that."""
    corrected, _ = correct_file(corrector, photo.open_file(source))
    assert corrected is not None
    written = io.BytesIO()
    kept = corrected.format if corrected.format in photo.WRITABLE else "JPEG"
    photo.write(corrected, written, format=kept)
    return srgb_codes(photo.read(written.getvalue()), longest_side)


def _only_file(folder: Path, stem: str) -> Path:
    """The one file of that name, whatever its suffix. Raises Error."""
    found = sorted(path for path in folder.glob("*.*") if path.stem == stem)
    if len(found) != 1:
        what = "no output" if not found else f"{len(found)} outputs"
        raise Error(f"{folder}: has {what} named {stem}")
    return found[0]


def _run_command(command: str, image: np.ndarray) -> np.ndarray:
    """The picture that another program makes of an image. Raises Error."""
    with tempfile.TemporaryDirectory(prefix="midtone-") as folder:
        source, target = Path(folder, "input.png"), Path(folder, "output.png")
        Image.fromarray(image).save(source)
        words = [
            word.replace("{input}", str(source)).replace("{output}", str(target))
            for word in shlex.split(command)
        ]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise Error(f"{words[0]}: took longer than {_TIMEOUT} s") from error
        except OSError as error:
            raise ModelError(f"{words[0]}: cannot be run ({error.strerror})") from error
        if done.returncode or not target.is_file():
            last = (done.stderr.strip().splitlines() or ["no output file"])[-1]
            raise Error(f"{words[0]}: failed ({last})")
        return read_srgb(target)
