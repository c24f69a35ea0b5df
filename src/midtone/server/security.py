"""Security headers for every response; requests for unknown hosts and origins are refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from midtone.server.errors import error_response

# The page loads nothing from elsewhere and may not be framed.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityMiddleware:
    """ASGI middleware: security headers; known hosts and origins only.

    A page of another site can make a browser send requests to this computer. A host name that was
    rebound to this address (421) and another origin (403) are refused.

    hosts:   host names that requests may be addressed to; any if None
    origins: other sites that may use the API (CORS)
    """

    def __init__(
        self, app: ASGIApp, hosts: frozenset[str] | None, origins: Sequence[str] = ()
    ) -> None:
        self.app, self.hosts, self.origins = app, hosts, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not self.origins:
                    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            await send(message)

        refusal = self._check(Headers(scope=scope))
        app = error_response(*refusal) if refusal else self.app
        await app(scope, receive, send_with_headers)

    def _check(self, headers: Headers) -> tuple[int, str] | None:
        """Status and message of a refusal, or None."""
        host = headers.get("host", "")
        if self.hosts is not None and urlsplit(f"//{host}").hostname not in self.hosts:
            return 421, "this server does not serve that host name"
        origin = headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == host
        if not own and not {"*", origin} & set(self.origins):
            return 403, "requests from other sites are not allowed"
        return None


def hosts(address: str, allowed: Sequence[str] = ()) -> frozenset[str] | None:
    """Host names that a server may be addressed by; None: any.

    address: to listen on; only a loopback address limits the names
    allowed: further names, such as that of a reverse proxy; with any, only these and this
             computer's own are served
    """
    local = frozenset(("localhost", "127.0.0.1", "::1", address.lower()))
    names = local | {name.lower() for name in allowed}
    if allowed or address == "localhost":
        return names
    try:
        return names if ipaddress.ip_address(address).is_loopback else None
    except ValueError:
        return None
