from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest

torch = pytest.importorskip("torch")

import tiny_training  # noqa: E402
from midtone.errors import ModelError, UsageError  # noqa: E402
from midtone.training import loop, step  # noqa: E402
from midtone.training.checkpoint import CHECKPOINT, load_weights  # noqa: E402
from midtone.training.stopping import TIME_LIMIT  # noqa: E402
from tiny_training import COARSE, NETWORK, TINY, one_stage  # noqa: E402


def assert_equal(one, two, tolerance=1e-6):
    for name, weight in load_weights(one).items():
        torch.testing.assert_close(weight, load_weights(two)[name], rtol=0, atol=tolerance)


def records(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_its_recipe_log_sheets_and_checkpoint(tiny_run):
    names = {"recipe.json", "log.jsonl", "sheets", CHECKPOINT}
    assert names <= {path.name for path in tiny_run.iterdir()}
    assert [record["step"] for record in records(tiny_run)] == [6]
    assert (tiny_run / "sheets" / "step_0000006.jpg").exists()


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    photos, tiny_run, tmp_path, monkeypatch
):
    stops = iter([0, signal.SIGINT])
    with monkeypatch.context() as patch:
        patch.setattr(loop.StopRequest, "check", lambda _: next(stops))
        result = tiny_training.run(photos, tmp_path)
    assert (result.step, result.steps, result.stopped) == (2, 6, signal.SIGINT)
    with pytest.raises(UsageError, match="holds a run already"):
        tiny_training.run(photos, tmp_path)
    assert tiny_training.run(photos, tmp_path, resume=True).step == 6
    assert_equal(tiny_run / CHECKPOINT, tmp_path / CHECKPOINT)


def test_a_time_limit_stops_a_run(photos, tmp_path):
    result = tiny_training.run(photos, tmp_path, one_stage(NETWORK), limit=0.0)
    assert (result.step, result.stopped) == (1, TIME_LIMIT)
    assert result.checkpoint.exists()


def test_a_checkpoint_is_written_every_so_often(photos, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(loop.State, "save", lambda state, *_: saved.append(state.step))
    tiny_training.run(photos, tmp_path, one_stage(NETWORK, steps=3), checkpoint_every=0.0)
    assert saved == [1, 2, 3]


def test_a_loss_that_is_no_number_stops_the_run(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(step, "image_loss", lambda results, *_: results[0].mean() * float("nan"))
    with pytest.raises(ModelError, match="diverges: the loss of step 0 is nan"):
        tiny_training.run(photos, tmp_path, one_stage(NETWORK))


def test_training_reduces_the_loss(photos, tmp_path):
    recipe = one_stage(NETWORK, batch=4, steps=40, rate=3e-3, final_rate=1e-3)
    tiny_training.run(photos, tmp_path, replace(recipe, validate_every=20))
    first, last = records(tmp_path)
    assert last["loss"] < 0.8 * first["loss"]


def test_the_grid_loss_changes_the_weights(photos, tmp_path):
    for weight in (0.0, 0.5):
        recipe = one_stage(COARSE, finest=2, grid_loss=weight)
        tiny_training.run(photos, tmp_path / str(weight), recipe)
    with pytest.raises(AssertionError):
        assert_equal(tmp_path / "0.0" / CHECKPOINT, tmp_path / "0.5" / CHECKPOINT)


def test_a_run_works_in_another_thread(photos, tmp_path):
    recipe = one_stage(NETWORK, steps=1)
    thread = threading.Thread(target=tiny_training.run, args=(photos, tmp_path, recipe))
    thread.start()
    thread.join()
    assert (tmp_path / CHECKPOINT).exists()


LONG = replace(
    TINY,
    stages=tuple(replace(stage, steps=60) for stage in TINY.stages),
    validate_every=60,
)


@pytest.fixture
def recipe_path(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(asdict(LONG)))
    return path


def command(photos, out, recipe_path, *options):
    arguments = ["train", str(photos), "-o", str(out), "--recipe", str(recipe_path), *options]
    return ["midtone.cli", *arguments]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "Ctrl+C"])
def test_ten_stops_do_not_change_the_weights(photos, tmp_path, recipe_path, number):
    whole, out = tmp_path / "whole", tmp_path / "stopped"
    tiny_training.run(photos, whole, LONG)
    options = ("--resume", "--workers", "1", "--checkpoint-every", "0.3s")
    call = [sys.executable, "-m", *command(photos, out, recipe_path, *options)]
    rng = random.Random(0)
    for _ in range(10):
        process = subprocess.Popen(call, stderr=subprocess.DEVNULL, start_new_session=True)
        known = checkpoint_time(out)
        while process.poll() is None and checkpoint_time(out) == known:
            time.sleep(0.02)
        time.sleep(rng.random())
        if process.poll() is None:
            os.killpg(process.pid, number)  # as a terminal does: the loader processes as well
        stopped = -signal.SIGKILL if number == signal.SIGKILL else 128 + signal.SIGINT
        assert process.wait() in (stopped, 0)
    assert subprocess.run(call, check=False).returncode == 0
    assert_equal(whole / CHECKPOINT, out / CHECKPOINT, 0)
    assert not list(out.glob(".*"))  # no partial files are left


def checkpoint_time(out):
    path = out / CHECKPOINT
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.slow
def test_two_processes_do_what_one_does(photos, tmp_path):
    # Without the discriminator, whose batch normalisation uses one process's statistics, and
    # without dropout, which each process draws for itself.
    stages = tuple(
        replace(stage, batch=4, steps=12, adversarial=0.0, spatial_dropout=0.0)
        for stage in TINY.stages
    )
    recipe, path = replace(TINY, stages=stages, validate_every=6), tmp_path / "recipe.json"
    path.write_text(json.dumps(asdict(recipe)))
    tiny_training.run(photos, tmp_path / "one", recipe, precision="float32")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    call = command(photos, tmp_path / "two", path, "--precision", "float32", "--workers", "0")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*launch, "-m", *call], check=True, env=environment)
    # The weights move by 1e-2; Adam magnifies the rounding of small gradients.
    assert_equal(tmp_path / "one" / CHECKPOINT, tmp_path / "two" / CHECKPOINT, 5e-4)
    assert [record["step"] for record in records(tmp_path / "two")] == [6, 12, 18, 24]
