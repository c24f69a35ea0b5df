"""HDR CNN: clipped highlights restored in the log domain by an autoencoder with VGG-16's encoder.

Eilertsen, Kronander, Denes, Mantiuk, Unger: HDR Image Reconstruction from a Single Exposure Using
Deep CNNs, ACM Transactions on Graphics (SIGGRAPH Asia) 2017. Displaying its result needs a tone
mapper: ``rht`` (the paper's row) or ``reinhard`` (ours).
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.descent import descend
from midtone.baselines.learned.layers import blur, gaussian_taps, symmetric_pad
from midtone.baselines.learned.tensors import tiles
from midtone.baselines.learned.vgg import VGG, VGG16

_EPSILON = 1 / 255
_THRESHOLD = 0.95  # above it a pixel's largest channel counts as clipped
_MULTIPLE = 32
_HALO = 224  # pixels; the radius is about 200
_TILE = 512
_MEAN_BGR = (103.939, 116.779, 123.68)
_LUMINANCE = (0.213, 0.715, 0.072)


class Upsample(nn.Module):
    """A transposed convolution that doubles the size, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """N x inputs x H x W -> N x outputs x 2 H x 2 W."""
        return functional.relu(self.norm(self.conv(x)))


class HDRCNN(nn.Module):
    """Section 4: an encoder for the display's domain, a decoder for the log domain."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = VGG(VGG16)
        self.middle = nn.Conv2d(512, 512, 3, padding=1)
        self.middle_norm = nn.BatchNorm2d(512)
        widths = [512, 512, 512, 256, 128, 64]
        self.up = nn.ModuleList(Upsample(a, b) for a, b in pairwise(widths))
        self.fuse = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[1:])
        self.output = nn.Conv2d(64, 3, 1)
        self.output_norm = nn.BatchNorm2d(3)
        self.output_fuse = nn.Conv2d(6, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W RGB in [0, 1], sides multiples of 32 -> log of the linear image."""
        x = 255 * image.flip(1) - image.new_tensor(_MEAN_BGR)[:, None, None]
        skips = []
        for block in self.encoder.layers():
            for conv in block:
                x = functional.relu(conv(x))
            skips.append(x)
            x = functional.max_pool2d(x, 2)
        x = functional.relu(self.middle_norm(self.middle(x)))
        for up, fuse in zip(self.up, self.fuse, strict=True):
            x = fuse(torch.cat([up(x), to_log(skips.pop() / 255)], 1))
        x = functional.relu(self.output_norm(self.output(x)))
        return self.output_fuse(torch.cat([x, to_log(image)], 1))


def to_log(x: Tensor) -> Tensor:
    """The skip connections' domain transformation (equation 5)."""
    return torch.log(x.square() + _EPSILON)


def blend(image: Tensor, log: Tensor) -> Tensor:
    """Equations 1 to 3: the image, linear, with the prediction where it is clipped."""
    weight = clipping(image)
    return (1 - weight) * image.square() + weight * (log.exp() - _EPSILON)


def clipping(image: Tensor) -> Tensor:
    """Equation 2: 0 below 0.95 in all channels, rising to 1: N x 1 x H x W."""
    return ((image.amax(1, True) - _THRESHOLD) / (1 - _THRESHOLD)).clamp(0, 1)


def linear_image(network: HDRCNN, image: Tensor, side: int = _TILE) -> Tensor:
    """1 x 3 x H x W in [0, 1] -> the linear image with its highlights, at the same size.

    The authors' script crops and resizes to multiples of 32; here the image is mirrored to them.
    Tiles give the same values as the whole image. Only pixels near white change.
    """
    height, width = image.shape[-2:]
    padded = symmetric_pad(image, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE))
    result = torch.empty_like(padded)
    rows, columns = padded.shape[-2:]
    for tile in tiles(rows, columns, _HALO, side, _MULTIPLE):
        tile.paste(network(tile.cut(padded)), result)
    return blend(image, result[..., :height, :width])


