"""midtone corrects wrongly exposed photographs, too dark and too bright alike."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midtone.batch.correct_files import correct_tree
    from midtone.batch.results import Report, Result
    from midtone.correction import Correction
    from midtone.corrector import Corrector
    from midtone.errors import Error, ModelError, PhotoError, TooLargeError, UsageError, VideoError
    from midtone.functional import correct
    from midtone.options import CorrectionOptions, FileOptions, InputOptions, OutputOptions
    from midtone.photo import Photo, read, write
    from midtone.pipeline import PipelineConfig
    from midtone.video.correct import correct_video

__version__ = "0.2.0"
_HOME = {
    "Correction": "correction",
    "CorrectionOptions": "options",
    "Corrector": "corrector",
    "Error": "errors",
    "FileOptions": "options",
    "InputOptions": "options",
    "ModelError": "errors",
    "OutputOptions": "options",
    "Photo": "photo",
    "PhotoError": "errors",
    "PipelineConfig": "pipeline",
    "Report": "batch.results",
    "Result": "batch.results",
    "TooLargeError": "errors",
    "UsageError": "errors",
    "VideoError": "errors",
    "correct": "functional",
    "correct_tree": "batch.correct_files",
    "correct_video": "video.correct",
    "read": "photo",
    "write": "photo",
}
__all__ = [
    "Correction", "CorrectionOptions", "Corrector", "Error", "FileOptions", "InputOptions",
    "ModelError", "OutputOptions", "Photo", "PhotoError", "PipelineConfig", "Report", "Result",
    "TooLargeError", "UsageError", "VideoError", "__version__", "correct", "correct_tree",
    "correct_video", "read", "write",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Resolve public names when they are first used: importing midtone must stay quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'midtone' has no attribute {name!r}")
    return getattr(import_module(f"midtone.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
