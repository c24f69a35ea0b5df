"""Metrics for Prometheus at ``/metrics``."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one server.

    in_progress: how many requests are uploading, waiting or running
    """

    def __init__(self, in_progress: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "midtone_requests",
            "Requests served",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "midtone_request_seconds",
            "From the first byte of a request to the last of its response",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.megapixels = Counter(
            "midtone_megapixels", "Photographs corrected at full size", registry=self.registry
        )
        Gauge(
            "midtone_requests_in_progress",
            "Requests uploading, waiting or running",
            registry=self.registry,
        ).set_function(in_progress)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """ASGI middleware that counts and times requests, by route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        finally:
            # Not by address: requests for random addresses would fill the memory.
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if route != "other" else "other"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - started)
