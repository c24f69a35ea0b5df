"""The folder that keeps a benchmark's results, so that an interrupted run continues.

results.csv    the rows
settings.json  the protocol, and what each method's results depend on
pictures/      each input, reference and result, reduced to 256 px, for contact sheets
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from midtone.atomic import replacing
from midtone.errors import UsageError
from midtone.evaluation.contact_sheet import shrink
from midtone.evaluation.images import read_srgb
from midtone.evaluation.results import Protocol, Row, csv_columns

ROWS, SETTINGS, PICTURES = "results.csv", "settings.json", "pictures"
INPUT, REFERENCE = "@input", "@reference"  # folders below pictures/ beside those of the methods
THUMBNAIL = 256  # px


@dataclass(frozen=True)
class ResultsFolder:
    """A folder of results that were all measured by one protocol."""

    path: Path
    protocol: Protocol

    def identities(self) -> dict[str, str]:
        """What the kept results of each method depend on, by the method's name.

        Raises UsageError for results of another protocol.
        """
        path = self.path / SETTINGS
        if not path.exists():
            return {}
        try:
            settings = json.loads(path.read_text("utf-8"))
            same = settings["protocol"] == json.loads(json.dumps(asdict(self.protocol)))
            identities = dict(settings["methods"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}: cannot be read; choose another folder") from error
        if not same:
            raise UsageError(
                f"{self.path}: holds results measured otherwise; choose another folder"
            )
        return identities

    def write_identities(self, identities: Mapping[str, str]) -> None:
        """Write the settings file."""
        settings = {"protocol": asdict(self.protocol), "methods": identities}
        (self.path / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")

    def rows(self) -> list[Row]:
        """The kept rows; a last one that was cut short by a kill is left out."""
        path = self.path / ROWS
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as stream:
            lines = [line for line in stream if line.endswith("\n")]
        cells = [row for row in csv.DictReader(lines) if None not in row.values()]
        return [Row.from_csv(row, self.protocol.experts) for row in cells]

    def write_rows(self, rows: Iterable[Row]) -> None:
        """Replace all rows."""
        path = self.path / ROWS
        with (
            replacing(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, csv_columns(self.protocol.experts))
            writer.writeheader()
            writer.writerows(row.to_csv() for row in rows)

    def append_rows(self, rows: Iterable[Row]) -> None:
        """Add rows to a file that ``write_rows`` has written."""
        with (self.path / ROWS).open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, csv_columns(self.protocol.experts))
            writer.writerows(row.to_csv() for row in rows)

    def write_picture(self, method: str, image: str, picture: np.ndarray) -> None:
        """Keep a picture, reduced. method: its name, ``INPUT`` or ``REFERENCE``."""
        path = _picture_path(self.path, method, image)
        with replacing(path) as temporary:
            Image.fromarray(shrink(picture, THUMBNAIL)).save(temporary, "JPEG", quality=90)


def read_picture(out: Path, method: str, image: str) -> np.ndarray | None:
    """The reduced picture of a row, of ``INPUT`` or of ``REFERENCE``; None if there is none."""
    path = _picture_path(out, method, image)
    return read_srgb(path) if path.exists() else None


def _picture_path(out: Path, method: str, image: str) -> Path:
    return out / PICTURES / method / f"{image}.jpg"
