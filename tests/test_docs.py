"""The code in docs/ runs as it stands."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midtone import model
from midtone.cli import build_parser, main
from midtone.corrector import predict
from midtone.pipeline import choose_pipeline
from midtone.preprocess import NetworkInput, at_prediction_size, network_input

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, with the examples in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_model_is_used_without_midtone(folder):
    shutil.copy(model.find("default"), folder / "default.onnx")
    (block,) = blocks("model.md", "python")
    namespace: dict = {}
    exec(compile(block, "model.md", "exec"), namespace)
    assert (folder / "corrected.png").exists()
    loaded = model.load("default", "cpu", 1)
    config = dataclasses.replace(loaded.info.config, rotate_tta=False, padding="symmetric")
    image = namespace["image"]
    reference = at_prediction_size(image, config)
    expected = predict(loaded, NetworkInput(network_input(image, config), reference, reference))
    np.testing.assert_allclose(namespace["corrected"], expected, atol=1e-5)


PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"),
     *ROOT.glob("benchmarks/*.md"), ROOT / "tests" / "data" / "README.md"]
)  # fmt: skip
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Addresses of the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pages
def test_links_lead_somewhere(page):
    text = prose(page)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    for link in links:
        name, _, anchor = link.partition("#")
        if "://" not in link:
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link
    for name in re.findall(r"\]\[([^]]+)\]", text):
        assert f"\n[{name}]: " in text, name


@pages
def test_files_that_are_named_exist(page):
    """Paths in backticks or commands, below the root, src/midtone or the page's own folder."""
    if page.name == "CHANGELOG.md":
        pytest.skip("names files of earlier versions")
    roots = (ROOT, ROOT / "src" / "midtone", page.parent)
    for name in re.findall(
        r"(?<![\w/.*<])((?:[\w-]+/)+[\w-]+\.(?:py|md|sh|toml|jpg|csv|c))\b(?!\*)",
        page.read_text("utf-8"),
    ):
        made = ("examples/", "corrected/", "in/", "out/", "shoot/")
        assert name.startswith(made) or any((root / name).exists() for root in roots), name


@pages
def test_modules_that_are_named_exist(page):
    for name in re.findall(r"`(midtone(?:\.\w+)+)", page.read_text("utf-8")):
        parts = name.split(".")
        for number in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:number]))
            except ModuleNotFoundError:
                continue
            for part in parts[number:]:
                found = getattr(found, part)
            break


def all_flags(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= all_flags(inner)
        elif action.help != argparse.SUPPRESS:
            found |= set(action.option_strings)
    return found


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_flags_that_are_named_exist(page):
    """Those of midtone; commands of other programs are left out."""
    flags = all_flags(build_parser())
    lines = [
        line
        for line in page.read_text("utf-8").splitlines()
        if not re.search(
            r"benchmarks/|training\.(pack|gpu_run)|uvicorn|podman|curl|torchrun|http\.server", line
        )
    ]
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(lines)))
    others = {  # of benchmarks, make quality, runs, and the programs of docs/compare.md
        "--count", "--device", "--export", "--methods", "--quick", "--size", "--steps", "--plot",
    }  # fmt: skip
    assert named <= flags | others


@pages
def test_lines_are_short(page):
    """In docs/cli.md a long row needs a shorter help text of its argument."""
    for line in page.read_text("utf-8").splitlines():
        assert len(line) <= 100 or re.match(r"\[.*\]: http", line), line


def commands(page: Path) -> list[list[str]]:
    """The arguments of every midtone command in the blocks of a page."""
    text = "".join(re.findall(r"```(?:sh|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|\|", line.partition("#")[0]):
            words = shlex.split(re.split(r" [<>] ?", part)[0].removeprefix("$ "))
            name = words[0].rpartition("/")[2] if words else ""
            if name == "midtone" and not any(word.startswith("[") for word in words):
                found.append(words[1:])
    return found


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if commands(page) and page.name != "paper.md"],
    ids=lambda p: p.name,
)
def test_commands_have_the_right_arguments(page):
    for words in commands(page):
        if words != ["VERB", "ARGUMENTS"]:
            build_parser().parse_args(words)


