"""The recipes in the package: ``default``, ``paper``, ``paper-cpu`` and the paper's ablations."""

from __future__ import annotations

from dataclasses import replace

from midtone.data.augment import Augmentation
from midtone.data.crops import CropModel
from midtone.data.local_light import LocalLight
from midtone.data.neutral import NeutralModel
from midtone.data.synthesize import ErrorModel
from midtone.data.targets import TargetModel
from midtone.network import NetworkConfig
from midtone.training.recipe import Recipe, Stage

# The weight of the adversarial loss is 12 h w in the authors' release, against sums over values in
# 0..255; that is 4 / 255 against means over values in [0, 1].
ADVERSARIAL = 4 / 255

# Errors as cameras and renderers make them; two thirds by the measured curves of the paper.
_ERRORS = ErrorModel(
    bands=(
        (0.04, -0.3, 0.3),
        (0.08, -0.9, -0.3),
        (0.27, -1.7, -0.9),
        (0.18, -4.2, -1.7),
        (0.06, 0.3, 0.9),
        (0.24, 0.9, 1.7),
        (0.13, 1.7, 3.2),
    ),
    unchanged_prob=0.15,
    unchanged_ev=0.8,
    neutral=NeutralModel(prob=0.5),
    light=LocalLight(region_prob=0.3, spot_prob=0.05),
    camera_prob=0.35,
    black_prob=0.35,
    bright_lights_prob=0.4,
    balance=0.015,
    contrast=0.03,
    noise_prob=0.2,
    jpeg_prob=0.25,
)
_TARGETS = TargetModel(levels_part=0.3, brightness_part=(0.1, 0.5), brightness_ev=(1.3, 3.0))
_AUGMENTATION = Augmentation(saturation=(0.9, 1.15), balance=0.02, gamma=0.05, collage_prob=0.1)
_CROPS = CropModel(coverage=(0.6, 1.0), vertical_flip_prob=0.25)


def _default() -> Recipe:
    """Levels 3 and 4 only: narrow errors first, which train faster, then those of ``_ERRORS``."""
    narrow = Stage(
        size=256,
        batch=16,
        steps=12_000,
        rate=4e-4,
        final_rate=2e-4,
        warmup=200,
        finest=3,
        augmentation=Augmentation(saturation=(0.6, 1.3)),
    )
    wide = replace(
        narrow,
        steps=4500,
        rate=3e-4,
        final_rate=1e-4,
        crops=_CROPS,
        augmentation=_AUGMENTATION,
        errors=_ERRORS,
        targets=_TARGETS,
        ema=0.9985,
        spatial_dropout=0.02,
        grid_loss=0.2,
        unchanged_others=True,
    )
    last = replace(
        wide,
        steps=2500,
        rate=1e-4,
        final_rate=5e-6,
        warmup=0,
        crops=replace(_CROPS, coverage=(0.75, 1.0)),
        spatial_dropout=0.0,
    )
    small = replace(narrow, size=128, steps=2000)
    return Recipe(stages=(small, narrow, wide, last), hold_out=60, validate_every=250)


def _paper(adversarial: float = ADVERSARIAL) -> Recipe:
    """Section 6 of the authors' release.

    Patches of growing size are cut from the pictures as they are, the rate is halved every so many
    epochs, and the adversarial loss begins within the later two stages.
    """
    first = Stage(
        size=128,
        batch=32,
        epochs=40,
        rate=1e-4,
        halve_every=20,
        per_image=10,
        crops=None,
        longest_side=None,
        ema=0.0,
    )
    second = replace(
        first,
        size=256,
        batch=8,
        epochs=30,
        halve_every=10,
        per_image=6,
        adversarial=adversarial,
        adversarial_after=15,
    )
    third = replace(
        second, size=512, batch=4, epochs=20, halve_every=5, per_image=4, adversarial_after=5
    )
    return Recipe(
        stages=(first, second, third), clip=None, reset_optimizer=True, validate_every=5000
    )


def _paper_cpu() -> Recipe:
    """The paper's stages within a night of a CPU: the model ``paper`` of the package.

    The two coarse levels decide exposure and colour at a sixteenth of the cost, so they are trained
    first, alone. The last stage reduces whole photographs to 512 px, because few of the openly
    licensed ones are large enough to cut patches of that size from them.
    """
    coarse = Stage(size=256, batch=16, steps=20_000, rate=4e-4, final_rate=1e-4, finest=3)
    first = Stage(
        size=128,
        batch=32,
        steps=500,
        rate=3e-4,
        final_rate=2e-4,
        warmup=50,
        crops=None,
        longest_side=None,
        ema=0.99,
    )
    second = replace(
        first,
        size=256,
        batch=8,
        steps=700,
        rate=2e-4,
        final_rate=1e-4,
        warmup=0,
        ema=0.995,
        adversarial=ADVERSARIAL,
    )
    third = replace(
        second,
        size=512,
        batch=4,
        steps=800,
        rate=1e-4,
        final_rate=4e-6,
        ema=0.998,
        crops=CropModel(coverage=(0.8, 1.0), vertical_flip_prob=0.2),
    )
    return Recipe(stages=(coarse, first, second, third), reset_optimizer=True, hold_out=60)


def _coarsest(count: int) -> NetworkConfig:
    """The ``count`` coarsest sub-networks of the paper's network."""
    full = NetworkConfig()
    return NetworkConfig(count, full.channels[-count:], full.depth[-count:])


RECIPES = {
    "default": _default(),
    "paper": _paper(),
    "paper-cpu": _paper_cpu(),
    "paper-no-adversarial": _paper(adversarial=0.0),
    "paper-no-pyramid-loss": replace(_paper(), pyramid_weight=0.0),
    "paper-1-level": replace(_paper(), network=_coarsest(1)),
    "paper-2-levels": replace(_paper(), network=_coarsest(2)),
}
