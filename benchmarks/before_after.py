"""The README's picture: python benchmarks/before_after.py PHOTO ... -o docs/before-after.jpg."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

import midtone

_WIDTH, _GAP = 560, 6


def main() -> int:
    """One row a photograph: as it came, as midtone returns it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    corrector = midtone.Corrector()
    rows = []
    for path in options.photos:
        with Image.open(path) as opened:
            before = opened.convert("RGB")
        after = corrector(before)
        height = round(before.height * _WIDTH / before.width)
        row = Image.new("RGB", (2 * _WIDTH + _GAP, height), "white")
        for place, image in enumerate((before, after)):
            small = image.resize((_WIDTH, height), Image.Resampling.LANCZOS)
            row.paste(small, (place * (_WIDTH + _GAP), 0))
        rows.append(row)
    total = sum(row.height for row in rows) + _GAP * (len(rows) - 1)
    sheet = Image.new("RGB", (rows[0].width, total), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + _GAP
    sheet.save(options.out, quality=88)
    return 0


if __name__ == "__main__":
    sys.exit(main())
