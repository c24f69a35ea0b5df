"""JPEG files decoded by libjpeg-turbo, as Pillow brings it along: rows from the top, or reduced.

This module is light, and decoding needs neither NumPy nor Python's lock: a command begins it while
it imports the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from threading import Lock, Thread
from types import ModuleType

PIXELS = 1 << 20  # of a strip: its own cost does not count
LARGE = 2_000_000  # pixels from which strips pay
_ALIGNED = 16  # rows of the largest block of a JPEG
_AHEAD = 48 << 20  # bytes that are decoded before it is known how to change them
_REDUCTIONS = (8, 4, 2)


class Decoder:
    """A JPEG file that is decoded from its top, at 1/n of its size.

    shape: rows, columns and channels of the whole; 4 channels are not converted to RGB
    n:     1, 2, 4 or 8
    Raises ValueError for a file without a readable header; ImportError as ``library`` does.
    """

    def __init__(self, data: bytes, n: int = 1) -> None:
        self._library = library()
        self._decoder, *shape = self._library.open(data, n)
        self.shape: tuple[int, int, int] = tuple(shape)

    def read(self, rows: int) -> bytearray:
        """The next rows. Raises ValueError for damaged data."""
        return self._library.read(self._decoder, rows)


class StripDecoder:
    """The strips of a JPEG file, from the top, some of which are decoded ahead. Thread-safe."""

    def __init__(self, data: bytes) -> None:
        self._decoder = Decoder(data)
        self.shape = self._decoder.shape
        self.rows = rows_of_strip(self.shape[1])
        self._left = self.shape[0]
        self._most = max(1, _AHEAD // (self.rows * self.shape[1] * self.shape[2]))
        self._ahead: deque[bytearray] = deque()
        self._lock = Lock()
        self._leave = False

    def read(self) -> bytearray:
        """The next strip, of ``rows`` rows or what is left. Raises ValueError for damaged data."""
        with self._lock:
            return self._ahead.popleft() if self._ahead else self._read()

    def _read(self) -> bytearray:
        strip = self._decoder.read(min(self.rows, self._left))
        self._left = max(0, self._left - self.rows)
        return strip

    def read_ahead(self) -> None:
        """Decode strips as far as memory should allow, until ``reading_ahead`` ends."""
        while not self._leave:
            with self._lock:
                if not self._left or len(self._ahead) >= self._most:
                    return
                try:
                    self._ahead.append(self._read())
                except ValueError:  # raised again where the strip is needed
                    return

    @contextmanager
    def reading_ahead(self) -> Iterator[None]:
        """Read ahead in a thread while the block runs."""
        reader = Thread(target=self.read_ahead)
        reader.start()
        try:
            yield
        finally:
            self._leave = True
            reader.join()


class Begun:
    """A large JPEG file whose decoding has begun: its preview and its first strips, in a thread.

    n:       the preview has 1/n of the size
    preview: its pixels when it is ready
    """

    def __init__(self, data: bytes, strips: StripDecoder, n: int) -> None:
        self.data = data
        self.strips = strips
        self.n = n
        self._small = Decoder(data, n)
        self._preview: bytearray | None = None
        self._previewing = Lock()
        self._previewing.acquire()
        Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        try:
            self._preview = self._small.read(self._small.shape[0])
        except ValueError:  # raised again where it is needed
            return
        finally:
            self._previewing.release()
        self.strips.read_ahead()

    def preview(self) -> tuple[bytearray, tuple[int, int, int]] | None:
        with self._previewing:
            return (self._preview, self._small.shape) if self._preview else None


_BEGUN: dict[Path, Begun] = {}


def begin(path: Path, longest_side: int, max_megapixels: float) -> None:
    """Begin to decode a large JPEG file; any other is left alone."""
    try:
        data = path.read_bytes()
        strips = StripDecoder(data)
    except (OSError, ImportError, ValueError):
        return  # there will be a sentence when it is opened
    rows, columns, channels = strips.shape
    n = reduction((columns, rows), longest_side)
    if channels in (1, 3) and n and LARGE <= rows * columns <= 1e6 * max_megapixels:
        _BEGUN[path] = Begun(data, strips, n)


def take(path: Path) -> Begun | None:
    """What ``begin`` has begun, once."""
    return _BEGUN.pop(path, None)


def reduction(size: tuple[int, int], longest_side: int) -> int | None:
    """The largest n for which 1/n of the size has this longer side; None if there is none."""
    return next((n for n in _REDUCTIONS if max(size) >= n * longest_side), None)


def rows_of_strip(width: int) -> int:
    """Rows of a strip of an image."""
    return max(_ALIGNED, PIXELS // width // _ALIGNED * _ALIGNED)


@lru_cache(maxsize=1)
def library() -> ModuleType:
    """The compiled decoder with Pillow's libjpeg-turbo.

    Raises ImportError where there was no compiler or no header, or Pillow has another libjpeg.
    """
    from midtone import _jpeg

    pillow = find_spec("PIL")  # without importing it
    extension = PathFinder.find_spec("PIL._imaging", pillow and pillow.submodule_search_locations)
    if extension is None or extension.origin is None:
        raise ImportError("Pillow has no compiled part")
    # Looking a name up in a module finds those of the libraries it is linked with.
    _jpeg.load(extension.origin)
    return _jpeg
