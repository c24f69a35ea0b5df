"""The parameters of requests, generated from the dataclasses in ``midtone.options``.

A field that is added there is a parameter here, is described in the OpenAPI document and gets a
control in the page's form.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from midtone.options import CorrectionOptions, FileOptions, OutputOptions, file_options
from midtone.photo import WRITABLE
from midtone.server.errors import RequestError, validation_message

_LONGEST_VALUE = 200
# They decide which files a batch writes; a request has one photograph and always one result.
_BATCH_ONLY = {"existing", "min_error"}
_CHOICES = {"format": tuple(map(str.lower, WRITABLE))}


class Params(BaseModel):
    """Base of the generated models: unknown parameters are errors."""

    model_config = ConfigDict(extra="forbid")

    def options(self) -> FileOptions:
        """The options of ``midtone fix``. Raises UsageError."""
        return file_options(self.model_dump(exclude_unset=True))


Kind = TypeVar("Kind", bound=Params)


def _split(value: object) -> object:
    """Numbers separated by commas, as a tuple; an empty value is None."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(map(float, value.split(","))) if value else None
    except ValueError:
        raise ValueError(f"must be numbers with commas, not {value}") from None


def _field(option: dataclasses.Field[Any], annotation: Any) -> Any:
    """Type and pydantic field of an option: its limits, choices, unit and description."""
    about = option.metadata
    limits: dict[str, Any] = {"ge": about["least"], "le": about["most"]}
    extra = {"x-unit": about["unit"]} if about["unit"] else None
    kind = annotation
    if annotation == Sequence[float] | None:
        item = Annotated[float, Field(**limits, allow_inf_nan=False)]
        kind, limits = Annotated[tuple[item, ...] | None, BeforeValidator(_split)], {}
    elif annotation == str | None:
        choices = about["choices"] or _CHOICES.get(option.name)
        # The dataclass checks the choice, in any case; the schema names it.
        schema = {"enum": list(choices)} if choices else None
        text = Annotated[str, Field(max_length=_LONGEST_VALUE, json_schema_extra=schema)]
        kind, limits = text | None, {}
    elif annotation is float:
        limits["allow_inf_nan"] = False
    field = Field(option.default, **limits, description=about["help"], json_schema_extra=extra)
    return kind, field


def _fields(*kinds: type[Any]) -> dict[str, Any]:
    """A pydantic field for each option of the dataclasses, by name."""
    fields = {}
    for kind in kinds:
        annotations = get_type_hints(kind)
        for option in dataclasses.fields(kind):
            if option.name not in _BATCH_ONLY:
                fields[option.name] = _field(option, annotations[option.name])
    return fields


class PreviewParams(Params):
    """What ``POST /api/plan`` gives back besides the plan."""

    preview: int = Field(
        0, ge=0, le=4096, description="longest side in pixels of a JPEG of the upload; 0 for none"
    )


CorrectParams = create_model(
    "CorrectParams", __base__=Params, **_fields(CorrectionOptions, OutputOptions)
)
PlanParams = create_model("PlanParams", __base__=PreviewParams, **_fields(CorrectionOptions))


def parse(kind: type[Kind], *sources: Mapping[str, str]) -> Kind:
    """Parameters from the query and the form; later sources win.

    Raises RequestError (422) or UsageError.
    """
    values = {name: value for source in sources for name, value in source.items()}
    try:
        params = kind.model_validate(values)
    except ValidationError as error:
        raise RequestError(422, validation_message(error)) from None
    params.options()
    return params


def properties(kind: type[Params]) -> dict[str, Any]:
    """JSON schemas of the parameters by name."""
    found: dict[str, Any] = kind.model_json_schema().get("properties", {})
    return found


def openapi_parameters(kind: type[Params]) -> list[dict[str, Any]]:
    """The parameters as an OpenAPI operation lists them; lists are separated by commas."""
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "style": "form",
            "explode": False,
            "description": schema.pop("description"),
            "schema": schema,
        }
        for name, schema in properties(kind).items()
    ]
