"""SegNet for lane instances: VGG16 down, the same way up, and heads for a lane mask and an embedding.

Network: Badrinarayanan, Kendall, Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image
Segmentation", PAMI 2017, with the loss of De Brabandere, Neven, Van Gool, "Semantic Instance Segmentation with a
Discriminative Loss Function", 2017. Compatible with the layouts of jaeoh2/Road-Lane-Instance-Segmentation-PyTorch, the
earlier with one decoder and the later with two; see NOTICE.

Differs from that repository: the encoder starts from ImageNet weights of VGG16 with batch norm, each layer from its
own (there, from those without, and the last level from the layer before its own), and no second VGG16 stays inside.
Pictures are normalised unless weights expect bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from lanelight.decode import Decoder
from lanelight.errors import ModelError
from lanelight.geometry import InputSizes
from lanelight.models.instance_networks import EMBEDDING, InstanceNetwork
from lanelight.models.lane_instances import InstanceLoss
from lanelight.nn.backbone import Pretrained, vgg16_bn_levels
from lanelight.nn.bottleneck import conv_norm_act
from lanelight.nn.pooling import max_pool_corner, max_unpool_corner

# Channels of each level of a decoder, the deepest first: into it, and out of each of its convolutions.
WIDTHS = ((512, 512, 512, 512), (512, 512, 512, 256), (256, 256, 256, 128), (128, 128, 64), (64, 64))


class SegnetInstance(InstanceNetwork):
    """The network; build it with `segnet_instance`.

    Args:
        size: (width, height) of the input, px, multiples of 32; weights fit every size.
        encoder: five levels, (B, 3, H, W) -> 64, 128, 256, 512, 512 channels, without the poolings.
        decoders: 1 for both heads, or 2, one for each.
        bias: of the convolutions before batch norm.
        embedding: its channels.
        lanes: room for so many in a picture it is trained on; the network finds any number.
        normalize: "imagenet", or another name in `lanelight.nn.normalize`; "bytes" for weights in the reference's
            layout.
        preprocess: steps on the picture before, as the manifest names them (`lanelight.frames.preprocess`).
        width_px: width of lanes drawn for training, px of the input.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene; None: one that fits the margins of the loss.

    Raises:
        ModelError: a size, number, normalisation, step or loss that the network cannot have.
    """

    TAPS: ClassVar[tuple[str, ...]] = ("level3", "level4", "level5")
    SIZES: ClassVar[InputSizes] = InputSizes(multiple=32, least=32)

    def __init__(
        self,
        size: tuple[int, int],
        encoder: nn.ModuleList,
        *,
        decoders: Literal[1, 2] = 1,
        bias: bool = True,
        embedding: int = EMBEDDING,
        lanes: int = 8,
        normalize: Literal["imagenet", "culane", "bgr", "bytes"] = "imagenet",
        preprocess: Sequence[Mapping[str, Any]] = (),
        width_px: int = 6,
        loss_terms: InstanceLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        if decoders not in (1, 2):
            raise ModelError(f"segnet_instance: expected 1 decoder or 2, got {decoders}")
        super().__init__(
            "segnet_instance",
            size,
            embedding=embedding,
            lanes=lanes,
            normalize=normalize,
            preprocess=preprocess,
            width_px=width_px,
            loss_terms=loss_terms,
            decoder=decoder,
        )
        self.encoder = encoder
        self.mask_branch = _Branch(bias=bias)
        self.embedding_branch = _Branch(bias=bias) if decoders == 2 else None
        self.mask = nn.Conv2d(64, 2, 3, padding=1)
        self.embedding = nn.Conv2d(64, embedding, 3, padding=1)
        self.tap_level3, self.tap_level4, self.tap_level5 = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``mask`` logits (B, 2, H, W) and ``embedding`` (B, E, H, W)."""
        named = {2: self.tap_level3, 3: self.tap_level4, 4: self.tap_level5}
        x, corners = self.normalize(images), []
        for place, level in enumerate(self.encoder):
            x = level(x)
            x, corner = max_pool_corner(named[place](x) if place in named else x)
            corners.append(corner)
        lane = self.mask_branch(x, corners)
        own = lane if self.embedding_branch is None else self.embedding_branch(x, corners)
        return {"mask": self.mask(lane), "embedding": self.embedding(own)}


class _Branch(nn.Module):
    """A decoder: (B, 512, H/32, W/32) and the corners of the five poolings -> (B, 64, H, W)."""

    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(*(layer for into, out in pairwise(widths) for layer in _unit(into, out, bias=bias)))
            for widths in WIDTHS
        )

    def forward(self, x: Tensor, corners: Sequence[Tensor]) -> Tensor:
        for level, corner in zip(self.levels, reversed(corners), strict=True):
            x = level(max_unpool_corner(x, corner))
        return x


def segnet_instance(
    size: tuple[int, int] = (512, 256),
    *,
    decoders: Literal[1, 2] = 1,
    bias: bool | None = None,
    pretrained_backbone: Pretrained = False,
    **parts: Any,
) -> SegnetInstance:
    """Build SegNet for lane instances.

    Args:
        size: (width, height) of the input, px.
        decoders: 1 for both heads, or 2, one for each.
        bias: of the convolutions before batch norm; None: with one decoder, as the reference has it.
        pretrained_backbone: True for the ImageNet weights of VGG16 with batch norm that timm publishes, or a file.
        parts: further arguments of `SegnetInstance`.

    Raises:
        ModelError: parts that the network cannot have, or backbone weights that cannot be had.
    """
    with_bias = decoders == 1 if bias is None else bias
    encoder = vgg16_bn_levels(pretrained_backbone, bias=with_bias)
    return SegnetInstance(size, encoder, decoders=decoders, bias=with_bias, **parts)


def _unit(into: int, out: int, *, bias: bool) -> nn.Sequential:
    return conv_norm_act(nn.Conv2d(into, out, 3, padding=1, bias=bias), "relu")
