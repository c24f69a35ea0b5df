from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from midtone.errors import ModelError
from midtone.training.run_log import DivergenceMonitor, RunLog
from midtone.training.validation import Scores


def test_a_rising_loss_stops_the_run():
    monitor = DivergenceMonitor()
    for step in range(200):
        monitor.check(0.1, step)
    for step in range(44):
        monitor.check(1.0, step)  # the running mean is below five times the lowest
    with pytest.raises(ModelError, match="diverges"):
        monitor.check(1.0, 44)


def test_a_loss_that_is_no_number_stops_the_run():
    with pytest.raises(ModelError, match="the loss of step 3 is nan"):
        DivergenceMonitor().check(float("nan"), 3)


def test_validations_are_recorded(tmp_path, capsys):
    log = RunLog(tmp_path, 0, [(20, 1.0)], progress=True)
    for _ in range(10):
        log.add_step(0.25)
    picture = np.zeros((4, 9, 3), np.uint8)
    log.add_scores(Scores({"-1.0": 20.5, "mean": 20.5}, {"mean": 0.9}, [picture]), 64, 1e-3)
    log.close()
    (record,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert (record["step"], record["loss"], record["psnr"]["-1.0"]) == (10, 0.25, 20.5)
    assert (tmp_path / "sheets" / "step_0000010.jpg").exists()
    errors = capsys.readouterr().err
    assert "step 10 of 20, loss 0.2500, about 0 s to go" in errors
    assert "step 10: loss 0.25, PSNR -1.0 20.50, mean 20.50 dB" in errors


def test_tensorboard_has_every_group_in_one_run(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = RunLog(tmp_path, 0, [(100, 1.0)], progress=False)
    for _ in range(100):
        log.add_step(0.5)
    picture = np.zeros((4, 9, 3), np.uint8)
    log.add_scores(Scores({"-1.0": 20.0, "mean": 20.0}, {"mean": 0.9}, [picture]), 64, 1e-3)
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "rate", "psnr/-1.0", "psnr/mean", "ssim/mean"}
    assert [event.step for event in events.Scalars("loss")] == [50, 100]
    assert events.Tags()["images"] == ["input, result, target"]


def test_the_time_to_go_counts_what_later_steps_cost(tmp_path):
    log = RunLog(tmp_path, 0, [(10, 1.0), (20, 9.0)], progress=False)
    for _ in range(5):
        log.add_step(0.5)
    log.started -= 5.0  # one second a step
    assert log.remaining() == pytest.approx(95, rel=0.05)
