"""The page without a server: a folder of files that any web server can give out.

The page is that of ``midtone serve``; in ``browser/`` are the modules that correct photographs in
the browser, where the server's page sends them to the API.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from midtone import __version__, postprocess
from midtone import model as model_files
from midtone.errors import Error, UsageError
from midtone.model import ModelInfo
from midtone.pipeline import PipelineConfig, choose_pipeline
from midtone.server.onnxruntime_web import WEBGPU_FILES, read_package
from midtone.server.params import CorrectParams, PlanParams, openapi_parameters

_PAGE = Path(__file__).parent / "page"
_BROWSER = Path(__file__).parent / "browser"
_SERVER_ONLY = {"index.html", "api.js", "docs.css", "main.js"}
_AT_THE_TOP = {"service_worker.js", "licenses.txt"}
# The steps that browser/postprocess.js has, with their parameters.
STEPS = {
    "shrink_to_mean_luma": {"target", "low", "high", "clipped_weight"},
    "neutralize_clipped_highlights": {"low", "high", "floor", "far_floor", "near", "far"},
    "shrink_by_confidence": {"half", "slope"},
    "keep_grey": {"enabled"},
    "exposure_fusion": set(),
    "contrast_stretch": {"tail"},
    "exposure_trim": {"ev"},
    "protect_highlights": {"amount"},
}
FORMATS = ["jpeg", "png"]  # that browser/photo.js writes
_LIMITS = {"megabytes": 500, "megapixels": 100}
# WebAssembly may be compiled; nothing else is allowed beyond the page's own files.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_MANIFEST = {
    "name": "midtone",
    "short_name": "midtone",
    "description": "Corrects photographs that are too dark or too bright.",
    "start_url": ".",
    "display": "standalone",
    "background_color": "#171513",
    "theme_color": "#171513",
    "icons": [{"src": "page/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
}


@dataclass(frozen=True)
class Site:
    """What was written.

    files:  names and sizes in bytes
    loaded: bytes of the files that a browser loads without WebGPU
    """

    files: dict[str, int]
    loaded: int


def build(
    out: Path,
    onnxruntime: Path,
    *,
    model: str | os.PathLike[str] = "default",
    pipeline: str = "default",
    overwrite: bool = False,
) -> Site:
    """Write the page to the folder ``out``, whole or not at all.

    onnxruntime: the npm package onnxruntime-web, packed (.tgz) or as a folder
    model:       name of an embedded model, or path of an .onnx file
    pipeline:    as ``Corrector`` takes it
    overwrite:   replace the page that is in ``out``
    Raises UsageError, ModelError; Error if a file cannot be written.
    """
    _check_target(out, overwrite)
    path = model_files.find(model)
    if path.suffix != ".onnx":
        raise UsageError(f"{path}: the page needs an .onnx model; midtone export writes one")
    info = model_files.info(path)
    config = choose_pipeline(info.config, pipeline)
    check_steps(config)
    files = _files(info, config, read_package(onnxruntime))
    later = sorted(f"onnxruntime/{name}" for name in WEBGPU_FILES)
    first = sorted(set(files) - set(later))
    files["service_worker.js"] = _service_worker(files, first, later)
    try:
        _write(out, files)
    except OSError as error:
        raise Error(f"{out}: cannot be written ({error.strerror or error})") from error
    sizes = {name: len(data) for name, data in sorted(files.items())}
    return Site(sizes, sum(sizes[name] for name in [*first, "service_worker.js"]))


def check_steps(config: PipelineConfig) -> None:
    """Raise UsageError if the pipeline has a step or a parameter that the page does not have."""
    for step in map(postprocess.to_dict, config.postprocess):
        name = step.pop("step")
        if name not in STEPS:
            raise UsageError(f"the page does not have the step {name} of this model's pipeline")
        if unknown := set(step) - STEPS[name]:
            raise UsageError(
                f"the page does not have {', '.join(sorted(unknown))} of the step {name}"
            )


def _files(
    info: ModelInfo, config: PipelineConfig, runtime: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Contents of all files but the service worker, by name."""
    model = f"model/{info.name}.onnx"
    files = {
        f"page/{path.name}": path.read_bytes()
        for path in _PAGE.iterdir()
        if path.is_file() and path.name not in _SERVER_ONLY
    }
    files |= {
        f"browser/{path.name}": path.read_bytes()
        for path in _BROWSER.iterdir()
        if path.is_file() and path.name not in _AT_THE_TOP
    }
    files |= {f"onnxruntime/{name}": data for name, data in runtime.items()}
    return files | {
        "index.html": _index(),
        "about.json": _json(_about(config)),
        "manifest.webmanifest": _json(_MANIFEST),
        "licenses.txt": (_BROWSER / "licenses.txt").read_bytes(),
        model: info.path.read_bytes(),
        "model/pipeline.json": _json(_pipeline(info, config) | {"model": model}),
    }


