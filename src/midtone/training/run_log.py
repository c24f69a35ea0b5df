"""The log of a run: header, progress, log.jsonl, contact sheets, TensorBoard."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from midtone.errors import ModelError
from midtone.training.stopping import format_duration
from midtone.training.validation import Scores, contact_sheet, write_sheet

_DIVERGED, _MEMORY = 5.0, 100
_LINE_EVERY, _LOSS_EVERY, _MEASURED = 60.0, 50, 10


class RunLog:
    """The records of a run, in its folder ``out`` and on standard error.

    step, total: optimiser steps done and to do
    costs:       relative cost of a step, by step number, for the expected time
    progress:    a progress bar on a terminal, elsewhere a line a minute; False: neither
    """

    def __init__(
        self, out: Path, step: int, costs: Sequence[tuple[int, float]], *, progress: bool
    ) -> None:
        self.out = out
        self.step = self.first_step = step
        self.costs = costs
        self.total = costs[-1][0]
        self.progress = progress
        self.started = self.last_line = time.monotonic()
        self.losses: list[float] = []
        self.bar = tqdm(
            initial=step,
            total=self.total,
            unit="step",
            disable=not (progress and sys.stderr.isatty()),
        )
        self.board: Any = _open_board(out)

    def add_step(self, loss: float) -> None:
        """Count a step."""
        self.step += 1
        self.losses.append(loss)
        self.bar.update()
        if self.board and self.step % _LOSS_EVERY == 0:
            self.board.add_scalar("loss", float(np.mean(self.losses[-_LOSS_EVERY:])), self.step)
        now = time.monotonic()
        first = self.step - self.first_step == _MEASURED
        if self.progress and (first or (self.bar.disable and now - self.last_line >= _LINE_EVERY)):
            self.last_line = now
            recent = float(np.mean(self.losses[-_LOSS_EVERY:]))
            left = format_duration(self.remaining())
            self.print(f"step {self.step} of {self.total}, loss {recent:.4f}, about {left} to go")

    def remaining(self) -> float:
        """Expected seconds to the end, from the steps done and the costs of those to do."""
        seconds = time.monotonic() - self.started
        done = self._cost(self.step) - self._cost(self.first_step)
        return seconds / done * (self._cost(self.total) - self._cost(self.step)) if done else 0.0

    def add_scores(self, scores: Scores, size: int, rate: float) -> None:
        """Record the mean loss since the last validation, and a validation."""
        seconds = time.monotonic() - self.started
        record = {
            "step": self.step,
            "size": size,
            "rate": rate,
            "loss": round(float(np.mean(self.losses)), 5) if self.losses else None,
            "psnr": scores.psnr,
            "ssim": scores.ssim,
            "seconds": round(seconds, 1),
            "steps_per_second": round((self.step - self.first_step) / seconds, 3),
        }
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
        write_sheet(scores.pictures, self.out / "sheets" / f"step_{self.step:07d}.jpg")
        if self.board:
            self.board.add_scalar("rate", rate, self.step)
            for name, values in (("psnr", scores.psnr), ("ssim", scores.ssim)):
                for group, value in values.items():
                    self.board.add_scalar(f"{name}/{group}", value, self.step)
            sheet = contact_sheet(scores.pictures)
            self.board.add_image("input, result, target", sheet, self.step, dataformats="HWC")
        self.losses.clear()
        groups = ", ".join(f"{group} {value:.2f}" for group, value in scores.psnr.items())
        self.print(f"step {self.step}: loss {record['loss']}, PSNR {groups} dB")

    def print(self, line: str) -> None:
        """Print a line to standard error, above the bar, if progress is reported."""
        if self.progress:
            self.bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Close the bar and the board."""
        self.bar.close()
        if self.board:
            self.board.close()

    def _cost(self, step: int) -> float:
        cost = before = 0.0
        for last, each in self.costs:
            cost += each * max(0.0, min(step, last) - before)
            before = last
        return cost


class DivergenceMonitor:
    """Stops a stage whose loss is no number, or rises to five times its lowest running mean."""

    def __init__(self) -> None:
        self.recent: deque[float] = deque(maxlen=_MEMORY)
        self.lowest = float("inf")

    def check(self, loss: float, step: int) -> None:
        """Raises ModelError."""
        self.recent.append(loss)
        mean = float(np.mean(self.recent))
        if len(self.recent) == _MEMORY:
            self.lowest = min(self.lowest, mean)
        if not np.isfinite(loss) or mean > _DIVERGED * self.lowest:
            raise ModelError(
                f"the run diverges: the loss of step {step} is {loss:.3g}; the last checkpoint is "
                "kept, resume it or begin anew with a lower rate"
            )


def _open_board(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"))
