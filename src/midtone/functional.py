"""``midtone.correct``: one call for a file or an image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, TypeAlias, overload

from midtone import photo
from midtone.adapters import AnyImage
from midtone.batch.correct_one import correct_file, write
from midtone.batch.inputs import check_format
from midtone.corrector import Corrector
from midtone.errors import UsageError
from midtone.options import CorrectionOptions, FileOptions, OutputOptions

Source: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes]"
Target: TypeAlias = "str | os.PathLike[str] | IO[bytes]"


@overload
def correct(
    image: Source,
    target: Target,
    *,
    model: str | os.PathLike[str] = ...,
    strength: float = ...,
    ev: float = ...,
    protect_highlights: bool = ...,
    fusion: bool = ...,
    contrast: bool = ...,
    scales: Sequence[float] | None = ...,
    format: str | None = ...,
    quality: int | None = ...,
    strip: bool = ...,
    keep_software_tag: bool = ...,
    overwrite: bool = ...,
) -> None: ...
@overload
def correct(
    image: AnyImage,
    *,
    model: str | os.PathLike[str] = ...,
    strength: float = ...,
    ev: float = ...,
    protect_highlights: bool = ...,
    fusion: bool = ...,
    contrast: bool = ...,
    scales: Sequence[float] | None = ...,
) -> AnyImage: ...
def correct(
    image: Any,
    target: Any = None,
    *,
    model: str | os.PathLike[str] = "default",
    strength: float = 1.0,
    ev: float = 0.0,
    protect_highlights: bool = False,
    fusion: bool = False,
    contrast: bool = False,
    scales: Sequence[float] | None = None,
    format: str | None = None,
    quality: int | None = None,
    strip: bool = False,
    keep_software_tag: bool = False,
    overwrite: bool = False,
) -> Any:
    """Correct a file into another file, or an image in memory into one of the same type.

    image:  a path, bytes or a binary stream with ``target``; else an image as ``Corrector`` takes
    target: a path or a binary stream
    The other keywords are those of ``CorrectionOptions`` and ``OutputOptions``. The model is loaded
    once and kept. Raises PhotoError, ModelError or UsageError.
    """
    corrector = _shared_corrector(os.fspath(model))
    options = CorrectionOptions(
        strength=strength,
        ev=ev,
        protect_highlights=protect_highlights,
        fusion=fusion,
        contrast=contrast,
        scales=scales,
    )
    if target is None:
        if isinstance(image, str | os.PathLike | bytes):
            raise UsageError(
                f"{image!r:.60}: give a target for the corrected file, or read() the photograph"
            )
        return corrector.correct(image, options)
    if not isinstance(image, str | os.PathLike | bytes) and not hasattr(image, "read"):
        raise UsageError(
            f"{type(image).__name__} is no file: give no target, or save the result with write()"
        )
    output = OutputOptions(
        "overwrite" if overwrite else "fail",
        format=format,
        quality=quality,
        strip=strip,
        keep_software_tag=keep_software_tag,
    )
    where = Path(target) if isinstance(target, str | os.PathLike) else target
    if isinstance(where, Path):
        check_format(where, output.format)
    result, _ = correct_file(corrector, photo.open_file(image), options)
    assert result is not None
    write(result, where, corrector, FileOptions(options, output=output))
    return None


@lru_cache(maxsize=4)
def _shared_corrector(model: str) -> Corrector:
    return Corrector(model)
