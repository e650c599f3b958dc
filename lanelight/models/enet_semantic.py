"""ENet for one class per pixel: the network that the lane networks of this family were made from.

Paper: Paszke, Chaurasia, Kim, Culurciello, "ENet: A Deep Neural Network Architecture for Real-Time Semantic
Segmentation", 2016, arXiv 1606.02147. Compatible with the weights of davidtvs/PyTorch-ENet; see NOTICE.

Differs from that repository: sizes are multiples of 8, which poolings and their inverses bring back exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from lanelight.decode import Decoder
from lanelight.errors import ModelError
from lanelight.geometry import InputSizes
from lanelight.models.class_maps import ClassLoss
from lanelight.models.class_networks import ClassNetwork
from lanelight.nn.bottleneck import Activation, Bottleneck, DownBottleneck, InitialBlock, UpBottleneck, dilated_sequence

Variant = Literal["later", "first"]


class EnetSemantic(ClassNetwork):
    """The network; build it with `enet_semantic`.

    Args:
        size: (width, height) of the input, px, multiples of 8; weights fit every size.
        classes: number of classes.
        names: of the classes; None: those of Cityscapes for 19, of CamVid for 11 and, with void, for 12, else numbers.
        variant: "later", or "first", the repository's form before: a slope for each channel where a block adds,
            PReLU in the decoder too, and there transposed convolutions of 3x3 and an activation before the sum.
        act_expanded: that activation before the sum; None: as the variant has it. Weights of "later" from before March
            2021 were trained with it, and nothing in them tells.
        normalize: "unit", which the repository trains with, or another name in `lanelight.nn.normalize`.
        width_px: of lanes, which this network has none of; it changes nothing.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene; None: the likeliest class of each pixel.

    Raises:
        ModelError: a size, number or names of classes, variant, normalisation or loss that the network cannot have.
    """

    TAPS: ClassVar[tuple[str, ...]] = ("encoder1", "encoder2", "encoder3")
    SIZES: ClassVar[InputSizes] = InputSizes(multiple=8, least=16)

    def __init__(
        self,
        size: tuple[int, int],
        *,
        classes: int = 12,
        names: Sequence[str] | None = None,
        variant: Variant = "later",
        act_expanded: bool | None = None,
        normalize: Literal["unit", "imagenet", "culane", "bgr", "bytes"] = "unit",
        width_px: int = 0,  # noqa: ARG002  # every network is built with it
        loss_terms: ClassLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        _check_form(size, variant)
        super().__init__(
            "enet_semantic",
            size,
            classes=classes,
            names=names,
            normalize=normalize,
            loss_terms=loss_terms,
            decoder=decoder,
        )
        first = variant == "first"
        act: Activation = "prelu" if first else "relu"
        block = partial(Bottleneck, own_slopes=first)
        expanded = first if act_expanded is None else act_expanded
        up = partial(UpBottleneck, dropout=0.1, act=act, wide_middle=first, act_expanded=expanded, own_slopes=first)
        self.initial = InitialBlock(own_slopes=first)
        self.down1 = DownBottleneck(16, 64, dropout=0.01, own_slopes=first)
        self.encoder1 = nn.Sequential(*(block(64, dropout=0.01) for _ in range(4)))
        self.down2 = DownBottleneck(64, 128, dropout=0.1, own_slopes=first)
        self.encoder2 = dilated_sequence(own_slopes=first)
        self.encoder3 = dilated_sequence(own_slopes=first)
        self.up1 = up(128, 64)
        self.decoder1 = nn.Sequential(*(block(64, dropout=0.1, act=act) for _ in range(2)))
        self.up2 = up(64, 16)
        self.decoder2 = block(16, dropout=0.1, act=act)
        self.output = nn.ConvTranspose2d(16, classes, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.tap_encoder1, self.tap_encoder2, self.tap_encoder3 = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``classes`` logits (B, K, H, W)."""
        x, corner1 = self.down1(self.initial(self.normalize(images)))
        x = self.tap_encoder1(self.encoder1(x))
        x, corner2 = self.down2(x)
        x = self.tap_encoder2(self.encoder2(x))
        x = self.tap_encoder3(self.encoder3(x))
        x = self.decoder1(self.up1(x, corner2))
        x = self.decoder2(self.up2(x, corner1))
        return {"classes": self.output(x)}


def enet_semantic(
    size: tuple[int, int] = (480, 360), *, pretrained_backbone: bool = False, **parts: Any
) -> EnetSemantic:
    """Build ENet for classes of pixels.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: ENet has no published backbone weights; True is an error.
        parts: further arguments of `EnetSemantic`.

    Raises:
        ModelError: parts that the network cannot have, or pretrained weights were asked for.
    """
    if pretrained_backbone:
        raise ModelError("enet_semantic: expected pretrained_backbone=False; no backbone weights exist for ENet")
    return EnetSemantic(size, **parts)


def _check_form(size: tuple[int, int], variant: str) -> None:
    EnetSemantic.SIZES.check("enet_semantic", size)
    if variant not in ("later", "first"):
        raise ModelError(f"enet_semantic: expected variant 'later' or 'first', got {variant!r}")
