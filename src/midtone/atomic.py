"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from errno import ENOTDIR
from pathlib import Path

from midtone.errors import Error

SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, which it takes when the block ends without an error.

    The folder is made if there is none. Raises OSError, which names ``path``, where it cannot be
    written; then, and after any error, no file is left.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(path.parent)) from None
    prefix = f".{path.name[:40]}-"
    try:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=SUFFIX, dir=path.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp gives 0600
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """As ``replacing``, also for safetensors, which does not raise OSError for a full disk.

    Raises Error, one sentence, where the file cannot be written.
    """
    from safetensors import SafetensorError

    try:
        with replacing(path) as temporary:
            yield temporary
    except (OSError, SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise Error(f"{path}: cannot be written ({reason})") from error


def sweep(folder: Path) -> int:
    """Delete what killed runs left below ``folder``; returns how many files that were."""
    leftovers = list(folder.rglob(f".*-*{SUFFIX}"))
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)
