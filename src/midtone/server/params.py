"""The parameters of a request, named as the Python keywords they set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from midtone.errors import UsageError
from midtone.options import CorrectionOptions
from midtone.photo import parse_format
from midtone.server.errors import RefusalError, sentence

Format = Literal["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"]


def _format_name(text: str | None) -> str | None:
    """As ``Format`` spells it, if that is possible."""
    try:
        return parse_format(text) if text else None
    except UsageError:
        return text


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Look(_Parameters):
    """What the correction shall do; see ``midtone.CorrectionOptions``."""

    strength: float = Field(
        1.0, ge=0, le=1.5, allow_inf_nan=False, description="0 (unchanged) to 1 (the correction)"
    )
    scales: str | None = Field(
        None,
        max_length=200,
        description="A factor for each pyramid level, finest first, with commas: 1,1,1.2,1",
    )
    fusion: bool = Field(False, description="Blend input and result by exposure fusion")
    contrast: bool = Field(False, description="Stretch the result's contrast to the full range")

    def settings(self) -> CorrectionOptions:
        """As the corrector takes them. Raises RefusalError or UsageError."""
        try:
            scales = tuple(map(float, self.scales.split(","))) if self.scales else None
        except ValueError:
            raise RefusalError(
                422, f"scales must be numbers with commas, not {self.scales}"
            ) from None
        return CorrectionOptions(self.strength, self.fusion, self.contrast, scales)


class Wishes(Look):
    """What ``POST /api/correct`` shall do, and what file to give back."""

    format: Annotated[Format | None, BeforeValidator(_format_name)] = Field(
        None, description="Of the result; by default that of the upload, JPEG for camera RAW"
    )
    quality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Of JPEG, WebP, AVIF and HEIC; by default 95, or the upload's if better",
    )
    strip: bool = Field(False, description="Leave out all metadata but the colour profile")


class View(Look):
    """What ``POST /api/plan`` shall show."""

    view: int = Field(
        0, ge=0, le=4096, description="Longest side in pixels of a JPEG of the upload; 0 for none"
    )


def merged(query: _Parameters, fields: dict[str, str]) -> _Parameters:
    """Parameters of the query, and of a multipart body's fields, which count if both are there.

    Raises RefusalError.
    """
    if not fields:
        return query
    try:
        return type(query).model_validate(query.model_dump(exclude_unset=True) | fields)
    except ValidationError as error:
        raise RefusalError(422, sentence(error)) from None
