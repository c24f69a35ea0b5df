"""One photograph out of a request's body, multipart or raw, in memory, no larger than allowed.

Nothing is written to disk. The file's name is used in messages, and its suffix for the format.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import PurePosixPath

from fastapi import Request
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from midtone.server.errors import RequestError
from midtone.server.limits import Limits

_LONGEST_NAME = 120


@dataclass(frozen=True)
class Upload:
    """An uploaded file.

    name:   without folders and control characters; "photograph" if none was given
    data:   the file's bytes
    fields: the other parts of a multipart body
    """

    name: str
    data: bytes
    fields: dict[str, str]


async def receive(request: Request, limits: Limits) -> Upload:
    """Read the body. Raises RequestError: 408 too slow, 413 too large, 422 no file in it."""
    most = round(limits.max_megabytes * 1e6)
    if int(request.headers.get("content-length") or 0) > most:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.upload_seconds):
            return await _receive(request, _chunks(request, limits, most), most)
    except TimeoutError:
        raise RequestError(408, "the upload was too slow") from None
    except ClientDisconnect:
        raise RequestError(499, "the client closed the connection") from None


async def _receive(request: Request, body: AsyncGenerator[bytes, None], most: int) -> Upload:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        data = bytearray()
        async for chunk in body:
            data += chunk
        return Upload(file_name(request.headers.get("x-file-name", "")), bytes(data), {})
    parser = MultiPartParser(request.headers, body, max_files=1, max_fields=20)
    parser.spool_max_size = most + 1  # never to disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RequestError(422, f"the multipart body is not well formed: {error.message}") from None
    fields = {}
    upload = None
    for key, value in form.multi_items():
        if isinstance(value, str):
            fields[key] = value
        else:
            upload = Upload(file_name(value.filename or ""), await value.read(), fields)
    await form.close()
    if upload is None:
        raise RequestError(422, "there is no file in the multipart body")
    return upload


async def _chunks(request: Request, limits: Limits, most: int) -> AsyncGenerator[bytes, None]:
    stream = request.stream()
    received = 0
    while True:
        async with asyncio.timeout(limits.idle_seconds):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        received += len(chunk)
        if received > most:
            raise _too_large(limits)
        yield chunk


def file_name(name: str) -> str:
    """The last part of a name from a request, printable and not too long."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(c for c in last if c.isprintable()).strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) > _LONGEST_NAME:
        kept = stem[:_LONGEST_NAME] + dot + suffix[:8]
    return kept or "photograph"


def _too_large(limits: Limits) -> RequestError:
    return RequestError(413, f"the file is larger than the limit of {limits.max_megabytes:g} MB")
