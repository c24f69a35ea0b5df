"""The API's documentation at ``/api/docs``: plain HTML from the OpenAPI description, offline."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse


def install(app: FastAPI) -> None:
    """Add the route."""

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(render(app.openapi()))


def render(description: dict[str, Any]) -> str:
    """An OpenAPI 3 description as a page: every address with its parameters and responses."""
    operations = [
        _operation(method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    info = description["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title>"
        '<link rel="stylesheet" href="../page/docs.css"></head><body><main>'
        f"<h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
        f"{_prose(info['description'])}"
        '<p>This description for programs: <a href="openapi.json">openapi.json</a>. '
        '<a href="../">The page</a>.</p>'
        f"{''.join(operations)}</main></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = [
        (one["name"], _type(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {})
    responses = [
        (status, ", ".join(response.get("content", {})), response["description"])
        for status, response in operation["responses"].items()
    ]
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code> "
        f"{escape(operation['summary'])}</h2>"
        f"{_prose(operation.get('description', ''))}"
        f"{f'<p>Body: {_codes(body)}</p>' if body else ''}"
        f"{_table('Parameter', parameters)}{_table('Response', responses)}</section>"
    )


def _type(schema: dict[str, Any]) -> str:
    """A type, its range, unit and default in a few words."""
    kind = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    words = [" or ".join(kind.get("enum", [kind.get("type", "")]))]
    item = kind.get("items", kind)
    if item is not kind:
        words = [f"{item['type']}s separated by commas"]
    if "maximum" in item:
        words.append(f"{item['minimum']:g} to {item['maximum']:g} {schema.get('x-unit', '')}")
    if schema.get("default") is not None:
        words.append(f"default {str(schema['default']).lower()}")
    return ", ".join(word.strip() for word in words)


def _table(first: str, rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(kind)}</td>'
        f"<td>{escape(meaning)}</td></tr>"
        for name, kind, meaning in rows
    )
    return (
        f'<table><thead><tr><th scope="col">{first}</th><th scope="col">Type</th>'
        f'<th scope="col">Meaning</th></tr></thead><tbody>{cells}</tbody></table>'
    )


def _codes(names: dict[str, Any]) -> str:
    return " or ".join(f"<code>{escape(name)}</code>" for name in names)


def _prose(text: str) -> str:
    """Paragraphs, with `code` between backquotes."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        parts = escape(paragraph).split("`")
        marked = (f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
        paragraphs.append(f"<p>{''.join(marked)}</p>")
    return "".join(paragraphs)
