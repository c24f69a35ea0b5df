"""Model files: the embedded default and others, each of which says what it is.

``.onnx`` runs on ONNX Runtime and needs nothing else; ``.safetensors`` rebuilds the torch network.
Both carry in the header the layout of the network, the pipeline they were made for and how they
were trained. Importing this module is quick, so that a command can load a model while it imports
the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from midtone.errors import ModelError, UsageError
from midtone.options import DEVICES

if TYPE_CHECKING:
    from midtone.pipeline import PipelineConfig
    from midtone.pyramid import Taps

EMBEDDED = Path(__file__).parent / "models"


@dataclass(frozen=True)
class ModelInfo:
    """A model file's header.

    config: the pipeline that the model was made for, with the layout of its network
    made:   how the model was trained
    """

    path: Path
    config: PipelineConfig
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The embedded model's name, or the file's without its suffix."""
        return self.path.stem

    @cached_property
    def sha256(self) -> str:
        """Hash of the file, in hexadecimal digits."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


class Model(Protocol):
    """A loaded network."""

    info: ModelInfo

    def run(self, levels: Sequence[np.ndarray]) -> np.ndarray:
        """Laplacian levels ``config.finest`` to n, N x 3 x H x W float32 -> N x 3 x H x W.

        The result has the size of level 1, or of level ``config.finest`` - 1 if that is coarser.
        """


def header(
    network: dict[str, Any], pipeline: PipelineConfig, made: dict[str, Any]
) -> dict[str, str]:
    """The header of a model file. ``network``: the settings of ``NetworkConfig``."""
    return {
        "midtone_network": json.dumps(network),
        "midtone_finest": str(pipeline.finest),
        "midtone_pipeline": json.dumps(pipeline.to_dict()),
        "midtone_made": json.dumps(made),
    }


def embedded() -> dict[str, Path]:
    """Names and files of the models in the package."""
    return {path.stem: path for path in sorted(EMBEDDED.glob("*.onnx"))}


def find(model: str | os.PathLike[str]) -> Path:
    """Path of an embedded model by name, or of a model file."""
    known = embedded()
    if str(model) in known:
        return known[str(model)]
    path = Path(model)
    if path.suffix not in (".onnx", ".safetensors"):
        raise ModelError(
            f"{model}: no such model; known are {', '.join(known) or 'none'}, "
            "or give an .onnx or .safetensors file"
        )
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    if not os.access(path, os.R_OK):
        raise ModelError(f"{path}: no permission to read this model file")
    return path


def load(
    model: str | os.PathLike[str] = "default",
    device: str = "auto",
    threads: int | None = None,
    *,
    once: bool = False,
) -> Model:
    """Load a model for correcting photographs.

    model:  name of an embedded model, or a path
    device: "cpu", "cuda" (ModelError if there is none) or "auto" (cuda if there is one)
    once:   for a single photograph: ONNX Runtime loads the network 30 ms faster and runs it 3 ms
            slower; a few pixels of the result differ by one code value
    """
    return begin_loading(model, device, threads, once=once)()


def begin_loading(
    model: str | os.PathLike[str], device: str, threads: int | None, *, once: bool
) -> Callable[[], Model]:
    """Begin what ``load`` does; the result waits for the model.

    ONNX Runtime prepares the network in a thread, without Python. Nothing is imported there,
    because Python can fail when two threads import modules of one package.
    """
    if device not in DEVICES:
        raise UsageError(f"device must be one of {', '.join(DEVICES)}, not {device}")
    path = find(model)
    if path.suffix != ".onnx":
        return partial(_TorchModel, path, device)
    session = _begin_session(path, device, threads, once)
    return lambda: _OnnxModel(path, device, session)


def import_onnxruntime() -> Any:
    """ONNX Runtime without its telemetry: midtone makes no network connections.

    From version 1.29 on it would report each session to its makers.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is imported first
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # of Windows, and if it was imported before
    return onnxruntime


