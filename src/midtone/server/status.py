"""The addresses that describe the server: health, models and metrics."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response

from midtone import __version__, model
from midtone.corrector import Corrector
from midtone.server.limits import Limits, Queue
from midtone.server.metrics import Metrics


def install(
    app: FastAPI, corrector: Corrector, limits: Limits, queue: Queue, metrics: Metrics
) -> None:
    """Add the routes."""
    about = {
        "models": _models(corrector),
        "limits": {"megabytes": limits.max_megabytes, "megapixels": limits.max_megapixels},
    }

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
