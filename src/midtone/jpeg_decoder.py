"""JPEG files decoded by libjpeg-turbo, as Pillow brings it along: in strips of rows, or reduced.

Importing this is quick, and decoding needs neither NumPy nor Python's lock. So a command begins to
decode its photograph (``begin``) and imports the rest meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock, Thread
from types import ModuleType

LARGE = 2_000_000  # pixels from which strips pay
_STRIP = 1 << 20  # pixels of a strip: its own cost does not count
_ALIGNED = 16  # rows of the largest block of a JPEG
_AHEAD = 48 << 20  # bytes that are decoded before it is known how to change them
_REDUCTIONS = (8, 4, 2)
_START = b"\xff\xd8\xff"


class Decoder:
    """A JPEG file that is decoded from its top, at 1, 1/2, 1/4 or 1/8 of its size.

    shape: rows, columns and channels: 1 (grey), 3 (RGB) or 4 (as they are in the file)
    Raises ValueError for a damaged file; ImportError where ``load_library`` finds none.
    """

    def __init__(self, data: bytes, reduction: int = 1) -> None:
        self._library = load_library()
        self._decoder, *shape = self._library.open(data, reduction)
        self.shape: tuple[int, int, int] = tuple(shape)

    def read(self, rows: int) -> bytearray:
        """The next rows. Raises ValueError for damaged data."""
        return self._library.read(self._decoder, rows)


class StripDecoder:
    """The strips of a JPEG file from its top, some of which are decoded ahead; for many threads.

    shape: as of ``Decoder``;  rows: of a strip
    Raises ValueError, ImportError.
    """

    def __init__(self, data: bytes) -> None:
        self._decoder = Decoder(data)
        self.shape = self._decoder.shape
        self.rows = rows_of_strip(self.shape[1])
        self._left = self.shape[0]
        self._ahead: deque[bytearray] = deque()
        self._most_ahead = max(1, _AHEAD // (self.rows * self.shape[1] * self.shape[2]))
        self._lock = Lock()
        self._stopped = False

    def read(self) -> bytearray:
        """The next strip. Raises ValueError for damaged data."""
        with self._lock:
            return self._ahead.popleft() if self._ahead else self._read()

    def _read(self) -> bytearray:
        strip = self._decoder.read(min(self.rows, self._left))
        self._left = max(0, self._left - self.rows)
        return strip

    def read_ahead(self) -> None:
        """Decode strips until ``stop``, or as many as memory should hold."""
        while not self._stopped:
            with self._lock:
                if not self._left or len(self._ahead) >= self._most_ahead:
                    return
                try:
                    self._ahead.append(self._read())
                except ValueError:  # raised again where the strip is needed
                    return

    def stop(self) -> None:
        """End ``read_ahead`` in any thread, at the next strip."""
        self._stopped = True

    def close(self) -> None:
        """Stop, and forget what was decoded ahead."""
        self.stop()
        with self._lock:
            self._ahead.clear()

    @contextmanager
    def reading_ahead(self) -> Iterator[None]:
        """``read_ahead`` in a thread while the block runs."""
        reader = Thread(target=self.read_ahead)
        reader.start()
        try:
            yield
        finally:
            self.stop()
            reader.join()


class Begun:
    """A large JPEG file whose preview and first strips are decoded in a thread.

    data: the file;  reduction: of the preview
    """

    def __init__(self, data: bytes, strips: StripDecoder, reduction: int) -> None:
        self.data = data
        self.strips = strips
        self.reduction = reduction
        self._small = Decoder(data, reduction)
        self._preview: bytearray | None = None
        self._ended = Event()
        Thread(target=self._decode, daemon=True).start()

    def _decode(self) -> None:
        try:
            self._preview = self._small.read(self._small.shape[0])
        except ValueError:  # raised again where it is needed
            return
        finally:
            self._ended.set()
        self.strips.read_ahead()

    def preview(self) -> tuple[bytearray, tuple[int, int, int]] | None:
        """Its pixels and their shape, when they are ready; None if the file is damaged."""
        self._ended.wait()
        return (self._preview, self._small.shape) if self._preview is not None else None


_BEGUN: dict[Path, Begun] = {}  # the last one


def begin(path: Path, preview_size: int, max_megapixels: float) -> None:
    """Begin to decode a file if it is a large JPEG; ``take`` hands it over.

    preview_size: least longer side of the preview in pixels
    """
    _BEGUN.clear()
    try:
        if not path.is_file():  # what is read from a pipe is gone
            return
        with path.open("rb") as stream:
            if stream.read(len(_START)) != _START:
                return
            stream.seek(0)
            data = stream.read()
        strips = StripDecoder(data)
        rows, columns, channels = strips.shape
        reduction = reduction_to(preview_size, max(rows, columns))
        if reduction and channels in (1, 3) and LARGE <= rows * columns <= 1e6 * max_megapixels:
            _BEGUN[path] = Begun(data, strips, reduction)
    except (OSError, ValueError, ImportError):
        return  # opening the file will say what is wrong


def take(path: Path) -> Begun | None:
    """What ``begin`` has begun, once."""
    return _BEGUN.pop(path, None)


def reduction_to(least: int, side: int) -> int | None:
    """The largest reduction of ``side`` pixels to at least ``least``, or None."""
    return next((number for number in _REDUCTIONS if side >= number * least), None)


def rows_of_strip(width: int) -> int:
    """Rows of a strip of an image."""
    return max(_ALIGNED, _STRIP // width // _ALIGNED * _ALIGNED)


@lru_cache(maxsize=1)
def load_library() -> ModuleType:
    """The compiled decoder with Pillow's libjpeg-turbo, without importing Pillow.

    Raises ImportError if there was no compiler or no header, or Pillow has another libjpeg.
    """
    from midtone import _jpeg

    pillow = find_spec("PIL")
    folder = pillow.submodule_search_locations if pillow else None
    compiled = PathFinder.find_spec("PIL._imaging", folder)
    if compiled is None or compiled.origin is None:
        raise ImportError("Pillow is not installed")
    # Looking a name up in a module finds those of the libraries it is linked with.
    _jpeg.load(compiled.origin)
    return _jpeg
