"""Losses on class maps: cross-entropy with ignored pixels, class weights, the hardest pixels alone; a soft IoU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lanelight.geometry.warp import IGNORE


def class_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    weights: Sequence[float] | None = None,
    ohem_threshold: float | None = None,
    ohem_min_kept: int = 256,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of a class map, the mean over the pixels that count, weighted by class.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) int64, 0 to K - 1, 255 ignored.
        weights: of the K classes; None: all 1. The mean is divided by the sum of weights.
        ohem_threshold: where given, only pixels count whose true class has at most this probability: see `hardest`.
        ohem_min_kept: at least so many pixels of the batch count.
        label_smoothing: share of the target that is spread evenly over all classes.

    Returns:
        Scalar; 0 where every pixel is ignored.
    """
    given = None if weights is None else torch.tensor(weights, dtype=logits.dtype, device=logits.device)
    each = F.cross_entropy(
        logits, labels, weight=given, ignore_index=IGNORE, reduction="none", label_smoothing=label_smoothing
    )
    counts = labels != IGNORE
    if ohem_threshold is not None:
        counts = hardest(logits, labels, threshold=ohem_threshold, min_kept=ohem_min_kept)
    share = counts.to(logits.dtype)
    if given is not None:
        share = share * given[labels * counts]
    return (each * counts).sum() / share.sum().clamp(min=1e-6)


def class_soft_iou(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 minus the soft IoU, the mean over the classes that the batch has (Rahman & Wang 2016, sec. 3.1).

    Intersection and union of a class are sums over the pixels of the whole batch, of probabilities in place of a
    choice. A class on few pixels counts as much as one on many, as in the mean IoU.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) int64, 0 to K - 1, 255 ignored.

    Returns:
        Scalar; 0 where every pixel is ignored.
    """
    classes = logits.shape[1]
    known = labels != IGNORE
    own, counts = labels * known, known.to(logits.dtype)
    chance = logits.softmax(dim=1)
    hit = chance.gather(1, own.unsqueeze(1)).squeeze(1) * counts
    hits = hit.new_zeros(classes).index_add(0, own.flatten(), hit.flatten())
    pixels = torch.bincount(labels[known], minlength=classes).to(hit.dtype)
    iou = hits / (pixels + torch.einsum("bkhw,bhw->k", chance, counts) - hits).clamp(min=1e-6)
    present = pixels > 0
    return ((1 - iou) * present).sum() / present.sum().clamp(min=1)


def hardest(logits: Tensor, labels: Tensor, *, threshold: float, min_kept: int) -> Tensor:
    """Say which pixels are hard (online hard example mining; Shrivastava et al. 2016, in the form that Tramac uses).

    Hard are those whose true class has at most the probability `threshold`. Where these are fewer than `min_kept` in
    the whole batch, it is the `min_kept` pixels with the smallest one, and whatever equals the largest of them.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) int64, 255 ignored: never hard.
        threshold: probability.
        min_kept: number of pixels; where fewer are known, all of them are hard.

    Returns:
        (B, H, W) bool, without a gradient.
    """
    known = labels != IGNORE
    with torch.no_grad():
        chance = torch.exp(-F.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="none"))
        chance = chance.masked_fill(~known, torch.inf)
        limit = chance.new_tensor(threshold)
        if min_kept > 0:
            nearest = torch.kthvalue(chance.flatten(), min(min_kept, chance.numel())).values
            limit = torch.maximum(limit, nearest)
        return (chance <= limit) & known
