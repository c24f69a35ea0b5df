"""`midtone swap`: the paper's figure 4 for any pair."""

from __future__ import annotations

import argparse
from pathlib import Path

from midtone.commands.flags import check_overwrite, overwrite_option
from midtone.errors import UsageError


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Replace the pyramid levels of a badly exposed photograph by those of a good one, the "
        "coarsest first, and put the results side by side (the paper's figure 4)."
    )
    parser.add_argument("image", type=Path, help="photograph")
    parser.add_argument("reference", type=Path, help="photograph of the same size")
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--levels", type=int, default=4, help="levels of the pyramid (4)")
    parser.add_argument(
        "--size", type=int, default=512, help="longest side of each picture in px (512)"
    )
    overwrite_option(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from midtone import colour, photo
    from midtone.evaluation.swap import picture, swap_levels
    from midtone.preprocess import resize

    if options.levels < 1 or options.size < 1:
        raise UsageError("--levels and --size must be at least 1")
    check_overwrite(options)
    if not photo.writable_as(options.out):
        raise UsageError(f"{options.out}: no format with this suffix can be written")
    image, reference = (
        colour.to_srgb(resize(one.pixels, options.size), one.icc)
        for one in map(photo.read, (options.image, options.reference))
    )
    if image.shape != reference.shape:
        raise UsageError(f"{options.image} and {options.reference} are not of one shape")
    pictures = picture(swap_levels(image, reference, options.levels))
    photo.write(photo.from_array(pictures), options.out, overwrite=options.overwrite)
    return 0
