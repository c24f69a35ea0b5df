"""Videos: what is kept, what changes, what is refused."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av")

import clips  # noqa: E402
import midtone  # noqa: E402
from midtone.cli import main  # noqa: E402
from midtone.correction import Correction  # noqa: E402
from midtone.errors import UsageError  # noqa: E402
from midtone.options import CorrectionOptions, FileOptions, OutputOptions  # noqa: E402
from midtone.video.clip import load_av, open_clip  # noqa: E402
from midtone.video.pixels import Pixels  # noqa: E402
from midtone.video.plan import VideoCorrection, _Cuts, plan  # noqa: E402
from test_docs import ROOT, blocks  # noqa: E402

from conftest import fix  # noqa: E402

UNCHANGED = FileOptions(
    CorrectionOptions(strength=0), output=OutputOptions("overwrite", quality=96)
)


@pytest.fixture(scope="module")
def frames(astronaut) -> list[np.ndarray]:
    return clips.hand_held(astronaut, 8)


@pytest.fixture(scope="module")
def clip(frames, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return clips.write(
        path,
        frames,
        rotation=90,
        metadata={"title": "Pan"},
        times=[0, 90, 180, 300, 310, 600, 700, 1500],
    )


def describe(path: Path) -> dict:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return {
            "streams": [(one.type, one.codec_context.name) for one in container.streams],
            "title": container.metadata.get("title"),
            "rotation": frame.rotation,
            "range": frame.color_range,
            "matrix": frame.colorspace,
            "format": frame.format.name,
        }


def audio(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(one) for one in container.demux(audio=0) if one.size)


def test_a_clip_keeps_its_times_sound_and_rotation(clip, tmp_path, corrector):
    target = tmp_path / "out.mp4"
    seen = itertools.count()
    result = midtone.correct_video(clip, target, corrector=corrector, advance=lambda: next(seen))
    assert (result.status, result.error, result.notes) == ("done", None, ())
    assert result.exposure_error < -0.5
    assert next(seen) == 16
    before, times = clips.read(clip)
    after, same_times = clips.read(target)
    assert same_times == pytest.approx(times, abs=1e-3)
    assert np.mean(after) > np.mean(before) + 15
    assert describe(target) == describe(clip)
    assert describe(target)["rotation"] == 90
    assert audio(target) == audio(clip)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("format", "tags"),
    [
        ("yuv420p", {}),
        ("yuv420p", {"color_range": 1, "colorspace": 1, "color_primaries": 1, "color_trc": 1}),
        ("yuvj420p", {"color_range": 2, "colorspace": 5}),
        ("yuv422p", {"color_range": 1, "colorspace": 6}),
        ("yuv444p", {}),
    ],
)
def test_strength_0_leaves_the_picture(frames, tmp_path, corrector, format, tags):
    source = clips.write(tmp_path / "a.mov", frames[:3], pix_fmt=format, tags=tags, audio=None)
    target = tmp_path / "b.mov"
    assert not midtone.correct_video(source, target, corrector=corrector, options=UNCHANGED).error
    before, after = describe(source), describe(target)
    assert before | {"format": ""} == after | {"format": ""}
    for name in ("yuv", "rgb"):
        with av.open(str(source)) as one, av.open(str(target)) as other:
            for before, after in zip(one.decode(video=0), other.decode(video=0), strict=True):
                kind = "rgb24" if name == "rgb" else after.format.name
                arrays = [frame.to_ndarray(format=kind).astype(int) for frame in (before, after)]
                difference = np.abs(arrays[0] - arrays[1])
                assert difference.mean() < 1.2
                assert np.percentile(difference, 99) <= 5


@pytest.mark.parametrize("format", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_pixels_return_as_they_were(frames, tmp_path, format):
    deep = format.endswith("10le")
    codec = "libx265" if deep else "libx264"
    # Without B frames each packet has its time; with them the first ones at times have none.
    options = {"x265-params": "log-level=none:bframes=0"} if deep else {}
    source = clips.write(
        tmp_path / "a.mkv", frames[:2], codec=codec, pix_fmt=format, audio=None, options=options
    )
    with open_clip(source) as opened:
        pixels = Pixels(opened, format)
        for _, found in opened.packets():
            for frame in found:
                image = pixels.read(frame)
                assert image.dtype == (np.uint16 if deep else np.uint8)
                same = pixels.write(image, frame)
                assert same.format.name == format
                assert (same.pts, same.time_base) == (frame.pts, frame.time_base)
                before, after = (one.to_ndarray().astype(int) for one in (frame, same))
                difference = np.abs(before - after) / (4 if deep else 1)
                assert np.percentile(difference, 99) <= 2
                assert difference.max() <= 16  # where chroma lies outside RGB


def test_10_bits_stay_10_bits(frames, tmp_path, corrector):
    deep = [frame.astype(np.uint16) * 257 for frame in frames[:3]]
    source = clips.write(
        tmp_path / "a.mkv", deep, codec="libx265", pix_fmt="yuv420p10le", audio=None,
        options={"crf": "4", "x265-params": "log-level=none:bframes=0"},
    )  # fmt: skip
    for options in (UNCHANGED, FileOptions()):
        target = tmp_path / f"{options.correction.strength}.mp4"
        result = midtone.correct_video(source, target, corrector=corrector, options=options)
        assert (result.error, result.notes) == (None, ())
        assert describe(target)["format"] == "yuv420p10le"
        assert describe(target)["streams"] == [("video", "hevc")]
    before, unchanged, corrected = (
        np.array(clips.read(path)[0], int)
        for path in (source, tmp_path / "0.mp4", tmp_path / "1.0.mp4")
    )
    assert np.abs(before - unchanged).mean() < 3
    assert corrected.mean() > before.mean() + 60


def test_webm(frames, tmp_path, corrector):
    source = clips.write(tmp_path / "a.mkv", frames[:3], audio=None)
    target = tmp_path / "b.webm"
    assert not midtone.correct_video(source, target, corrector=corrector).error
    assert describe(target)["streams"] == [("video", "vp9")]
    assert np.mean(clips.read(target)[0]) > np.mean(clips.read(source)[0]) + 8


def test_a_rotated_video_is_planned_upright(frames, tmp_path, corrector, monkeypatch):
    """And its grid is turned back: each node stays at its part of the stored frame."""
    seen = []

    def quadrants(image):
        rows, columns = (side // 2 for side in image.shape[:2])
        parts = image[: 2 * rows, : 2 * columns].reshape(2, rows, 2, columns, 3)
        return np.broadcast_to(parts.mean((1, 3, 4))[..., None, None, None] / 255, (2, 2, 2, 3, 4))

    def planned(photo, options):
        seen.append(photo.pixels)
        return Correction(photo.pixels, photo.pixels, quadrants(photo.pixels), 0.0)

    monkeypatch.setattr(corrector, "plan", planned)
    stored = np.rot90(frames[0], -1).copy()
    path = clips.write(tmp_path / "a.mp4", [stored], rotation=90, audio=None)
    with open_clip(path) as opened:
        (grid,) = plan(opened, corrector, CorrectionOptions()).grids
    assert np.abs(seen[0].astype(float) - frames[0]).mean() < 8
    np.testing.assert_allclose(grid, quadrants(stored), atol=0.02)
    assert np.ptp(quadrants(stored)) > 0.06


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(frames, tmp_path, corrector, transfer, name):
    source = clips.write(tmp_path / "a.mp4", frames[:2], tags={"color_trc": transfer})
    result = midtone.correct_video(source, tmp_path / "b.mp4", corrector=corrector)
    assert f"is HDR video ({name}), which is not supported; convert it to SDR" in result.error


def test_what_is_no_video_is_one_sentence(clip, frames, tmp_path, corrector):
    sound = tmp_path / "sound.mp4"
    with av.open(str(clip)) as source, av.open(str(sound), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    whole = clips.write(tmp_path / "long.mkv", frames * 8, audio=None, options={"g": "8"})
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:2000])
    for name, message in {
        "sound.mp4": "there is no video in this file",
        "text.mp4": "damaged or incomplete video",
        "empty.mp4": "damaged or incomplete video",
        "cut.mp4": "damaged or incomplete video",
        "cut.mkv": "the file is cut off after",
        "none.mp4": "no such file",
    }.items():
        out = tmp_path / "out" / name
        result = midtone.correct_video(tmp_path / name, out, corrector=corrector)
        assert result.status == "failed", name
        assert result.error.startswith(str(tmp_path / name))
        assert message in result.error
        assert "\n" not in result.error
        assert not out.exists()
    assert not list(tmp_path.rglob("*.partial"))


def test_what_cannot_be_encoded_is_one_sentence(clip, frames, tmp_path, corrector, monkeypatch):
    def error(source, name):
        return midtone.correct_video(source, tmp_path / name, corrector=corrector).error

    assert "cannot hold aac audio; choose a name with .mkv" in error(clip, "b.webm")
    assert "videos are written as .m4v, .mkv, .mov" in error(clip, "b.avi")
    odd = [frame[:95, :159] for frame in frames[:2]]
    odd = clips.write(tmp_path / "odd.mkv", odd, codec="ffv1", audio=None, options={})
    assert "159 x 95 pixels cannot be encoded as 4:2:0" in error(odd, "b.mp4")
    (tmp_path / "file").touch()
    assert "cannot be written" in error(clip, "file/b.mp4")
    monkeypatch.setattr(av, "codecs_available", {"h264"})
    assert "PyAV has none of libx264, libx265, libsvtav1" in error(clip, "b.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "odd.mkv"]


def test_without_pyav(clip, tmp_path, corrector, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    assert fix(clip, "-o", tmp_path / "b.mp4") == 2
    assert capsys.readouterr().err.endswith("midtone: video needs midtone[video]\n")


def test_a_full_disk_leaves_nothing(clip, tmp_path):
    """The limit of a process's files stands for a disk that is full."""
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));"
        "from midtone.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    target = tmp_path / "b.mp4"
    command = [sys.executable, "-c", program, "fix", str(clip), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"midtone: {target}: cannot be written (" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_command(clip, dark, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "clip.MP4").write_bytes(clip.read_bytes())
    Image.fromarray(dark[:100, :150]).save(folder / "a.jpg")
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    assert fix(folder, "-o", out) == 0
    assert "1 corrected; 1 file of another kind passed over (1 .mp4)" in capsys.readouterr().err
    assert fix(folder / "a.jpg", folder / "clip.MP4", "-o", out, "--skip", "--report", report) == 0
    assert "1 corrected, 1 skipped" in capsys.readouterr().err
    assert [json.loads(line)["status"] for line in report.read_text().splitlines()] == [
        "skipped", "done",
    ]  # fmt: skip
    assert fix(clip, "-o", tmp_path / "c.mp4", "--dry-run") == 0
    assert f"{clip} -> {tmp_path / 'c.mp4'}" in capsys.readouterr().out
    assert fix(clip, "-o", tmp_path / "c.mp4", "--min-error", 9) == 0
    assert "1 left unchanged" in capsys.readouterr().err
    assert not (tmp_path / "c.mp4").exists()
    assert fix(out / "clip.MP4", "-o", out) == 2
    assert "would replace the input" in capsys.readouterr().err
    assert fix(clip, clip, "-o", tmp_path / "c.mp4") == 2
    assert fix(folder / "a.jpg", "-o", tmp_path / "c.mp4") == 2
    assert fix(clip, "-o", tmp_path / "c.mp4", "--together") == 2
    for name in ("c.gif", "c.jpg"):
        assert fix(clip, "-o", tmp_path / name) == 2
        assert not (tmp_path / name).exists()
    assert "--together is of photographs, not of videos" in capsys.readouterr().err


def test_cuts_are_found_and_flashes_are_not(astronaut):
    def thumbnails(top):
        video = clips.hand_held(astronaut[top:], 60, (256, 144))[:20]
        return [np.asarray(Image.fromarray(frame[..., 1]).resize((32, 18))) for frame in video]

    one, other = thumbnails(0), [255 - frame for frame in thumbnails(200)]
    found: list[float] = []
    cuts = _Cuts(found)
    flash = np.full_like(one[0], 255)
    video = [*one[:10], flash, *one[10:], *other]
    for number, frame in enumerate(video):
        cuts.add(number, frame)
    assert found == [21]


def test_grids_are_smooth_within_a_scene_and_jump_at_a_cut():
    grids = [np.full((2, 2, 2, 3, 4), value) for value in (1.0, 1.5, 1.0, 1.5, 4, 4)]
    planned = VideoCorrection([0, 0.5, 1, 1.5, 2, 2.5], grids, [0] * 6, [2.0])
    values = np.array([planned.grid(time).mean() for time in np.arange(0, 3, 0.05)])
    steps = np.abs(np.diff(values))
    assert steps.argmax() == 39
    assert np.delete(steps, 39).max() < 0.05
    np.testing.assert_allclose(values[40:], 4, atol=1e-6)
    still = dataclasses.replace(planned, times=[0, 100], grids=grids[:2], cuts=[])
    assert still.grid(50).mean() == 1


def test_names_without_a_pyav(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r"midtone\[video\]"):
        load_av()


def test_the_commands_of_the_docs_run(clip, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks("sequences.md", "sh")).splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    (code,) = blocks("sequences.md", "python")
    exec(compile(code, "sequences.md", "exec"), {})
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert written > {"one-look/dark.jpg", "lapse/bright.jpg", "corrected.mp4", "both/clip.mp4"}
