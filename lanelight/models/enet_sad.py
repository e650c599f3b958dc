"""ENet-SAD: ENet with one mask per lane slot, an existence branch and taps for self attention distillation.

Paper: Hou, Ma, Liu, Loy, "Learning Lightweight Lane Detection CNNs by Self Attention Distillation", ICCV 2019; the
backbone is ENet (Paszke et al. 2016). Compatible with the weights of InhwanBae/ENet-SAD_Pytorch; see NOTICE.

Differs from that repository: encoder stages do not share their weights unless asked (`shared_stages`), the soft IoU
covers every lane present, distillation is not part of the network, and criteria hold no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import Decoder, MaskDecoder
from lanelight.errors import ModelError
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.geometry.curve import edge_gaps
from lanelight.geometry.warp import IGNORE
from lanelight.losses.mask import existence_bce, mask_cross_entropy, soft_iou
from lanelight.models.base import LaneModel
from lanelight.nn.bottleneck import Bottleneck, DownBottleneck, InitialBlock, UpBottleneck, dilated_sequence
from lanelight.nn.normalize import CULANE, Normalize

SLOTS = 4


@dataclass(frozen=True)
class MaskLoss:
    """Weights and forms of the loss terms (Hou et al. 2019, sec. 3.2; alpha = beta = 0.1).

    Attributes:
        iou: weight of the soft IoU.
        exist: weight of the existence term.
        background: weight of background pixels in the cross-entropy.
        iou_form: "present", or "reference" for the reference repository's numbers.
    """

    iou: float = 0.1
    exist: float = 0.1
    background: float = 0.4
    iou_form: Literal["present", "reference"] = "present"


class EnetSad(LaneModel):
    """The network; build it with `enet_sad`.

    Args:
        size: (width, height) of the input, px, multiples of 8; the existence branch is bound to it.
        channels: 5 (background and four slots), or 1 (lane or not, BDD100K).
        shared_stages: encoder stages 2 to 4 are one set of weights, as in the reference's default.
        width_px: width of lanes drawn for training, px of the input.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene.

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
        if size[0] % 8 or size[1] % 8 or min(size) < 16:
            raise ModelError(f"enet_sad: expected a size in multiples of 8, at least 16x16, got {size[0]}x{size[1]}")
        if channels not in (1, SLOTS + 1):
            raise ModelError(f"enet_sad: expected 5 channels (four slots) or 1 (lane or not), got {channels}")
        self.normalize = Normalize(*CULANE)
        self.size, self.channels, self.shared_stages, self.width_px = size, channels, shared_stages, width_px
        self.loss_terms = loss_terms or MaskLoss()
        self.decoder = decoder or MaskDecoder()

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
        """Draw the Scene for the network.

        A Scene may mark pixels that teach nothing with 255 in its class map. It then does not know either which
        lanes it lacks.

        Returns:
            ``lanes`` (H, W) int64 (0 background, slot + 1, 255 ignored; with one channel every lane is 1) and
            ``exist`` (4,) float32 (1, 0, or NaN where it is not known).
        """
        width, height = view.target
        mask = np.zeros((height, width), dtype=np.uint8)
        if scene.classes is not None:
            x0, y0, x1, y1 = view.crop
            seen = cv2.resize(scene.classes[y0:y1, x0:x1], view.target, interpolation=cv2.INTER_NEAREST)
            mask[seen == IGNORE] = IGNORE
        exist = np.full(SLOTS, np.nan if (mask == IGNORE).any() else 0, dtype=np.float32)
        for lane in scene.lanes:
            if self.channels > 1 and (lane.slot is None or not 0 <= lane.slot < SLOTS):
                continue
            value = 1 if self.channels == 1 or lane.slot is None else lane.slot + 1
            drawn = draw_lane(mask, lane, view, value, self.width_px)
            if drawn and lane.slot is not None and 0 <= lane.slot < SLOTS:
                exist[lane.slot] = 1
        return {"lanes": mask.astype(np.int64), "exist": exist}

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted terms ``mask``, ``iou`` and ``exist``."""
        weights = self.loss_terms
        labels = targets["lanes"]
        return {
            "mask": mask_cross_entropy(outputs["lanes"], labels, background=weights.background),
            "iou": weights.iou * soft_iou(outputs["lanes"], labels, form=weights.iou_form),
            "exist": weights.exist * existence_bce(outputs["exist"], targets["exist"]),
        }


class ExistenceBranch(nn.Module):
    """Says of each slot whether its lane exists: (B, C, h, w) features -> (B, 4) logits."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, SLOTS + 1, 1)
        self.hidden = nn.Linear((SLOTS + 1) * (size[0] // 16) * (size[1] // 16), 128)
        self.logits = nn.Linear(128, SLOTS)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        pooled = F.avg_pool2d(self.conv(x).softmax(dim=1), 2)
        out: Tensor = self.logits(F.relu(self.hidden(pooled.flatten(1))))
        return out


def draw_lane(mask: NDArray[np.uint8], lane: Lane, view: Viewport, value: int, width_px: int) -> bool:
    """Draw a lane into a mask of the viewport's target size; say whether any of it lies inside.

    Args:
        mask: (H, W) uint8, changed in place.
        lane: in px of the source frame.
        view: the network's view of the frame.
        value: what to write.
        width_px: width of the line.
    """
    points = view.to_target(lane.points[np.isfinite(lane.points).all(axis=1)])
    if len(points) < 2:
        return False
    inside = edge_gaps(points, view.target).min(axis=1) > -1e-6  # ends of lanes that were cut there lie on the edge
    fixed = np.clip(np.round(points * 16), -(2**20), 2**20).astype(np.int32)  # 4 fractional bits
    cv2.polylines(mask, [fixed.reshape(-1, 1, 2)], False, value, width_px, cv2.LINE_8, 4)
    return int(inside.sum()) >= 2


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
