"""midtone corrects wrongly exposed photographs, too dark and too bright alike."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midtone.batch.correct_files import Report, correct_tree
    from midtone.corrector import Corrector, Settings, correct
    from midtone.errors import Error, ModelError, PhotoError, UsageError
    from midtone.photo import Photo, read, write

__version__ = "0.1.0"
__all__ = [
    "Corrector", "Error", "ModelError", "Photo", "PhotoError", "Report", "Settings",
    "UsageError", "__version__", "correct", "correct_tree", "read", "write",
]  # fmt: skip

_HOME = {
    "Report": "batch.correct_files",
    "correct_tree": "batch.correct_files",
    "Corrector": "corrector",
    "Settings": "corrector",
    "correct": "corrector",
    "Error": "errors",
    "ModelError": "errors",
    "PhotoError": "errors",
    "UsageError": "errors",
    "Photo": "photo",
    "read": "photo",
    "write": "photo",
}


def __getattr__(name: str) -> Any:
    """Resolve public names when they are first used: importing midtone must stay quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'midtone' has no attribute {name!r}")
    return getattr(import_module(f"midtone.{_HOME[name]}"), name)
