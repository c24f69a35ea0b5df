"""What a benchmark measures: the protocol, and a row of scores for each result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Protocol:
    """How results are measured.

    experts:      whose renderings are the references
    longest_side: results and references are reduced to it; None keeps their size
    ssim:         definition, a key of ``metrics.SSIM``
    ma_model:     file of the Ma score's forests; without it there is no perceptual index
    """

    experts: tuple[str, ...]
    longest_side: int | None = 512
    ssim: str = "channels"
    ma_model: str = ""


@dataclass(frozen=True)
class Score:
    """PSNR in dB and SSIM against one reference, or means of them."""

    psnr: float
    ssim: float


def mean_score(scores: Collection[Score]) -> Score:
    """Mean PSNR and mean SSIM."""
    return Score(
        float(np.mean([score.psnr for score in scores])),
        float(np.mean([score.ssim for score in scores])),
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """The measures of one result.

    ev:     exposure error by the file's name, or None
    group:  "over" or "under"
    scores: by expert
    niqe, ma: None where not available
    """

    method: str
    image: str
    scene: str
    ev: float | None
    group: str
    scores: Mapping[str, Score]
    niqe: float | None
    ma: float | None
    milliseconds: float

    @property
    def mean(self) -> Score:
        """Mean over the experts."""
        return mean_score(self.scores.values())

    def to_csv(self) -> dict[str, str]:
        """Cells by column, with more digits than are sure."""
        cells = {"method": self.method, "image": self.image, "scene": self.scene}
        cells |= {"ev": "" if self.ev is None else f"{self.ev:g}", "group": self.group}
        for expert, score in self.scores.items():
            cells[f"psnr_{expert}"] = f"{score.psnr:.6f}"
            cells[f"ssim_{expert}"] = f"{score.ssim:.6f}"
        for name, value in (("niqe", self.niqe), ("ma", self.ma)):
            cells[name] = "" if value is None else f"{value:.6f}"
        return cells | {"milliseconds": f"{self.milliseconds:.1f}"}

    @classmethod
    def from_csv(cls, cells: Mapping[str, str], experts: Iterable[str]) -> Row:
        """The inverse of ``to_csv``. Raises KeyError or ValueError for anything else."""
        scores = {e: Score(float(cells[f"psnr_{e}"]), float(cells[f"ssim_{e}"])) for e in experts}
        ev, niqe, ma = (
            float(cells[name]) if cells[name] else None for name in ("ev", "niqe", "ma")
        )
        texts = {name: cells[name] for name in ("method", "image", "scene", "group")}
        milliseconds = float(cells["milliseconds"])
        return cls(**texts, ev=ev, scores=scores, niqe=niqe, ma=ma, milliseconds=milliseconds)


def csv_columns(experts: Iterable[str]) -> list[str]:
    """Names of the cells of ``Row.to_csv``, in order."""
    scores = [f"{score}_{expert}" for expert in experts for score in ("psnr", "ssim")]
    return ["method", "image", "scene", "ev", "group", *scores, "niqe", "ma", "milliseconds"]


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a run found.

    methods:  names of the requested methods, in their order
    rows:     of the requested methods, method after method, by image
    problems: a sentence for each result that could not be measured
    missing:  a sentence for each method that cannot be run, by its name
    weights:  "ours" or "authors'" for each method that has weights of its own, by its name
    """

    methods: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    missing: Mapping[str, str]
    weights: Mapping[str, str]
