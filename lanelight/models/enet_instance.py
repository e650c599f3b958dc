"""ENet with two branches: which pixels are lane, and an embedding that tells one lane from another.

Network: Paszke, Chaurasia, Kim, Culurciello, "ENet", 2016, branched as in Neven, De Brabandere, Georgoulis, Proesmans,
Van Gool, "Towards End-to-End Lane Detection: an Instance Segmentation Approach", IV 2018. Compatible with the published
weights of jaeoh2/Road-Lane-Instance-Segmentation-PyTorch; see NOTICE.

Differs from that repository: its embedding is read from the branch of the mask, and the branch built for it never runs.
Here each output has a branch of its own; the published weights come with ``shared_branch=True``, without the tensors
that never ran. Pictures are normalised unless weights expect bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import Decoder
from lanelight.errors import ModelError
from lanelight.geometry import InputSizes
from lanelight.models.instance_networks import EMBEDDING, InstanceNetwork
from lanelight.models.lane_instances import InstanceLoss
from lanelight.nn.bottleneck import Bottleneck, DownBottleneck, UpBottleneck, conv_norm_act, dilated_sequence


class EnetInstance(InstanceNetwork):
    """The network; build it with `enet_instance`.

    Args:
        size: (width, height) of the input, px, multiples of 8; weights fit every size.
        shared_branch: one branch carries both heads, as the published weights were trained; else each has its own.
        embedding: its channels.
        lanes: room for so many in a picture it is trained on; the network finds any number.
        normalize: "imagenet", or another of `lanelight.nn.normalize.CONSTANTS`; "bytes" for the published weights.
        preprocess: steps on the picture before, as the manifest names them (`lanelight.frames.preprocess`).
        width_px: width of lanes drawn for training, px of the input.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene; None: one that fits the margins of the loss.

    Raises:
        ModelError: a size, number, normalisation, step or loss that the network cannot have.
    """

    TAPS: ClassVar[tuple[str, ...]] = ("encoder1", "encoder2")
    SIZES: ClassVar[InputSizes] = InputSizes(multiple=8, least=16)

    def __init__(
        self,
        size: tuple[int, int],
        *,
        shared_branch: bool = False,
        embedding: int = EMBEDDING,
        lanes: int = 8,
        normalize: Literal["imagenet", "culane", "bgr", "bytes"] = "imagenet",
        preprocess: Sequence[Mapping[str, Any]] = (),
        width_px: int = 6,
        loss_terms: InstanceLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        super().__init__(
            "enet_instance",
            size,
            embedding=embedding,
            lanes=lanes,
            normalize=normalize,
            preprocess=preprocess,
            width_px=width_px,
            loss_terms=loss_terms,
            decoder=decoder,
        )
        self.initial = _Initial()
        self.down1 = DownBottleneck(16, 64, dropout=0.01)
        self.encoder1 = nn.Sequential(*(Bottleneck(64, dropout=0.01) for _ in range(4)))
        self.down2 = DownBottleneck(64, 128, dropout=0.1)
        self.encoder2 = dilated_sequence(norm_between=False)
        self.mask_branch = _Branch()
        self.embedding_branch = None if shared_branch else _Branch()
        self.mask = _head(2)
        self.embedding = _head(embedding)
        self.tap_encoder1, self.tap_encoder2 = nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``mask`` logits (B, 2, H, W) and ``embedding`` (B, E, H, W)."""
        x, corner1 = self.down1(self.initial(self.normalize(images)))
        x = self.tap_encoder1(self.encoder1(x))
        x, corner2 = self.down2(x)
        x = self.tap_encoder2(self.encoder2(x))
        lane = self.mask_branch(x, corner2, corner1)
        own = lane if self.embedding_branch is None else self.embedding_branch(x, corner2, corner1)
        return {"mask": self.mask(lane), "embedding": self.embedding(own)}


class _Initial(nn.Module):
    """3x3 convolution with stride 2, normalised, beside 2x2 max-pooling of the picture: (B, 16, H/2, W/2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv_norm_act(nn.Conv2d(3, 13, 3, stride=2, padding=1, bias=False), "prelu")

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.conv(images), F.max_pool2d(images, 2)], dim=1)


class _Branch(nn.Module):
    """ENet's third stage and decoder: (B, 128, H/8, W/8) and the corners of both poolings -> (B, 16, H/2, W/2)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = dilated_sequence(norm_between=False)
        self.up1 = UpBottleneck(128, 64, dropout=0.1, act="prelu", wide=True)
        self.decoder1 = nn.Sequential(*(Bottleneck(64, dropout=0.1) for _ in range(2)))
        self.up2 = UpBottleneck(64, 16, dropout=0.1, act="prelu", wide=True)
        self.decoder2 = Bottleneck(16, dropout=0.1)

    def forward(self, x: Tensor, corner2: Tensor, corner1: Tensor) -> Tensor:
        x = self.decoder1(self.up1(self.encoder(x), corner2))
        out: Tensor = self.decoder2(self.up2(x, corner1))
        return out


def enet_instance(
    size: tuple[int, int] = (512, 256), *, pretrained_backbone: bool = False, **parts: Any
) -> EnetInstance:
    """Build ENet for lane instances.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: ENet has no published backbone weights; True is an error.
        parts: further arguments of `EnetInstance`.

    Raises:
        ModelError: parts that the network cannot have, or pretrained weights were asked for.
    """
    if pretrained_backbone:
        raise ModelError("enet_instance: expected pretrained_backbone=False; no backbone weights exist for ENet")
    return EnetInstance(size, **parts)


def _head(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(16, channels, 3, stride=2, padding=1, output_padding=1, bias=False)
