"""Fast-SCNN: one class per pixel from two branches that share their first layers, with few weights and at full size.

Paper: Poudel, Liwicki, Cipolla, "Fast-SCNN: Fast Semantic Segmentation Network", BMVC 2019. Compatible with the weights
of leftthomas/FastSCNN, which follows the paper, and of Tramac/Fast-SCNN-pytorch, which differs; see NOTICE.

The picture is brought to an eighth of its size in three layers. From there one branch goes on to a 32nd and looks at
the whole picture, the other keeps what is small; both are added and classified.

Differs from these repositories: maps are enlarged to the size of what they meet, not by a factor, so that pictures of
any size fit; one picture alone can be trained on (`lanelight.nn.pyramid.PooledNorm`); auxiliary heads run in training
only and are compared at their own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import Decoder
from lanelight.errors import ModelError
from lanelight.geometry import InputSizes
from lanelight.models.class_maps import AUXILIARY, ClassLoss
from lanelight.models.class_networks import ClassNetwork
from lanelight.nn.bottleneck import conv_norm_act
from lanelight.nn.depthwise import DilatedDepthwise
from lanelight.nn.pyramid import PyramidPooling

Variant = Literal["paper", "tramac"]

DROPOUT = 0.1
SKIP, DEEP = 64, 128  # channels of the two branches


class FastScnn(ClassNetwork):
    """The network; build it with `fast_scnn`.

    Args:
        size: (width, height) of the input, px, at least 64x64; weights fit every size, and so does the built network.
        classes: number of classes.
        names: of the classes; None: those of Cityscapes for 19, of CamVid for 11, else numbers.
        variant: "paper" (leftthomas), or "tramac": no padding in the first convolution, an activation between the
            depthwise and the pointwise convolution, no dilation and a batch norm more where the branches meet.
        auxiliary: heads that help in training: at the end of both branches, with "tramac" of the first alone.
        normalize: "imagenet", which both repositories train with, or another of `lanelight.nn.normalize.CONSTANTS`.
        width_px: of lanes, which this network has none of; it changes nothing.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene; None: the likeliest class of each pixel.

    Raises:
        ModelError: a size, number or names of classes, variant, normalisation or loss that the network cannot have.
    """

    TAPS: ClassVar[tuple[str, ...]] = ("skip", "block1", "block2", "block3", "pyramid", "fused")
    SIZES: ClassVar[InputSizes] = InputSizes(multiple=1, least=64)  # the deepest map then has 2x2 positions

    def __init__(
        self,
        size: tuple[int, int],
        *,
        classes: int = 19,
        names: Sequence[str] | None = None,
        variant: Variant = "paper",
        auxiliary: bool = False,
        normalize: Literal["imagenet", "culane", "bgr"] = "imagenet",
        width_px: int = 0,  # noqa: ARG002  # every network is built with it
        loss_terms: ClassLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        _check_form(size, variant)
        super().__init__(
            "fast_scnn",
            size,
            classes=classes,
            names=names,
            normalize=normalize,
            loss_terms=loss_terms,
            decoder=decoder,
        )
        tramac = variant == "tramac"
        self.down = nn.Sequential(
            conv_norm_act(nn.Conv2d(3, 32, 3, stride=2, padding=0 if tramac else 1, bias=False), "relu"),
            _separable(32, 48, stride=2, act_between=tramac),
            _separable(48, SKIP, stride=2, act_between=tramac),
        )
        self.block1 = _residuals(SKIP, 64, stride=2)
        self.block2 = _residuals(64, 96, stride=2)
        self.block3 = _residuals(96, DEEP, stride=1)
        self.pyramid = PyramidPooling(DEEP, DEEP)
        self.fusion = _Fusion(dilation=1 if tramac else 4, norms=tramac)
        self.classifier = nn.Sequential(
            _separable(DEEP, DEEP, act_between=tramac),
            _separable(DEEP, DEEP, act_between=tramac),
            nn.Dropout(DROPOUT),
            nn.Conv2d(DEEP, classes, 1),
        )
        heads = {"skip": SKIP} if tramac else {"skip": SKIP, "deep": DEEP}
        self.auxiliary = nn.ModuleDict(
            {name: _auxiliary_head(channels, classes) for name, channels in heads.items() if auxiliary}
        )
        self.tap_skip, self.tap_block1, self.tap_block2 = nn.Identity(), nn.Identity(), nn.Identity()
        self.tap_block3, self.tap_pyramid, self.tap_fused = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``classes`` logits (B, K, H, W).

        While training with auxiliary heads also ``auxiliary_skip`` logits (B, K, h, w) at an eighth of the size and,
        in the paper's variant, ``auxiliary_deep`` at a 32nd.
        """
        skip = self.tap_skip(self.down(self.normalize(images)))
        x = self.tap_block1(self.block1(skip))
        x = self.tap_block2(self.block2(x))
        x = self.tap_block3(self.block3(x))
        deep = self.tap_pyramid(self.pyramid(x))
        fused = self.tap_fused(self.fusion(skip, deep))
        outputs = {"classes": _enlarged(self.classifier(fused), images)}
        if self.training:
            branches = {"skip": skip, "deep": deep}
            outputs |= {f"{AUXILIARY}{name}": head(branches[name]) for name, head in self.auxiliary.items()}
        return outputs


