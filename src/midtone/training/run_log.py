"""What a run says while it goes on: progress bar, log.jsonl, sheets of pictures, TensorBoard."""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from midtone.errors import ModelError
from midtone.training.validation import Scores, write_sheet

_DIVERGED, _MEMORY = 5.0, 100


class Journal:
    """The records of a run, in its folder."""

    def __init__(self, out: Path, step: int, total: int, progress: bool) -> None:
        self.out = out
        self.step = self.first_step = step
        self.started = time.monotonic()
        self.losses: list[float] = []
        self.bar = tqdm(initial=step, total=total, unit="step", disable=None if progress else True)
        self.board: Any = _board(out)

    def see(self, loss: float) -> None:
        """Count a step."""
        self.step += 1
        self.losses.append(loss)
        self.bar.update()

    def validated(self, scores: Scores, size: int, rate: float) -> None:
        """Write down what the last steps and a validation gave."""
        seconds = time.monotonic() - self.started
        record = {
            "step": self.step,
            "size": size,
            "rate": rate,
            "loss": round(float(np.mean(self.losses)), 5),
            "psnr": scores.psnr,
            "ssim": scores.ssim,
            "seconds": round(seconds, 1),
            "steps_per_second": round((self.step - self.first_step) / seconds, 3),
        }
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
        write_sheet(scores.pictures, self.out / "sheets" / f"step_{self.step:07d}.jpg")
        if self.board:
            self.board.add_scalar("loss", record["loss"], self.step)
            self.board.add_scalar("rate", rate, self.step)
            self.board.add_scalars("psnr", scores.psnr, self.step)
            self.board.add_scalars("ssim", scores.ssim, self.step)
        self.losses.clear()
        self.bar.set_postfix(loss=record["loss"], psnr=scores.psnr["mean"])
        self.say(json.dumps(record))

    def say(self, sentence: str) -> None:
        """Print a line without breaking the bar."""
        self.bar.write(sentence)

    def close(self) -> None:
        """End the bar and the board."""
        self.bar.close()
        if self.board:
            self.board.close()


class Watch:
    """Stops a stage whose loss is no number, or rises to five times its lowest running mean."""

    def __init__(self) -> None:
        self.recent: deque[float] = deque(maxlen=_MEMORY)
        self.lowest = float("inf")

    def see(self, loss: float, step: int) -> None:
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


def _board(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"))
