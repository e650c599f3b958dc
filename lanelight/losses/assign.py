"""Which prior learns which lane: dynamic assignment of the CLR family (CLRNet, sec. 3.4; CLRerNet, sec. 3.3).

Every lane takes the priors that are cheapest for it, as many as the sum of its four best IoUs. All images and stages
of a batch are assigned at once, and nothing waits for the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lanelight.geometry.priors import ROWS, STRIPS, Priors
from lanelight.losses.focal import focal_cost
from lanelight.losses.line_iou import gaps_to_iou, lane_iou, row_gaps

Cost = Literal["distances", "lane_iou"]
Conflicts = Literal["cheapest", "reference"]

MOST = 4  # priors that a lane may have
LOCATION = 3.0  # weight of the score of the place against the class cost
FLOOR = 0.01  # what the worst prior scores
LINE_HALF_WIDTH = 15 / 800  # of LineIoU; shares of the input's width
COUNT_HALF_WIDTH = 7.5 / 800  # of LaneIoU where priors are counted
COST_HALF_WIDTH = 30 / 800  # of LaneIoU as a cost: wide, so that lanes far off still compare


@dataclass(frozen=True)
class Pairs:
    """What every prior is to every lane.

    Attributes:
        cost: (..., P, M); the lower the better. Meaningless in columns of empty slots.
        iou: (..., P, M).
    """

    cost: Tensor
    iou: Tensor


@torch.no_grad()
def assign(
    predictions: Tensor,
    targets: Tensor,
    *,
    size: tuple[int, int],
    cost: Cost = "distances",
    conflicts: Conflicts = "cheapest",
    stretch: float = 1.0,
) -> Tensor:
    """Return for every prior which lane it is to learn.

    Args:
        predictions: (..., P, 78).
        targets: (..., M, 78) in the same layout, xs NaN where a lane is not. Leading axes broadcast.
        size: (width, height) of the network's input, px.
        cost: "distances": of xs, starts and angles, and the LineIoU (CLRNet). "lane_iou": the LaneIoU (CLRerNet).
        conflicts: what becomes of a prior that several lanes took. "cheapest": of these lanes it keeps the one that
            it costs least. "reference" repeats an oversight of the published code: only the first lane's claim is
            given up, the overall cheapest lane's is added, and the first of the claims that are left counts.
        stretch: as for `lanelight.losses.line_iou.lane_widths`.

    Returns:
        (..., P) int64: index of the lane, or -1.
    """
    if cost == "distances":
        pairs = distance_pairs(predictions, targets, size=size)
    else:
        pairs = area_pairs(predictions, targets, size=size, stretch=stretch)
    present = lanes_present(targets).unsqueeze(-2)
    costs = pairs.cost.masked_fill(~present, torch.inf)
    taken = _taken(costs, pairs.iou)
    lane = (
        _first_claim(costs, taken, present)
        if conflicts == "reference"
        else costs.masked_fill(~taken, torch.inf).argmin(-1)
    )
    return lane.masked_fill(~taken.any(dim=-1), -1)


def lanes_present(targets: Tensor) -> Tensor:
    """Return which slots of (..., M, 78) targets hold a lane, (..., M) bool."""
    return Priors(targets).logits[..., 1] > 0.5


def distance_pairs(predictions: Tensor, targets: Tensor, *, size: tuple[int, int]) -> Pairs:
    """Return costs from distances of xs, starts and angles, and LineIoUs (CLRNet, sec. 3.4).

    Args:
        predictions: (..., P, 78).
        targets: (..., M, 78).
        size: (width, height) of the network's input, px.
    """
    width, height = size
    priors, lanes = Priors(predictions.unsqueeze(-2)), Priors(targets.unsqueeze(-3))
    present = lanes_present(targets).unsqueeze(-2)
    gaps, rows = row_gaps(priors.xs * (width - 1), lanes.xs * (width - 1))
    starts = torch.hypot(
        (priors.start_y - lanes.start_y) * (height - 1),
        (priors.start_x - lanes.start_x) * (width - 1),
    )
    angles = (priors.theta - lanes.theta).abs()
    place = _score(gaps / (rows + 1e-9), present) * _score(starts, present) * _score(angles, present)
    cost = focal_cost(priors.logits[..., 1]) - LOCATION * place.square()
    return Pairs(cost, gaps_to_iou(gaps, rows, half_width=LINE_HALF_WIDTH * width))


def area_pairs(predictions: Tensor, targets: Tensor, *, size: tuple[int, int], stretch: float = 1.0) -> Pairs:
    """Return costs from LaneIoUs, and LaneIoUs (CLRerNet, sec. 3.3).

    The cost minds where a prior starts and ends; the IoU that counts does not.

    Args:
        predictions: (..., P, 78).
        targets: (..., M, 78).
        size: (width, height) of the network's input, px.
        stretch: as for `lanelight.losses.line_iou.lane_widths`.
    """
    width, height = size
    priors, lanes = Priors(predictions.unsqueeze(-2)), Priors(targets.unsqueeze(-3))
    xs, marks = priors.xs * (width - 1), lanes.xs * (width - 1)
    row_px = height / STRIPS
    wide = lane_iou(
        xs,
        marks,
        half_width=COST_HALF_WIDTH * width,
        row_px=row_px,
        stretch=stretch,
        present=rows_present(predictions).unsqueeze(-2),
    )
    place = _score(1 - wide, lanes_present(targets).unsqueeze(-2))
    cost = focal_cost(priors.logits[..., 1]) - LOCATION * place
    return Pairs(cost, lane_iou(xs, marks, half_width=COUNT_HALF_WIDTH * width, row_px=row_px, stretch=stretch))


def rows_present(predictions: Tensor) -> Tensor:
    """Return in which rows predicted lanes are, by their start and length: (..., 72) bool of (..., 78)."""
    priors = Priors(predictions)
    row = torch.arange(ROWS, device=predictions.device)
    first = (priors.start_y * STRIPS).round().clamp(0, STRIPS).unsqueeze(-1)
    return (row >= first) & (row < first + (priors.length * STRIPS).round().unsqueeze(-1))


def _score(distances: Tensor, present: Tensor) -> Tensor:
    """Return 1 for no distance, 0 for the largest of an image, and a little more."""
    largest = distances.masked_fill(~present, 0).amax(dim=(-2, -1), keepdim=True)
    return 1 - distances / largest.clamp(min=1e-9) + FLOOR


def _taken(costs: Tensor, iou: Tensor) -> Tensor:
    """Return which priors each lane takes, (..., P, M) bool."""
    most = min(MOST, costs.shape[-2])
    counts = iou.clamp(min=0).topk(most, dim=-2).values.sum(dim=-2, keepdim=True).floor().clamp(min=1)
    # A stable sort, unlike topk, gives equal costs the same order on every device.
    best = costs.argsort(dim=-2, stable=True)[..., :most, :]
    rank = torch.arange(most, device=costs.device).unsqueeze(-1)
    enough = (rank < counts) & costs.gather(-2, best).isfinite()
    return torch.zeros_like(costs, dtype=torch.bool).scatter(-2, best, enough)


def _first_claim(costs: Tensor, taken: Tensor, present: Tensor) -> Tensor:
    """Return (..., P): the lane that the published code gives a prior, meaningless where none took it."""
    several = taken.sum(dim=-1, keepdim=True) > 1
    lane = torch.arange(costs.shape[-1], device=costs.device)
    first = present.to(torch.uint8).argmax(dim=-1, keepdim=True)
    changed = (taken & (lane != first)) | (lane == costs.argmin(dim=-1, keepdim=True))
    return torch.where(several, changed, taken).to(torch.uint8).argmax(dim=-1)
