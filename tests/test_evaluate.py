"""`midtone evaluate` on a copy of the paper's layout, with five finishes for experts."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from midtone.cli import main
from midtone.data.synthesize import measured_curve
from midtone.errors import ModelError
from midtone.evaluation import benchmark, methods, tables
from midtone.evaluation.metrics import psnr, ssim
from midtone.evaluation.results_folder import ROWS, SETTINGS

EVS = {"N1.5": -1.5, "N1": -1, "0": 0, "P1": 1, "P1.5": 1.5}
FINISHES = {"a": 1.0, "b": 0.9, "c": 1.1, "d": 0.8, "e": 1.2}  # exponents
PLAIN = "input,gamma,HE"
TWO = ("--experts", "a,c")
PLAIN_TWO = ("--methods", PLAIN, *TWO)


@pytest.fixture(scope="session")
def made(tmp_path_factory, astronaut):
    root = tmp_path_factory.mktemp("paper") / "testing"
    (root / "INPUT_IMAGES").mkdir(parents=True)
    for number, scene in enumerate(("one", "two")):
        good = astronaut[number * 60 : number * 60 + 200, 100:330]
        for code, ev in EVS.items():
            wrong = np.rint(measured_curve(ev)).astype(np.uint8)[good]
            Image.fromarray(wrong).save(root / "INPUT_IMAGES" / f"{scene}_{code}.png")
        for expert, exponent in FINISHES.items():
            folder = root / f"expert_{expert}_testing_set"
            folder.mkdir(exist_ok=True)
            finish = np.rint(255 * (good / 255) ** exponent).astype(np.uint8)
            Image.fromarray(finish).save(folder / f"{scene}.png")
    return root.parent


@pytest.fixture
def paper(made, tmp_path):
    return shutil.copytree(made, tmp_path / "set")


def evaluate(pairs, out, *more, code=0):
    assert main(["evaluate", str(pairs), "-o", str(out), "--cases", "0", *more]) == code


def rows(out):
    with (out / ROWS).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(out):
    return [{k: v for k, v in row.items() if k != "milliseconds"} for row in rows(out)]


def test_the_papers_table(paper, tmp_path, capsys):
    out = tmp_path / "out"
    evaluate(paper, out, "--methods", "midtone,input,gamma,HE,CLAHE", "--published")
    text = capsys.readouterr().out
    assert re.search(r"over \(0, \+1, \+1\.5 EV\), 6 images", text)
    assert re.search(r"under \(-1, -1\.5 EV\), 4 images", text)
    assert "PI not available" in text
    assert re.search(r"method +A +B +C +D +E +mean +NIQE +PI +ms", text)
    assert "paper w Ladv [1]" in text
    table = json.loads((out / "table.json").read_text())
    assert len(table["lines"]) == 3 * (5 + 18)
    every = {x["method"]: x for x in table["lines"] if x["group"] == "all"}
    assert every["midtone"]["images"] == 10
    assert every["midtone"]["psnr"] > every["input"]["psnr"]
    assert every["input"]["pi"] is None
    # One number by hand: the input at -1 EV against expert b.
    wrong, right = (
        np.asarray(Image.open(paper / "testing" / name)) / 255
        for name in ("INPUT_IMAGES/one_N1.png", "expert_b_testing_set/one.png")
    )
    row = next(r for r in rows(out) if r["method"] == "input" and r["image"].endswith("one_N1.png"))
    assert float(row["psnr_b"]) == pytest.approx(psnr(wrong, right), abs=1e-5)
    assert float(row["ssim_b"]) == pytest.approx(ssim(wrong, right), abs=1e-5)
    means = [every["input"]["experts"][e]["psnr"] for e in "abcde"]
    assert every["input"]["psnr"] == pytest.approx(np.mean(means))
    assert r"\toprule" in (out / "table.tex").read_text()
    assert "|---|" in (out / "table.md").read_text()


def test_numbers_do_not_depend_on_workers_order_or_interruption(paper, tmp_path, monkeypatch):
    outs = [tmp_path / name for name in ("once", "workers", "broken")]
    evaluate(paper, outs[0], *PLAIN_TWO)
    evaluate(paper, outs[1], "--methods", "HE,input", *TWO, "--workers", "2")
    evaluate(paper, outs[1], *PLAIN_TWO, "--workers", "2")
    measure, calls = benchmark.measure, []

    def breaks(folder, item):
        calls.append(item)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return measure(folder, item)

    monkeypatch.setattr(benchmark, "measure", breaks)
    evaluate(paper, outs[2], *PLAIN_TWO, code=130)
    assert len(rows(outs[2])) == 9
    table = outs[2] / ROWS  # as a kill in the middle of a line leaves it
    table.write_bytes(table.read_bytes()[:-20])
    evaluate(paper, outs[2], *PLAIN_TWO)
    assert len(calls) == 4 + 10 - 2  # two images were complete
    assert numbers(outs[0]) == numbers(outs[1]) == numbers(outs[2])
    assert len(numbers(outs[0])) == 30


def test_a_finished_run_measures_nothing_and_other_settings_are_refused(
    paper, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    evaluate(paper, out, "--methods", "input")

    def never(folder, item):
        raise AssertionError(f"measured again: {item}")

    monkeypatch.setattr(benchmark, "measure", never)
    assert main(["evaluate", str(paper), "-o", str(out), "--methods", "input"]) == 0
    assert (out / "contact_sheet.jpg").exists()  # from the pictures that were kept
    evaluate(paper, out, "--methods", "input", "--size", "100", code=2)
    assert "measured otherwise" in capsys.readouterr().err


def test_other_programs_are_measured(paper, tmp_path, capsys):
    folder = tmp_path / "theirs"
    folder.mkdir()
    for path in (paper / "testing" / "INPUT_IMAGES").iterdir():
        shutil.copy(path, folder / path.name)
    script = tmp_path / "a script.py"
    script.write_text(
        "import sys; from PIL import Image, ImageOps\n"
        "ImageOps.equalize(Image.open(sys.argv[1])).save(sys.argv[2])\n"
    )
    command = f"equal={sys.executable} '{script}' {{input}} {{output}}"
    out = tmp_path / "out"
    more = ["--methods", "input", "--method", f"theirs={folder}", "--method", command, *TWO]
    evaluate(paper, out, *more)
    found = {(r["method"], r["image"]): r["psnr_a"] for r in rows(out)}
    images = {image for _, image in found}
    assert len(found) == 30
    assert all(found["theirs", one] == found["input", one] for one in images)
    assert any(found["equal", one] != found["input", one] for one in images)

    (folder / "one_0.png").unlink()
    Image.new("RGB", (20, 20)).save(folder / "one_P1.png")
    script.write_text("raise SystemExit('out of luck')")
    evaluate(paper, tmp_path / "again", *more, code=1)
    errors = capsys.readouterr().err
    assert "has no output named one_0; theirs is left out" in errors
    assert "theirs made 20 x 20 of 230 x 200" in errors
    assert "failed (out of luck)" in errors
    assert len(rows(tmp_path / "again")) == 18


def test_what_is_missing_or_does_not_fit_is_named(paper, tmp_path, capsys):
    root = paper / "testing"
    shutil.rmtree(root / "expert_c_testing_set")
    out = tmp_path / "out"
    evaluate(paper, out, "--methods", "input", "--experts", "a,c", code=2)
    assert "expert_c_testing_set is missing" in capsys.readouterr().err
    assert not out.exists()
    (root / "expert_a_testing_set" / "two.png").unlink()
    with Image.open(root / "expert_a_testing_set" / "one.png") as image:
        image.resize((229, 200)).save(root / "expert_a_testing_set" / "one.png")
    evaluate(paper, out, "--methods", "input", "--experts", "a,b", code=1)
    errors = capsys.readouterr().err
    assert re.search(r"one_N1\.png: is 230 x 200, its reference .*one\.png 229 x 200", errors)
    assert "two_0.png: has no reference in expert_a_testing_set" in errors
    evaluate(paper, tmp_path / "b", "--methods", "input", "--experts", "b", code=1)
    assert len(rows(tmp_path / "b")) == 10  # what does fit is measured


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--methods", "nothing"], "no method nothing"),
        (["--methods", "input,INPUT"], "given twice"),
        (["--method", "x"], "--method takes"),
        (["--method", "x=cmd {input}"], "neither a folder"),
        (["--experts", "f"], "no expert f"),
        (["--split", "validation"], "no pairs in validation"),
        (["--ma-model", "missing.mat"], "is no model"),
        (["--protocol", "paper", "--size", "256"], "--protocol paper sets --size to 512"),
        (["--pipeline", "mine"], "no such pipeline"),
    ],
)
def test_wrong_usage_is_refused(paper, tmp_path, capsys, more, message):
    call = ["evaluate", str(paper), "-o", str(tmp_path / "out"), *more]
    assert main(call) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_is_measured_on_the_file_that_fix_writes(paper, tmp_path):
    out, fixed = tmp_path / "out", tmp_path / "fixed.jpg"
    source = paper / "testing" / "INPUT_IMAGES" / "one_N1.png"
    with Image.open(source) as image:
        image.save(source.with_suffix(".jpg"), quality=90)
    source.unlink()
    evaluate(paper, out, "--methods", "midtone", "--experts", "a")
    assert main(["fix", str(source.with_suffix(".jpg")), "-o", str(fixed)]) == 0
    wanted, written = (
        np.asarray(Image.open(path)) / 255
        for path in (paper / "testing" / "expert_a_testing_set" / "one.png", fixed)
    )
    (row,) = (r for r in rows(out) if r["image"].endswith("one_N1.jpg"))
    assert float(row["psnr_a"]) == pytest.approx(psnr(written, wanted), abs=1e-4)


def test_the_papers_protocol(paper, tmp_path, capsys, monkeypatch):
    table = {"HE": "HE", "Zero-DCE": "zero-dce", "Ours_w_Ladv": "midtone"}
    monkeypatch.setattr(methods, "TABLE_1", table)
    monkeypatch.setattr(tables, "TABLE_1", table)
    theirs = methods.Baseline(methods.unchanged, lambda: "authors', sha256 0")
    monkeypatch.setitem(methods.BASELINES, "zero-dce", theirs)
    out = tmp_path / "out"
    call = ["--protocol", "paper", "--methods", "paper", "--format", "markdown"]
    evaluate(paper, out, *call)
    settings = json.loads((out / SETTINGS).read_text())["protocol"]
    assert settings["experts"] == list("abcde")
    assert (settings["longest_side"], settings["ssim"]) == (512, "volume")
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    over = [line.split(" | ")[0].strip("| ") for line in shown[1 : len(shown) // 3]]
    measured = [
        "HE",
        "HE [1]",
        "zero-dce (authors')",
        "Zero-DCE [1]",
        "midtone",
        "paper w Ladv [1]",
    ]
    assert over[:6] == measured
    assert len(over) == 3 + 18


def test_every_row_of_table_1_has_a_method():
    assert set(methods.TABLE_1.values()) <= {methods.MODEL, *methods.BASELINES}


def test_the_papers_protocol_refuses_names_without_an_ev(tmp_path, astronaut, capsys):
    for folder in ("INPUT_IMAGES", "expert_a_testing_set"):
        (tmp_path / "testing" / folder).mkdir(parents=True)
        Image.fromarray(astronaut).save(tmp_path / "testing" / folder / "x.png")
    evaluate(tmp_path, tmp_path / "out", "--protocol", "paper", code=2)
    assert "not a single pair" in capsys.readouterr().err


def test_missing_weights_are_reported_and_the_others_measured(paper, tmp_path, capsys, monkeypatch):
    def missing() -> str:
        raise ModelError("weights of zero-dce are missing; see docs/baselines.md")

    lost = methods.Baseline(methods.unchanged, missing)
    monkeypatch.setitem(methods.BASELINES, "zero-dce", lost)
    out = tmp_path / "out"
    evaluate(paper, out, "--methods", "input,zero-dce,HE")
    shown = capsys.readouterr()
    assert "zero-dce is not available: weights of zero-dce are missing" in shown.err
    assert re.search(r"input .*\nzero-dce +not available.*\nHE ", shown.out)
    assert {row["method"] for row in rows(out)} == {"input", "HE"}


def test_images_of_every_kind_are_measured_and_too_small_ones_are_named(tmp_path, capsys):
    rng = np.random.default_rng(0)
    codes = rng.integers(20, 200, (20, 30, 4), np.uint8)
    kinds = {
        "grey": codes[..., 0],
        "alpha": codes,
        "colour": codes[..., :3],
        "deep": codes[..., 0].astype(np.uint16) * 257,
        "small": codes[:10, :, :3],
        "one": codes[:1, :1, :3],
    }
    for folder in ("input", "reference"):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for name, pixels in kinds.items():
            Image.fromarray(pixels).save(tmp_path / "set" / folder / f"{name}.png")
    out = tmp_path / "out"
    evaluate(tmp_path / "set", out, "--methods", "input,zero-dce-ours,deep-upe-ours", code=1)
    errors = capsys.readouterr().err
    assert "small.png: is measured at 30 x 10; SSIM needs 11 pixels a side" in errors
    assert "one.png: is measured at 1 x 1; " in errors
    assert len(rows(out)) == 3 * 4


def test_all_rows_of_table_1_stand_beside_the_published_ones(paper, tmp_path, capsys, monkeypatch):
    """In its order; without weights a row says so."""
    monkeypatch.setenv("MIDTONE_BASELINES", str(tmp_path))
    quick = {name: methods.Baseline(methods.unchanged) for name in ("WVM", "LIME", "HQEC")}
    learned = {
        name: replace(baseline, correct=methods.unchanged)
        for name, baseline in methods.BASELINES.items()
        if baseline.weights
    }
    monkeypatch.setattr(methods, "BASELINES", methods.BASELINES | quick | learned)
    out = tmp_path / "out"
    evaluate(paper, out, "--methods", "paper", "--experts", "a")
    shown = capsys.readouterr()
    table = json.loads((out / "table.json").read_text())["lines"]
    lines = [line for line in table if line["group"] == "over"]
    measured = [line["method"] for line in lines if not line["published"]]
    assert measured == list(methods.TABLE_1.values())
    assert [line["published"] for line in lines[:34]] == [False, True] * 17
    for line in lines:
        missing = line["method"].startswith(("hdrcnn", "dped", "dpe-"))
        assert (line["psnr"] is None) is missing
        if missing:
            assert f"{line['method']} is not available: " in shown.err
    assert {line["weights"] for line in lines} == {None, "ours"}


def test_contact_sheet_and_report_show_worst_and_best(paper, tmp_path):
    out = tmp_path / "out"
    call = ["evaluate", str(paper), "-o", str(out), "--methods", PLAIN, "--cases", "2"]
    assert main(call) == 0
    with Image.open(out / "contact_sheet.jpg") as sheet:
        width, height = sheet.size
    assert width > 3 * 230
    assert height > 4 * 200
    page = (out / "report.html").read_text("utf-8")
    assert page.count("<figure>") == 4 * 4  # input, gamma, HE, reference
    assert "http" not in page.replace("data:image", "")
    first = re.search(r"<h2>(.*?)</h2>", page).group(1)
    scores = {
        r["image"]: np.mean([float(r[f"psnr_{e}"]) for e in "abcde"])
        for r in rows(out)
        if r["method"] == "input"
    }
    assert first == min(scores, key=scores.get)


def test_a_plain_folder_is_grouped_by_what_is_darker(tmp_path, astronaut):
    for folder, image in (("input", astronaut // 2), ("reference", astronaut)):
        (tmp_path / "set" / folder).mkdir(parents=True)
        Image.fromarray(image[:120, :200]).save(tmp_path / "set" / folder / "x.png")
    evaluate(tmp_path / "set", tmp_path / "out", "--methods", "input")
    (row,) = rows(tmp_path / "out")
    assert (row["group"], row["ev"]) == ("under", "")
    assert row["niqe"]
