"""The paper's training patches, written to disk once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from midtone.atomic import replacing
from midtone.data.crops import draw_patch
from midtone.data.pairs import PATCH_MARK, REFERENCE, Pair, format_ev
from midtone.data.photographs import decode_pair
from midtone.errors import PhotoError


def write_patches(
    out: Path, size: int, per_image: int, seed: int, scene: Sequence[Pair]
) -> tuple[int, list[str]]:
    """Write the paper's patches of the pairs of one scene below ``out``, in the layout they have.

    The crops depend on the scene and its reference alone, so all exposures are cut alike. Files are
    PNG, <scene>@<number>_<EV>.png, which ``read_pairs`` assigns to that scene; existing files are
    written again. Returns the number of pairs written, and a sentence for each pair that could not
    be read. Raises OSError where ``out`` cannot be written.
    """
    written, problems = 0, []
    for pair in scene:
        try:
            source, target = decode_pair(pair)
        except PhotoError as error:
            problems.append(str(error))
            continue
        if pair.split:
            root = out / pair.split
            folders = root / "INPUT_IMAGES", root / "GT_IMAGES"
        else:
            folders = out / "input", out / REFERENCE
        rng = np.random.default_rng([seed, *pair.scene.encode()])
        for number in range(1, per_image + 1):
            crop = draw_patch(target, size, rng)
            if crop is None:
                break
            patch = f"{pair.scene}{PATCH_MARK}{number}"
            name = patch if pair.ev is None else f"{patch}_{format_ev(pair.ev)}"
            _save(crop.cut(source), folders[0] / f"{name}.png")
            _save(crop.cut(target), folders[1] / f"{patch if pair.split else name}.png")
            written += 1
    return written, problems


def _save(patch: np.ndarray, path: Path) -> None:
    with replacing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(patch)).save(temporary, "PNG")
