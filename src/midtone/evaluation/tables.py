"""Rows of a benchmark -> the paper's Table 1: over, under and all, by expert and in the mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files

import numpy as np

from midtone.evaluation.ma import MaModel, perceptual_index
from midtone.evaluation.methods import TABLE_1
from midtone.evaluation.results import Protocol, Results, Row, Score, mean_score

GROUPS = {"over": "over (0, +1, +1.5 EV)", "under": "under (-1, -1.5 EV)", "all": "all"}
_EXPERTS = "abcde"
Cells = list[list[str]]
_MARK = "[1]"
_CITATION = "Afifi et al., Learning Multi-Scale Photo Exposure Correction, CVPR 2021, table 1"


@dataclass(frozen=True, kw_only=True)
class Line:
    """Means of one method over the images of one group; None where a measure is not available.

    scores: by expert; empty for a method that could not be run
    row:    the row of Table 1 that a published line is, or ""
    weights: of a method that has some: "ours" or "authors'"
    """

    method: str
    group: str
    images: int
    scores: Mapping[str, Score]
    niqe: float | None = None
    pi: float | None = None
    milliseconds: float | None = None
    row: str = ""
    weights: str = ""

    @property
    def mean(self) -> Score:
        """Mean over the experts."""
        return mean_score(self.scores.values())


def summarise(results: Results) -> list[Line]:
    """Lines by group, methods in the order asked for; only images that every method could do.

    Methods without a single result get lines without figures. The milliseconds are medians.
    """
    rows = results.rows
    done = [{row.image for row in rows if row.method == name} for name in results.methods]
    common = set.intersection(*filter(None, done)) if rows else set()
    lines = []
    for group in GROUPS:
        members = ("over", "under") if group == "all" else (group,)
        some = [row for row in rows if row.image in common and row.group in members]
        if some:
            for name in results.methods:
                own = [row for row in some if row.method == name]
                weights = results.weights.get(name, "")
                lines.append(
                    _line(name, weights, group, own)
                    if own
                    else Line(method=name, group=group, images=0, scores={})
                )
    return lines


def _line(name: str, weights: str, group: str, rows: Sequence[Row]) -> Line:
    niqe, ma = _mean_or_none([row.niqe for row in rows]), _mean_or_none([row.ma for row in rows])
    scores = {e: mean_score([row.scores[e] for row in rows]) for e in rows[0].scores}
    return Line(
        method=name,
        group=group,
        images=len(rows),
        scores=scores,
        niqe=niqe,
        pi=None if niqe is None or ma is None else perceptual_index(ma, niqe),
        milliseconds=float(np.median([row.milliseconds for row in rows])),
        weights=weights,
    )


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    """The mean, or None if any value is None or there is none."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there and len(there) == len(values) else None


def with_published(lines: Sequence[Line], experts: Sequence[str]) -> list[Line]:
    """The lines with the rows of the paper's Table 1, each below the line of the same method."""
    paper = published(experts)
    merged = []
    for line in lines:
        merged.append(line)
        merged += [p for p in paper if p.group == line.group and TABLE_1.get(p.row) == line.method]
    return merged + [line for line in paper if line not in merged]


def published(experts: Sequence[str]) -> list[Line]:
    """Table 1 of the paper: on its own test set, by its own protocol.

    Of the requested experts; the mean over all five where the references are of none of them.
    """
    text = files("midtone.evaluation").joinpath("published.json").read_text("utf-8")
    counts = {"over": 3543, "under": 2362, "all": 5905}
    lines = []
    for key, values in json.loads(text).items():
        group, row = key.split("|")
        every = {e: Score(*values[2 * k : 2 * k + 2]) for k, e in enumerate(_EXPERTS)}
        scores = {e: every[e] for e in experts if e in every} or {"mean": Score(*values[10:12])}
        name = f"{row.replace('Ours', 'paper').replace('_', ' ')} {_MARK}"
        lines.append(
            Line(
                method=name,
                group=group,
                images=counts[group],
                scores=scores,
                pi=values[12],
                row=row,
            )
        )
    return lines


