"""The HTTP API and the page: one model, loaded once, for all requests.

``create_app`` makes an ASGI application; ``midtone serve`` runs it with uvicorn. The page's files
are in memory from the start; uploads and results are never written to disk; no file or address
that a request names is opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware

from midtone import __version__, model
from midtone.corrector import Corrector
from midtone.options import InputOptions
from midtone.photo import FORMATS, WRITABLE
from midtone.server import api_docs, errors, params, service, static_files
from midtone.server.head import HeadMiddleware
from midtone.server.limits import Limits, Queue
from midtone.server.metrics import Metrics, MetricsMiddleware
from midtone.server.params import CorrectParams, Params, PlanParams
from midtone.server.security import SecurityMiddleware
from midtone.server.upload import receive

_DESCRIPTION = """Corrects wrongly exposed photographs, too dark and too bright alike.

Send a photograph as the whole body, with its name in `X-File-Name` if it is camera RAW, or as the
file of a multipart form, whose other fields may hold the parameters. Errors are JSON:
`{"error": "one sentence"}`."""
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


def create_app(
    corrector: Corrector,
    limits: Limits = Limits(),
    *,
    hosts: frozenset[str] | None = None,
    origins: Sequence[str] = (),
) -> FastAPI:
    """The application.

    hosts:   host names that requests may be addressed to, any if None
    origins: other sites that may use the API from their pages (CORS); none by default
    """
    queue = Queue(limits)
    metrics = Metrics(lambda: queue.in_progress)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPI(
        title="midtone",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # Swagger UI and ReDoc load files from other hosts
        redoc_url=None,
        lifespan=lifespan,
    )
    errors.install(app)
    megapixels = limits.max_megapixels
    about = {
        "models": _models(corrector),
        "limits": {"megabytes": limits.max_megabytes, "megapixels": megapixels},
    }

    @app.post(
        "/api/correct",
        summary="Correct a photograph",
        response_class=Response,
        responses=_IMAGE | _ERRORS,
        openapi_extra=_request(CorrectParams),
    )
    async def correct(request: Request) -> Response:
        """The corrected file at full size, metadata included, as `midtone fix` writes it."""
        params.parse(CorrectParams, request.query_params)  # before the upload
        async with queue.slot():
            upload = await receive(request, limits)
            options = params.parse(CorrectParams, request.query_params, upload.fields).options()
            options = replace(options, input=InputOptions(megapixels))
            corrector.check(options.correction)
            work = partial(service.correct, corrector, upload, options)
            result = await queue.run(request, work)
        metrics.megapixels.inc(result.megapixels)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(result.name, safe='')}",
            "X-Exposure-Error": f"{result.exposure_error:.3f}",
            "Cache-Control": "no-store",
        }
        return Response(result.data, media_type=result.media_type, headers=headers)

    @app.post(
        "/api/inspect",
        summary="Estimate the exposure error",
        responses=_ERRORS,
        openapi_extra=_request(Params),
    )
    async def inspect(request: Request) -> dict[str, Any]:
        """Exposure error in EV (negative: underexposed), width and height in pixels, format."""
        params.parse(Params, request.query_params)
        async with queue.slot():
            upload = await receive(request, limits)
            params.parse(Params, upload.fields)
            work = partial(service.inspect, corrector, upload, max_megapixels=megapixels)
            return await queue.run(request, work)

    @app.post(
        "/api/plan",
        summary="The correction as a grid, for showing it at once",
        responses=_ERRORS,
        openapi_extra=_request(PlanParams),
    )
    async def plan(request: Request) -> dict[str, Any]:
        """The fields of `/api/inspect` and, in base64, three more:

        `grid`, the bilateral grid of affine colour transforms (rows x columns x depth x 3 x 4
        float32, little endian) for the photograph in sRGB, at strength 1; `reduced`, a PNG of the
        photograph at the network's input size, which may be sent here in its place, with other
        parameters; and `preview`, a JPEG of the photograph in sRGB, if its size is given. The page
        applies the grid to the preview, so that the strength changes without a request.
        """
        params.parse(PlanParams, request.query_params)
        async with queue.slot():
            upload = await receive(request, limits)
            parsed = params.parse(PlanParams, request.query_params, upload.fields)
            options = parsed.options().correction
            corrector.check(options)
            work = partial(
                service.plan,
                corrector,
                upload,
                options,
                preview=parsed.preview,
                max_megapixels=megapixels,
            )
            return await queue.run(request, work)

    @app.get("/api/health", summary="Status of the server")
    async def health() -> dict[str, Any]:
        """Status, version and the number of requests in progress."""
        return {"status": "ok", "version": __version__, "in_progress": queue.in_progress}

    @app.get("/api/models", summary="The models in the package, and the one in use")
    async def models() -> dict[str, Any]:
        """Name, sha256, input size, pyramid levels, the finest level in use; the limits."""
        return about

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def metrics_text() -> Response:
        """Requests, seconds, megapixels, memory."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    api_docs.install(app)
    static_files.install(app)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Content-Type", "X-File-Name"],
            expose_headers=["Content-Disposition", "X-Exposure-Error", "Retry-After"],
        )
    app.add_middleware(SecurityMiddleware, hosts=hosts, origins=origins)
    app.add_middleware(HeadMiddleware)
    return app


def _models(corrector: Corrector) -> list[dict[str, Any]]:
    """The models as ``GET /api/models`` lists them, without paths."""
    in_use = corrector.model.info
    found = {name: model.info(name) for name in model.embedded()}
    if in_use.path not in model.embedded().values():
        found[in_use.path.stem] = in_use
    return [
        {
            "name": name,
            "in_use": info.path == in_use.path,
            "sha256": info.sha256,
            "size": info.config.size,
            "levels": info.config.levels,
            "finest": info.config.finest,
        }
        for name, info in found.items()
    ]


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
