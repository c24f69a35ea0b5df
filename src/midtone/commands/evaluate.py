"""`midtone evaluate`: methods compared on pairs, as in the paper's table 1."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.errors import ModelError, UsageError

if TYPE_CHECKING:
    from midtone.data.pairs import Pair, Pairs
    from midtone.evaluation.results import Protocol, Row
    from midtone.evaluation.tables import Line

SIZE, SSIM = 512, "channels"
_SUFFIXES = {"text": "txt", "markdown": "md", "latex": "tex", "json": "json"}


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Measure methods on pairs (the paper's folders, or input/ and reference/) and print the "
        "paper's table. OUT keeps every row, so an interrupted run continues."
    )
    parser.add_argument("pairs", type=Path, metavar="PAIRS", help="data set, in either layout")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument(
        "--methods",
        default="midtone,input,HE,CLAHE,gamma",
        metavar="A,B,...",
        help="names (midtone,input,HE,CLAHE,gamma), or paper: all rows of Table 1",
    )
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="NAME=WHAT",
        help="a further method: folder of outputs, model file or command; repeatable",
    )
    parser.add_argument("--model", default="default", help="model of the method midtone (default)")
    parser.add_argument(
        "--pipeline", default="default", help="default, paper or a .toml file (default)"
    )
    parser.add_argument(
        "--protocol",
        choices=("paper",),
        help="the settings of the paper's Table 1, beside its published rows",
    )
    parser.add_argument(
        "--experts", metavar="A,B,...", help="experts a to e to compare with (all that exist)"
    )
    parser.add_argument("--split", help="training, validation or testing (testing, if it exists)")
    parser.add_argument(
        "--size", type=int, help=f"longest side of the comparison in px; 0: full size ({SIZE})"
    )
    parser.add_argument(
        "--ssim", choices=("channels", "luma", "volume"), help=f"definition of SSIM ({SSIM})"
    )
    parser.add_argument("--ma-model", default="", metavar="FILE", help="model.mat of the Ma score")
    parser.add_argument(
        "--published", action="store_true", help="also print the rows of the paper's Table 1"
    )
    parser.add_argument(
        "--format",
        default="text",
        choices=tuple(_SUFFIXES),
        help="format of the printed table (text)",
    )
    parser.add_argument(
        "--cases",
        type=int,
        default=4,
        help="number of worst and of best images on the contact sheet (4)",
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="processes (1); times are exact with 1 only"
    )
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from tqdm import tqdm

    from midtone.commands.progress import print_problems

    try:
        from midtone.data.pairs import read_pairs
        from midtone.evaluation import benchmark, methods, tables
    except ImportError as error:
        raise ModelError(f"evaluating needs midtone[evaluate] ({error})") from error

    if options.workers < 1 or (options.size or 0) < 0 or options.cases < 0:
        raise UsageError("--workers must be at least 1, --size and --cases at least 0")
    if options.protocol == "paper":
        _set_to_paper(options)
    chosen = methods.parse(options.methods, options.method, options.model, options.pipeline)
    found = read_pairs(options.pairs)
    pairs = _of_split(found, options.split, options.pairs)
    protocol = _protocol(options, pairs)
    with tqdm(total=len(pairs), unit="image", disable=None) as bar:
        results = benchmark.run(
            pairs,
            chosen,
            protocol,
            options.out,
            workers=options.workers,
            progress=lambda _: bar.update(),
        )
    lines = tables.summarise(results)
    if options.published or methods.PAPER in methods.split(options.methods):
        lines = tables.with_published(lines, protocol.experts)
    _write_tables(options, lines, protocol)
    if options.cases and results.rows:
        _write_report(options, results.rows, tables.as_text(lines, protocol))
    print_problems(f"{name} is not available: {why}" for name, why in results.missing.items())
    problems = sorted({*found.problems, *results.problems})
    print_problems(problems)
    return 1 if problems else 0


def _set_to_paper(options: argparse.Namespace) -> None:
    """Fill in the paper's protocol. Raises UsageError if an option contradicts it."""
    paper = {"size": 512, "ssim": "volume", "experts": "a,b,c,d,e", "split": "testing"}
    for name, value in paper.items():
        if getattr(options, name) not in (None, value):
            raise UsageError(f"--protocol paper sets --{name} to {value}; leave --{name} out")
        setattr(options, name, value)
    options.published = True


def _of_split(found: Pairs, split: str | None, folder: Path) -> list[Pair]:
    chosen = found.of(split if split is not None else "testing")
    if split is not None and not chosen:
        raise UsageError(f"{folder}: has no pairs in {split}/")
    return list(chosen or found.pairs)


def _protocol(options: argparse.Namespace, pairs: list[Pair]) -> Protocol:
    """The protocol of the flags. Raises UsageError; ModelError for a file that is no Ma model."""
    from midtone.evaluation.ma import MaModel
    from midtone.evaluation.results import Protocol

    ma_model = str(Path(options.ma_model).resolve()) if options.ma_model else ""
    if ma_model:
        MaModel.load(ma_model)  # before any work
    size = SIZE if options.size is None else options.size
    experts = _experts(pairs, options.experts, options.pairs)
    return Protocol(experts, size or None, options.ssim or SSIM, ma_model)


def _experts(pairs: list[Pair], names: str | None, folder: Path) -> tuple[str, ...]:
    """The requested ones, or all that any pair has; an expert comes before "reference"."""
    from midtone.data.pairs import EXPERTS, REFERENCE

    there = {expert for pair in pairs for expert in pair.references}
    if names is None:
        experts = tuple(expert for expert in EXPERTS if expert in there)
        return experts or (REFERENCE,)
    wanted = tuple(filter(None, (name.strip().lower() for name in names.split(","))))
    for name in wanted:
        if name not in (*EXPERTS, REFERENCE):
            raise UsageError(f"no expert {name}; there are {', '.join(EXPERTS)}, {REFERENCE}")
        if name not in there:
            where = "GT_IMAGES" if name == REFERENCE else f"expert_{name}_testing_set"
            raise UsageError(f"{folder}: the folder {where} is missing")
    if not wanted:
        raise UsageError("--experts has no name in it")
    return wanted


def _write_tables(options: argparse.Namespace, lines: Sequence[Line], protocol: Protocol) -> None:
    """Write the table in each format, and print it in one."""
    from midtone.evaluation import tables

    for kind, suffix in _SUFFIXES.items():
        text = tables.FORMATS[kind](lines, protocol)
        (options.out / f"table.{suffix}").write_text(text, "utf-8")
        if kind == options.format:
            print(text, end="")


def _write_report(options: argparse.Namespace, rows: Sequence[Row], table: str) -> None:
    """Write contact_sheet.jpg and report.html."""
    from midtone import photo
    from midtone.evaluation import report

    cases = report.cases(rows, options.out, options.cases)
    if not cases:
        return
    drawn = photo.from_array(report.contact_sheet_of(cases))
    photo.write(drawn, options.out / "contact_sheet.jpg", quality=88, overwrite=True)
    title = f"{options.pairs.name}: worst and best of {rows[0].method}"
    (options.out / "report.html").write_text(report.page(cases, table, title), "utf-8")
