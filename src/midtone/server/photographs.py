"""The addresses that take a photograph: correct, inspect and plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import FastAPI, Request, Response

from midtone.corrector import Corrector
from midtone.options import FileOptions, InputOptions
from midtone.photo import FORMATS, WRITABLE
from midtone.server import params, service
from midtone.server.limits import Limits, Queue
from midtone.server.metrics import Metrics
from midtone.server.params import CorrectParams, Params, PlanParams
from midtone.server.upload import Upload, receive

Kind = TypeVar("Kind", bound=Params)
T = TypeVar("T")
_MEDIA_TYPES = [FORMATS[name].media_type for name in WRITABLE]
_FILE = {"type": "string", "format": "binary"}
_ERRORS: dict[int | str, dict[str, Any]] = {
    408: {"description": "The upload was too slow"},
    413: {"description": "The file has too many bytes or the photograph too many pixels"},
    415: {"description": "Not an image that can be read"},
    422: {"description": "A parameter is unknown or out of range"},
    503: {"description": "The queue is full; Retry-After gives the seconds to wait"},
}
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The corrected file, with its metadata; X-Exposure-Error is in EV",
        "content": {media: {"schema": _FILE} for media in _MEDIA_TYPES},
    }
}


class Photographs:
    """The routes, of one corrector and one queue."""

    def __init__(
        self, corrector: Corrector, limits: Limits, queue: Queue, metrics: Metrics
    ) -> None:
        self._corrector = corrector
        self._limits = limits
        self._queue = queue
        self._metrics = metrics

    def install(self, app: FastAPI) -> None:
        """Add the routes."""
        app.post(
            "/api/correct",
            summary="Correct a photograph",
            response_class=Response,
            responses=_IMAGE | _ERRORS,
            openapi_extra=_request(CorrectParams),
        )(self.correct)
        app.post(
            "/api/inspect",
            summary="Estimate the exposure error",
            responses=_ERRORS,
            openapi_extra=_request(Params),
        )(self.inspect)
        app.post(
            "/api/plan",
            summary="The correction as a grid, for showing it at once",
            responses=_ERRORS,
            openapi_extra=_request(PlanParams),
        )(self.plan)

    async def correct(self, request: Request) -> Response:
        """The corrected file at full size, metadata included, as `midtone fix` writes it."""
        result = await self._run(
            request,
            CorrectParams,
            lambda upload, options, _: service.correct(self._corrector, upload, options),
        )
        self._metrics.megapixels.inc(result.megapixels)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(result.name, safe='')}",
            "X-Exposure-Error": f"{result.exposure_error:.3f}",
            "Cache-Control": "no-store",
        }
        return Response(result.data, media_type=result.media_type, headers=headers)

    async def inspect(self, request: Request) -> dict[str, Any]:
        """Exposure error in EV (negative: underexposed), width and height in pixels, format."""
        return await self._run(
            request,
            Params,
            lambda upload, options, _: service.inspect(self._corrector, upload, options),
        )

    async def plan(self, request: Request) -> dict[str, Any]:
        """The fields of `/api/inspect` and, in base64, three more:

        `grid`, the bilateral grid of affine colour transforms (rows x columns x depth x 3 x 4
        float32, little endian) for the photograph in sRGB, at strength 1; `reduced`, a PNG of the
        photograph at the network's input size, which may be sent here in its place, with other
        parameters; and `preview`, a JPEG of the photograph in sRGB, if its size is given. The page
        applies the grid to the preview, so that the strength changes without a request.
        """
        return await self._run(
            request,
            PlanParams,
            lambda upload, options, given: service.plan(
                self._corrector, upload, options, preview=given.preview
            ),
        )

    async def _run(
        self,
        request: Request,
        kind: type[Kind],
        work: Callable[[Upload, FileOptions, Kind], T],
    ) -> T:
        """Receive a photograph with its parameters, and run ``work`` on it in a thread."""
        params.parse(kind, request.query_params)  # before the upload
        async with self._queue.slot():
            upload = await receive(request, self._limits)
            given = params.parse(kind, request.query_params, upload.fields)
            options = replace(given.options(), input=InputOptions(self._limits.max_megapixels))
            self._corrector.check(options.correction)
            return await self._queue.run(request, partial(work, upload, options, given))


def _request(kind: type[Params]) -> dict[str, Any]:
    """The OpenAPI description of the parameters and of a body that is a photograph or a form."""
    fields = {"file": _FILE} | params.properties(kind)
    form = {"type": "object", "required": ["file"], "properties": fields}
    return {
        "parameters": params.openapi_parameters(kind),
        "requestBody": {
            "required": True,
            "content": {"image/*": {"schema": _FILE}, "multipart/form-data": {"schema": form}},
        },
    }
