"""The HTTP API and the page: one model, loaded once, for all requests.

``create_app`` makes an ASGI application; ``midtone serve`` runs it with uvicorn. The page's files
are in memory from the start; uploads and results are never written to disk; no file or address
that a request names is opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from midtone import __version__
from midtone.corrector import Corrector
from midtone.server import api_docs, errors, static_files, status
from midtone.server.head import HeadMiddleware
from midtone.server.limits import Limits, Queue
from midtone.server.metrics import Metrics, MetricsMiddleware
from midtone.server.photographs import Photographs
from midtone.server.security import SecurityMiddleware

_DESCRIPTION = """Corrects wrongly exposed photographs, too dark and too bright alike.

Send a photograph as the whole body, with its name in `X-File-Name` if it is camera RAW, or as the
file of a multipart form, whose other fields may hold the parameters. Errors are JSON:
`{"error": "one sentence"}`."""


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
    Photographs(corrector, limits, queue, metrics).install(app)
    status.install(app, corrector, limits, queue, metrics)
    api_docs.install(app)
    static_files.install(app)
    _add_middleware(app, metrics, hosts, origins)
    return app


def _add_middleware(
    app: FastAPI, metrics: Metrics, hosts: frozenset[str] | None, origins: Sequence[str]
) -> None:
    """The last that is added is the first that a request passes."""
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
