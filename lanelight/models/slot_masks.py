"""What networks with one mask per lane slot have in common: targets, loss terms, existence branch (ENet-SAD, SCNN)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import Decoder, LaneAreaDecoder, MaskDecoder
from lanelight.errors import ModelError
from lanelight.geometry import Scene, Viewport
from lanelight.geometry.warp import IGNORE
from lanelight.losses.mask import existence_bce, mask_cross_entropy, soft_iou
from lanelight.models.base import check_multiple
from lanelight.models.drawing import draw_lane, seen_classes

SLOTS = 4


@dataclass(frozen=True)
class MaskLoss:
    """Weights and forms of the loss terms (Hou et al. 2019, sec. 3.2; alpha = beta = 0.1).

    Attributes:
        iou: weight of the soft IoU; 0 leaves it out.
        exist: weight of the existence term; 0 leaves it out, and the branch untrained.
        background: weight of background pixels in the cross-entropy.
        iou_form: "present", or "reference" for the reference repository's numbers.
    """

    iou: float = 0.1
    exist: float = 0.1
    background: float = 0.4
    iou_form: Literal["present", "reference"] = "present"

    @property
    def trains_all(self) -> bool:
        """Say whether every weight of a network gets a gradient."""
        return self.exist > 0


def check_form(network: str, size: tuple[int, int], channels: int, terms: object) -> None:
    """Make sure that a network can have an input size, a number of channels and these terms of the loss.

    Raises:
        ModelError: it cannot.
    """
    check_multiple(network, size, 8)
    if channels not in (1, SLOTS + 1):
        raise ModelError(f"{network}: expected 5 channels (four slots) or 1 (lane or not), got {channels}")
    if not isinstance(terms, MaskLoss | None):
        raise ModelError(f"{network}: expected the loss of masks (iou, exist, ...), got that of another kind: {terms}")


def mask_target(scene: Scene, view: Viewport, *, channels: int, width_px: int) -> dict[str, NDArray[Any]]:
    """Draw a Scene for a network.

    With one channel, pixels of class 1 are lane too: such a network learns from masks as well as from lines. A Scene
    whose classes are something else is to come without them.

    A Scene may mark pixels that teach nothing with 255 in its class map. It then does not know either which lanes it
    lacks, and neither does one with a mask of lanes.

    Args:
        scene: in px of the source frame.
        view: the network's view of the frame.
        channels: of the network: 5 (background and four slots), or 1 (lane or not).
        width_px: width of the lines, px of the input.

    Returns:
        ``lanes`` (H, W) int64 (0 background, slot + 1, 255 ignored; with one channel every lane is 1) and ``exist``
        (4,) float32 (1, 0, or NaN where it is not known).
    """
    width, height = view.target
    mask = np.zeros((height, width), dtype=np.uint8)
    seen = seen_classes(scene, view)
    if seen is not None:
        mask[seen == IGNORE] = IGNORE
        if channels == 1:
            mask[seen == 1] = 1
    exist = np.full(SLOTS, np.nan if mask.any() else 0, dtype=np.float32)
    for lane in scene.lanes:
        if channels > 1 and (lane.slot is None or not 0 <= lane.slot < SLOTS):
            continue
        value = 1 if channels == 1 or lane.slot is None else lane.slot + 1
        drawn = draw_lane(mask, lane, view, value, width_px)
        if drawn and lane.slot is not None and 0 <= lane.slot < SLOTS:
            exist[lane.slot] = 1
    return {"lanes": mask.astype(np.int64), "exist": exist}


def mask_decoder(channels: int) -> Decoder:
    """Return the decoder of a network with so many channels: 5 (background and four slots), or 1 (lane or not)."""
    return LaneAreaDecoder() if channels == 1 else MaskDecoder()


def mask_terms(outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], weights: MaskLoss) -> dict[str, Tensor]:
    """Return the weighted terms ``mask``, ``iou`` (where its weight is not 0) and ``exist``.

    Args:
        outputs: ``lanes`` (B, K, H, W) and ``exist`` (B, 4) logits.
        targets: as `mask_target` draws them, with a batch axis.
        weights: of the terms.
    """
    labels = targets["lanes"]
    terms = {"mask": mask_cross_entropy(outputs["lanes"], labels, background=weights.background)}
    if weights.iou:
        terms["iou"] = weights.iou * soft_iou(outputs["lanes"], labels, form=weights.iou_form)
    if weights.exist:
        terms["exist"] = weights.exist * existence_bce(outputs["exist"], targets["exist"])
    return terms


class ExistenceBranch(nn.Module):
    """Says of each slot whether its lane exists: (B, C, h, w) features -> (B, 4) logits.

    Args:
        channels: C; None where the features are already logits of background and slots, (B, 5, h, w).
        size: (width, height) of the network's input, px; the features have an eighth of it.
    """

    def __init__(self, channels: int | None, size: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Identity() if channels is None else nn.Conv2d(channels, SLOTS + 1, 1)
        self.hidden = nn.Linear((SLOTS + 1) * (size[0] // 16) * (size[1] // 16), 128)
        self.logits = nn.Linear(128, SLOTS)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        pooled = F.avg_pool2d(self.conv(x).softmax(dim=1), 2)
        out: Tensor = self.logits(F.relu(self.hidden(pooled.flatten(1))))
        return out
