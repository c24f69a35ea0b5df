from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

torch = pytest.importorskip("torch")

from midtone import Corrector, pyramid  # noqa: E402
from midtone import model as model_files  # noqa: E402
from midtone.data.crops import WindowModel  # noqa: E402
from midtone.errors import ModelError, UsageError  # noqa: E402
from midtone.network import CoarseToFine, NetworkConfig, count_parameters  # noqa: E402
from midtone.pipeline import PipelineConfig  # noqa: E402
from midtone.training import export as exporting  # noqa: E402
from midtone.training import recipe as recipes  # noqa: E402
from midtone.training.checkpoint import CHECKPOINT  # noqa: E402
from midtone.training.discriminator import SIZE, Discriminator, view  # noqa: E402
from midtone.training.export import export, parity, to_onnx  # noqa: E402
from midtone.training.loader import Share  # noqa: E402
from midtone.training.loop import picture_loss, train  # noqa: E402
from midtone.training.losses import (  # noqa: E402
    adversarial_loss,
    discriminator_loss,
    pyramid_loss,
    pyramid_targets,
    reconstruction_loss,
)
from midtone.training.recipe import RECIPES, Recipe, Stage  # noqa: E402
from midtone.training.run_log import Watch  # noqa: E402
from midtone.training.validation import Check, validate  # noqa: E402

