"""The settings of a correction: from the size of the network's input to the grid's smoothness.

A model file's header holds the ``PipelineConfig`` that the model was made for, so no constant that
was tuned for one model lives in code. ``PAPER`` is the method of Afifi et al. 2021 without any step
after the network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from midtone import postprocess
from midtone.bilateral_grid import GridConfig
from midtone.errors import UsageError
from midtone.postprocess import Step
from midtone.pyramid import BURT_ADELSON, Taps
from midtone.settings import check

MAX_SIZE = 4096  # where the four levels need 10 GB


@dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """How a photograph is prepared for one network, and what is done with its prediction.

    levels:     pyramid levels of the network
    finest:     finest level that runs; 1, or more for a network of coarse levels alone
    multiple:   height and width of the padded input are multiples of this
    taps:       filter of the pyramid
    size:       longest side of the network's input in pixels
    padding:    "symmetric" or "edge": how the input is extended at the bottom and the right
    rotate_tta: average the predictions for the image and for its 180 degree rotation
    grid:       the bilateral grid
    postprocess: steps between the network and the grid
    The first four describe the network, the others may be changed for any network.
    """

    levels: int = 4
    finest: int = 1
    multiple: int = 128
    taps: Taps = BURT_ADELSON
    size: int = 512
    padding: str = "symmetric"
    rotate_tta: bool = False
    grid: GridConfig = GridConfig()
    postprocess: tuple[Step, ...] = postprocess.PAPER

    def __post_init__(self) -> None:
        check({field.name: getattr(self, field.name) for field in fields(self)}, PipelineConfig)
        if self.padding not in ("symmetric", "edge"):
            raise UsageError(f'padding must be "symmetric" or "edge", not {self.padding!r}')
        if not 1 <= self.size <= MAX_SIZE:
            raise UsageError(
                f"the size of the network's input must be from 1 to {MAX_SIZE}, not {self.size}"
            )

    @property
    def preview_size(self) -> int:
        """Least longer side in pixels of a preview that a correction is planned from."""
        return 2 * self.size

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for a model file's header and for TOML."""
        plain = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in _OF_THE_NETWORK
        }
        steps = [postprocess.to_dict(step) for step in self.postprocess]
        return plain | {"grid": asdict(self.grid), "postprocess": steps}

    def override(self, settings: Mapping[str, Any]) -> PipelineConfig:
        """The configuration with other ``settings``, as ``to_dict`` or a TOML file gives them.

        Settings that are not given stay. Raises UsageError for unknown names and wrong values.
        """
        known = {field.name for field in fields(self)} - _OF_THE_NETWORK
        if unknown := set(settings) - known:
            raise UsageError(
                f"unknown pipeline settings {', '.join(sorted(unknown))}; "
                f"known are {', '.join(sorted(known))}"
            )
        check(settings, PipelineConfig, "the pipeline")
        values = dict(settings)
        if "grid" in values:
            check(values["grid"], GridConfig, "grid")
            values["grid"] = replace(self.grid, **values["grid"])
        if "postprocess" in values:
            if not isinstance(values["postprocess"], list | tuple):
                raise UsageError("postprocess must be a list of steps, [[postprocess]] in TOML")
            values["postprocess"] = tuple(map(postprocess.from_dict, values["postprocess"]))
        return replace(self, **values)


_OF_THE_NETWORK = {"levels", "finest", "multiple", "taps"}
# What the paper does with any network; the size stays that of the network's training.
PAPER: dict[str, Any] = {
    "padding": "edge",
    "rotate_tta": False,
    "grid": asdict(GridConfig()),
    "postprocess": [],
}


def choose_pipeline(
    own: PipelineConfig, wanted: str | os.PathLike[str] | PipelineConfig
) -> PipelineConfig:
    """The pipeline that a model with the configuration ``own`` runs.

    wanted: "default" (``own``), "paper" (``PAPER``), the path of a TOML file with settings that
            replace those of ``own``, or a whole configuration
    Raises UsageError for a file that cannot be read or has unknown settings.
    """
    if isinstance(wanted, PipelineConfig):
        return wanted
    if not isinstance(wanted, str | os.PathLike):
        raise UsageError(f"a pipeline is a name, a file or a PipelineConfig, not {wanted!r:.60}")
    if wanted == "default":
        return own
    if wanted == "paper":
        return own.override(PAPER)
    path = Path(wanted)
    if path.suffix != ".toml":
        raise UsageError(f"{wanted}: no such pipeline; use default, paper or a .toml file")
    import tomllib  # here: few correct with settings of their own, and starting should be quick

    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error
    try:
        return own.override(settings)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