def _begin_session(path: Path, device: str, threads: int | None, once: bool) -> Future[Any]:
    onnxruntime = import_onnxruntime()
    providers = onnxruntime.get_available_providers()
    if device == "cuda" and "CUDAExecutionProvider" not in providers:
        raise ModelError("this ONNX Runtime has no CUDA; install onnxruntime-gpu or use cpu")
    cuda = device != "cpu" and "CUDAExecutionProvider" in providers
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait by spinning would take the core from the next photograph's decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if once:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    if threads:
        options.intra_op_num_threads = threads
    pool = ThreadPoolExecutor(1)
    session = pool.submit(
        onnxruntime.InferenceSession,
        path,
        options,
        providers=["CUDAExecutionProvider"] * cuda + ["CPUExecutionProvider"],
    )
    pool.shutdown(wait=False)
    return session


class _OnnxModel:
    def __init__(self, path: Path, device: str, session: Future[Any]) -> None:
        try:
            self._session = session.result()
        except Exception as error:  # ONNX Runtime's errors share no public base
            reason = str(error).rpartition("failed:")[2].strip(" .")
            raise ModelError(f"{path}: not a usable ONNX model ({reason})") from error
        # Without CUDA's own libraries ONNX Runtime falls back to the CPU.
        if device == "cuda" and "CUDAExecutionProvider" not in self._session.get_providers():
            raise ModelError("ONNX Runtime cannot use CUDA on this computer; use cpu")
        self.info = _info(path, self._session.get_modelmeta().custom_metadata_map)
        self._inputs = [given.name for given in self._session.get_inputs()]

    def run(self, levels: Sequence[np.ndarray]) -> np.ndarray:
        feed = {
            name: np.ascontiguousarray(values, np.float32)
            for name, values in zip(self._inputs, levels, strict=True)
        }
        return cast(np.ndarray, self._session.run(None, feed)[0])


class _TorchModel:
    def __init__(self, path: Path, device: str) -> None:
        try:
            import torch

            from midtone.network import load_network
        except ImportError as error:
            raise ModelError(
                f"{path}: .safetensors models need torch: pip install midtone[train]"
            ) from error
        if device == "cuda" and not torch.cuda.is_available():
            raise ModelError("torch finds no CUDA device; use cpu")
        self._device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        network, metadata = load_network(path)
        self._network = network.to(self._device).eval()
        self.info = _info(path, metadata)

    def run(self, levels: Sequence[np.ndarray]) -> np.ndarray:
        import torch

        def place(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self._device)

        with torch.inference_mode():
            result = self._network(*map(place, levels), finest=self.info.config.finest)[0]
        return cast(np.ndarray, result.cpu().numpy())


def info(model: str | os.PathLike[str]) -> ModelInfo:
    """Header of a model."""
    return load(model, "cpu").info


def _info(path: Path, metadata: dict[str, str]) -> ModelInfo:
    from midtone.pipeline import PAPER

    try:
        network = json.loads(metadata["midtone_network"])
        config = network_layout(network, int(metadata.get("midtone_finest", 1)))
        if "midtone_pipeline" in metadata:
            config = config.override(json.loads(metadata["midtone_pipeline"]))
        else:  # files of version 0.1
            config = config.override(PAPER | {"size": int(metadata["midtone_size"])})
        return ModelInfo(path, config, json.loads(metadata["midtone_made"]))
    except (KeyError, ValueError, TypeError, UsageError) as error:
        raise ModelError(f"{path}: the file is not a midtone model") from error


def network_layout(network: dict[str, Any], finest: int = 1) -> PipelineConfig:
    """A configuration with the layout of a network, from the settings of its ``NetworkConfig``."""
    from midtone.pipeline import PipelineConfig

    return PipelineConfig(
        levels=int(network["levels"]),
        finest=finest,
        multiple=max(2 ** (level + stages) for level, stages in enumerate(network["depth"])),
        taps=cast("Taps", tuple(network["taps"])),
    )
