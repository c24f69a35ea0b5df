"""Every error is JSON with one sentence: ``{"error": "..."}``."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from midtone.errors import Error, PhotoError, TooLargeError, UsageError

_LOG = logging.getLogger("midtone.server")
# Subclasses before their bases.
_STATUS: tuple[tuple[type[Error], int], ...] = (
    (TooLargeError, 413),
    (PhotoError, 415),
    (UsageError, 422),
    (Error, 500),
)
_MESSAGES = {404: "there is nothing here", 405: "this address does not take that method"}


class RequestError(Exception):
    """A request that is refused.

    status:      of the response
    message:     one sentence
    retry_after: seconds after which the client may try again
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


def install(app: FastAPI) -> None:
    """Turn every exception into an error response."""

    @app.exception_handler(RequestError)
    async def request_error(request: Request, error: RequestError) -> JSONResponse:
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        if error.status in (408, 413):
            headers["Connection"] = "close"  # the rest of the upload is not read
        return error_response(error.status, error.message, headers)

    @app.exception_handler(Error)
    async def user_error(request: Request, error: Error) -> JSONResponse:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return error_response(status, str(error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        message = _MESSAGES.get(error.status_code, str(error.detail))
        return error_response(error.status_code, message, dict(error.headers or {}))

    @app.exception_handler(MemoryError)
    async def memory_error(request: Request, error: MemoryError) -> JSONResponse:
        return error_response(503, "the server is short of memory; try again in a moment")

    @app.exception_handler(Exception)
    async def unexpected_error(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return error_response(500, "the server failed; this is a fault in midtone")


def error_response(
    status: int, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The response for an error."""
    return JSONResponse({"error": message}, status, headers)


def validation_message(error: ValidationError) -> str:
    """The first error in the parameters, as one sentence."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"there is no parameter {name}"
    return f"{name} {first['msg'].removeprefix('Value error, ').removeprefix('Input ')}"
