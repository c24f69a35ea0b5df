from __future__ import annotations

import errno
import io
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.batch import inputs
from midtone.batch.find import find, read_list
from midtone.batch.inputs import PIPE, Job
from midtone.errors import UsageError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.fixture
def shoot(tmp_path) -> Path:
    return touch(
        tmp_path / "shoot", "a.jpg", "day/b.PNG", "day/two/a.jpg", "notes.txt", "day/b.xmp",
        "day/c.XMP", "LICENCE", ".hidden.jpg", ".cache/x.jpg",
    )  # fmt: skip


def test_folders_are_mirrored_and_other_files_counted(shoot, tmp_path):
    plan = inputs.plan([shoot], tmp_path / "out")
    assert plan.jobs == [
        (shoot / name, tmp_path / "out" / name) for name in ("a.jpg", "day/b.PNG", "day/two/a.jpg")
    ]
    assert plan.passed_over == Counter({".xmp": 2, ".txt": 1, "without suffix": 1})
    flat = inputs.plan([shoot], tmp_path / "out", recursive=False)
    assert [job.source.name for job in flat.jobs] == ["a.jpg"]
    assert find([shoot]).paths == [job.source for job in plan.jobs]


def test_results_inside_the_source_are_not_corrected_again(shoot):
    touch(shoot, "out/a.jpg")
    assert len(inputs.plan([shoot], shoot / "out").jobs) == 3


def test_the_format_gives_the_suffix(shoot, tmp_path):
    jobs = inputs.plan([shoot / "a.jpg"], tmp_path / "out", format="TIFF").jobs
    assert jobs == [(shoot / "a.jpg", tmp_path / "out" / "a.tif")]
    raw = touch(tmp_path, "a.dng") / "a.dng"
    assert inputs.plan([raw], tmp_path / "out").jobs[0].target.name == "a.jpg"


def test_out_is_a_file_or_a_folder(shoot, tmp_path):
    one = [shoot / "a.jpg"]
    assert inputs.plan(one, tmp_path / "x.png").jobs == [Job(one[0], tmp_path / "x.png")]
    assert inputs.plan(one, tmp_path / "x").jobs == [Job(one[0], tmp_path / "x" / "a.jpg")]


def test_patterns(shoot, tmp_path):
    found = find([shoot / "**" / "*.jpg"])
    assert found.paths == [shoot / "a.jpg", shoot / "day" / "two" / "a.jpg"]
    odd = touch(tmp_path / "odd", "[a].jpg") / "[a].jpg"
    assert inputs.plan([odd], tmp_path / "out").jobs[0].source == odd


@pytest.mark.parametrize(
    ("sources", "out", "message"),
    [
        (["shoot/a.jpg", "shoot/day/two/a.jpg"], "out", "would both become"),
        (["shoot"], "x.png", "need a folder"),
        (["shoot"], "shoot/notes.txt", "no folder"),
        (["none"], "out", "no photographs in this folder"),
        (["shoot/*.gif"], "out", "matches no file"),
        (["shoot"], "shoot", "would replace the input"),
        (["shoot/a.jpg"], "shoot/a.jpg", "would replace the input"),
        (["shoot/a.jpg"], "shoot/../shoot", "would replace the input"),
        (["-", "shoot/a.jpg"], "-", "a pipe takes one photograph"),
        (["shoot"], "-", "a pipe takes one photograph"),
        (["-"], "shoot", "a pipe needs a file"),
        (["shoot/a.jpg"], "x.gif", "no format with this suffix can be written"),
        (["shoot/a.jpg"], "a.dng", "no format with this suffix can be written"),
    ],
)
def test_impossible_runs_are_refused_before_they_begin(
    sources, out, message, shoot, tmp_path, monkeypatch
):
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        inputs.plan([Path(source) for source in sources], Path(out))


def test_a_result_may_replace_only_its_own_photograph_and_with_overwrite(shoot):
    assert len(inputs.plan([shoot], shoot, overwrite=True).jobs) == 3
    (shoot / "link.jpg").symlink_to(shoot / "a.jpg")
    with pytest.raises(UsageError, match=r"link\.jpg: would be replaced by the result of .*two"):
        inputs.plan([shoot / "day" / "two", shoot / "link.jpg"], shoot, overwrite=True)


def test_pipes(shoot, tmp_path):
    assert inputs.plan([PIPE], PIPE).jobs == [(PIPE, PIPE)]
    assert inputs.plan([PIPE], tmp_path / "x.jpg").jobs == [(PIPE, tmp_path / "x.jpg")]
    assert inputs.plan([shoot / "a.jpg"], PIPE).jobs == [(shoot / "a.jpg", PIPE)]