def reinhard(linear: Tensor, key: float = 0.18) -> Tensor:
    """A linear image -> display codes in [0, 1], 1 x 3 x H x W.

    Reinhard, Stark, Shirley, Ferwerda: Photographic Tone Reproduction for Digital Images, SIGGRAPH
    2002, equations 1, 2 and 4, the global operator; the brightest luminance becomes white. The
    curve that HDR CNN assumes of cameras, a square root, then encodes the result.
    """
    weights = linear.new_tensor(_LUMINANCE)[:, None, None]
    luminance = (linear * weights).sum(1, True)
    average = torch.log(luminance + 1e-6).mean().exp()
    scaled = key * luminance / average
    white = scaled.amax().clamp(min=1e-6)
    mapped = scaled * (1 + scaled / white.square()) / (1 + scaled)
    return (linear * mapped / luminance.clamp(min=1e-6)).clamp(0, 1).sqrt()


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors', in the order of the list in their .npz file."""
    names: dict[str, str] = {}

    def conv(ours: str, theirs: str, kind: str = "conv2d") -> None:
        names[f"{ours}.weight"] = f"{theirs}/W_{kind}"
        names[f"{ours}.bias"] = f"{theirs}/b_{kind}"

    def norm(ours: str, theirs: str) -> None:
        names[f"{ours}.bias"] = f"{theirs}/beta"
        names[f"{ours}.weight"] = f"{theirs}/gamma"
        names[f"{ours}.running_mean"] = f"{theirs}/moving_mean"
        names[f"{ours}.running_var"] = f"{theirs}/moving_variance"

    for block, count in enumerate(VGG16):
        for k in range(count):
            conv(f"encoder.blocks.{block}.{k}", f"encoder/h{block + 1}/conv_{k + 1}")
    conv("middle", "encoder/h6/conv")
    norm("middle_norm", "encoder/h6/batch_norm")
    for stage in range(5):
        theirs = f"decoder/h{stage + 1}"
        if stage:
            conv(f"fuse.{stage - 1}", f"{theirs}/fuse_skip_connection")
        conv(f"up.{stage}.conv", f"{theirs}/decon2d", "deconv2d")
        norm(f"up.{stage}.norm", f"{theirs}/decon2d/batch_norm_dc")
    conv("fuse.4", "decoder/h6/fuse_skip_connection")
    conv("output", "decoder/h7/conv2d")
    norm("output_norm", "decoder/h7/batch_norm")
    conv("output_fuse", "decoder/h7/fuse_skip_connection")
    return names


def losses(network: HDRCNN, image: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Equations 9 to 11: errors of illumination and reflectance where the image is clipped.

    image:  N x 3 x H x W in [0, 1]
    target: the true linear image of the same size
    """
    weight = clipping(image)
    log, true = network(image), torch.log(target + _EPSILON)
    (light, detail), (true_light, true_detail) = (_layers(x) for x in (log, true))
    return {
        "illumination": 0.5 * (weight * (light - true_light)).square().mean(),
        "reflectance": 0.5 * (weight * (detail - true_detail)).square().mean(),
    }


def _layers(log: Tensor) -> tuple[Tensor, Tensor]:
    """Log illumination (the blurred luminance) and log reflectance."""
    weights = log.new_tensor(_LUMINANCE)[:, None, None]
    luminance = ((log.exp() * weights).sum(1, True) + _EPSILON).log()
    light = blur(luminance, gaussian_taps(13, 2))
    return light, log - light


def virtual_camera(photograph: Tensor) -> tuple[Tensor, Tensor]:
    """A clipped image and the linear one it is of, from N x 3 x H x W display codes in [0, 1].

    As section 4.4, but from photographs that are not HDR: made linear by squaring, then exposed so
    that 5 to 15 % of their values clip.
    """
    linear = photograph.square()
    shares = torch.empty(len(linear), device=linear.device).uniform_(0.85, 0.95)
    whites = torch.stack(
        [x.flatten().quantile(share) for x, share in zip(linear, shares, strict=True)]
    )
    target = linear / whites.clamp(min=1e-3)[:, None, None, None]
    return (255 * target.clamp(max=1).sqrt()).round() / 255, target


class Training:
    """One step: Adam 5e-5 on 320 x 320 crops of photographs."""

    def __init__(self, network: HDRCNN, vgg: VGG | None, learning_rate: float = 5e-5) -> None:
        initialise(network, vgg)
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from N x 3 x H x W as a virtual camera takes them; ``image`` is not used."""
        del image
        terms = losses(self.network, *virtual_camera(target))
        return descend(self.optimizer, terms)


def initialise(network: HDRCNN, vgg: VGG | None) -> None:
    """Section 4.4: VGG-16's encoder, bilinear enlarging, skips that are added.

    vgg: the user's, whose first kernels take R, G, B and are turned round; None leaves the encoder
    """
    with torch.no_grad():
        if vgg is not None:
            network.encoder.load_state_dict(vgg.state_dict())
            first = network.encoder.layers()[0][0]
            first.weight.copy_(first.weight.flip(1))
        ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
        for up in network.up:
            weight = cast(Upsample, up).conv.weight
            inputs, outputs = weight.shape[:2]
            same = torch.eye(outputs).repeat(inputs // outputs, 1) * outputs / inputs
            weight.copy_(same[..., None, None] * torch.outer(ramp, ramp))
        for fuse in [*network.fuse, network.output_fuse]:
            weight, bias = fuse.get_parameter("weight"), fuse.get_parameter("bias")
            weight.copy_(torch.eye(len(bias)).repeat(1, 2)[..., None, None])
            bias.zero_()
