"""The folder that `midtone page` writes; no browser and no npm package are needed."""

from __future__ import annotations

import dataclasses
import json
import re
import tarfile
from pathlib import Path

import pytest

from midtone import UsageError, model, postprocess
from midtone.cli import main
from midtone.pipeline import PipelineConfig

pytest.importorskip("fastapi", reason="needs midtone[web]")

from midtone.server import onnxruntime_web, static_site


@pytest.fixture
def runtime(monkeypatch):
    """In place of the npm package."""
    fake = {name: name.encode() for name in onnxruntime_web.FILES}
    monkeypatch.setattr(static_site, "read_package", lambda path: fake)


def test_the_folder_is_whole(runtime, tmp_path):
    site = static_site.build(tmp_path / "site", tmp_path)
    written = {
        str(path.relative_to(tmp_path / "site")): path.stat().st_size
        for path in (tmp_path / "site").rglob("*")
        if path.is_file()
    }
    assert written == site.files
    for name in written:
        if name.endswith(".js"):  # what a module imports is there
            code = (tmp_path / "site" / name).read_text("utf-8")
            folder = (tmp_path / "site" / name).parent
            for other in re.findall(r'(?:from|import) "(\.[^"]+)"', code):
                assert (folder / other).is_file(), (name, other)
    worker = (tmp_path / "site/service_worker.js").read_text("utf-8")
    first, later = (json.loads(re.search(f"{n} = (.*);", worker)[1]) for n in ("FILES", "LATER"))
    assert {*first, *later, "service_worker.js"} == set(written)
    assert not set(first) & set(later)
    html = (tmp_path / "site/index.html").read_text("utf-8")
    assert f'content="{static_site.POLICY}"' in html
    assert re.findall(r"<script[^>]*>", html) == ['<script type="module" src="browser/main.js">']
    assert "style=" not in html
    for name in written:
        if name.endswith((".js", ".html", ".css", ".json")):
            text = (tmp_path / "site" / name).read_text("utf-8")
            links = set(re.findall(r"https?://[\w.]+\.\w+", text))
            names = {"http://ns.adobe.com", "http://ns.apple.com", "http://ns.google.com"}
            assert links <= {"http://www.w3.org"} | names, name  # namespaces, never fetched


def test_the_folder_depends_on_its_sources_alone(runtime, tmp_path):
    for name in ("one", "two"):
        static_site.build(tmp_path / name, tmp_path)
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            other = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == other.read_bytes()


def test_existing_folders(runtime, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    static_site.build(site, tmp_path)  # empty
    with pytest.raises(UsageError, match=r"exists already; use --overwrite"):
        static_site.build(site, tmp_path)
    (site / "old.js").write_text("")
    static_site.build(site, tmp_path, overwrite=True)
    assert not (site / "old.js").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("notes")
    with pytest.raises(UsageError, match="is no page of midtone"):
        static_site.build(tmp_path / "mine", tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_steps_are_those_of_python():
    for name, parameters in static_site.STEPS.items():
        fields = {field.name for field in dataclasses.fields(postprocess.STEPS[name])}
        assert fields == parameters, name
    static_site.check_steps(model.info("default").config)


def test_unknown_steps_are_refused_by_name(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Sharpen:
        amount: float = 1.0

    monkeypatch.setitem(postprocess.STEPS, "sharpen", Sharpen)
    with pytest.raises(UsageError, match="does not have the step sharpen"):
        static_site.check_steps(PipelineConfig(postprocess=(Sharpen(),)))  # type: ignore[arg-type]
    monkeypatch.setitem(static_site.STEPS, "sharpen", set())
    with pytest.raises(UsageError, match="does not have amount of the step sharpen"):
        static_site.check_steps(PipelineConfig(postprocess=(Sharpen(),)))  # type: ignore[arg-type]


def test_infinity_is_one_in_javascript():
    assert json.loads(static_site._json({"low": float("inf")})) == {"low": float("inf")}
    assert b"1e999" in static_site._json({"low": float("inf")})


def test_other_packages_are_refused(tmp_path, capsys):
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    (tmp_path / "text.tgz").write_text("no archive")
    (tmp_path / "dist").mkdir()
    for name in onnxruntime_web.FILES:
        (tmp_path / "dist" / name).write_text("another version")
    remedy = "npm pack onnxruntime-web@"
    for given, message in (
        (tmp_path / "empty.tgz", "has no "),
        (tmp_path / "text.tgz", "is no whole .tgz file"),
        (tmp_path / "missing.tgz", "cannot be read"),
        (tmp_path, "is not that of version"),
    ):
        arguments = ["page", "-o", str(tmp_path / "site"), "--onnxruntime", str(given)]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert message in error
        assert remedy in error
        assert error.count("\n") == 1
    assert not (tmp_path / "site").exists()


def test_the_version_of_the_package_is_the_same_everywhere():
    root = Path(__file__).parents[1]
    version = onnxruntime_web.VERSION
    assert f"ORT_WEB = {version}\n" in (root / "Makefile").read_text("utf-8")
    named = re.findall(r"onnxruntime-web[@-]([\d.]+\d)", (root / "docs/page.md").read_text("utf-8"))
    assert set(named) == {version}


def test_the_model_must_be_onnx(runtime, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(UsageError, match=r"needs an \.onnx model"):
        static_site.build(tmp_path / "site", tmp_path, model=tmp_path / "a.safetensors")