def test_shards_are_disjoint_and_stable(tmp_path):
    folder = touch(tmp_path / "in", *(f"{number}.jpg" for number in range(30)))

    def part(number: int) -> set[Job]:
        return set(inputs.plan([folder], tmp_path / "out", shard=(number, 4)).jobs)

    parts = [part(number) for number in (1, 2, 3, 4)]
    assert sum(map(len, parts)) == 30 == len(set.union(*parts))
    touch(folder, "more.jpg")
    assert parts[0] <= part(1)


@given(st.binary(min_size=1, max_size=20), st.integers(1, 9))
def test_any_name_has_its_shard(name, parts):
    assert 1 <= inputs.part_of(Path(os.fsdecode(name)), parts) <= parts


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3", "-1/2"])
def test_wrong_shards_are_refused(text):
    with pytest.raises(UsageError, match="a shard is i/n"):
        inputs.parse_shard(text)


def test_lists_have_one_path_a_line():
    assert inputs.parse_shard("2/5") == (2, 5)
    assert read_list(io.StringIO("a b.jpg\r\n\n c.jpg\n")) == [
        Path("a b.jpg"),
        Path(" c.jpg"),
    ]


@pytest.fixture
def camera(tmp_path) -> Path:
    """IMG_1 as JPEG and RAW, IMG_2 as RAW, and files that are no photographs."""
    folder = tmp_path / "shoot"
    folder.mkdir()
    for name in ("IMG_1.jpg", "IMG_1.dng", "IMG_2.dng", "a.mov", "b.MOV", "c.jxl", "README"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            "also",
            {"IMG_1.jpg": "IMG_1.jpg", "IMG_1.dng": "IMG_1.dng.jpg", "IMG_2.dng": "IMG_2.jpg"},
        ),
        ("prefer", {"IMG_1.dng": "IMG_1.jpg", "IMG_2.dng": "IMG_2.jpg"}),
        ("skip", {"IMG_1.jpg": "IMG_1.jpg", "IMG_2.dng": "IMG_2.jpg"}),
    ],
)
def test_raw_beside_another_file(camera, tmp_path, raw, expected):
    plan = inputs.plan([camera], tmp_path / "out", raw=raw)
    assert {source.name: target.name for source, target in plan.jobs} == expected
    assert plan.paired == 1
    arriving = inputs.plan([camera], tmp_path / "out", arriving=True)
    assert "IMG_2.dng.jpg" in {target.name for _, target in arriving.jobs}


@pytest.mark.parametrize("raw", inputs.RAW_RULES)
def test_two_raw_files_of_one_name(camera, tmp_path, raw):
    (camera / "IMG_2.nef").write_bytes(b"x")
    plan = inputs.plan([camera], tmp_path / "out", raw=raw)
    names = {target.name for _, target in plan.jobs}
    assert {"IMG_2.dng.jpg", "IMG_2.nef.jpg"} <= names
    assert "IMG_1.jpg" in names
    assert plan.paired == 1


def test_photographs_of_one_stem_get_results_of_their_own(tmp_path):
    touch(tmp_path / "in", *["IMG.HEIC", "IMG.JPG", "a.jpeg", "a.jpg", "b.heic", "c.png", "c.dng"])
    plan = inputs.plan([tmp_path / "in"], tmp_path / "out", format="JPEG")
    assert {source.name: target.name for source, target in plan.jobs} == {
        "IMG.HEIC": "IMG.HEIC.jpg", "IMG.JPG": "IMG.JPG", "a.jpeg": "a.jpeg", "a.jpg": "a.jpg",
        "b.heic": "b.jpg", "c.png": "c.png.jpg", "c.dng": "c.dng.jpg",
    }  # fmt: skip
    assert (plan.renamed, plan.paired) == (2, 1)
    arriving = inputs.plan([tmp_path / "in"], tmp_path / "out", format="JPEG", arriving=True)
    assert "b.heic.jpg" in {target.name for _, target in arriving.jobs}
    assert inputs.plan([tmp_path / "in"], tmp_path / "out").renamed == 0
    folders = [tmp_path / name for name in ("one", "two")]
    touch(folders[0], "x.heic")
    touch(folders[1], "x.jpg")
    targets = [job.target.name for job in inputs.plan(folders, tmp_path, format="JPEG").jobs]
    assert targets == ["x.heic.jpg", "x.jpg"]


