"""Every refusal is JSON with one sentence: ``{"error": "..."}``."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from midtone.errors import Error, PhotoError, TooLargeError, UsageError

_LOG = logging.getLogger("midtone.server")
# The most special first.
_STATUS: tuple[tuple[type[Error], int], ...] = (
    (TooLargeError, 413),
    (PhotoError, 415),
    (UsageError, 422),
    (Error, 500),
)
_WORDS = {404: "there is nothing here", 405: "this address does not take that method"}


class RefusalError(Exception):
    """An answer other than success: a status, a sentence, seconds after which to try again."""

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after


def install(app: FastAPI) -> None:
    """Let the app answer errors in our words."""

    @app.exception_handler(RefusalError)
    async def refuse(request: Request, error: RefusalError) -> JSONResponse:
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        if error.status in (408, 413):
            headers["Connection"] = "close"  # the rest of the upload is not read
        return answer(error.status, error.sentence, headers)

    @app.exception_handler(Error)
    async def explain(request: Request, error: Error) -> JSONResponse:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return answer(status, str(error))

    @app.exception_handler(RequestValidationError)
    async def reject(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, sentence(error))

    @app.exception_handler(HTTPException)
    async def repeat(request: Request, error: HTTPException) -> JSONResponse:
        words = _WORDS.get(error.status_code, str(error.detail))
        return answer(error.status_code, words, dict(error.headers or {}))

    @app.exception_handler(MemoryError)
    async def overflow(request: Request, error: MemoryError) -> JSONResponse:
        return answer(503, "the server is short of memory; try again in a moment")

    @app.exception_handler(Exception)
    async def apologise(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(500, "the server failed; this is a fault in midtone")


def answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal."""
    return JSONResponse({"error": sentence}, status, headers)


def sentence(error: RequestValidationError | ValidationError) -> str:
    """The first thing wrong with the parameters, in one sentence."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
    if first["type"] == "extra_forbidden":
        return f"there is no parameter {name}"
    words = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{name} {words}" if name else words
