"""The discriminative loss written down image by image, lane by lane and pair by pair, on planes of 0 and 1 per lane."""

from __future__ import annotations

import torch
from torch import Tensor


def slow_discriminative(
    embedding: Tensor, planes: list[list[Tensor]], *, pull_margin: float, push_margin: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the paper's terms; a plane without a pixel is a lane whose mean is the origin.

    Args:
        embedding: (B, E, H, W).
        planes: of each image a list of (H, W) of 0 and 1, one for each of its lanes.
        pull_margin: distance at which a pixel is near enough.
        push_margin: half the distance at which two lanes are far enough.
    """
    pull, push, centre = (torch.zeros((), dtype=embedding.dtype) for _ in range(3))
    for x, lanes in zip(embedding, planes, strict=True):
        means = [(x * plane).sum(dim=(1, 2)) / max(float(plane.sum()), 1.0) for plane in lanes]
        for plane, mean in zip(lanes, means, strict=True):
            outside = (_length(x - mean[:, None, None]) - pull_margin).clamp(min=0) ** 2
            pull = pull + (outside * plane).sum() / max(float(plane.sum()), 1.0) / len(lanes)
            centre = centre + _length(mean) / len(lanes)
        for i, a in enumerate(means):
            for j, b in enumerate(means):
                if i != j:
                    near = (2 * push_margin - _length(a - b)).clamp(min=0) ** 2
                    push = push + near / (len(lanes) * (len(lanes) - 1))
    return pull / len(planes), push / len(planes), centre / len(planes)


def _length(x: Tensor) -> Tensor:
    """Return the length of vectors (E, ...), 0 with a gradient of 0 for zeros."""
    squares = (x**2).sum(dim=0)
    return torch.where(squares > 0, squares.clamp(min=1e-300).sqrt(), torch.zeros_like(squares))
