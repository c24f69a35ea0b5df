"""Model files from training checkpoints."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

from midtone import atomic, pyramid
from midtone.errors import ModelError, UsageError
from midtone.model import header, import_onnxruntime, network_layout
from midtone.model import info as read_info
from midtone.network import CoarseToFine, NetworkConfig, load_network, save_network
from midtone.pipeline import choose_pipeline

_OPSET = 18
PARITY = 1e-4


def from_checkpoint(
    path: Path, finest: int | None = None, pipeline: str | os.PathLike[str] = "default"
) -> tuple[CoarseToFine, dict[str, str]]:
    """The network of a training checkpoint (its average), and the header of its model file.

    path:     checkpoint of a run, or a .safetensors model file
    finest:   the finest level that the model runs; by default the finest that was trained
    pipeline: "default" (the paper's, or that of a model file), "paper", or a TOML file
    Raises ModelError, UsageError.
    """
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        if "recipe" not in metadata:
            return _from_model(path, finest, pipeline)
        recipe = json.loads(metadata["recipe"])
        network = CoarseToFine(NetworkConfig.from_dict(recipe["network"]))
        network.load_state_dict(
            {name: file.get_tensor("average/" + name) for name in network.state_dict()}
        )
    last = recipe["stages"][-1]
    chosen = _choose_finest(finest, int(last["finest"]), network.config.levels)
    settings = network.config.to_dict()
    config = network_layout(settings, chosen).override({"size": int(last["size"])})
    made = {"step": int(metadata["step"]), "recipe": recipe}
    return network.eval(), header(settings, choose_pipeline(config, pipeline), made)


def _from_model(
    path: Path, finest: int | None, pipeline: str | os.PathLike[str]
) -> tuple[CoarseToFine, dict[str, str]]:
    info = read_info(path)
    network, _ = load_network(path)
    chosen = _choose_finest(finest, info.config.finest, network.config.levels)
    config = replace(choose_pipeline(info.config, pipeline), finest=chosen)
    return network.eval(), header(network.config.to_dict(), config, info.made)


def _choose_finest(wanted: int | None, trained: int, levels: int) -> int:
    chosen, coarsest = trained if wanted is None else wanted, max(1, levels - 1)
    if not trained <= chosen <= coarsest:
        raise UsageError(f"the finest level must lie within {trained} and {coarsest}, not {chosen}")
    return chosen


def export(
    path: Path,
    target: Path,
    *,
    half: bool = True,
    finest: int | None = None,
    pipeline: str | os.PathLike[str] = "default",
) -> float:
    """Write a checkpoint as .onnx or .safetensors; returns the largest difference to torch.

    half: store the weights of an .onnx file as float16 (it computes in float32 all the same);
          the difference is then against the network with the rounded weights.
    The other arguments are those of ``from_checkpoint``. Raises ModelError, and writes nothing, if
    an .onnx model differs by more than 1e-4; Error where the file cannot be written.
    """
    network, metadata = from_checkpoint(path, finest, pipeline)
    if target.suffix == ".safetensors":
        with atomic.writing(target) as temporary:
            save_network(temporary, network, metadata)
        return 0.0
    if half:
        for parameter in network.parameters():
            parameter.data = parameter.data.half().float()
    model = to_onnx(network, metadata, half=half)
    difference = parity(network, model, int(metadata["midtone_finest"]))
    if not difference <= PARITY:
        raise ModelError(
            f"{target}: ONNX Runtime and torch differ by {difference:.1e}; not written"
        )
    with atomic.writing(target) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return difference


def to_onnx(network: CoarseToFine, metadata: dict[str, str], *, half: bool) -> onnx.ModelProto:
    """ONNX graph with inputs level1 .. leveln and output corrected.

    A network of which only coarse levels were trained, by the header, has only these.
    Batch and picture size are free.
    """
    finest = int(metadata["midtone_finest"])
    levels = range(finest - 1, network.config.levels)
    side = 2 * network.config.multiple
    example = tuple(torch.rand(2, 3, side >> level, 2 * side >> level) for level in levels)
    any_size = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            _Corrected(network, finest),
            example,
            input_names=[f"level{level + 1}" for level in levels],
            output_names=["corrected"],
            dynamic_shapes={"levels": tuple(any_size for _ in levels)},
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _name_sizes(model, [*levels, max(0, finest - 2)])
    _strip_traces(model)
    if half:
        _store_half(model)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def _name_sizes(model: onnx.ModelProto, levels: Sequence[int]) -> None:
    """Name the free dimensions of the inputs and the output: "batch", "height/2", "width/2".

    levels: pyramid level of each, counted from 0
    """
    values = [*model.graph.input, *model.graph.output]
    for value, level in zip(values, levels, strict=True):
        part = f"/{2**level}" if level else ""
        for axis, name in ((0, "batch"), (2, "height" + part), (3, "width" + part)):
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _strip_traces(model: onnx.ModelProto) -> None:
    """Delete what differs from run to run: names of traced sizes, source lines, doc strings."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.producer_name = "midtone"
    model.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""


def parity(network: CoarseToFine, model: onnx.ModelProto, finest: int = 1) -> float:
    """Largest difference between ONNX Runtime and torch on a batch of two random images."""
    session = import_onnxruntime().InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    side = network.config.multiple
    picture = np.random.default_rng(0).random((2, 2 * side, side, 3), np.float32)
    split = [pyramid.split(one, network.config.levels, network.config.taps) for one in picture]
    levels = [np.stack(level).transpose(0, 3, 1, 2) for level in zip(*split, strict=True)]
    levels = [np.ascontiguousarray(level) for level in levels[finest - 1 :]]
    with torch.inference_mode():
        pictures = map(torch.from_numpy, levels)
        expected = network(*pictures, finest=finest)[0].numpy()
    names = [given.name for given in session.get_inputs()]
    result = session.run(None, dict(zip(names, levels, strict=True)))[0]
    return float(np.abs(result - expected).max())


class _Corrected(torch.nn.Module):
    """The network without the coarser results, which only training needs."""

    def __init__(self, network: CoarseToFine, finest: int) -> None:
        super().__init__()
        self.network = network
        self.finest = finest

    def forward(self, *levels: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.network(*levels, finest=self.finest)[0])


def _store_half(model: onnx.ModelProto) -> None:
    """Store float32 weights as float16 with a cast, which ONNX Runtime folds when it loads."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        name = tensor.name
        weights = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(weights, name + ".half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
