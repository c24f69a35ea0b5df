"""The page at ``/``: its files, read once when the server starts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import FastAPI, Request, Response

from midtone.server.errors import RequestError

FOLDER = Path(__file__).parent / "page"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def install(app: FastAPI) -> None:
    """Serve the page. A name in a request is looked up in a dict, never on disk."""
    files = {
        path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in _MEDIA_TYPES
    }
    tags = {name: f'"{hashlib.sha256(data).hexdigest()[:16]}"' for name, data in files.items()}

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return await page(request, "index.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def page(request: Request, name: str) -> Response:
        if name not in files:
            raise RequestError(404, "there is nothing here")
        headers = {"ETag": tags[name], "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(files[name], media_type=_MEDIA_TYPES[Path(name).suffix], headers=headers)