def test_the_first_commands_of_the_readme_run(folder, dark):
    (folder / "shoot" / "first").mkdir(parents=True)
    for path in (folder / "dark.jpg", folder / "shoot" / "first" / "dark.jpg"):
        Image.fromarray(dark[:120, :160]).save(path)
    use = (ROOT / "README.md").read_text("utf-8").partition("## Use")[2]
    block = re.search(r"```sh\n(.*?)```", use, re.DOTALL)
    assert block
    for number, line in enumerate(block[1].splitlines()):
        again = ["--overwrite"] if "corrected/" in line and number > 1 else []
        assert main([*shlex.split(line, comments=True)[1:], *again]) == 0, line
    assert (folder / "corrected" / "first" / "dark.jpg").exists()


def test_the_application_of_the_server_page(folder):
    pytest.importorskip("fastapi")
    (block,) = blocks("serve.md", "python")
    namespace: dict = {}
    exec(compile(block, "serve.md", "exec"), namespace)
    assert namespace["app"].routes


def test_the_settings_of_the_pipeline_page(folder):
    (block,) = blocks("pipeline.md", "toml")
    (folder / "mine.toml").write_text(block)
    own = model.info("default").config
    config = choose_pipeline(own, "mine.toml")
    assert (config.grid.nodes, config.grid.depth, config.rotate_tta) == (16, own.grid.depth, False)
    assert len(config.postprocess) == 1


MARK = "The default is in parentheses.\n"


def arguments(name: str, parser: argparse.ArgumentParser) -> str:
    """The arguments of a command and its sub-commands as Markdown."""
    rows, commands = [], ""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, inner in action.choices.items():
                commands += "\n" + arguments(f"{name} {verb}", inner)
        elif action.help != argparse.SUPPRESS and action.dest != "help":
            value = action.metavar or "|".join(action.choices or [action.dest.upper()])
            names = ", ".join(action.option_strings)
            shown = f"{names} {value}" if names and action.nargs != 0 else names or value
            assert action.help, f"{name} {shown} has no help"
            cells = (f"`{shown}`", action.help)
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    table = "\n".join(["| argument | meaning |", "|---|---|", *rows]) if rows else ""
    description = textwrap.fill(parser.description or "", 100, break_on_hyphens=False)
    return "\n\n".join(filter(None, [f"### {name}", description, table])) + "\n" + commands


def test_every_argument_is_documented():
    """`python tests/test_docs.py` writes the tables anew."""
    same = (ROOT / "docs" / "cli.md").read_text("utf-8") == with_tables()
    assert same, "run: python tests/test_docs.py"


def with_tables() -> str:
    head, mark, _ = (ROOT / "docs" / "cli.md").read_text("utf-8").partition(MARK)
    return head + mark + "\n" + arguments("midtone", build_parser())


def test_the_examples_of_the_command_line_run(folder, capfd):
    for line in "".join(blocks("cli.md", "sh")).splitlines():
        if set("<>|") & set(line):
            shim = f'midtone() {{ "{sys.executable}" -m midtone.cli "$@"; }}; set -o pipefail; '
            subprocess.run(["bash", "-c", shim + line], check=True)
        else:
            assert main(shlex.split(line, comments=True)[1:]) == 0, line
    for name in (
        "fixed.jpg", "fixed.png", "piped.png", "softer.jpg", "brighter.jpg", "sky.jpg",
        "graded.jpg", "grade.cube", "listed/dark.jpg", "run.jsonl",
    ):  # fmt: skip
        assert (folder / name).exists(), name
    shown = capfd.readouterr()
    assert "2 corrected; 1 file of another kind passed over (1 .md)" in shown.err


if __name__ == "__main__":
    text = with_tables()
    (ROOT / "docs" / "cli.md").write_text(text, "utf-8")
