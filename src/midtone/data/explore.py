"""Exposure statistics of a set of pairs, and its t-SNE map (the paper's figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from midtone import colour
from midtone.data.pairs import Pair
from midtone.data.photographs import decode

_SIDE = 32
_COMPONENTS = 50


def describe(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A picture as 32 x 32 x 3 values (flat, float32 in [0, 1]), and its statistics.

    Statistics: mean luma, and the shares of pixels of which a channel is 0, and 255. Raises
    PhotoError.
    """
    image = decode(path, 512)
    small = Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    clipped = [(image == code).any(2).mean() for code in (0, 255)]
    statistics = np.array([colour.luma(image / 255).mean(), *clipped])
    return np.asarray(small, np.float32).ravel() / 255, statistics


def embed(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """t-SNE (van der Maaten and Hinton 2008) of the first 50 principal components of N x D vectors.

    Returns N x 2. N must be at least 5.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    components = min(_COMPONENTS, *vectors.shape)
    reduced = PCA(components, random_state=seed).fit_transform(vectors)
    perplexity = min(30.0, (len(vectors) - 1) / 4)
    return np.asarray(TSNE(2, perplexity=perplexity, random_state=seed).fit_transform(reduced))


def table(pairs: Sequence[Pair], statistics: np.ndarray) -> str:
    """Markdown: exposure statistics by EV."""
    lines = [
        "| EV | images | mean luma | clipped to black | clipped to white |",
        "|---|---|---|---|---|",
    ]
    evs = np.array([np.nan if pair.ev is None else pair.ev for pair in pairs])
    for ev in [*np.unique(evs[~np.isnan(evs)]), *([np.nan] if np.isnan(evs).any() else [])]:
        some = statistics[np.isnan(evs) if np.isnan(ev) else evs == ev]
        luma, black, white = some.mean(0)
        name = "?" if np.isnan(ev) else f"{ev:+g}"
        lines.append(f"| {name} | {len(some)} | {luma:.3f} | {black:.2%} | {white:.2%} |")
    return "\n".join(lines)


def draw(pairs: Sequence[Pair], places: np.ndarray, target: Path, thumbnails: bool = False) -> None:
    """The map of all images, coloured by EV, as a picture file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    figure, axes = pyplot.subplots(figsize=(9, 7), constrained_layout=True)
    evs = np.array([0.0 if pair.ev is None else pair.ev for pair in pairs])
    if thumbnails:
        for pair, place in zip(pairs, places, strict=True):
            picture = OffsetImage(decode(pair.input, 48), zoom=0.5)
            axes.add_artist(AnnotationBbox(picture, tuple(place), frameon=False))
    dots = axes.scatter(
        places[:, 0], places[:, 1], c=evs, cmap="coolwarm", s=4 if thumbnails else 14
    )
    figure.colorbar(dots, label="relative exposure, EV")
    axes.set(xticks=[], yticks=[], title=f"t-SNE of {len(pairs)} images")
    figure.savefig(target, dpi=110)
    pyplot.close(figure)
