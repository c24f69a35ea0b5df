"""Settings from a file or a caller: each is checked against the field of its dataclass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from midtone.errors import UsageError

_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
}


def check(settings: Mapping[str, Any], kind: type, what: str = "") -> None:
    """Raise UsageError for what are no values of the dataclass ``kind``.

    what: the settings' name in the sentence, such as "grid". Fields of other types than those of
    TOML's values are not checked; numbers may be infinite and NumPy's.
    """
    if not isinstance(settings, Mapping):
        raise UsageError(f"{what} must be a table of settings, not {settings!r:.60}")
    of = f" of {what}" if what else ""
    types = {field.name: str(field.type) for field in fields(kind)}
    for name, value in settings.items():
        if name not in types:
            raise UsageError(f"unknown setting {name}{of}; known are {', '.join(types)}")
        own = types[name].removesuffix(" | None")
        if own not in _WORDS or (value is None and own != types[name]):
            continue
        if not _is(value, own):
            raise UsageError(f"{name}{of} must be {_WORDS[own]}, not {value!r:.60}")


def _is(value: Any, kind: str) -> bool:
    # NumPy's bool is no subclass of Python's.
    is_bool = isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"
    if kind == "bool":
        return is_bool
    if kind == "str":
        return isinstance(value, str)
    number = Integral if kind == "int" else Real
    return isinstance(value, number) and not is_bool and not math.isnan(value)
