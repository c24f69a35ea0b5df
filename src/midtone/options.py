"""Every user option, once.

Command-line flags, HTTP parameters, the page's form and the Python keywords are made from these
frozen dataclasses; a flag has the name of its field. This module is imported by `midtone --help`
and must stay light.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from midtone import settings
from midtone.errors import UsageError

EXISTING = ("fail", "skip", "resume", "overwrite")
TOGETHER = ("same", "smooth")
RAW_RULES = ("also", "prefer", "skip")
BACKENDS = ("threads", "processes", "dask")
DEVICES = ("auto", "cpu", "cuda")
Options = TypeVar("Options", bound="CorrectionOptions | InputOptions | OutputOptions")


def _option(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    most: float | None = None,
    unit: str | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A field with the properties that flags, HTTP parameters and the form are made from.

    help: one phrase; least, most: limits, both allowed; unit: of the value ("EV"), for metavars
    """
    about = {"help": help, "least": least, "most": most, "unit": unit, "choices": choices}
    return field(default=default, metadata=about)


def _check(options: Any) -> None:
    """Raise UsageError if a value is of another kind, or outside its field's limits or choices."""
    settings.check(
        {one.name: getattr(options, one.name) for one in dataclasses.fields(options)}, type(options)
    )
    for one in dataclasses.fields(options):
        value, about = getattr(options, one.name), one.metadata
        if value is None:
            continue
        least, most, choices = about["least"], about["most"], about["choices"]
        if choices is not None and value not in choices:
            raise UsageError(f"{one.name} must be one of {', '.join(choices)}, not {value}")
        for number in value if isinstance(value, tuple) else (value,):
            if (least is not None and not number >= least) or (
                most is not None and not number <= most
            ):
                limits = f"at least {least:g}" if most is None else f"from {least:g} to {most:g}"
                raise UsageError(f"{one.name} must be {limits}, not {number:g}")


@dataclass(frozen=True)
class CorrectionOptions:
    """What the correction does.

    strength:  0 (unchanged) to 1 (the model's correction), up to 1.5; it applies to all the others
    ev:        make the result brighter or darker than the model does, in EV, -3 to 3
    protect_highlights: brighten what is bright in the input less
    fusion:    blend input and result by exposure fusion (Mertens et al. 2007)
    contrast:  stretch the result's contrast to the full range
    scales:    a factor for each pyramid level of the network's input, finest first, or None
    min_error: photographs whose exposure is off by less, in EV, are left unchanged
    Raises UsageError for values out of range.
    """

    strength: float = _option(
        1.0, "0 (unchanged) to 1 (the model's correction), up to 1.5", least=0, most=1.5
    )
    _: KW_ONLY
    fusion: bool = _option(False, "blend the input and the result by exposure fusion")
    contrast: bool = _option(False, "stretch the result's contrast to the full range")
    scales: Sequence[float] | None = _option(
        None, "a factor for each pyramid level, finest first: 1.5,1.5,1.5,1.05", least=0, most=10
    )
    min_error: float = _option(
        0.0, "leave photographs unchanged whose exposure is off by less", least=0, unit="EV"
    )
    ev: float = _option(
        0.0,
        "make the result brighter or darker than the model does",
        least=-3,
        most=3,
        unit="EV",
    )
    protect_highlights: bool = _option(False, "brighten what is bright in the input less")

    def __post_init__(self) -> None:
        if self.scales is not None:
            try:
                scales = tuple(float(scale) for scale in self.scales)
            except (TypeError, ValueError):
                raise UsageError(f"scales must be numbers, not {self.scales!r:.60}") from None
            object.__setattr__(self, "scales", scales)
        _check(self)


@dataclass(frozen=True)
class InputOptions:
    """How files are read.

    max_megapixels: larger photographs are refused
    salvage:        accept JPEGs that are cut off; what is missing becomes grey
    raw:            of a camera RAW file beside another file of the same name, correct both
                    ("also"), the RAW file ("prefer") or the other file ("skip")
    """

    max_megapixels: float = _option(500.0, "refuse larger photographs", least=0)
    salvage: bool = _option(False, "accept JPEGs that are cut off; what is missing becomes grey")
    raw: str = _option(
        "also",
        "of a RAW file and its JPEG correct both (also), RAW or JPEG",
        choices=RAW_RULES,
    )

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class OutputOptions:
    """How results are written.

    existing: what happens if the result exists already: "fail", "skip", "resume" (skip, and remove
              what an interrupted run left half written) or "overwrite"
    format:   of the results, "jpeg", "png", "tiff", "webp", "avif", "heic" or another name that
              ``photo.parse_format`` takes; None: that of each input, JPEG for camera RAW
    quality:  of lossy formats, 1 to 100; None: 95 for JPEG and WebP, 80 for AVIF, 58 for HEIC, or
              that of an input of the same format if better
    strip:    leave out all metadata but the colour profile
    keep_software_tag: leave the Software tag as it was; else it names midtone and the model
    """

    existing: str = _option("fail", "what happens if the result exists", choices=EXISTING)
    _: KW_ONLY
    format: str | None = _option(
        None, "format of the results: jpeg, png, tiff, webp, avif or heic (the input's)"
    )
    quality: int | None = _option(
        None,
        "quality of JPEG, WebP (95, or the input's if better), AVIF (80), HEIC (58)",
        least=1,
        most=100,
    )
    strip: bool = _option(False, "leave out all metadata but the colour profile")
    keep_software_tag: bool = _option(False, "leave the Software tag as it was")

    def __post_init__(self) -> None:
        if self.format is not None:
            from midtone.photo import parse_format  # here: `midtone --help` must stay light

            object.__setattr__(self, "format", parse_format(self.format))
        _check(self)


def from_mapping(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Options of ``kind`` from the values with its fields' names; other values are ignored."""
    known = {one.name for one in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class FileOptions:
    """All options of correcting a file into a file.

    lut: where the correction is written as a 3D look-up table (.cube), or None
    """

    correction: CorrectionOptions = CorrectionOptions()
    input: InputOptions = InputOptions()
    output: OutputOptions = OutputOptions()
    lut: Path | None = None


def file_options(values: Mapping[str, Any]) -> FileOptions:
    """All options from one mapping, such as parsed flags; other entries are ignored."""
    return FileOptions(
        from_mapping(CorrectionOptions, values),
        from_mapping(InputOptions, values),
        from_mapping(OutputOptions, values),
        values.get("lut"),
    )
