"""midtone over HTTP: an API and a page. Needs the extra ``web``.

``midtone.server:app`` is the application with the default model and limits, for any ASGI server;
it is made when it is first used. ``create_app`` makes one with other settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

    from midtone.server.application import create_app
    from midtone.server.limits import Limits

    app: FastAPI

__all__ = ["Limits", "app", "create_app"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from midtone.corrector import Corrector
    from midtone.server.application import create_app
    from midtone.server.limits import Limits

    if name == "app":
        globals()["app"] = create_app(Corrector())
        return globals()["app"]
    return {"create_app": create_app, "Limits": Limits}[name]
