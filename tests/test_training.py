from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from midtone import pyramid, weights  # noqa: E402
from midtone.errors import ModelError  # noqa: E402
from midtone.network import CoarseToFine, NetworkConfig  # noqa: E402
from midtone.training import export as exporting  # noqa: E402
from midtone.training.export import export, parity, to_onnx  # noqa: E402
from midtone.training.loop import CHECKPOINT, train  # noqa: E402
from midtone.training.losses import (  # noqa: E402
    pyramid_loss,
    pyramid_targets,
    reconstruction_loss,
)
from midtone.training.recipe import RECIPES, Recipe, Stage  # noqa: E402

TINY = Recipe(
    network=NetworkConfig(levels=2, channels=(4, 4), depth=(2, 2)),
    stages=(Stage(32, 2, 3, 1e-3, 1e-3, finest=2), Stage(32, 2, 3, 1e-3, 1e-4, warmup=2)),
    hold_out=3,
    validate_every=2,
)


@pytest.fixture
def photos(tmp_path, astronaut):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        part = np.roll(astronaut[:90, :120], 20 * number, 1)
        Image.fromarray(part).save(folder / f"{number}.png")
    return folder


def test_perfect_results_have_no_loss():
    target = torch.rand(2, 3, 64, 64)
    targets = pyramid_targets(target, 4)
    assert reconstruction_loss(target, target) == 0
    assert pyramid_loss(targets[1:], targets[1:]) == 0


def test_pyramid_loss_has_the_papers_weights():
    targets = pyramid_targets(torch.rand(1, 3, 64, 64), 4)
    for level in (2, 3, 4):
        wrong = [t + 0.1 if n == level else t for n, t in enumerate(targets[1:], start=2)]
        pixels = (64 >> (level - 2)) ** 2
        expected = 2 ** (level - 2) * 0.1 * pixels / 64**2
        assert pyramid_loss(wrong, targets[1:]).item() == pytest.approx(expected, rel=1e-4)
        part = pyramid_loss(wrong[level - 2 :], targets[level - 1 :], level)
        assert part.item() == pytest.approx(expected, rel=1e-4)


def test_targets_are_enlarged_gaussian_levels():
    image = torch.rand(1, 3, 32, 48)
    one, two, three = pyramid_targets(image, 3)
    coarse = pyramid.gaussian(image, 3)
    torch.testing.assert_close(one, image)
    torch.testing.assert_close(two, pyramid.up(coarse[1], (32, 48)))
    torch.testing.assert_close(three, pyramid.up(coarse[2], (16, 24)))
    for finest in (1, 2, 3):
        for part, whole in zip(
            pyramid_targets(image, 3, finest=finest), (one, two, three)[finest - 1 :], strict=True
        ):
            torch.testing.assert_close(part, whole)


def test_learning_rates_follow_the_recipe():
    stage = Stage(128, 16, steps=100, rate=1.0, final_rate=0.1, warmup=10)
    rates = [stage.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(photos, tmp_path):
    whole = train(photos, tmp_path / "whole", TINY, workers=0)

    class Stop(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stop

    import midtone.training.loop as loop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "validate", stop)  # after the checkpoint of step 2
        with pytest.raises(Stop):
            train(photos, tmp_path / "parts", TINY, workers=0)
    parts = train(photos, tmp_path / "parts", TINY, workers=1)
    one, two = (exporting.from_checkpoint(path)[0].state_dict() for path in (whole, parts))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=0, atol=1e-6)
    log = (tmp_path / "parts" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [4, 6]


def test_training_reduces_the_loss(photos, tmp_path):
    recipe = replace(TINY, stages=(Stage(32, 4, 40, 3e-3, 1e-3),), validate_every=10)
    train(photos, tmp_path / "run", recipe, workers=0)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]


def test_a_run_with_other_settings_is_not_continued(photos, tmp_path):
    train(photos, tmp_path / "run", TINY, workers=0)
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(ModelError, match="other settings"):
        train(photos, tmp_path / "run", replace(TINY, seed=7), workers=0)
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_a_folder_without_photographs_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="too few photographs"):
        train(tmp_path / "empty", tmp_path / "run", TINY)


def test_divergence_stops_and_keeps_the_checkpoint(photos, tmp_path):
    import midtone.training.loop as loop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "reconstruction_loss", lambda result, _: result.mean() * float("nan"))
        with pytest.raises(ModelError, match="loss of step 3 is nan"):
            train(photos, tmp_path / "run", TINY, workers=0)
    assert exporting.from_checkpoint(tmp_path / "run" / CHECKPOINT)


@pytest.mark.parametrize("half", [True, False])
def test_onnx_equals_torch(photos, tmp_path, half):
    checkpoint = train(photos, tmp_path / "run", TINY, workers=0)
    path = tmp_path / "model.onnx"
    assert export(checkpoint, path, half=half) <= 1e-4
    model = weights.load(path, "cpu")
    assert model.info.size == 32
    assert model.info.made["step"] == 6
    network, _ = exporting.from_checkpoint(checkpoint)
    if half:
        network.half().float()
    for batch, height, width in ((1, 16, 8), (3, 8, 40)):
        levels = pyramid.split(torch.rand(batch, 3, height, width), 2)
        with torch.inference_mode():
            expected = network(*levels)[0].numpy()
        result = model.run([level.numpy() for level in levels])
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)


def test_a_wrong_export_is_not_written(photos, tmp_path):
    checkpoint = train(photos, tmp_path / "run", TINY, workers=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "parity", lambda *_: 0.5)
        with pytest.raises(ModelError, match="differ"):
            export(checkpoint, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_train_export_and_fix_from_the_command_line(photos, tmp_path, capsys):
    from midtone.cli import main

    run, model = tmp_path / "run", tmp_path / "model.safetensors"
    assert main(["export", str(run), "-o", str(model)]) == 2
    assert main(["train", str(photos), "-o", str(run), "--recipe", "none"]) == 2
    assert main(["train", str(photos), "-o", str(run), "--recipe", "smoke", "--workers", "0"]) == 0
    assert main(["export", str(run), "-o", str(tmp_path / "model.txt")]) == 2
    assert main(["export", str(run), "-o", str(model)]) == 0
    fixed = tmp_path / "fixed.png"
    source = photos / "0.png"
    assert main(["fix", str(source), "-o", str(fixed), "--model", str(model)]) == 0
    with Image.open(fixed) as image:
        assert image.size == (120, 90)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
def test_the_papers_network_in_onnx_equals_torch():
    network = CoarseToFine().eval()
    assert parity(network, to_onnx(network, {}, half=False)) <= 1e-4


def test_the_recipes_describe_themselves():
    for recipe in RECIPES.values():
        assert all(stage.size % recipe.network.multiple == 0 for stage in recipe.stages)
