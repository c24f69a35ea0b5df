"""Rows of a benchmark -> the paper's table 1: over, under and all, by expert and in the mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from midtone.evaluation.benchmark import Protocol, Row
from midtone.evaluation.ma import perceptual_index

GROUPS = {"over": "over (0, +1, +1.5 EV)", "under": "under (-1, -1.5 EV)", "all": "all"}
_EXPERTS = "abcde"
Cells = list[list[str]]
_MARK = "[1]"
PAPER = "Afifi et al., Learning Multi-Scale Photo Exposure Correction, CVPR 2021, table 1"


@dataclass(frozen=True)
class Line:
    """Means of one method over the images of one group; None where a measure is not available.

    scores:  (PSNR, SSIM) by expert
    foreign: not measured here
    """

    method: str
    group: str
    images: int
    scores: dict[str, tuple[float, float]]
    niqe: float | None
    pi: float | None
    milliseconds: float | None
    foreign: bool = False

    @property
    def mean(self) -> tuple[float, float]:
        """PSNR and SSIM, mean over the experts."""
        psnr, ssim = np.mean(list(self.scores.values()), 0)
        return float(psnr), float(ssim)


def summarise(rows: Sequence[Row], protocol: Protocol) -> list[Line]:
    """Lines by group, methods in the rows' order; only images that every method could do.

    The milliseconds are medians.
    """
    names = list(dict.fromkeys(row["method"] for row in rows))
    done = [{row["image"] for row in rows if row["method"] == name} for name in names]
    common = set.intersection(*done) if done else set()
    lines = []
    for group in GROUPS:
        members = ("over", "under") if group == "all" else (group,)
        for name in names:
            some = [
                row
                for row in rows
                if row["method"] == name and row["image"] in common and row["group"] in members
            ]
            if some:
                lines.append(_line(name, group, some, protocol))
    return lines


def _line(name: str, group: str, rows: list[Row], protocol: Protocol) -> Line:
    def mean(column: str) -> float | None:
        values = [float(row[column]) for row in rows if row[column]]
        return float(np.mean(values)) if len(values) == len(rows) else None

    scores = {}
    for expert in protocol.experts:
        psnr, ssim = mean(f"psnr_{expert}"), mean(f"ssim_{expert}")
        assert psnr is not None
        assert ssim is not None
        scores[expert] = psnr, ssim
    niqe, ma = mean("niqe"), mean("ma")
    return Line(
        name,
        group,
        len(rows),
        scores,
        niqe,
        None if niqe is None or ma is None else perceptual_index(ma, niqe),
        float(np.median([float(row["milliseconds"]) for row in rows])),
    )


def published(experts: Sequence[str]) -> list[Line]:
    """Table 1 of the paper: on its own test set, at its own sizes, by MATLAB's SSIM.

    Of the experts asked for; of all five where the references are of none of them.
    """
    text = files("midtone.evaluation").joinpath("published.json").read_text("utf-8")
    counts = {"over": 3543, "under": 2362, "all": 5905}
    lines = []
    for key, values in json.loads(text).items():
        group, method = key.split("|")
        pairs = {e: (values[2 * k], values[2 * k + 1]) for k, e in enumerate(_EXPERTS)}
        pairs = {e: pairs[e] for e in experts if e in pairs} or {"mean": (values[10], values[11])}
        name = f"{method.replace('Ours', 'paper').replace('_', ' ')} {_MARK}"
        lines.append(Line(name, group, counts[group], pairs, None, values[12], None, True))
    return lines


def note(protocol: Protocol) -> str:
    """What must be known to compare the table with another one."""
    size = f"at most {protocol.longest_side} px a side" if protocol.longest_side else "at full size"
    index = "" if protocol.ma_model else "; PI not available without --ma-model"
    return (
        f"Input and references {size}; SSIM: {protocol.ssim} (docs/evaluation.md); "
        f"time: median a picture{index}."
    )


def as_text(lines: Sequence[Line], protocol: Protocol) -> str:
    """For a terminal."""
    return _join(lines, protocol, _plain)


def as_markdown(lines: Sequence[Line], protocol: Protocol) -> str:
    """GitHub's tables."""
    return _join(lines, protocol, _markdown)


def as_latex(lines: Sequence[Line], protocol: Protocol) -> str:
    """A booktabs table for each group."""
    return _join(lines, protocol, _latex)


def as_json(lines: Sequence[Line], protocol: Protocol) -> str:
    """The same, for programs: unrounded, null where not available."""
    return json.dumps(
        {
            "note": note(protocol),
            "lines": [
                {
                    "method": line.method,
                    "group": line.group,
                    "images": line.images,
                    "experts": {
                        expert: {"psnr": psnr, "ssim": ssim}
                        for expert, (psnr, ssim) in line.scores.items()
                    },
                    "psnr": line.mean[0],
                    "ssim": line.mean[1],
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


def _join(lines: Sequence[Line], protocol: Protocol, show: Callable[[str, Cells], str]) -> str:
    parts = []
    for group, title in GROUPS.items():
        some = [line for line in lines if line.group == group]
        own = [line.images for line in some if not line.foreign]
        if own:
            parts.append(show(f"{title}, {own[0]} images", [_head(protocol), *map(_cells, some)]))
    marks = (
        f"\n{_MARK} {PAPER}; its own test set and sizes." if any(x.foreign for x in lines) else ""
    )
    return "\n\n".join([*parts, note(protocol) + marks]) + "\n"


def _head(protocol: Protocol) -> list[str]:
    experts = [expert.upper() if len(expert) == 1 else expert for expert in protocol.experts]
    mean = ["mean"] if len(experts) > 1 else []
    return ["method", *experts, *mean, "NIQE", "PI", "ms"]


def _cells(line: Line) -> list[str]:
    pairs = [*line.scores.values()]
    if len(pairs) > 1:
        pairs.append(line.mean)
    rest = [(line.niqe, 2), (line.pi, 3), (line.milliseconds, 0)]
    return [
        line.method,
        *(f"{psnr:.2f} / {ssim:.3f}" for psnr, ssim in pairs),
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
