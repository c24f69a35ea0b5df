"""Builds a data set in the paper's layout from scenes.

A scene is the unit of work. It is listed in the manifest when it is written, and skipped when the
manifest lists it. Shards of one plan are disjoint on any machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from midtone.batch import parallel
from midtone.data import splits
from midtone.data.scenes import Entry, Maker, Scene, Settings


def plan(
    sources: Iterable[Path],
    experts: dict[str, dict[str, Path]],
    seed: int,
    given: Mapping[str, str] | None = None,
) -> tuple[list[Scene], list[str]]:
    """Scenes by the names of their files, and a sentence for each file that is left out.

    experts: files by expert and scene
    seed:    of the splits that are drawn
    given:   splits by scene, instead of those; scenes without one are left out
    """
    problems: list[str] = []
    found: dict[str, Path] = {}
    for path in sorted(sources):
        if found.setdefault(path.stem, path) is not path:
            problems.append(f"{path}: {found[path.stem]} is of the same scene; left out")
    for expert, files in experts.items():
        problems += [
            f"{files[scene]}: expert {expert} has a scene that has no source"
            for scene in sorted(files.keys() - found.keys())
        ]
        problems += [
            f"{found[scene]}: expert {expert} has no rendering of it; left out"
            for scene in sorted(found.keys() - files.keys())
        ]
    names = [name for name in found if all(name in files for files in experts.values())]
    if given is None:
        assigned = splits.assign(names, seed)
    else:
        assigned = {name: given[name] for name in names if name in given}
        problems += [
            f"{found[name]}: has no split; left out" for name in names if name not in given
        ]
        if missing := len(given.keys() - found.keys()):
            problems.append(f"{missing} of {len(given)} scenes with a split have no source")
    scenes = [
        Scene(name, found[name], assigned[name], tuple((e, f[name]) for e, f in experts.items()))
        for name in sorted(assigned)
    ]
    return scenes, problems


def build(
    scenes: Sequence[Scene],
    out: Path,
    make: Maker,
    settings: Settings,
    *,
    shard: tuple[int, int] = (1, 1),
    workers: int = 1,
    backend: str = "processes",
    address: str | None = None,
    progress: Callable[[Scene], object] | None = None,
) -> tuple[list[Entry], list[str]]:
    """Make the scenes that are missing; returns the manifest, and a sentence for each failure.

    shard: (i, n): every n-th scene from the i-th on, with a manifest of its own
    """
    out.mkdir(parents=True, exist_ok=True)
    number, count = shard
    manifest = out / ("manifest.jsonl" if count == 1 else f"manifest-{number}-of-{count}.jsonl")
    entries = {entry["file"]: entry for entry in read_manifest(manifest)}
    done = {e["scene"] for e in entries.values() if e["settings"] == settings.to_dict()}
    todo = [s for s in scenes[number - 1 :: count] if s.name not in done]
    problems: list[str] = []
    if workers == 1 and backend == "processes":
        backend = "threads"  # one worker needs no process of its own
    flow = parallel.run(
        partial(make, out, settings), todo, workers=workers, backend=backend, address=address
    )
    with manifest.open("a", encoding="utf-8") as stream:
        for outcome in flow:
            if isinstance(outcome, parallel.Failed):
                error = outcome.error
                full = isinstance(error, OSError) and f"cannot be written ({error.strerror})"
                source = str(outcome.item.source)
                reason = full or f"{outcome.reason.removeprefix(f'{source}: ')}; left out"
                problems.append(f"{source}: {reason}")
            else:
                entries |= {entry["file"]: entry for entry in outcome.value}
                stream.write("".join(json.dumps(entry) + "\n" for entry in outcome.value))
                stream.flush()
            if progress:
                progress(outcome.item)
    prints = {e["scene"]: (e["split"], int(e["fingerprint"], 16)) for e in entries.values()}
    problems += [
        f"{one} and {other} show the same, but are in different splits"
        for one, other in splits.near_duplicates(prints)
    ]
    return list(entries.values()), sorted(problems)


def read_manifest(path: Path) -> list[Entry]:
    """Entries of a manifest; a last line that was cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
