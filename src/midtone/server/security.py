"""What every answer carries and every request must show: headers against other people's pages."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from midtone.server.errors import answer

# All that the page needs, and nothing from or for anybody else.
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


class Guard:
    """ASGI middleware: security headers; known hosts and origins only.

    A page of another site can make a browser send requests to this computer. It must not put them
    to work: a host name that was rebound to this address, or another origin, is refused.

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

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not self.origins:
                    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            await send(message)

        problem = self._problem(Headers(scope=scope))
        refusal = answer(*problem) if problem else None
        await (refusal or self.app)(scope, receive, send_guarded)

    def _problem(self, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self.hosts is not None and urlsplit(f"//{host}").hostname not in self.hosts:
            return 421, "this server does not answer to that host name"
        origin = headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == host
        if not own and not {"*", origin} & set(self.origins):
            return 403, "requests from other sites are not allowed"
        return None


def hosts(address: str) -> frozenset[str] | None:
    """The host names for an address to listen on: this computer's, or any if it is open."""
    local = frozenset(("localhost", "127.0.0.1", "::1"))
    if address == "localhost":
        return local
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        return None
    return local | {address} if loopback else None