class _Residual(nn.Module):
    """Inverted residual: widen six times, convolve depthwise, narrow (Sandler et al. 2018, MobileNetV2, sec. 3.3)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        inner = 6 * in_channels
        self.layers = nn.Sequential(
            *conv_norm_act(nn.Conv2d(in_channels, inner, 1, bias=False), "relu"),
            *conv_norm_act(_depthwise(inner, stride=stride), "relu"),
            nn.Conv2d(inner, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.adds else out


class _Fusion(nn.Module):
    """Add the deep branch, enlarged, to the skip: (B, 64, h, w) and (B, 128, h/4, w/4) -> (B, 128, h, w)."""

    def __init__(self, *, dilation: int, norms: bool) -> None:
        super().__init__()
        enlarged = DilatedDepthwise(DEEP, dilation) if dilation > 1 else _depthwise(DEEP)
        self.deep = conv_norm_act(enlarged, "relu")
        self.low = nn.Sequential(nn.Conv2d(DEEP, DEEP, 1), *([nn.BatchNorm2d(DEEP)] if norms else []))
        self.high = nn.Sequential(nn.Conv2d(SKIP, DEEP, 1), *([nn.BatchNorm2d(DEEP)] if norms else []))

    def forward(self, skip: Tensor, deep: Tensor) -> Tensor:
        return F.relu(self.low(self.deep(_enlarged(deep, skip))) + self.high(skip))


def fast_scnn(size: tuple[int, int] = (2048, 1024), *, pretrained_backbone: bool = False, **parts: Any) -> FastScnn:
    """Build Fast-SCNN.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: Fast-SCNN has no published backbone weights; True is an error.
        parts: further arguments of `FastScnn`.

    Raises:
        ModelError: parts that the network cannot have, or pretrained weights were asked for.
    """
    if pretrained_backbone:
        raise ModelError("fast_scnn: expected pretrained_backbone=False; no backbone weights exist for Fast-SCNN")
    return FastScnn(size, **parts)


def _check_form(size: tuple[int, int], variant: str) -> None:
    FastScnn.SIZES.check("fast_scnn", size)
    if variant not in ("paper", "tramac"):
        raise ModelError(f"fast_scnn: expected variant 'paper' or 'tramac', got {variant!r}")


def _separable(in_channels: int, out_channels: int, *, stride: int = 1, act_between: bool) -> nn.Sequential:
    """Return a depthwise and a pointwise convolution, each with batch norm; without the first activation, its place."""
    return nn.Sequential(
        _depthwise(in_channels, stride=stride),
        nn.BatchNorm2d(in_channels),
        nn.ReLU() if act_between else nn.Identity(),
        *conv_norm_act(nn.Conv2d(in_channels, out_channels, 1, bias=False), "relu"),
    )


def _residuals(in_channels: int, out_channels: int, *, stride: int) -> nn.Sequential:
    first = _Residual(in_channels, out_channels, stride)
    return nn.Sequential(first, *(_Residual(out_channels, out_channels, 1) for _ in range(2)))


def _depthwise(channels: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False)


def _auxiliary_head(channels: int, classes: int) -> nn.Sequential:
    # The paper draws no head; this is Tramac's.
    return nn.Sequential(
        *conv_norm_act(nn.Conv2d(channels, 32, 3, padding=1, bias=False), "relu"),
        nn.Dropout(DROPOUT),
        nn.Conv2d(32, classes, 1),
    )


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)