TINY = Recipe(
    network=NetworkConfig(levels=2, channels=(4, 4), depth=(2, 2)),
    stages=(
        Stage(32, 2, 3, 1e-3, 1e-3, finest=2, dropped=0.2),
        Stage(32, 2, 3, 1e-3, 1e-4, warmup=2, adversarial=4 / 255),
    ),
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
    stage = Stage(128, 16, steps=100, rate=2.0, final_rate=0.2, warmup=10)
    rates = [stage.factor(step, 1000) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_the_papers_schedule():
    first, second, third = RECIPES["paper"].stages
    assert [(s.size, s.batch, s.epochs) for s in RECIPES["paper"].stages] == [
        (128, 32, 40),
        (256, 8, 30),
        (512, 4, 20),
    ]
    assert first.length(3200) == 4000
    assert [first.factor(step, 3200) for step in (0, 1999, 2000, 3999)] == [1, 1, 0.5, 0.5]
    assert [second.factor(epoch * 100, 800) for epoch in (0, 10, 29)] == [1, 0.5, 0.25]
    assert [third.factor(epoch * 100, 400) for epoch in (0, 5, 10, 19)] == [1, 0.5, 0.25, 0.125]
    assert not first.adversarial
    assert (second.adversarial_after, third.adversarial_after) == (15, 5)
    assert count_parameters(CoarseToFine(RECIPES["paper"].network)) == 7_015_449
    assert count_parameters(CoarseToFine(RECIPES["paper-1-level"].network)) == 4_365_915


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(asdict(RECIPES[name])))
    assert recipes.find(str(path)) == RECIPES[name] == recipes.find(name)


def test_unusable_recipes_are_named(tmp_path):
    path = tmp_path / "recipe.json"
    for text in ("{", '{"stages": [{}]}', "[]"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"recipe\.json: is no recipe"):
            recipes.find(str(path))
    with pytest.raises(UsageError, match="cannot be read"):
        recipes.find(str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match="unknown recipe"):
        recipes.find("none")


def test_the_discriminator_is_the_papers():
    discriminator = Discriminator()
    assert count_parameters(discriminator) == 962_585
    assert discriminator(torch.rand(2, 3, SIZE, SIZE)).shape == (2,)


def test_the_discriminator_sees_images_flipped_and_resized():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(60, 3, SIZE, SIZE)
    seen = view(images, random)
    kinds = [0, 0, 0]
    for one, before in zip(seen, images, strict=True):
        turned = (before, before.flip(-2), before.flip(-1))
        kinds[[torch.equal(one, kind) for kind in turned].index(True)] += 1
    assert min(kinds) > 10
    assert view(torch.rand(1, 3, 512, 512), random).shape == (1, 3, SIZE, SIZE)


def test_adversarial_losses_are_cross_entropies():
    logits = torch.tensor([-2.0, 0.5, 3.0])
    sure = torch.sigmoid(logits)
    torch.testing.assert_close(adversarial_loss(logits), -sure.log().mean())
    expected = -sure.log().mean() - (1 - sure).log().mean()
    torch.testing.assert_close(discriminator_loss(logits, logits), expected)


def test_the_adversarial_gradient_reaches_the_network():
    network = CoarseToFine(TINY.network)
    results = network(*pyramid.split(torch.rand(2, 3, 64, 64), 2))
    judge = Discriminator().requires_grad_(False)
    adversarial_loss(judge(view(results[0], torch.Generator().manual_seed(0)))).backward()
    gradients = [p.grad.abs().max() for p in network.parameters() if p.grad is not None]
    assert len(gradients) == len(list(network.parameters()))
    assert min(gradients) > 0
    assert all(parameter.grad is None for parameter in judge.parameters())


def test_without_the_pyramid_loss_only_the_picture_counts():
    results = [torch.rand(1, 3, 8, 8) for _ in range(3)]
    targets = [torch.rand(1, 3, 8, 8) for _ in range(3)]
    assert picture_loss(results, targets, 0.0) == reconstruction_loss(results[0], targets[0])
    assert picture_loss(results, targets, 1.0) > picture_loss(results, targets, 0.0)


def equal(one, two, tolerance=1e-6):
    a, b = (exporting.from_checkpoint(path)[0].state_dict() for path in (one, two))
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=tolerance)


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
    with pytest.raises(UsageError, match="holds a run already"):
        train(photos, tmp_path / "parts", TINY, workers=0)
    parts = train(photos, tmp_path / "parts", TINY, resume=True, workers=1)
    equal(whole, parts)
    log = (tmp_path / "parts" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [4, 6]
    with Image.open(tmp_path / "parts" / "sheets" / "step_0000006.jpg") as sheet:
        assert sheet.size == (96, 48)


def command(photos, out, recipe_path, *options):
    arguments = [str(photos), "-o", str(out), "--recipe", str(recipe_path), "--workers", "0"]
    return ["midtone.cli", "train", *arguments, *options]


@pytest.fixture
def recipe_path(tmp_path):
    path = tmp_path / "recipe.json"
    stages = [replace(stage, batch=4, steps=12) for stage in TINY.stages]
    path.write_text(json.dumps(asdict(replace(TINY, stages=stages, validate_every=3))))
    return path


def test_a_killed_run_ends_where_an_uninterrupted_one_does(photos, tmp_path, recipe_path):
    whole = train(photos, tmp_path / "whole", recipes.find(str(recipe_path)), workers=0)
    out = tmp_path / "killed"
    arguments = command(photos, out, recipe_path, "--resume")
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-m", *arguments], stderr=subprocess.DEVNULL)
        known = checkpoint_time(out)
        while process.poll() is None and checkpoint_time(out) == known:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() in (-signal.SIGKILL, 0)
    assert subprocess.run([sys.executable, "-m", *arguments], check=False).returncode == 0
    equal(whole, out / CHECKPOINT)


def checkpoint_time(out):
    path = out / CHECKPOINT
    return path.stat().st_mtime_ns if path.exists() else 0


def test_two_processes_do_what_one_does(photos, tmp_path, recipe_path):
    # Without the discriminator, whose batch normalisation sees a process's own share, and without
    # dropped features, which each process draws for itself.
    recipe = recipes.find(str(recipe_path))
    stages = tuple(replace(stage, adversarial=0.0, dropped=0.0) for stage in recipe.stages)
    recipe = replace(recipe, stages=stages)
    recipe_path.write_text(json.dumps(asdict(recipe)))
    whole = train(photos, tmp_path / "one", recipe, workers=0, precision="float32")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = command(photos, tmp_path / "two", recipe_path, "--precision", "float32")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*launch, "-m", *arguments], check=True, env=environment)
    equal(whole, tmp_path / "two" / CHECKPOINT, 1e-5)
    log = (tmp_path / "two" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == list(range(3, 25, 3))


def test_processes_share_every_batch():
    shares = [list(Share(range(3, 5), 4, rank, 2)) for rank in range(2)]
    assert shares == [[12, 13, 16, 17], [14, 15, 18, 19]]
    with pytest.raises(UsageError, match="cannot share a batch of 3"):
        Share(range(1), 3, 0, 2)


def test_training_on_pairs(photos, tmp_path, capsys):
    for scene in "abcd":
        for number, code in enumerate(("N1", "P1")):
            image = Image.open(photos / f"{number}.png").resize((80, 60))
            for folder, name in (("INPUT_IMAGES", f"{scene}_{code}"), ("GT_IMAGES", scene)):
                path = tmp_path / "pairs" / "training" / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
    root = tmp_path / "pairs" / "training"
    Image.new("RGB", (70, 60)).save(root / "INPUT_IMAGES" / "a_P1.png")
    (root / "INPUT_IMAGES" / "b_P1.png").write_text("no image")
    stages = (Stage(32, 2, epochs=1, rate=1e-3, windows=None, per_image=2),)
    recipe = replace(TINY, stages=stages, fresh_adam=True, validate_every=1)
    checkpoint = train(tmp_path / "pairs", tmp_path / "run", recipe, workers=0)
    assert exporting.from_checkpoint(checkpoint)[1]
    said = capsys.readouterr().err
    assert "a_P1.png: is not of the size of a.png; left out" in said
    assert "b_P1.png: cannot be read" in said
    log = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert set(json.loads(log[-1])["psnr"]) == {"-1.0", "+1.0", "mean"}
    assert json.loads(log[-1])["step"] == 4  # four pairs, two windows each, by two
    large = replace(recipe, stages=(replace(stages[0], size=64),))
    with pytest.raises(UsageError, match="no pair is at least 64 px"):
        train(tmp_path / "pairs", tmp_path / "other", large, workers=0)


def test_a_run_can_start_from_another(photos, tmp_path):
    first = train(photos, tmp_path / "first", TINY, workers=0)
    still = replace(TINY, stages=(Stage(32, 2, 1, rate=1e-12),), fresh_levels=1)
    second = train(photos, tmp_path / "second", still, start=first, workers=0)
    network, before = (exporting.from_checkpoint(path)[0] for path in (second, first))
    levels = pyramid.split(torch.rand(1, 3, 32, 32), 2)
    one, two = network(*levels)
    torch.testing.assert_close(one, two, atol=1e-6, rtol=0)
    torch.testing.assert_close(two, before(*levels)[1])


def test_a_full_disk_keeps_the_last_checkpoint(photos, tmp_path):
    from midtone.training import checkpoint

    out = tmp_path / "run"
    real = checkpoint.save_file

    def save(tensors, path, header):
        if header["step"] == "4":
            raise OSError(28, "No space left on device")
        real(tensors, path, header)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save_file", save)
        with pytest.raises(ModelError, match=r"step 4 cannot be written.*No space left"):
            train(photos, out, TINY, workers=0)
    assert exporting.from_checkpoint(out / CHECKPOINT)
    assert sorted(path.name for path in out.glob("check*")) == [CHECKPOINT]
    train(photos, out, TINY, resume=True, workers=0)


def test_training_reduces_the_loss(photos, tmp_path):
    recipe = replace(TINY, stages=(Stage(32, 4, 40, 3e-3, 1e-3),), validate_every=10)
    train(photos, tmp_path / "run", recipe, workers=0)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]


