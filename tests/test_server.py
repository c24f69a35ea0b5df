"""The HTTP API, inside the process."""

from __future__ import annotations

import base64
import dataclasses
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import midtone
from midtone import Corrector, bilateral_grid
from midtone.cli import main
from midtone.options import CorrectionOptions, OutputOptions
from midtone.server import api_docs
from midtone.server.application import create_app
from midtone.server.limits import Limits
from midtone.server.security import hosts
from midtone.server.upload import file_name

EXAMPLES = Path(__file__).parents[1] / "examples"
DARK = EXAMPLES / "dark.jpg"


@pytest.fixture(scope="module")
def client(corrector):
    limits = Limits(max_megabytes=2, max_megapixels=2)
    with TestClient(create_app(corrector, limits, hosts=frozenset(["testserver"]))) as client:
        yield client


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    """A dark photograph with a camera's name and a place, lying on its side."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    stream = io.BytesIO()
    Image.open(DARK).save(stream, "JPEG", exif=exif, quality=92)
    return stream.getvalue()


def file_of(data: bytes, suffix: str, folder: Path, **keywords) -> np.ndarray:
    """Pixels of what `midtone.correct` makes of a file."""
    source, target = folder / f"in{suffix}", folder / f"out{suffix}"
    source.write_bytes(data)
    quality = keywords.pop("quality", None)
    midtone.correct(str(source), target, quality=quality, **keywords)
    return np.asarray(Image.open(target))


@pytest.mark.parametrize("how", ["raw", "multipart", "fields"])
def test_correct_equals_python(client, jpeg, tmp_path, how):
    params = {"strength": 0.7, "scales": "1,1,1.2,1", "contrast": True, "quality": 90}
    if how == "raw":
        response = client.post("/api/correct", params=params, content=jpeg)
    else:
        where = {"params": params} if how == "multipart" else {"data": params}
        response = client.post("/api/correct", files={"file": ("a.jpg", jpeg)}, **where)
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    assert float(response.headers["x-exposure-error"]) < -0.3
    expected = file_of(
        jpeg, ".jpg", tmp_path, strength=0.7, scales=(1, 1, 1.2, 1), contrast=True, quality=90
    )
    image = Image.open(io.BytesIO(response.content))
    np.testing.assert_array_equal(np.asarray(image), expected)
    exif = image.getexif()
    assert exif[0x010F] == "Maker"
    assert exif.get_ifd(0x8825)[1] == "N"
    assert exif[0x0112] == 1


@pytest.mark.parametrize(
    ("format", "expected"),
    [("PNG", "PNG"), ("tif", "TIFF"), ("WebP", "WEBP"), ("avif", "AVIF"), ("jpg", "JPEG")],
)
def test_format(client, jpeg, format, expected):
    response = client.post("/api/correct", params={"format": format}, content=jpeg)
    assert response.headers["content-type"] == f"image/{expected.lower()}"
    assert Image.open(io.BytesIO(response.content)).format == expected
    assert (
        "attachment; filename*=UTF-8''photograph-corrected."
        in (response.headers["content-disposition"])
    )


def test_inspect(client, jpeg, corrector):
    response = client.post("/api/inspect", content=jpeg).json()
    assert response == {
        "exposure_error": round(corrector.exposure_error(midtone.read(io.BytesIO(jpeg))), 3),
        "width": 377,
        "height": 640,
        "format": "JPEG",
    }


def grid_of(response: dict) -> np.ndarray:
    data = base64.b64decode(response["grid"]["float32"])
    return np.frombuffer(data, "<f4").reshape(response["grid"]["shape"])


def test_plan_of_the_reduced_image_equals_plan_of_the_photograph(client, jpeg):
    params = {"fusion": True, "scales": "1,1,1.1,1"}
    whole = client.post("/api/plan", params=params | {"preview": 400}, content=jpeg).json()
    reduced = base64.b64decode(whole["reduced"])
    again = client.post("/api/plan", params=params, content=reduced).json()
    np.testing.assert_array_equal(grid_of(again), grid_of(whole))
    assert again["exposure_error"] == whole["exposure_error"]
    assert "preview" not in again
    assert Image.open(io.BytesIO(base64.b64decode(whole["preview"]))).size == (236, 400)
    assert not np.array_equal(
        grid_of(whole), grid_of(client.post("/api/plan", content=reduced).json())
    )


def test_plan_equals_correction(client, jpeg, tmp_path):
    plan = client.post("/api/plan", content=jpeg).json()
    expected = file_of(jpeg, ".jpg", tmp_path, quality=100)
    shown = bilateral_grid.slice_grid(grid_of(plan), midtone.read(io.BytesIO(jpeg)).pixels)
    assert np.abs(shown.astype(int) - expected).mean() < 1  # JPEG


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("strength=2", "strength should be less than or equal to 1.5"),
        ("strength=nan", "strength should be a finite number"),
        ("strength=much", "strength should be a valid number, unable to parse string as a number"),
        ("scales=1,2", "2 scales for a model of 4 pyramid levels"),
        ("scales=1,2,x,1", "scales must be numbers with commas, not 1,2,x,1"),
        ("scales=1,99,1,1", "scales.1 should be less than or equal to 10"),
        ("quality=0", "quality should be greater than or equal to 1"),
        ("format=GIF", "format must be one of jpeg, png"),
        ("format=../../etc/passwd", "format must be one of jpeg, png"),
        ("strenght=1", "there is no parameter strenght"),
    ],
)
def test_invalid_parameters(client, jpeg, query, sentence):
    responses = [client.post(f"/api/correct?{query}", content=jpeg)]
    fields = dict([query.split("=")])
    responses.append(client.post("/api/correct", files={"file": ("a.jpg", jpeg)}, data=fields))
    for response in responses:
        assert response.status_code == 422
        assert response.json()["error"].startswith(sentence)


def png(mode: str, size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("address", ["correct", "inspect", "plan"])
@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 415, "photograph: an empty file"),
        (b"To whom it may concern", 415, "photograph: not a readable"),
        (DARK.read_bytes()[:5000], 415, "photograph: the file is cut off"),
        (png("RGB", (2000, 2000)), 413, "photograph: 4 megapixels are more than the limit of 2"),
        (bytes(2_100_000), 413, "the file is larger than the limit of 2 MB"),
    ],
)
def test_unreadable_uploads(client, address, content, status, sentence):
    response = client.post(f"/api/{address}", content=content)
    assert response.status_code == status
    assert response.json()["error"].startswith(sentence)


def test_format_without_transparency(client):
    response = client.post(
        "/api/correct", params={"format": "JPEG"}, files={"file": ("a.png", png("RGBA", (9, 9)))}
    )
    assert response.status_code == 422
    assert "transparency" in response.json()["error"]


def test_form_without_file(client):
    response = client.post("/api/correct", files={"strength": (None, "1")})
    assert (response.status_code, response.json()["error"]) == (
        422,
        "there is no file in the multipart body",
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_method_and_address(client, method):
    assert client.request(method, "/api/correct").status_code == 405
    response = client.request(method, "/nothing")
    assert (response.status_code, response.json()) == (404, {"error": "there is nothing here"})


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd"])
def test_path_traversal(client, path):
    assert client.get(f"/page/{path}").status_code == 404


def test_health_models_metrics(client, jpeg):
    assert client.get("/api/health").json() == {
        "status": "ok",
        "version": midtone.__version__,
        "in_progress": 0,
    }
    models = client.get("/api/models").json()["models"]
    found = [(model["name"], model["in_use"], model["levels"]) for model in models]
    assert found == [("default", True, 4), ("paper", False, 4)]
    client.post("/api/correct", content=jpeg)
    client.get("/anything")
    text = client.get("/metrics").text
    labels = 'method="POST",route="/api/correct",status="200"'
    assert float(re.search(rf"midtone_requests_total{{{labels}}} (\S+)", text)[1]) >= 1
    assert "/anything" not in text
    assert float(re.search(r"\nmidtone_megapixels_total (\S+)", text)[1]) >= 0.24


def test_security_headers(client):
    for path in ("/", "/api/health", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_other_origins_and_unknown_hosts_are_refused(client, corrector, jpeg):
    other = {"Origin": "https://example.org"}
    assert client.post("/api/inspect", content=jpeg, headers=other).status_code == 403
    own = {"Origin": "http://testserver"}
    assert client.post("/api/inspect", content=jpeg, headers=own).status_code == 200
    assert client.get("/api/health", headers={"Host": "rebound.example.org"}).status_code == 421
    with TestClient(create_app(corrector, origins=["https://example.org"])) as open_client:
        response = open_client.post("/api/inspect", content=jpeg, headers=other)
        assert response.headers["access-control-allow-origin"] == "https://example.org"
        third = {"Origin": "https://example.com"}
        assert open_client.post("/api/inspect", content=jpeg, headers=third).status_code == 403


def test_every_option_is_a_parameter(client):
    description = client.get("/api/openapi.json").json()
    operation = description["paths"]["/api/correct"]["post"]
    parameters = {one["name"]: one for one in operation["parameters"]}
    options = [
        option
        for kind in (CorrectionOptions, OutputOptions)
        for option in dataclasses.fields(kind)
        if option.name not in ("existing", "min_error")
    ]
    assert list(parameters) == [option.name for option in options]
    for option in options:
        schema = parameters[option.name]["schema"]
        kind = next((k for k in schema.get("anyOf", ()) if k["type"] != "null"), schema)
        kind = kind.get("items", kind)
        assert kind.get("minimum") == option.metadata["least"]
        assert kind.get("maximum") == option.metadata["most"]
        assert schema.get("x-unit") == option.metadata["unit"]
        assert parameters[option.name]["description"] == option.metadata["help"]


@pytest.mark.parametrize("path", ["/", "/page/page.css", "/api/health", "/metrics", "/api/docs"])
def test_head(client, path):
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    if path != "/metrics":  # counts this request too
        assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/nothing").status_code == 404
    assert client.head("/api/correct").status_code == 405


def test_app_is_made_when_first_used():
    program = """
