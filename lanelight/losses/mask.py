"""Losses on lane masks and existence flags (ENet-SAD; Hou et al. 2019, sec. 3)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from lanelight.geometry.warp import IGNORE


def mask_cross_entropy(logits: Tensor, labels: Tensor, *, background: float = 0.4) -> Tensor:
    """Return the class-weighted cross-entropy of lane masks.

    With one channel (lane or not, as on BDD100K) it is the binary form with the same weights.

    Args:
        logits: (B, K, H, W); class 0 is background.
        labels: (B, H, W) int64, 255 ignored.
        background: weight of class 0; lanes weigh 1. The mean is divided by the sum of weights.

    Returns:
        Scalar; 0 where every pixel is ignored.
    """
    weights = _pixel_weights(labels, background)
    known = labels != IGNORE
    if logits.shape[1] == 1:
        each = F.binary_cross_entropy_with_logits(
            logits[:, 0], (labels.clamp(max=1) * known).to(logits.dtype), reduction="none"
        )
    else:
        each = F.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="none")
    return (each * weights).sum() / weights.sum().clamp(min=1e-6)


def soft_iou(
    logits: Tensor, labels: Tensor, *, form: Literal["present", "reference"] = "present", eps: float = 1e-6
) -> Tensor:
    """Return 1 - IoU of soft masks, averaged over lanes.

    IoU_c = sum p t / sum (p + t - p t) with p the softmax over channels and t the one-hot label.

    Differs: the reference averages over one lane class only (its first) because of an indexing slip, and over lanes
    that are absent from the picture too; on one channel its softmax is constant, so that the term has no gradient.
    ``form="reference"`` gives those numbers. The default averages over the lanes that each picture has; with one
    channel p is the sigmoid.

    Args:
        logits: (B, K, H, W); class 0 is background unless K is 1.
        labels: (B, H, W) int64, 255 ignored.
        form: see above.
        eps: keeps the quotient finite.

    Returns:
        Scalar; 0 where no picture has a lane (default form).
    """
    known = (labels != IGNORE).unsqueeze(1).to(logits.dtype)
    if logits.shape[1] == 1:
        p = torch.ones_like(logits) if form == "reference" else torch.sigmoid(logits)
        t = ((labels > 0) & (labels != IGNORE)).unsqueeze(1).to(logits.dtype)
    else:
        p = logits.softmax(dim=1)[:, 1:]
        lanes = torch.arange(1, logits.shape[1], device=labels.device).view(1, -1, 1, 1)
        t = (labels.unsqueeze(1) == lanes).to(logits.dtype)
    p = p * known
    both, union = (p * t).sum(dim=(2, 3)), (p + t - p * t).sum(dim=(2, 3))
    if form == "reference":
        return 1 - (both[:, 0] / union[:, 0]).mean()
    present = t.sum(dim=(2, 3)) > 0  # (B, K - 1)
    loss = (1 - (both + eps) / (union + eps)) * present
    return loss.sum() / present.sum().clamp(min=1)


def existence_bce(logits: Tensor, flags: Tensor) -> Tensor:
    """Return the binary cross-entropy of existence flags, mean over all known entries.

    Args:
        logits: (B, S).
        flags: (B, S) 0 or 1; NaN where it is not known.
    """
    known = ~torch.isnan(flags)
    each = F.binary_cross_entropy_with_logits(logits, torch.nan_to_num(flags), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def _pixel_weights(labels: Tensor, background: float) -> Tensor:
    """Return (B, H, W) float weights: 0 for ignored pixels, `background` for class 0, 1 for lanes."""
    lanes = ((labels > 0) & (labels != IGNORE)).to(torch.float32)
    return lanes + background * (labels == 0).to(torch.float32)