def _index() -> bytes:
    """The server's page with the other back end and a policy of its own."""
    html = (_PAGE / "index.html").read_text("utf-8")
    charset = '<meta charset="utf-8">'
    for old, new in (
        (charset, f'{charset}\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        ("</title>", '</title>\n<link rel="manifest" href="manifest.webmanifest">'),
        ('data-backend="server"', 'data-backend="browser"'),
        ("page/main.js", "browser/main.js"),
    ):
        assert html.count(old) == 1, old
        html = html.replace(old, new)
    return html.encode()


def _about(config: PipelineConfig) -> dict[str, Any]:
    """What ``ServerBackend.about`` gives."""
    correct = openapi_parameters(CorrectParams)
    for parameter in correct:
        if parameter["name"] == "format":
            kinds = parameter["schema"]["anyOf"]
            next(kind for kind in kinds if "enum" in kind)["enum"] = FORMATS
    plan = [one for one in openapi_parameters(PlanParams) if one["name"] != "preview"]
    layout = {name: getattr(config, name) for name in ("levels", "finest", "size")}
    return {
        "model": layout,
        "limits": _LIMITS,
        "planParameters": plan,
        "correctParameters": correct,
    }


def _pipeline(info: ModelInfo, config: PipelineConfig) -> dict[str, Any]:
    """All settings of the pipeline, and what the Software tag names."""
    return (
        asdict(config)
        | config.to_dict()
        | {
            "version": __version__,
            "name": info.name,
            "sha256": info.sha256,
        }
    )


def _json(value: Any) -> bytes:
    # JSON has no infinity, but 1e999 is one in JavaScript.
    return json.dumps(value, indent=1).replace("Infinity", "1e999").encode()


def _service_worker(files: Mapping[str, bytes], first: list[str], later: list[str]) -> bytes:
    digest = hashlib.sha256()
    code = (_BROWSER / "service_worker.js").read_bytes()
    for name in sorted(files):
        digest.update(name.encode() + hashlib.sha256(files[name]).digest())
    digest.update(code)
    constants = {
        "VERSION": f"midtone-{digest.hexdigest()[:16]}",
        "FILES": first,
        "LATER": later,
        "POLICY": POLICY,
    }
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in constants.items()]
    return "".join(lines).encode() + code


def _check_target(out: Path, overwrite: bool) -> None:
    """Raise UsageError if ``out`` holds anything but a page that may be replaced."""
    try:
        is_empty = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    except OSError as error:
        raise UsageError(f"{out}: cannot be read ({error.strerror})") from error
    if is_empty:
        return
    if not out.is_dir() or not (out / "service_worker.js").is_file():
        raise UsageError(f"{out}: exists and is no page of midtone; choose another folder")
    if not overwrite:
        raise UsageError(f"{out}: exists already; use --overwrite to replace it")


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
        site = Path(temporary) / "site"
        for name, data in files.items():
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if out.exists():
            out.replace(Path(temporary) / "old")
        site.replace(out)
