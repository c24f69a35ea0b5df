"""Who may import whom: the house rule that keeps correcting free of everything else."""

from __future__ import annotations

import ast
from pathlib import Path

import midtone

SOURCE = Path(midtone.__file__).parent
WINGS = {"data", "training", "evaluation", "baselines", "server"}
TOP_MAY = {
    "errors": set(),
    "pyramid": set(),
    "atomic": set(),
    "exif": set(),
    "metadata": set(),
    "colour": set(),
    "codecs": {"errors", "metadata"},
    "photo": {"atomic", "codecs", "colour", "errors", "exif", "metadata"},
    "network": {"errors", "pyramid"},
    "weights": {"errors", "pyramid", "network"},
    "upsample": {"_slice"},
    "finish": {"pyramid"},
    "corrector": {
        "__version__",
        "colour",
        "errors",
        "photo",
        "pyramid",
        "weights",
        "upsample",
        "finish",
    },
    "sources": {"errors", "codecs"},
    "engine": {"errors"},
    "watch": {"errors", "sources"},
    "batch": {"atomic", "codecs", "engine", "errors", "photo", "corrector", "sources"},
}


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "midtone":
                found |= {alias.name for alias in node.names}
            elif node.module.startswith("midtone."):
                found.add(node.module.removeprefix("midtone."))
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix("midtone.")
                for alias in node.names
                if alias.name.startswith("midtone.")
            }
    return found


def test_the_top_imports_no_wing():
    for path in SOURCE.glob("*.py"):
        if path.stem in ("cli", "__init__"):
            continue
        assert imports(path) <= TOP_MAY[path.stem], path.stem


def test_only_training_knows_torch_at_import():
    for path in SOURCE.rglob("*.py"):
        wing = path.relative_to(SOURCE).parts[0]
        if wing == "training" or path.stem == "network":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            alias.name.split(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert "torch" not in names, path


def test_commands_import_what_they_need_when_they_run():
    for path in [SOURCE / "cli.py", *(SOURCE / "commands").glob("*.py")]:
        tree = ast.parse(path.read_text("utf-8"))
        outside = [
            node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module
        ]
        ours = {module for module in outside if module.startswith("midtone")}
        assert ours <= {"midtone", "midtone.errors", "midtone.commands"}, path
