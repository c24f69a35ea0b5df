"""Which part imports which: correcting depends on nothing else. Which tests belong to it."""

from __future__ import annotations

import ast
from pathlib import Path

import midtone

SOURCE = Path(midtone.__file__).parent
# What each part of the top may import: everything else (data, training, evaluation, baselines,
# server) imports the top.
TOP_MAY = {
    "errors": set(),
    "atomic": {"errors"},
    "settings": {"errors"},
    "options": {"errors", "photo", "settings"},
    "jpeg_decoder": {"_jpeg"},
    "pyramid": set(),
    "colour": set(),
    "bilateral_grid": {"errors"},
    "contrast_stretch": set(),
    "exposure_fusion": {"colour", "pyramid"},
    "postprocess": {
        "colour", "contrast_stretch", "errors", "exposure_fusion", "options", "settings",
    },
    "pipeline": {"bilateral_grid", "errors", "postprocess", "pyramid", "settings"},
    "notebook": set(),
    "icc_profile": set(),
    "photo": {"atomic", "colour", "errors", "icc_profile", "jpeg_decoder", "notebook"},
    "preprocess": {"colour", "photo", "pipeline", "pyramid"},
    "adapters": {"errors", "photo"},
    "network": {"errors", "pyramid"},
    "model": {"errors", "network", "options", "pipeline", "pyramid"},
    "correction": {"bilateral_grid", "errors", "notebook", "photo", "preprocess"},
    "corrector": {
        "adapters", "bilateral_grid", "correction", "errors", "model", "options", "photo",
        "pipeline", "postprocess", "preprocess", "sequence",
    },
    "sequence": {
        "adapters", "bilateral_grid", "colour", "correction", "corrector", "errors", "options",
        "photo", "preprocess",
    },
    "lut": {"atomic", "bilateral_grid", "correction", "errors"},
    "batch": {
        "__version__", "atomic", "correction", "corrector", "errors", "lut", "model", "options",
        "photo", "pipeline", "sequence",
    },
    "functional": {"adapters", "batch", "corrector", "errors", "options", "photo"},
}  # fmt: skip


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
    for name, allowed in TOP_MAY.items():
        module = SOURCE / f"{name}.py"
        for path in [module] if module.exists() else (SOURCE / name).glob("*.py"):
            found = {module.split(".")[0] for module in imports(path)}
            assert found <= allowed | {name}, path


def test_every_part_of_the_top_has_its_rule():
    wings = {"baselines", "commands", "data", "evaluation", "models", "server", "training", "video"}
    parts = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - wings - {"cli", "__init__", "__main__", "__pycache__"} == set(TOP_MAY)


LEARNED_WITHOUT_TORCH = {
    "__init__",
    "catalogue",
    "published",
    "run",
    "tensorflow_checkpoint",
    "weights",
}


def test_only_training_and_learned_networks_import_torch():
    for path in SOURCE.rglob("*.py"):
        wing = path.relative_to(SOURCE).parts[0]
        if wing == "training" or path.stem == "network":
            continue
        if path.parent.name == "learned" and path.stem not in LEARNED_WITHOUT_TORCH:
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
        own = {module for module in ours if module.startswith("midtone.commands")}
        assert ours - own <= {"midtone", "midtone.errors", "midtone.options"}, path


# Packages whose small modules share a file, and modules that are tested through another one.
SHARED = {
    "__main__": "main",
    "baselines": "baselines",
    "baselines.learned": "learned",
    "batch.find": "inputs",
    "batch.results": "correct_one",
    "bilateral_grid": "bilateral_grid",
    "photo": "photo",
    "sequence": "sequence",
    "commands.fix_plan": "commands_fix",
    "commands.fix_results": "commands_fix",
    "server": "server",
    "video": "video",
    "commands.evaluate": "evaluate",
    "commands.corrector": "cli",
    "commands.data_set": "dataset_builder",
    "commands.explore": "dataset_builder",
    "commands.export": "export",
    "commands.flags": "options",
    "commands.models": "cli",
    "commands.patches": "patches",
    "commands.render": "dataset_builder",
    "commands.serve": "server_abuse",
    "commands.swap": "swap",
    "commands.synthesize": "dataset_builder",
    "correction": "corrector",
    "data.explore": "dataset_builder",
    "data.scenes": "dataset_builder",
    "errors": "cli",
    "evaluation.benchmark": "evaluate",
    "evaluation.methods": "evaluate",
    "evaluation.report": "evaluate",
    "evaluation.results_folder": "evaluate",
    "training.device_errors": "device_examples",
}
# Files of tests of the whole program, or of what is beside the package.
WHOLE = {"architecture", "benchmark_learned", "docs", "faults", "formats", "page", "page_modules",
         "paper_walk", "quality", "readme", "setup", "static_page", "typing"}  # fmt: skip


def test_every_module_has_its_tests_and_every_test_its_module():
    files = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    used = set(WHOLE)
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts[-1] == "__init__":
            continue
        own = {"_".join(parts[number:]) for number in range(len(parts))} & files
        shared = SHARED.get(".".join(parts)) or SHARED.get(".".join(parts[:-1]))
        found = own or {name for name in files if shared and f"{name}_".startswith(f"{shared}_")}
        assert found, f"no tests of {path}"
        used |= found
    assert files == used, "tests of no module"
