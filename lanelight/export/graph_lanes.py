"""What an exported graph gives of lanes: arrays of fixed shapes, the same for every network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lanelight.geometry import Viewport


class GraphLanes(NamedTuple):
    """Lanes as tensors of fixed shapes.

    Lane i exists where ``counts[i] > 0``; its points are ``points[i, :counts[i]]``, from the vehicle outwards.

    Attributes:
        points: float32 (L, P, 2), x and y in px of the source frame; NaN behind the last point of a lane.
        counts: int32 (L,) number of points; 0 where there is no lane.
        scores: float32 (L,) in [0, 1]; 0 where there is no lane.
        slots: int32 (L,); -1 where there is no lane, or one without a slot.
    """

    points: Tensor
    counts: Tensor
    scores: Tensor
    slots: Tensor

    @classmethod
    def of(cls, points: Tensor, counts: Tensor, scores: Tensor, slots: Tensor, there: Tensor) -> GraphLanes:
        """Return lanes without those that are not `there`, (L,) bool, and without what stands behind the last point."""
        counts = torch.where(there, counts, 0)
        known = torch.arange(points.shape[1]) < counts.unsqueeze(-1)
        return cls(
            torch.where(known.unsqueeze(-1), points, float("nan")),
            counts.to(torch.int32),
            torch.where(there, scores, 0.0),
            torch.where(there, slots, -1).to(torch.int32),
        )


def packed(points: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Move the points that are kept to the front of each lane, in their order.

    Args:
        points: (L, P, 2), finite.
        kept: (L, P) bool.

    Returns:
        (L, P, 2) with zeros behind the last point, and the number of points, (L,).
    """
    place = kept.to(torch.int32).cumsum(dim=-1) - 1
    size = points.shape[1]
    # A product with ones and zeros moves numbers without changing them.
    moves = (place.unsqueeze(1) == torch.arange(size).unsqueeze(-1)) & kept.unsqueeze(1)  # (L, to, from)
    return moves.to(torch.float32) @ points, kept.to(torch.int32).sum(dim=-1)


def to_source(points: Tensor, view: Viewport) -> Tensor:
    """Map (..., 2) target px to source px, as `Viewport.to_source` does."""
    scale = torch.tensor(view.scale, dtype=torch.float32)
    offset = torch.tensor([first - 0.5 for first in view.crop[:2]], dtype=torch.float32)
    return (points + 0.5) / scale + offset
