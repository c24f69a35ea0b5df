"""Settings from a file: each is checked against the field of its dataclass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from midtone.errors import UsageError

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "str": ((str,), "a text"),
}


def check(settings: Mapping[str, Any], kind: type, what: str) -> None:
    """Raise UsageError for what are no values of the dataclass ``kind``.

    what: the settings' name in the sentence, such as "grid". Fields of other types than those of
    TOML's values are not checked; numbers may be infinite.
    """
    if not isinstance(settings, Mapping):
        raise UsageError(f"{what} must be a table of settings, not {settings!r:.60}")
    types = {field.name: str(field.type) for field in fields(kind)}
    for name, value in settings.items():
        if name not in types:
            raise UsageError(f"unknown setting {name} of {what}; known are {', '.join(types)}")
        if types[name] not in _KINDS:
            continue
        allowed, words = _KINDS[types[name]]
        is_number = types[name] != "bool" and not isinstance(value, bool)
        if not isinstance(value, allowed) or not (is_number or allowed == (bool,)):
            raise UsageError(f"{name} of {what} must be {words}, not {value!r:.60}")
        if isinstance(value, float) and math.isnan(value):
            raise UsageError(f"{name} of {what} must be {words}, not nan")
