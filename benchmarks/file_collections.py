"""`midtone fix` over other projects' test images, checked by tools that share no code with it.

    python benchmarks/file_collections.py FOLDER [FOLDER ...] -o OUT

The command corrects each folder three times, in limited time and address space: to the own formats
and to TIFF, both at strength 0, and to JPEG as by default. A result at strength 0 must have the
pixels that libvips decodes from the source; where it has not, a second decoder is compared.
exiftool reads the metadata of the sources and of the results in their own formats. OUT gets the
results and report.md. Ends with 1 if a run crashed, hung, lost a file or printed foreign lines.

Needs libvips, exiftool, ImageMagick, avifdec and heif-convert.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from midtone.photo import format_of

SECONDS = 300  # without progress
MEMORY = 1_500_000_000  # bytes of address space
SAME = 1.001  # codes of 8 bits
OPTIONS = {
    "same": ("--strength=0",),
    "tiff": ("--strength=0", "--format=tiff"),
    "jpeg": ("--format=jpeg",),
}
VIPS_TYPES = {0: np.uint8, 1: np.int8, 2: np.uint16, 3: np.int16, 6: np.float32}
VIPS_CMYK = 15
# Tags that a correction changes, or that describe the file and the coding of its pixels.
EXPECTED = re.compile(
    r"SourceFile|(ExifTool|Composite):.*|File:(?!.*Comment).*|JFIF:.*|APP14:.*|EXIF:IFD1:.*"
    r"|.*:(Software|Orientation|Rotation|\w*Thumbnail\w*|Preview\w*|\w*Image(Width|Height|Size))"
    r"|.*:HasExtendedXMP|RIFF:.*|QuickTime:(?!XMP).*"
    r"|PNG:(BitDepth|ColorType|Compression|Filter|Interlace|Palette|Transparency|SignificantBits)"
    # Colours given as numbers become a profile, or nothing for sRGB.
    r"|PNG:(Gamma|WhitePoint.|Red.|Green.|Blue.|SRGBRendering|ProfileName)"
    r"|EXIF:\w+:(SubfileType|BitsPerSample|Compression|PhotometricInterpretation|FillOrder|Strip\w+"
    r"|SamplesPerPixel|RowsPerStrip|PlanarConfiguration|Predictor|Tile\w+|ExtraSamples|SampleFormat"
    r"|YCbCr\w+|ReferenceBlackWhite|ColorMap|JPEG\w+|T[46]Options)"
)


@dataclass
class Report:
    """What happened to the files of one folder."""

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The report in Markdown."""
        rows = [f"## {name}: {self.files} files\n"]
        for title, counts in (
            ("runs", self.outcomes), ("pixels at strength 0", self.pixels),
            ("metadata, same format", self.tags),
        ):  # fmt: skip
            rows.append(f"{title}: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common()))
        rows += [f"- wrong: {text}" for text in self.wrong]
        rows += [f"- {count} refused: {kind}" for kind, count in self.refusals.most_common()]
        rows += [f"- {count} tags of {text}" for text, count in self.explained.most_common()]
        return "\n".join([*rows, *self.lines, ""])


def fix(folder: Path, out: Path, options: tuple[str, ...]) -> tuple[list[Any], list[str]]:
    """Run the command: the lines of its report, and what went wrong with the run."""
    out.mkdir(parents=True)
    lines, messages = out / "report.jsonl", out / "messages.txt"
    command = [str(Path(sys.executable).with_name("midtone")), "fix", str(folder), "--workers=1"]
    command += [f"--out={out}", f"--report={lines}", "--overwrite", *options]
    with messages.open("w") as stream:
        run = subprocess.Popen(
            command,
            stderr=stream,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
        size, since = -1, time.monotonic()
        while run.poll() is None:
            time.sleep(0.5)
            if lines.exists() and lines.stat().st_size != size:
                size, since = lines.stat().st_size, time.monotonic()
            if time.monotonic() - since > SECONDS:
                run.kill()
                run.wait()
    results = [json.loads(line) for line in lines.read_text().splitlines()]
    wrong = [f"ended with {run.returncode}"] * (run.returncode not in (0, 1))
    for line in messages.read_text(errors="replace").splitlines():
        if not line.startswith("midtone: "):
            wrong.append(f"printed {line}")
    for one in results:
        if (one["status"] == "done") != Path(one["target"]).exists():
            wrong.append(f"{one['target']}: {one['status']}")
    return results, wrong


def kind_of(sentence: str) -> str:
    """A message without the name of the file and its numbers."""
    return re.sub(r"\d+", "N", re.sub(r"^.*?\.\w+: ", "", sentence))


def decode(source: Path, scratch: Path) -> np.ndarray | None:
    """H x W x bands in [0, 1], upright, as libvips decodes it; None if it cannot, or for CMYK."""
    image = scratch / "image.v"
    if subprocess.run(["vips", "autorot", source, image], capture_output=True).returncode:
        return None
    data = image.read_bytes()
    width, height, bands, _, kind, _, colours = np.frombuffer(data, np.int32, 7, 4)
    if colours == VIPS_CMYK or kind not in VIPS_TYPES:
        return None
    values = np.frombuffer(data, VIPS_TYPES[kind], width * height * bands, 64)
    full = np.iinfo(values.dtype).max if values.dtype.kind in "ui" else 1
    return values.reshape(height, width, bands) / full


def decode_otherwise(source: Path, scratch: Path) -> np.ndarray | None:
    """As ``decode``, by avifdec, heif-convert or ImageMagick."""
    image = scratch / "image.png"
    image.unlink(missing_ok=True)
    format = format_of(source)
    command: list[str | Path] = ["convert", f"{source}[0]", "-auto-orient", image]
    if format and format.name in ("AVIF", "HEIF"):
        decoder = ["avifdec", "--no-strict"] if format.name == "AVIF" else ["heif-convert"]
        command = [*decoder, source, image]
    subprocess.run(command, capture_output=True)
    return decode(image, scratch) if image.exists() else None


def difference(one: np.ndarray | None, other: np.ndarray | None) -> float | None:
    """Largest difference of samples, in codes of 8 bits; None if there is nothing to compare."""
    if one is None or other is None:
        return None
    if one.shape[:2] != other.shape[:2]:
        return 255.0
    # Grey may have become colour, and an opaque alpha may have gone.
    full = []
    for image in (one, other):
        colours = image[..., : 3 if image.shape[2] > 2 else 1]
        has_alpha = image.shape[2] in (2, 4)
        alpha = image[..., -1:] if has_alpha else np.ones_like(image[..., :1])
        full.append(np.concatenate((np.broadcast_to(colours, (*image.shape[:2], 3)), alpha), 2))
    return float(np.abs(full[0] - full[1]).max(initial=0) * 255)


def compare_pixels(source: Path, result: Path, scratch: Path, report: Report) -> None:
    """Compare a result at strength 0 with the decoders; what differs becomes a line."""
    got = decode(result, scratch)
    distance = difference(decode(source, scratch), got)
    if distance is None:
        report.pixels["not compared"] += 1
    elif distance < SAME:
        report.pixels["equal" if distance < 1e-3 else "within 1 code"] += 1
    else:
        second = difference(decode_otherwise(source, scratch), got)
        agrees = second is not None and second < SAME
        report.pixels["as the second decoder, not libvips" if agrees else "different"] += 1
        if not agrees:
            found = "none" if second is None else f"{second:.1f}"
            report.lines.append(f"- pixels: {result}: {distance:.1f} from libvips, {found} second")


def read_tags(folder: Path) -> dict[str, dict[str, str]]:
    """exiftool's tags of all files below a folder, by the path below it."""
    command = ["exiftool", "-json", "-G0:1", "-a", "-s", "-r", "-m", "-api", "largefilesupport=1"]
    output = subprocess.run([*command, "."], cwd=folder, capture_output=True).stdout
    return {
        str(Path(tags["SourceFile"])): {name: str(value) for name, value in tags.items()}
        for tags in json.loads(output or "[]")
    }


def compare_tags(
    name: str, before: dict[str, str], after: dict[str, str], said: list[str], report: Report
) -> None:
    """Count tags kept, added, changed and lost; a line for each that no note explains."""
    for tag in sorted(before.keys() | after.keys()):
        if before.get(tag) == after.get(tag):
            report.tags["kept"] += 1
        elif EXPECTED.fullmatch(tag):
            report.tags["expected to change"] += 1
        elif tag not in before:
            report.tags["added"] += 1
        else:
            change = "changed" if tag in after else "lost"
            report.tags[f"{change} with a note" if said else f"{change} silently"] += 1
            if said:
                report.explained[f"{tag.rpartition(':')[0]}: {'; '.join(said)}"] += 1
            else:
                values = f"{before[tag]} -> {after.get(tag)}"
                report.lines.append(f"- tags: {name}: {change} {tag} ({values})"[:200])


def check(folder: Path, out: Path) -> Report:
    """Correct and compare all photographs below a folder."""
    report = Report()
    before = read_tags(folder)
    for run, options in OPTIONS.items():
        results, wrong = fix(folder, out / run, options)
        report.wrong += [f"{run}: {text}" for text in wrong]
        report.files = len(results)
        after = read_tags(out / run) if run == "same" else {}
        for one in results:
            report.outcomes[f"{one['status']} as {run}"] += 1
            source, target = Path(one["source"]), Path(one["target"])
            if one["status"] != "done":
                report.refusals[kind_of(one["error"])] += 1
                continue
            own = format_of(source)
            is_lossless = run == "tiff" or (run == "same" and own is not None and not own.lossy)
            if is_lossless and own and own.encode:
                compare_pixels(source, target, out, report)
            if run == "same" and source.suffix == target.suffix:
                place = str(source.relative_to(folder))
                compare_tags(place, before[place], after[place], one["notes"], report)
    return report


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("-o", "--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    bad = 0
    with (options.out / "report.md").open("w", encoding="utf-8") as stream:
        for folder in options.folders:
            report = check(folder, options.out / folder.resolve().name)
            text = report.text(folder.resolve().name)
            print(text)
            stream.write(text)
            stream.flush()
            bad += len(report.wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