@pytest.mark.parametrize("name", ["a.jfif", "a.HIF", "a.mpo", "a.jpe", "a.CR3"])
def test_suffixes_of_cameras_are_known(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert len(inputs.plan([tmp_path], tmp_path / "out").jobs) == 1


def test_a_file_to_a_file_of_another_suffix(tmp_path):
    source, target = tmp_path / "x.jfif", tmp_path / "y.jfif"
    assert inputs.plan([source], target).jobs == [(source, target)]


def test_a_folder_without_photographs_is_described(tmp_path):
    (tmp_path / "a.mov").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"no photographs in this folder, only 1 \.mov"):
        inputs.plan([tmp_path], tmp_path / "out")


def test_a_new_folder_may_have_a_point_in_its_name(shoot, tmp_path):
    for name in ("2026.11.27", "v1.2", "shoot.corrected-2"):
        assert inputs.plan([shoot / "a.jpg"], tmp_path / name).jobs[0].target.name == "a.jpg"
    (tmp_path / "x.old").mkdir()
    assert inputs.plan([shoot / "a.jpg"], tmp_path / "x.old").jobs[0].target.name == "a.jpg"


@pytest.mark.parametrize(("out", "format"), [("x.png", "JPEG"), ("x.jpg", "PNG")])
def test_a_suffix_and_another_format_are_refused(out, format, shoot, tmp_path):
    with pytest.raises(UsageError, match="differ; give one of them"):
        inputs.plan([shoot / "a.jpg"], tmp_path / out, format=format)
    with pytest.raises(UsageError, match="differ; give one of them"):
        inputs.plan([PIPE], tmp_path / out, format=format)
    (tmp_path / out).mkdir()
    assert inputs.plan([shoot / "a.jpg"], tmp_path / out, format=format).jobs


def test_a_name_without_suffix_is_no_second_photograph(tmp_path):
    one = touch(tmp_path, "IMG_1") / "IMG_1"
    assert inputs.plan([one], tmp_path / "out").renamed == 0


def test_linked_folders_and_special_files_are_counted_and_not_opened(shoot, tmp_path):
    (shoot / "loop").symlink_to(shoot)
    (shoot / "day" / "other").symlink_to(tmp_path)
    (shoot / "alive.jpg").symlink_to(shoot / "a.jpg")
    (shoot / "dead.jpg").symlink_to(shoot / "none.jpg")
    os.mkfifo(shoot / "pipe.jpg")
    found = find([shoot])
    assert [path.name for path in found.paths] == [
        "a.jpg",
        "alive.jpg",
        "dead.jpg",
        "b.PNG",
        "a.jpg",
    ]
    assert found.passed_over["link to a folder"] == 2
    assert found.passed_over["special file"] == 1
    assert find([shoot / "pipe.jpg"]).paths == [shoot / "pipe.jpg"]  # by name: <(command)


@pytest.fixture
def locked(shoot, monkeypatch) -> Path:
    """A folder without permission, also for root."""
    scandir, stat = os.scandir, os.stat

    def refusing(call):
        def refuse(path, *args, **kwargs):
            name = os.fspath(path)
            if (name == f"{shoot}/day" and call is scandir) or name.startswith(f"{shoot}/day/"):
                raise PermissionError(errno.EACCES, "Permission denied", name)
            return call(path, *args, **kwargs)

        return refuse

    monkeypatch.setattr(os, "scandir", refusing(scandir))
    monkeypatch.setattr(os, "stat", refusing(stat))
    return shoot / "day"


def test_a_folder_that_cannot_be_read_is_named_and_the_others_go_on(locked, tmp_path):
    plan = inputs.plan([locked.parent], tmp_path / "out")
    assert [job.source.name for job in plan.jobs] == ["a.jpg"]
    reason = f"{locked}: the folder cannot be read (Permission denied)"
    assert plan.unreadable == [(Job(locked, tmp_path / "out" / "day"), reason)]
    with pytest.raises(UsageError, match="the folder cannot be read"):
        find([locked])
    assert find([locked / "b.PNG", locked.parent / "a.jpg"]).paths[0] == locked / "b.PNG"


def test_names_need_not_be_utf_8(tmp_path):
    folder = os.fsencode(tmp_path) + b"/in"
    os.mkdir(folder)
    with open(folder + b"/caf\xe9.jpg", "wb") as stream:
        stream.write(b"x")
    plans = [inputs.plan([tmp_path / "in"], tmp_path / "out", shard=(i, 3)).jobs for i in (1, 2, 3)]
    assert sum(map(len, plans)) == 1
