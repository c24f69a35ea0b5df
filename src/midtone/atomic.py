"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".partial"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, which it takes when the block ends without an error.

    Raises OSError where the folder cannot be written; then, and after any error, nothing is left.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}-", suffix=SUFFIX, dir=path.parent)
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


def sweep(folder: Path) -> int:
    """Delete what killed runs left below ``folder``; returns how many files that were."""
    leftovers = list(folder.rglob(f".*-*{SUFFIX}"))
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)
