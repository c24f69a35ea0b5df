"""The HTTP API and the page: one model, loaded once, for all requests.

``create_app`` is an ASGI application; ``midtone serve`` runs it with uvicorn. Nothing that a
request names is read, written or fetched: the page's files are in memory from the start, uploads
and results never touch the disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware

from midtone import __version__, model
from midtone.corrector import Corrector
from midtone.photo import FORMATS, WRITABLE
from midtone.server import api_docs, errors, service, static_files
from midtone.server.limits import Limits, Queue
from midtone.server.metrics import Count, Metrics
from midtone.server.params import Look, View, Wishes, merged
from midtone.server.security import Guard
from midtone.server.upload import receive

_ABOUT = """Corrects wrongly exposed photographs, too dark and too bright alike.

Send a photograph as the whole body, with its name in `X-File-Name` if it is camera RAW, or as the
file of a multipart form, whose other fields may hold the parameters. Errors are JSON:
`{"error": "one sentence"}`."""
_MEDIA = [FORMATS[name].media_type for name in WRITABLE]
_FILE = {"type": "string", "format": "binary"}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    408: {"description": "The upload was too slow"},
    413: {"description": "The file has too many bytes or the photograph too many pixels"},
    415: {"description": "Not an image that can be read"},
    422: {"description": "A parameter makes no sense"},
    503: {"description": "The queue is full; Retry-After says when to try again"},
}
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The corrected file, with its metadata; X-Exposure-Error is in EV",
        "content": {media: {"schema": _FILE} for media in _MEDIA},
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
    metrics = Metrics(lambda: queue.taken)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPI(
        title="midtone",
        version=__version__,
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,  # Swagger UI and ReDoc would be fetched from elsewhere
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
        responses=_IMAGE | _REFUSALS,
        openapi_extra=_body(Wishes),
    )
    async def correct(request: Request, query: Annotated[Wishes, Query()]) -> Response:
        """The corrected file at full size, metadata included, as `midtone fix` makes it."""
        async with queue.place():
            upload = await receive(request, limits)
            wishes = cast(Wishes, merged(query, upload.fields))
            settings = wishes.settings()
            corrector.check(settings)
            result = await queue.run(
                request,
                partial(
                    service.correct,
                    corrector,
                    upload,
                    settings,
                    format=wishes.format,
                    quality=wishes.quality,
                    strip=wishes.strip,
                    max_megapixels=megapixels,
                ),
            )
        metrics.megapixels.inc(result.megapixels)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(result.name, safe='')}",
            "X-Exposure-Error": f"{result.exposure_error:.3f}",
            "Cache-Control": "no-store",
        }
        return Response(result.data, media_type=result.media, headers=headers)

    @app.post(
        "/api/inspect",
        summary="Estimate how far off the exposure is",
        responses=_REFUSALS,
        openapi_extra=_body(),
    )
    async def inspect(request: Request) -> dict[str, Any]:
        """Exposure error in EV (negative: underexposed), width and height in pixels, format."""
        async with queue.place():
            upload = await receive(request, limits)
            return await queue.run(
                request, partial(service.inspect, corrector, upload, max_megapixels=megapixels)
            )

    @app.post(
        "/api/plan",
        summary="What a correction would do, for showing it at once",
        responses=_REFUSALS,
        openapi_extra=_body(View),
    )
    async def plan(request: Request, query: Annotated[View, Query()]) -> dict[str, Any]:
        """What `/api/inspect` says and, in base64, three things:

        `grid`, the bilateral grid of affine colour transforms (rows x columns x depth x 3 x 4
        float32, little endian) for the photograph in sRGB, at strength 1; `small`, a PNG of all
        that the network sees of the photograph, which may be sent here again in its place, with
        other settings; and `view`, a JPEG of the photograph in sRGB, if asked for. The page applies
        the grid to the view by itself, so that the strength can be changed without the server.
        """
        async with queue.place():
            upload = await receive(request, limits)
            look = cast(View, merged(query, upload.fields))
            settings = look.settings()
            corrector.check(settings)
            return await queue.run(
                request,
                partial(
                    service.plan,
                    corrector,
                    upload,
                    settings,
                    view=look.view,
                    max_megapixels=megapixels,
                ),
            )

    @app.get("/api/health", summary="Whether the server can take photographs")
    async def health() -> dict[str, Any]:
        """Status, version and how many requests are being worked on."""
        return {"status": "ok", "version": __version__, "taken": queue.taken}

    @app.get("/api/models", summary="The models in the package, and the one in use")
    async def models() -> dict[str, Any]:
        """Name, sha256, pyramid levels, the finest of them that is in use, and the limits."""
        return about

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def figures() -> Response:
        """Requests, seconds, megapixels, memory."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    api_docs.install(app)
    static_files.install(app)
    app.add_middleware(Count, metrics=metrics)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "X-File-Name"],
            expose_headers=["Content-Disposition", "X-Exposure-Error", "Retry-After"],
        )
    app.add_middleware(Guard, hosts=hosts, origins=origins)
    return app


def _models(corrector: Corrector) -> list[dict[str, Any]]:
    """What ``GET /api/models`` says of models; no path of the server is among it."""
    used = corrector.model.info
    found = {name: model.info(name) for name in model.embedded()}
    if used.path not in model.embedded().values():
        found[used.path.stem] = used
    return [
        {
            "name": name,
            "used": info.path == used.path,
            "sha256": info.sha256,
            "size": info.config.size,
            "levels": info.config.levels,
            "finest": info.config.finest,
        }
        for name, info in found.items()
    ]


def _body(parameters: type[Look] | None = None) -> dict[str, Any]:
    """How OpenAPI describes a body that is a photograph, or a form with one."""
    fields = parameters.model_json_schema()["properties"] if parameters else {}
    form = {"type": "object", "required": ["file"], "properties": {"file": _FILE} | fields}
    return {
        "requestBody": {
            "required": True,
            "content": {"image/*": {"schema": _FILE}, "multipart/form-data": {"schema": form}},
        }
    }