def note(protocol: Protocol) -> str:
    """The note below a table: what a comparison with another table depends on."""
    size = f"at most {protocol.longest_side} px a side" if protocol.longest_side else "at full size"
    index = "; PI not available without --ma-model"
    if protocol.ma_model:
        index = f"; Ma model sha256 {MaModel.load(protocol.ma_model).sha256[:16]}"
    return (
        f"Input and references {size}; SSIM: {protocol.ssim} (docs/evaluation.md); "
        f"time: median a picture{index}."
    )


def as_text(lines: Sequence[Line], protocol: Protocol) -> str:
    """The tables as plain text, for a terminal."""
    return _render(lines, protocol, _plain)


def as_markdown(lines: Sequence[Line], protocol: Protocol) -> str:
    """The tables in GitHub's Markdown."""
    return _render(lines, protocol, _markdown)


def as_latex(lines: Sequence[Line], protocol: Protocol) -> str:
    """A booktabs table for each group."""
    return _render(lines, protocol, _latex)


def as_json(lines: Sequence[Line], protocol: Protocol) -> str:
    """The lines for programs: unrounded, null where not available."""
    return json.dumps(
        {
            "note": note(protocol),
            "lines": [
                {
                    "method": line.method,
                    "weights": line.weights or None,
                    "group": line.group,
                    "images": line.images,
                    "published": bool(line.row),
                    "experts": {expert: asdict(score) for expert, score in line.scores.items()},
                    "psnr": line.mean.psnr if line.scores else None,
                    "ssim": line.mean.ssim if line.scores else None,
                    "niqe": line.niqe,
                    "pi": line.pi,
                    "milliseconds": line.milliseconds,
                }
                for line in lines
            ],
        },
        indent=1,
    )


FORMATS = {"text": as_text, "markdown": as_markdown, "latex": as_latex, "json": as_json}


def _render(lines: Sequence[Line], protocol: Protocol, show: Callable[[str, Cells], str]) -> str:
    parts = []
    for group, title in GROUPS.items():
        some = [line for line in lines if line.group == group]
        own = [line.images for line in some if line.images and not line.row]
        if own:
            cells = [_head(protocol), *(_cells(line, protocol) for line in some)]
            parts.append(show(f"{title}, {own[0]} images", cells))
    marks = (
        f"\n{_MARK} {_CITATION}; its own test set and sizes."
        if any(line.row for line in lines)
        else ""
    )
    return "\n\n".join([*parts, note(protocol) + marks]) + "\n"


def _head(protocol: Protocol) -> list[str]:
    return ["method", *_score_columns(protocol), "NIQE", "PI", "ms"]


def _score_columns(protocol: Protocol) -> list[str]:
    experts = [expert.upper() if len(expert) == 1 else expert for expert in protocol.experts]
    return [*experts, "mean"] if len(experts) > 1 else experts


def _cells(line: Line, protocol: Protocol) -> list[str]:
    columns = len(_score_columns(protocol))
    scores = list(line.scores.values())
    if len(scores) > 1:
        scores.append(line.mean)
    texts = [f"{score.psnr:.2f} / {score.ssim:.3f}" for score in scores]
    rest = [(line.niqe, 2), (line.pi, 3), (line.milliseconds, 0)]
    return [
        f"{line.method} ({line.weights})" if line.weights else line.method,
        *(texts or ["not available", *["-"] * (columns - 1)]),
        *("-" if value is None else f"{value:.{digits}f}" for value, digits in rest),
    ]


def _plain(title: str, cells: Cells) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in cells
    ]
    return "\n".join([title, rows[0], "-" * (sum(widths) + 2 * len(widths) - 2), *rows[1:]])


def _markdown(title: str, cells: Cells) -> str:
    head, *rows = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join(
        [f"### {title[0].upper()}{title[1:]}", "", head, "|---" * len(cells[0]) + "|", *rows]
    )


def _latex(title: str, cells: Cells) -> str:
    head, *rows = [" & ".join(cell.replace("_", r"\_") for cell in row) + r" \\" for row in cells]
    columns = "l" + "r" * (len(cells[0]) - 1)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{title[0].upper()}{title[1:]}: PSNR (dB) / SSIM}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
