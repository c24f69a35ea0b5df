"""What learned methods there are: papers, where weights are published, under which licence."""

from __future__ import annotations

from dataclasses import dataclass

from midtone.errors import UsageError

NO_LICENCE = "none stated"


@dataclass(frozen=True)
class Method:
    """A row of the paper's table 1, or one of ours.

    row:       the paper's name of the row; empty for one that is not there
    source:    where its authors publish the weights
    files:     what to give to ``midtone baselines import``
    licence:   of the published weights
    code:      licence of the authors' code, which is not used here
    also:      another method whose file of weights holds these weights too
    known:     SHA-256 of the published files, where they have been read
    """

    name: str
    paper: str
    row: str
    source: str
    files: str
    licence: str
    code: str
    also: str = ""
    known: tuple[str, ...] = ()


_ZERO_DCE = "Guo et al., Zero-Reference Deep Curve Estimation, CVPR 2020"
_DPED = "Ignatov et al., DSLR-Quality Photos on Mobile Devices, ICCV 2017"
_RETINEX = "Wei et al., Deep Retinex Decomposition for Low-Light Enhancement, BMVC 2018"
_DPE = "Chen et al., Deep Photo Enhancer, CVPR 2018"
_UPE = "Wang et al., Underexposed Photo Enhancement, CVPR 2019"
_HDRCNN = "Eilertsen et al., HDR Image Reconstruction from a Single Exposure, SIGGRAPH Asia 2017"
_RHT = "Yang et al., Deep Reciprocating HDR Transformation, CVPR 2018"
_HDRCNN_SOURCE = "github.com/gabrieleilertsen/hdrcnn (README)"
_DPE_SOURCE = "github.com/pnbao/deep-photo-enhance, LPGAN/model"
_DATA = ".data-00000-of-00001"


def _dped(phone: str, row: str, index: str, data: str) -> Method:
    name = phone.lower()
    return Method(
        f"dped-{name}",
        _DPED,
        row,
        "github.com/aiff22/DPED, models_orig",
        f"{name}_orig.index (beside {name}_orig{_DATA})",
        NO_LICENCE,
        NO_LICENCE,
        known=(index, data),
    )


def _dpe(kind: str, row: str, files: str) -> Method:
    return Method(f"dpe-{kind}", _DPE, row, _DPE_SOURCE, files, "MIT", "MIT")


# In the order of the paper's table 1.
METHODS = {
    method.name: method
    for method in (
        Method(
            "hdrcnn-rht",
            f"{_HDRCNN}; {_RHT}",
            "HDRCNN_RHT",
            f"{_HDRCNN_SOURCE}; github.com/ybsong00/DRHT, checkpoint/hdr2ldr",
            f"hdrcnn_params.npz hdr2ldr.model-400.index (beside hdr2ldr.model-400{_DATA})",
            f"{NO_LICENCE}; {NO_LICENCE}",
            "BSD-3-Clause; none stated",
        ),
        Method(
            "hdrcnn-reinhard",
            f"{_HDRCNN}; Reinhard et al., Photographic Tone Reproduction, SIGGRAPH 2002",
            "",
            _HDRCNN_SOURCE,
            "hdrcnn_params.npz",
            NO_LICENCE,
            "BSD-3-Clause",
            also="hdrcnn-rht",
        ),
        _dped(
            "iPhone",
            "DPED_iPhone",
            "8777e61b30adb8c4e99eb22e5ecca3f80c237e6288dc07c8a3fb7e6fee6865a8",
            "9d289d0914ae0f41ded639e6282e6710ebb79ab8dc23865198c2748d7dc083fc",
        ),
        _dped(
            "BlackBerry",
            "DPED_BlackBerry",
            "e907cd7a93831f9138f1706e6d40b997b18ca4b8afc5a6da5f0d3a2aab8aa0e1",
            "ec3332ae3e03d4317fd4c88e3f1885c5df8722f34d4142ec8f77025c8b3add82",
        ),
        _dped(
            "Sony",
            "DPED_Sony",
            "5e56d778b4e9149883cc00a79e7f4f5dd2e1ee35e64e3419c64b5433b1891574",
            "6338ab1c409a67c99ad5da416051887a63b576c351d8447741c8d378671e3ab8",
        ),
        _dpe("hdr", "DPE_HDR", f"90.000-new.ckpt.index (beside 90.000-new.ckpt{_DATA})"),
        _dpe("ufivek", "DPE_U-FiveK", "a checkpoint of that model; none is published"),
        _dpe("sfivek", "DPE_S-FiveK", f"27.500-new.ckpt.index (beside 27.500-new.ckpt{_DATA})"),
        Method(
            "retinexnet",
            _RETINEX,
            "RetinexNet",
            "github.com/weichen582/RetinexNet, model/Decom and model/Relight",
            "the .index files of Decom and of Relight (beside their data files)",
            "MIT",
            "MIT",
            known=(
                "ee034c9bea109e8557db700cfd50636f1f93590a8b2e3af7ad873a865cbc45cd",
                "c12d0caa441bcb2c36f4d0cbba445909ebdd53306aa06fddc7668cf16b881cf3",
            ),
        ),
        Method(
            "deep-upe",
            _UPE,
            "DeepUPE",
            "github.com/dvlab-research/DeepUPE, checkpoints",
            f"model.ckpt.index (beside model.ckpt{_DATA})",
            NO_LICENCE,
            "Apache-2.0 headers",
        ),
        Method(
            "zero-dce",
            _ZERO_DCE,
            "Zero-DCE",
            "github.com/Li-Chongyi/Zero-DCE, Zero-DCE_code/snapshots",
            "Epoch99.pth",
            "CC BY-NC 4.0",
            "CC BY-NC 4.0",
            known=("a4395acb874f320375d9704997cef874eaaaaa26a1777ceb29a92b70f74c3612",),
        ),
    )
}


def method(name: str) -> Method:
    """The method of that name. Raises UsageError."""
    found = METHODS.get(name.lower())
    if not found:
        raise UsageError(f"no learned method {name}; there are {', '.join(METHODS)}")
    return found
