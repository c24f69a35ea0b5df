"""From a path, bytes or a stream to a photograph: the header first, then the pixels, upright."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, TypeVar

from PIL import UnidentifiedImageError

from midtone import colour, jpeg_decoder
from midtone.errors import PhotoError, TooLargeError, UsageError
from midtone.jpeg_decoder import Begun
from midtone.photo import jpeg, xmp
from midtone.photo.codecs import FORMATS, Format, identify
from midtone.photo.photo import Photo

T = TypeVar("T")
MAX_MEGAPIXELS = 500.0
ADDRESS = re.compile(r"(\w{2,}):/")  # of the web


@dataclass(frozen=True)
class ImageFile:
    """A file whose header has been read; its pixels have not.

    name:    for messages
    data:    the encoded file
    format:  by its content
    size:    (width, height) in pixels as stored, before it is turned upright
    salvage: whether ``decode`` accepts a JPEG that is cut off
    begun:   what ``jpeg_decoder.begin`` began to decode
    """

    name: str
    data: bytes
    format: Format
    size: tuple[int, int]
    salvage: bool = False
    begun: Begun | None = None

    @cached_property
    def _jpeg(self) -> jpeg.JpegFile:
        return jpeg.JpegFile(self.data, self.begun)

    def decode(self) -> Photo:
        """Decode all of it. Raises PhotoError."""

        def decode() -> Photo:
            photo = self.format.decode(self.data, self.salvage)
            return without_pointers(with_usable_profile(photo))

        return translate_errors(self.name, decode)

    @contextmanager
    def decoding(
        self, *, strips: bool = False, ahead: bool = True
    ) -> Iterator[Callable[[], Photo]]:
        """Decode in a thread while the block runs; its value waits for the photograph.

        strips: pixels may be ``Strips``, decoded while they are used, which raises PhotoError; so
                they are for large JPEGs that need not be turned
        ahead:  whether the block decodes the first of them
        """
        striped = None
        if strips and self.format is FORMATS["JPEG"]:
            striped = translate_errors(self.name, lambda: self._jpeg.strips(self.name))
        if striped is not None:
            photo, decoder = striped
            usable = with_usable_profile(photo)
            with decoder.reading_ahead() if ahead else nullcontext():
                yield lambda: usable
            return
        if self.begun:
            self.begun.strips.close()
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(self.decode).result

    def preview(self, longest_side: int) -> Photo | None:
        """A smaller photograph, at least ``longest_side`` px along its longer side, decoded faster.

        None if there is no faster way, as for all formats but JPEG.
        """
        if self.format is not FORMATS["JPEG"]:
            return None
        photo = translate_errors(self.name, lambda: self._jpeg.preview(longest_side))
        return with_usable_profile(photo) if photo else None

    def reduced(self, longest_side: int) -> Photo:
        """The ``preview``, or all of the photograph where there is none. Raises PhotoError."""
        return self.preview(longest_side) or self.decode()

    def upright_size(self, shown: Photo) -> tuple[int, int]:
        """(width, height) of the upright photograph, of which ``shown`` is a reduced copy."""
        width, height = self.size
        turned = (width > height) != (shown.size[0] > shown.size[1])
        return (height, width) if turned else (width, height)


def open_file(
    source: str | os.PathLike[str] | bytes | IO[bytes],
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    name: str | None = None,
    salvage: bool = False,
) -> ImageFile:
    """Read the header of a photograph from a path, bytes or a binary stream.

    name:    for messages, and for the suffixes of camera RAW formats without a signature; by
             default the path
    salvage: accept a JPEG that is cut off; what is missing becomes grey
    The format is detected from the content.
    Raises PhotoError with one sentence if there is no such file or no still image in it,
    TooLargeError if it has more pixels than the limit.
    """
    if name is None:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "input"
        name = name or "input"

    if not isinstance(source, str | os.PathLike | bytes) and not hasattr(source, "read"):
        raise UsageError(f"a photograph is read from a path, bytes or a stream, not {source!r:.60}")

    def read_header() -> ImageFile:
        begun = None
        if isinstance(source, str | os.PathLike):
            if not os.fspath(source):
                raise PhotoError("the path is empty")
            begun = jpeg_decoder.take(Path(source))
            data = begun.data if begun else Path(source).read_bytes()
        else:
            data = source if isinstance(source, bytes) else source.read()
            if not isinstance(data, bytes):
                raise PhotoError('the stream does not give bytes; open it with mode "rb"')
        if not data:
            raise PhotoError("an empty file")
        format = identify(data, name)
        width, height = format.read_size(data)
        megapixels = width * height / 1e6
        if megapixels > max_megapixels:
            size = f"{megapixels:.0f}" if megapixels >= 10 else f"{megapixels:.2g}"
            raise TooLargeError(f"{size} megapixels are more than the limit of {max_megapixels:g}")
        return ImageFile(name, data, format, (width, height), salvage, begun)

    return translate_errors(name, read_header)


def read(
    source: str | os.PathLike[str] | bytes | IO[bytes],
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    salvage: bool = False,
) -> Photo:
    """Read a photograph from a path, bytes or a binary stream.

    salvage: accept a JPEG that is cut off; what is missing becomes grey
    Raises PhotoError with one sentence if there is no such file, or no whole still image in it,
    TooLargeError if it has more pixels than the limit.
    """
    return open_file(source, max_megapixels=max_megapixels, salvage=salvage).decode()


def translate_errors(name: str, work: Callable[[], T]) -> T:
    """The result of ``work``; its exceptions become a PhotoError with the file's name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd EXIF
            return work()
    except PhotoError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    except FileNotFoundError:
        if address := ADDRESS.match(name):  # a Path has one slash of two
            name = f"{address[1]}://{name[address.end() :].lstrip('/')}"
            raise PhotoError(f"{name}: is an address, not a file; download it first") from None
        raise PhotoError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise PhotoError(f"{name}: is a folder, not a photograph") from None
    except PermissionError:
        raise PhotoError(f"{name}: no permission to read it") from None
    except UnidentifiedImageError:
        raise PhotoError(f"{name}: damaged or incomplete image (no readable header)") from None
    except MemoryError:
        raise PhotoError(f"{name}: too large for this computer's memory") from None
    # Decoders raise many kinds of errors for damaged files, not all of them documented.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise PhotoError(f"{name}: cannot be read ({error.strerror})") from error
        raise PhotoError(f"{name}: damaged or incomplete image ({sentence(error)})") from error


def sentence(error: Exception) -> str:
    """The message of an exception of a library, for a sentence in parentheses."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".")[:200] or type(error).__name__


def with_usable_profile(photo: Photo) -> Photo:
    """The photograph without a profile that does not describe its pixels."""
    if photo.icc is None:
        return photo
    space = "GRAY" if photo.pixels.shape[2] == 1 else "RGB"
    if colour.usable_profile(photo.icc, space) is not None:
        return photo
    note = "its colour profile is damaged or of another kind of pixels and was left out"
    return replace(photo, icc=None, notes=(*photo.notes, note))


def without_pointers(photo: Photo) -> Photo:
    """The photograph without XMP properties that point to parts which its file does not have."""
    if not photo.metadata.xmp:
        return photo
    packet, parts = xmp.without_parts(photo.metadata.xmp)
    if not parts:
        return photo
    note = f"left out: XMP properties of a {', '.join(parts)}"
    return replace(photo, metadata=replace(photo.metadata, xmp=packet), notes=(*photo.notes, note))