import sys
import midtone.server
assert not {"fastapi", "onnxruntime"} & set(sys.modules)
from uvicorn.importer import import_from_string
app = import_from_string("midtone.server:app")
assert app is import_from_string("midtone.server:app")
assert app.title == "midtone"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_hosts():
    assert hosts("127.0.0.1") == {"localhost", "127.0.0.1", "::1"}
    assert hosts("0.0.0.0") is None
    assert hosts("photos.example.org") is None
    assert hosts("127.0.0.1", ["Photos.Example.org"]) >= {"localhost", "photos.example.org"}
    assert "photos.example.org" in hosts("0.0.0.0", ["photos.example.org"])


def test_docs_are_complete_and_offline(client):
    description = client.get("/api/openapi.json").json()
    response = client.get("/api/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "://" not in response.text
    for path, methods in description["paths"].items():
        for operation in methods.values():
            assert f"{path}</code>" in response.text
            for parameter in operation.get("parameters", ()):
                assert f"<code>{parameter['name']}</code>" in response.text
    form = description["paths"]["/api/correct"]["post"]["requestBody"]["content"]
    assert "strength" in form["multipart/form-data"]["schema"]["properties"]


def test_docs_escape_html():
    page = api_docs.render(
        {"info": {"title": "<b>", "version": "1", "description": "`<i>` and"}, "paths": {}}
    )
    assert "<b>" not in page
    assert "<code>&lt;i&gt;</code>" in page


@given(st.text(max_size=300))
def test_file_names_are_sanitized(name):
    kept = file_name(name)
    assert kept
    assert len(kept) <= 130
    assert not {"/", "\\", "\0", "\n", "\r"} & set(kept)
    assert kept not in (".", "..")


def test_file_names_keep_stem_and_suffix():
    assert file_name("../../etc/holiday.jpg") == "holiday.jpg"
    assert file_name("C:\\photos\\IMG_1.NEF") == "IMG_1.NEF"
    assert file_name("été.jpg") == "été.jpg"
    assert file_name("x" * 500 + ".jpeg").endswith("x.jpeg")


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"queue": -1}, {"max_megabytes": 0}])
def test_invalid_limits(wrong):
    with pytest.raises(midtone.UsageError, match=next(iter(wrong))):
        Limits(**wrong)


def test_unexpected_errors_do_not_leak(jpeg):
    class Broken(Corrector):
        def plan(self, *arguments, **keywords):
            raise RuntimeError("secret")

    app = create_app(Broken(threads=1))
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.post("/api/correct", content=jpeg)
    assert response.status_code == 500
    assert "secret" not in response.text


def test_serve_loads_its_model_as_the_other_commands_do(monkeypatch, capsys):
    made = []

    def create_app(corrector, *_, **__):
        made.append(corrector)
        raise midtone.Error("stop")

    monkeypatch.setattr("midtone.server.application.create_app", create_app)
    assert main(["serve", "--pipeline", "paper", "--workers", "2"]) == 1
    assert made[0].config.postprocess == ()
    assert made[0].threads == max(1, (os.cpu_count() or 1) // 2)
    assert main(["serve", "--workers", "0"]) == 2
    assert "workers must be at least 1, not 0" in capsys.readouterr().err