def test_a_run_with_other_settings_is_not_continued(photos, tmp_path):
    train(photos, tmp_path / "run", TINY, workers=0)
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(ModelError, match="other settings"):
        train(photos, tmp_path / "run", replace(TINY, seed=7), resume=True, workers=0)
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_a_folder_without_photographs_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="too few photographs"):
        train(tmp_path / "empty", tmp_path / "run", TINY)


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(photos, tmp_path):
    import midtone.training.loop as loop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "reconstruction_loss", lambda result, _: result.mean() * float("nan"))
        with pytest.raises(ModelError, match="diverges: the loss of step 3 is nan"):
            train(photos, tmp_path / "run", TINY, workers=0)
    assert exporting.from_checkpoint(tmp_path / "run" / CHECKPOINT)


def test_a_rising_loss_stops():
    watch = Watch()
    for step in range(200):
        watch.see(0.1, step)
    for step in range(44):
        watch.see(1.0, step)  # the running mean is below five times the lowest
    with pytest.raises(ModelError, match="diverges"):
        watch.see(1.0, 44)


@pytest.mark.parametrize("half", [True, False])
def test_onnx_equals_torch(photos, tmp_path, half):
    checkpoint = train(photos, tmp_path / "run", TINY, workers=0)
    path = tmp_path / "model.onnx"
    assert export(checkpoint, path, half=half) <= 1e-4
    model = model_files.load(path, "cpu")
    assert model.info.config.size == 32
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


