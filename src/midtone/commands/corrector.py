"""The corrector of a command's flags."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from midtone.errors import UsageError

if TYPE_CHECKING:
    from midtone.corrector import Corrector
    from midtone.model import Model


def load_model(options: argparse.Namespace, *, once: bool = False) -> Callable[[], Model]:
    """Begin to load the model of ``model_options`` for --workers; the result waits for it.

    once: for a single photograph. Raises UsageError, ModelError.
    """
    from midtone import model

    if options.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {options.workers}")
    return model.begin_loading(options.model, options.device, _threads(options), once=once)


def load_corrector(
    options: argparse.Namespace, model: Callable[[], Model] | None = None
) -> Corrector:
    """The corrector of ``model_options``, with what ``load_model`` began to load.

    Raises UsageError, ModelError.
    """
    model = model or load_model(options)
    from midtone.corrector import Corrector

    loaded = model()
    # The results name it; hashing, which takes 10 ms, goes on while a photograph is decoded.
    Thread(target=lambda: loaded.info.sha256).start()
    return Corrector(loaded, options.device, threads=_threads(options), pipeline=options.pipeline)


def _threads(options: argparse.Namespace) -> int | None:
    """Files in parallel keep the cores busy; more threads for each file would only compete."""
    return None if options.workers == 1 else max(1, (os.cpu_count() or 1) // options.workers)
