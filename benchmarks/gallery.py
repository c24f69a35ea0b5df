"""24 photographs before and after: `python benchmarks/gallery.py PHOTOS -o docs/gallery.jpg`.

Nobody picks them by result: the first 24 of the held-out photographs (every fiftieth of PHOTOS in
the order of their names), spoiled at -2, -1, +1, +2 EV in turn by the measured curves.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image, ImageOps

from midtone import Corrector
from midtone.data.photographs import decode, find_photos, hold_out
from midtone.data.synthesize import expose

EVS = (-2.0, -1.0, 1.0, 2.0)
ACROSS, TILE, GAP = 4, (168, 126), 4


def main() -> int:
    """Draw the sheet: input left, result right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    _, held_out = hold_out(find_photos(options.photos), 50)
    corrector = Corrector()
    width, height = 2 * TILE[0] + 2 * GAP, TILE[1] + GAP
    chosen = held_out[:24]
    rows = -(-len(chosen) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * width, rows * height), "white")
    for number, path in enumerate(chosen):
        wrong = expose(decode(path), EVS[number % len(EVS)])
        left, top = number % ACROSS * width, number // ACROSS * height
        for place, image in enumerate((wrong, corrector(wrong))):
            sheet.paste(ImageOps.fit(Image.fromarray(image), TILE), (left + place * TILE[0], top))
    sheet.save(options.out, quality=82, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
