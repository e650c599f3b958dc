"""ENet-SAD: ENet with one mask per lane slot, an existence branch and taps for self attention distillation.

Paper: Hou, Ma, Liu, Loy, "Learning Lightweight Lane Detection CNNs by Self Attention Distillation", ICCV 2019; the
backbone is ENet (Paszke et al. 2016). Compatible with the weights of InhwanBae/ENet-SAD_Pytorch; see NOTICE.

Differs from that repository: encoder stages do not share their weights unless asked (`shared_stages`), the soft IoU
covers every lane present, distillation is not part of the network, and criteria hold no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lanelight.decode import Decoder
from lanelight.errors import ModelError
from lanelight.geometry import Scene, Viewport
from lanelight.models.base import LaneModel
from lanelight.models.slot_masks import (
    SLOTS,
    ExistenceBranch,
    MaskLoss,
    check_form,
    mask_decoder,
    mask_target,
    mask_terms,
)
from lanelight.nn.bottleneck import Bottleneck, DownBottleneck, InitialBlock, UpBottleneck, dilated_sequence
from lanelight.nn.normalize import CULANE, Normalize


class EnetSad(LaneModel):
    """The network; build it with `enet_sad`.

    Args:
        size: (width, height) of the input, px, multiples of 8; the existence branch is bound to it.
        channels: 5 (background and four slots), or 1 (lane or not, BDD100K).
        shared_stages: encoder stages 2 to 4 are one set of weights, as in the reference's default.
        width_px: width of lanes drawn for training, px of the input.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene; None: lanes by slot, or with one channel the pixels of lanes.

    Raises:
        ModelError: a size or channel count that the network cannot have.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("lanes", "exist")
    TAPS: ClassVar[tuple[str, ...]] = ("encoder1", "encoder2", "encoder3", "encoder4")

    def __init__(
        self,
        size: tuple[int, int],
        *,
        channels: int = SLOTS + 1,
        shared_stages: bool = False,
        width_px: int = 8,
        loss_terms: MaskLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        super().__init__()
        check_form("enet_sad", size, channels, loss_terms)
        self.normalize = Normalize(*CULANE)
        self.size, self.channels, self.shared_stages, self.width_px = size, channels, shared_stages, width_px
        self.loss_terms = loss_terms or MaskLoss()
        self.decoder = decoder or mask_decoder(channels)

        self.initial = InitialBlock()
        self.down1 = DownBottleneck(16, 64, dropout=0.01)
        self.encoder1 = nn.Sequential(*(Bottleneck(64, dropout=0.01) for _ in range(4)))
        self.down2 = DownBottleneck(64, 128, dropout=0.1)
        self.encoder2 = dilated_sequence()
        if not shared_stages:
            self.encoder3 = dilated_sequence()
            self.encoder4 = dilated_sequence()
        self.up1 = UpBottleneck(256, 64, dropout=0.1)
        self.decoder1 = nn.Sequential(*(Bottleneck(64, dropout=0.1, act="relu") for _ in range(2)))
        self.up2 = UpBottleneck(64, 16, dropout=0.1)
        self.decoder2 = Bottleneck(16, dropout=0.1, act="relu")
        self.output = nn.ConvTranspose2d(16, channels, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.existence = ExistenceBranch(128, size)
        self.tap_encoder1, self.tap_encoder2 = nn.Identity(), nn.Identity()
        self.tap_encoder3, self.tap_encoder4 = nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``lanes`` logits (B, K, H, W) and ``exist`` logits (B, 4)."""
        stages = [self.encoder2] * 3 if self.shared_stages else [self.encoder2, self.encoder3, self.encoder4]
        x, corner1 = self.down1(self.initial(self.normalize(images)))
        x = self.tap_encoder1(self.encoder1(x))
        x, corner2 = self.down2(x)
        x2 = self.tap_encoder2(stages[0](x))
        x3 = self.tap_encoder3(stages[1](x2))
        x4 = self.tap_encoder4(stages[2](x3))
        x = self.decoder1(self.up1(torch.cat([x3, x4], dim=1), corner2))
        x = self.decoder2(self.up2(x, corner1))
        return {"lanes": self.output(x), "exist": self.existence(x4)}

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Return ``lanes`` and ``exist`` as `lanelight.models.slot_masks.mask_target` draws them."""
        return mask_target(scene, view, channels=self.channels, width_px=self.width_px)

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted terms ``mask``, ``iou`` and ``exist``."""
        return mask_terms(outputs, targets, self.loss_terms)


def enet_sad(size: tuple[int, int] = (800, 288), *, pretrained_backbone: bool = False, **parts: Any) -> EnetSad:
    """Build ENet-SAD.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: ENet has no published backbone weights; True is an error.
        parts: further arguments of `EnetSad`.

    Raises:
        ModelError: pretrained weights were asked for.
    """
    if pretrained_backbone:
        raise ModelError("enet_sad: expected pretrained_backbone=False; no backbone weights exist for ENet")
    return EnetSad(size, **parts)
