"""`midtone --version`: what is installed."""

from __future__ import annotations

import hashlib
import platform
from importlib.util import find_spec
from pathlib import Path

from midtone import __version__

SLOW = "NumPy, 13 times slower (there was no compiler when midtone was installed)"
_MODEL = Path(__file__).parents[1] / "models" / "default.onnx"
_MODULES = {"heic": "pillow_heif", "raw": "rawpy"}  # behind the extras of formats


def text(*, verbose: bool) -> str:
    """The version and the default model; with ``verbose`` also libraries and formats."""
    sha256 = hashlib.sha256(_MODEL.read_bytes()).hexdigest()
    if not verbose:
        return f"midtone {__version__}, model default {sha256[:8]}"
    return "\n".join([f"midtone {__version__}", f"model: default, sha256 {sha256}", *_details()])


def _details() -> list[str]:
    import imagecodecs
    import numpy
    import PIL

    from midtone.bilateral_grid.slice import COMPILED
    from midtone.model import import_onnxruntime
    from midtone.photo import FORMATS

    onnxruntime = import_onnxruntime()
    missing = [one for one in FORMATS.values() if one.extra and not find_spec(_MODULES[one.extra])]
    usable = [one for one in FORMATS.values() if one not in missing]
    providers = ", ".join(onnxruntime.get_available_providers())
    return [
        f"slicing: {'compiled' if COMPILED else SLOW}",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"ONNX Runtime {onnxruntime.__version__}: {providers}",
        f"NumPy {numpy.__version__}",
        f"Pillow {PIL.__version__}",
        f"imagecodecs {imagecodecs.__version__}",
        f"reads: {', '.join(one.title for one in usable)}",
        f"writes: {', '.join(one.title for one in usable if one.encode)}",
        *(f"not installed: {one.title}, which needs midtone[{one.extra}]" for one in missing),
    ]