def test_train_export_and_fix_from_the_command_line(photos, tmp_path, recipe_path, capsys):
    from midtone.cli import main

    recipe = str(recipe_path)
    run, model = tmp_path / "run", tmp_path / "model.safetensors"
    assert main(["export", str(run), "-o", str(model)]) == 2
    assert main(["train", str(photos), "-o", str(run), "--recipe", "none"]) == 2
    assert main(["train", str(photos), "-o", str(run), "--recipe", recipe, "--workers", "0"]) == 0
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
    assert (
        parity(network, to_onnx(network, model_files.header({}, PipelineConfig(), {}), half=False))
        <= 1e-4
    )


def test_the_recipes_describe_themselves():
    for recipe in RECIPES.values():
        assert all(stage.size % recipe.network.multiple == 0 for stage in recipe.stages)


def test_a_model_of_coarse_levels_alone_corrects_photographs(photos, tmp_path):
    network = NetworkConfig(3, (4, 4, 4), (1, 1, 2))
    stage = Stage(32, 2, 2, finest=2, windows=WindowModel(), longest_side=48)
    recipe = Recipe((stage,), network, hold_out=3, validate_every=2)
    run = train(photos, tmp_path / "run", recipe, workers=0)
    export(run, tmp_path / "coarse.onnx", half=False)
    export(run, tmp_path / "coarse.safetensors")
    pictures = []
    for suffix in ("onnx", "safetensors"):
        corrector = Corrector(tmp_path / f"coarse.{suffix}")
        assert corrector.config.finest == 2
        image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
        pictures.append(corrector(image))
        assert pictures[-1].shape == image.shape
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 1


def test_features_are_dropped_only_while_a_network_is_trained():
    network = CoarseToFine(TINY.network)
    levels = [torch.rand(2, 3, 32, 32), torch.rand(2, 3, 16, 16)]
    with torch.no_grad():
        whole = network(*levels)[0]
        network.drop(0.3)
        assert (network(*levels)[0] - whole).abs().max() > 1e-3
        torch.testing.assert_close(network.eval()(*levels)[0], whole)


class _Speckled(torch.nn.Module):
    """Adds what no grid carries."""

    def __init__(self):
        super().__init__()
        self.config = NetworkConfig(3, (4, 4, 4), (1, 1, 2))
        self.weight = torch.nn.Parameter(torch.tensor(0.2))

    def forward(self, *levels, finest):
        picture = pyramid.merge(levels, self.config.taps)
        speckles = self.weight * (torch.rand(picture.shape) - 0.5)
        return (picture + speckles,)


