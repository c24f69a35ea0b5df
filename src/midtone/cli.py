"""The command line: verbs, thin. Exit codes: 0 all done, 1 some files failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from midtone import __version__
from midtone.errors import Error, ModelError, UsageError

if TYPE_CHECKING:
    from midtone.batch import Result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.verb(options)
    except UsageError as error:
        print(f"midtone: {error}", file=sys.stderr)
        return 2
    except Error as error:
        print(f"midtone: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("midtone: interrupted", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="midtone", description="Correct wrongly exposed photographs, offline."
    )
    parser.add_argument("--version", action="version", version=f"midtone {__version__}")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    fix = verbs.add_parser("fix", help="correct photographs", description="Correct photographs.")
    fix.add_argument("sources", nargs="+", type=Path, metavar="FILE|FOLDER")
    fix.add_argument("-o", "--out", type=Path, required=True, help="file or folder to write")
    fix.add_argument("--strength", type=float, default=1.0, help="0 (unchanged) to 1 (default)")
    fix.add_argument(
        "--fusion", action="store_true", help="blend with the input by exposure fusion"
    )
    fix.add_argument("--contrast", action="store_true", help="stretch the contrast")
    fix.add_argument(
        "--scales",
        type=_numbers,
        metavar="S1,S2,...",
        help="a factor for each pyramid level, finest first",
    )
    fix.add_argument("--quality", type=int, default=95, help="of JPEG and WebP, 1 to 100 (95)")
    fix.add_argument("--overwrite", action="store_true", help="replace existing files")
    fix.add_argument("--workers", type=int, default=1, help="files worked on side by side (1)")
    _model_options(fix)
    fix.set_defaults(verb=_fix)

    inspect = verbs.add_parser(
        "inspect",
        help="estimate how far off exposures are",
        description="Estimate each photograph's exposure error in EV; negative is underexposed.",
    )
    inspect.add_argument("sources", nargs="+", type=Path, metavar="FILE|FOLDER")
    inspect.add_argument("--json", action="store_true", help="one JSON object a line")
    _model_options(inspect)
    inspect.set_defaults(verb=_inspect)

    models = verbs.add_parser("models", help="list the models in the package")
    models.add_argument("--json", action="store_true", help="with all they say about themselves")
    models.set_defaults(verb=_models)

    train = verbs.add_parser(
        "train",
        help="train a model (needs midtone[train])",
        description="Train on a folder of well exposed photographs; resumes what OUT holds.",
    )
    train.add_argument("photos", type=Path)
    train.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    train.add_argument("--recipe", default="cpu", help="settings of the run (cpu)")
    train.add_argument("--workers", type=int, default=2, help="loader processes (2)")
    train.set_defaults(verb=_train)

    export = verbs.add_parser(
        "export",
        help="make a model file of a training run (needs midtone[train])",
        description="Make a model file of a training run; checks it against torch first.",
    )
    export.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    export.add_argument("-o", "--out", type=Path, required=True, help=".onnx or .safetensors file")
    export.set_defaults(verb=_export)
    return parser


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="default", help="name or file of a model (default)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _fix(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from midtone import batch
    from midtone.corrector import Corrector, Settings

    if not 1 <= options.quality <= 100:
        raise UsageError(f"--quality must lie within 1 and 100, not {options.quality}")
    if options.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {options.workers}")
    settings = Settings(options.strength, options.fusion, options.contrast, options.scales)
    total = len(list(batch.plan(options.sources, options.out)))
    with tqdm(total=total, unit="photo", disable=None if total > 1 else True) as bar:

        def show(result: Result) -> None:
            if result.error:
                bar.write(f"midtone: {result.error}", file=sys.stderr)
            bar.update()

        report = batch.correct_tree(
            options.sources,
            options.out,
            corrector=Corrector(options.model, options.device),
            settings=settings,
            quality=options.quality,
            overwrite=options.overwrite,
            workers=options.workers,
            progress=show,
        )
    if total > 1 and report.failed:
        print(f"midtone: {len(report.failed)} of {total} photographs failed", file=sys.stderr)
    return 1 if report.failed else 0


def _inspect(options: argparse.Namespace) -> int:
    from midtone import batch, photo
    from midtone.corrector import Corrector

    corrector = Corrector(options.model, options.device)
    failed = False
    for path in batch.find(options.sources):
        try:
            error = corrector.plan(photo.read(path)).exposure_error
        except Error as known:
            failed = True
            print(f"midtone: {known}", file=sys.stderr)
            continue
        if options.json:
            print(json.dumps({"file": str(path), "exposure_error": round(error, 3)}))
        else:
            print(f"{error:+6.2f} EV  {path}", flush=True)
    return 1 if failed else 0


def _models(options: argparse.Namespace) -> int:
    from midtone import weights

    for name, path in weights.embedded().items():
        info = weights.info(path)
        about = {
            "name": name,
            "file": str(path),
            "bytes": path.stat().st_size,
            "sha256": info.sha256,
            "size": info.size,
            "levels": info.levels,
        }
        if options.json:
            print(json.dumps(about | {"made": info.made}))
        else:
            print("  ".join(f"{key}: {value}" for key, value in about.items()))
    return 0


def _train(options: argparse.Namespace) -> int:
    try:
        from midtone.training.loop import train
        from midtone.training.recipe import RECIPES
    except ImportError as error:
        raise ModelError(f"training needs torch: pip install midtone[train] ({error})") from error
    if options.recipe not in RECIPES:
        raise UsageError(f"unknown recipe {options.recipe}; known are {', '.join(RECIPES)}")
    train(options.photos, options.out, RECIPES[options.recipe], workers=options.workers)
    return 0


def _export(options: argparse.Namespace) -> int:
    try:
        from midtone.training.export import export
        from midtone.training.loop import CHECKPOINT
    except ImportError as error:
        raise ModelError(f"export needs torch: pip install midtone[train] ({error})") from error
    if options.out.suffix not in (".onnx", ".safetensors"):
        raise UsageError(f"{options.out}: a model file ends in .onnx or .safetensors")
    if not (options.run / CHECKPOINT).is_file():
        raise UsageError(f"{options.run}: no training run in this folder")
    difference = export(options.run / CHECKPOINT, options.out)
    print(f"{options.out}: differs from torch by at most {difference:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
