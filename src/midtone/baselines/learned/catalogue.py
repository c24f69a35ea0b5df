"""What learned methods there are: papers, where weights are published, under which licence."""

from __future__ import annotations

from dataclasses import dataclass

from midtone.errors import UsageError

NO_LICENCE = "none stated"


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row of the paper's table 1, or one of ours.

    source:    where its authors publish the weights
    files:     what to give to ``midtone baselines import``
    licence:   of the published weights
    code:      licence of the authors' code, which is not used here
    parts:     networks of a method that has several: how the names of their values begin
    also:      another method whose file of weights holds these weights too
    known:     SHA-256 of the published values of each network, where they have been read
    """

    name: str
    paper: str
    source: str
    files: str
    licence: str
    code: str
    parts: tuple[str, ...] = ()
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


def _dped(phone: str, known: str) -> Method:
    return Method(
        name=f"dped-{phone}",
        paper=_DPED,
        source="github.com/aiff22/DPED, models_orig",
        files=f"{phone}_orig.index (beside {phone}_orig{_DATA})",
        licence=NO_LICENCE,
        code=NO_LICENCE,
        known=(known,),
    )


def _dpe(kind: str, files: str, licence: str = "MIT") -> Method:
    return Method(
        name=f"dpe-{kind}", paper=_DPE, source=_DPE_SOURCE, files=files, licence=licence, code="MIT"
    )


# In the order of the paper's table 1.
METHODS = {
    method.name: method
    for method in (
        Method(
            name="hdrcnn-rht",
            paper=f"{_HDRCNN}; {_RHT}",
            source=f"{_HDRCNN_SOURCE}; github.com/ybsong00/DRHT, checkpoint/hdr2ldr",
            files=f"hdrcnn_params.npz hdr2ldr.model-400.index (beside hdr2ldr.model-400{_DATA})",
            licence=f"{NO_LICENCE}; {NO_LICENCE}",
            code="BSD-3-Clause; none stated",
            parts=("hdrcnn", "rht"),
        ),
        Method(
            name="hdrcnn-reinhard",
            paper=f"{_HDRCNN}; Reinhard et al., Photographic Tone Reproduction, SIGGRAPH 2002",
            source=_HDRCNN_SOURCE,
            files="hdrcnn_params.npz",
            licence=NO_LICENCE,
            code="BSD-3-Clause",
            parts=("hdrcnn",),
            also="hdrcnn-rht",
        ),
        _dped("iphone", "9ab6c7c5be4548756378c51642621080d111a766a35d1eb31bb4f7d614cf1e18"),
        _dped("blackberry", "836d995e29747222a8712cb41877a3de68b9a25de4029d217584b013e9d34985"),
        _dped("sony", "70917c7b4170de7ed734c5efaf989aa5cef4f1668152d91e855e4e0cf67347cf"),
        _dpe("hdr", f"90.000-new.ckpt.index (beside 90.000-new.ckpt{_DATA})"),
        _dpe("ufivek", "a checkpoint of that model", "no weights are published"),
        _dpe("sfivek", f"27.500-new.ckpt.index (beside 27.500-new.ckpt{_DATA})"),
        Method(
            name="retinexnet",
            paper=_RETINEX,
            source="github.com/weichen582/RetinexNet, model/Decom and model/Relight",
            files="the .index files of Decom and of Relight (beside their data files)",
            licence="MIT",
            code="MIT",
            parts=("decom", "relight"),
            known=("deca3b2a3ae3c50640c374b509434800b00c528d8801556f972745ad04f1e249",),
        ),
        Method(
            name="deep-upe",
            paper=_UPE,
            source="github.com/dvlab-research/DeepUPE, checkpoints",
            files=f"model.ckpt.index (beside model.ckpt{_DATA})",
            licence=NO_LICENCE,
            code="Apache-2.0 headers",
        ),
        Method(
            name="zero-dce",
            paper=_ZERO_DCE,
            source="github.com/Li-Chongyi/Zero-DCE, Zero-DCE_code/snapshots",
            files="Epoch99.pth",
            licence="CC BY-NC 4.0",
            code="CC BY-NC 4.0",
            known=("06d51d3aa8b8d6e21f6e1645a7ac3538de8f7ebcb409b4734df9392aaac347b6",),
        ),
    )
}


def method(name: str) -> Method:
    """The method of that name. Raises UsageError."""
    found = METHODS.get(name.lower())
    if not found:
        raise UsageError(f"no learned method {name}; there are {', '.join(METHODS)}")
    return found