def test_validation_measures_what_a_corrected_photograph_gets():
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (8, 6, 3), np.uint8)).resize((48, 64))
    wrong = (np.asarray(smooth).astype(float) * 200 / 255).astype(np.uint8)
    network = _Speckled()
    checks = [Check("one", wrong, wrong)]
    scores = validate(network, dict(network.named_parameters()), checks, 64, 1)
    assert scores.psnr["one"] == scores.psnr["mean"] > 34  # the speckles alone: 25 dB
    assert scores.pictures[0].shape == (64, 3 * 48, 3)


def test_a_model_can_run_fewer_levels_than_were_trained(photos, tmp_path):
    network = NetworkConfig(3, (4, 4, 4), (1, 1, 2))
    recipe = Recipe((Stage(32, 2, 1, longest_side=48),), network, hold_out=3, validate_every=1)
    run = train(photos, tmp_path / "run", recipe, workers=0)
    with pytest.raises(UsageError, match="must lie within 1 and 2, not 3"):
        export(run, tmp_path / "none.onnx", finest=3)
    export(run, tmp_path / "coarse.onnx", finest=2)
    assert model_files.info(tmp_path / "coarse.onnx").config.finest == 2
    assert not (tmp_path / "none.onnx").exists()


def test_a_run_can_start_from_a_model_file(photos, tmp_path):
    first = train(photos, tmp_path / "first", TINY, workers=0)
    export(first, tmp_path / "first.onnx", half=False)
    again = TINY
    still = replace(again, stages=(replace(again.stages[0], rate=1e-30, final_rate=1e-30),))
    second = train(photos, tmp_path / "second", still, start=tmp_path / "first.onnx", workers=0)
    with safe_open(first, "pt") as one, safe_open(second, "pt") as other:
        for name in one.keys():  # noqa: SIM118
            if name.startswith("average/"):
                torch.testing.assert_close(one.get_tensor(name), other.get_tensor(name))


def test_a_run_can_start_from_a_model_of_coarse_levels_alone(photos, tmp_path):
    network = NetworkConfig(3, (4, 4, 4), (1, 1, 2))
    recipe = Recipe((Stage(32, 2, 2, longest_side=48),), network, hold_out=3, validate_every=2)
    first = train(photos, tmp_path / "first", recipe, workers=0)
    still = replace(recipe.stages[0], steps=1, rate=1e-30, final_rate=1e-30)
    recipe = replace(recipe, stages=(still,))
    export(first, tmp_path / "coarse.onnx", finest=2, half=False)
    second = train(photos, tmp_path / "second", recipe, start=tmp_path / "coarse.onnx", workers=0)
    with safe_open(first, "pt") as one, safe_open(second, "pt") as other:
        for name in one.keys():  # noqa: SIM118
            if name.startswith("average/") and "subnetworks.0." not in name:
                torch.testing.assert_close(one.get_tensor(name), other.get_tensor(name))


def test_the_loss_after_the_grid_reaches_the_network(photos, tmp_path):
    network = NetworkConfig(3, (4, 4, 4), (1, 1, 2))
    stage = Stage(32, 2, 2, 1e-3, 1e-3, finest=2, longest_side=48)
    runs = [
        train(
            photos,
            tmp_path / str(weight),
            Recipe((replace(stage, carried=weight),), network, hold_out=3, validate_every=2),
            workers=0,
        )
        for weight in (0.0, 0.5)
    ]
    with pytest.raises(AssertionError):
        equal(*runs)


def test_a_network_of_one_level_is_exported(photos, tmp_path):
    recipe = Recipe((Stage(32, 2, 1, longest_side=48),), NetworkConfig(1, (4,), (2,)), hold_out=3)
    run = train(photos, tmp_path / "run", recipe, workers=0)
    export(run, tmp_path / "one.onnx")
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    assert Corrector(tmp_path / "one.onnx")(image).shape == image.shape
