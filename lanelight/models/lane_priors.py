"""What networks that predict lanes as priors have in common in training: weights and terms of the loss (CLR family)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from lanelight.geometry.priors import STRIPS, Priors
from lanelight.losses.assign import MOST, Conflicts, Cost, assign, lanes_present
from lanelight.losses.focal import softmax_focal
from lanelight.losses.line_iou import lane_iou, line_iou
from lanelight.losses.mask import mask_cross_entropy

UNIT_X = 799  # the smooth L1 term counts rows, degrees, and px of an input 800 wide, however wide it is


@dataclass(frozen=True)
class PriorLoss:
    """Weights and forms of the loss terms (CLRNet, sec. 3.4).

    Attributes:
        classification: weight of the focal loss on lane or no lane.
        regression: weight of the smooth L1 of start, angle and length.
        iou: weight of 1 - IoU of the xs.
        segmentation: weight of the auxiliary decoder's cross-entropy.
        background: weight of background pixels in it.
        iou_form: "line_iou", or "lane_iou", whose strips are wider where a lane leans. It wants another half width
            and weight: see `CLRERNET`.
        half_width: of the strips, as a share of the input's width.
        stretch: how many px of height of the scene one px of the input's width shows; "lane_iou" needs it to know
            how a lane leans. 2.05 where CULane's 1640x320 px are squeezed into 800x320.
        assignment: "distances" (CLRNet), or "lane_iou" (CLRerNet).
        conflicts: what becomes of a prior that several lanes took: "cheapest", or "reference" for the published
            code's numbers (`lanelight.losses.assign.assign`).
    """

    classification: float = 2.0
    regression: float = 0.2
    iou: float = 2.0
    segmentation: float = 1.0
    background: float = 0.4
    iou_form: Literal["line_iou", "lane_iou"] = "line_iou"
    half_width: float = 15 / 800
    stretch: float = 2.05
    assignment: Cost = "distances"
    conflicts: Conflicts = "cheapest"

    @property
    def trains_all(self) -> bool:
        """Say whether every weight of a network gets a gradient."""
        return min(self.classification, self.regression, self.iou, self.segmentation) > 0


# What CLRerNet changed (Honda, Uchida 2024, sec. 3).
CLRERNET = PriorLoss(iou=4.0, iou_form="lane_iou", half_width=7.5 / 800, assignment="lane_iou")


def prior_terms(
    outputs: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    *,
    size: tuple[int, int],
    weights: PriorLoss,
) -> dict[str, Tensor]:
    """Return the weighted terms ``classification``, ``regression``, ``iou`` and ``segmentation``.

    The first three are means over stages and images.

    Args:
        outputs: of a network in training: ``stages`` (T, B, P, 78) and ``segmentation`` (B, n, H, W) logits. Where
            these are not there, ``priors`` (B, P, 78) are the only stage, and there is no term ``segmentation``.
        targets: as `lanelight.models.prior_target.prior_target` makes them, with a batch axis: ``lanes`` (B, M, 78),
            ``segmentation`` (B, H, W) and ``complete`` (B,). Where ``complete`` is 0 the other priors may lie on lanes
            that nobody drew, so that they learn nothing.
        size: (width, height) of the network's input, px.
        weights: of the terms.
    """
    stages = outputs["stages"] if "stages" in outputs else outputs["priors"].unsqueeze(0)
    stages = stages.to(torch.promote_types(stages.dtype, torch.float32))
    lanes = targets["lanes"].to(stages.dtype)
    assigned = assign(
        stages, lanes, size=size, cost=weights.assignment, conflicts=weights.conflicts, stretch=weights.stretch
    )
    own, goal, matched = _matched(stages, assigned, lanes)
    terms = {
        "classification": weights.classification * _classification(stages, assigned, lanes, targets["complete"]).mean(),
        "regression": weights.regression * _mean(_regression(own, goal), matched).mean(),
        "iou": weights.iou * _mean(1 - _iou(own, goal, size, weights), matched).mean(),
    }
    if "segmentation" in outputs:
        logits, labels = outputs["segmentation"], targets["segmentation"]
        terms["segmentation"] = weights.segmentation * mask_cross_entropy(logits, labels, background=weights.background)
    return terms


def _classification(stages: Tensor, assigned: Tensor, lanes: Tensor, complete: Tensor) -> Tensor:
    """Return (T, B): the focal loss summed over priors, per lane of the image."""
    positive = assigned >= 0
    each = softmax_focal(Priors(stages).logits, positive.long())
    counts = positive | (complete > 0).unsqueeze(-1)
    return (each * counts).sum(dim=-1) / lanes_present(lanes).sum(dim=-1).clamp(min=1)


def _matched(stages: Tensor, assigned: Tensor, lanes: Tensor) -> tuple[Priors[Tensor], Priors[Tensor], Tensor]:
    """Return the assigned priors (T, B, K), their lanes (T, B, K), and which of the K there are, (T, B, K) bool.

    K is the most that there can be: a fixed shape needs no word from the device, and is much less than all priors.
    """
    most = min(MOST * lanes.shape[-2], assigned.shape[-1])
    order = (assigned >= 0).to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[..., :most]
    lane = assigned.gather(-1, order)
    own = stages.gather(-2, _wide(order, stages))
    goal = lanes.expand(*lane.shape[:-1], *lanes.shape[-2:]).gather(-2, _wide(lane.clamp(min=0), lanes))
    return Priors(own), Priors(goal), lane >= 0


def _regression(own: Priors[Tensor], goal: Priors[Tensor]) -> Tensor:
    """Return (T, B, K): the smooth L1 of start, angle and length, mean over the four.

    A lane that starts higher than its target is to be as much shorter, so that it ends where the target does.
    """
    with torch.no_grad():
        first = (own.start_y * STRIPS).round().clamp(0, STRIPS)
        rest = goal.length - (first - (goal.start_y * STRIPS).round()) / STRIPS
    have, want = _numbers(own, own.length), _numbers(goal, rest)
    return F.smooth_l1_loss(have, want, reduction="none").mean(dim=-1)


def _numbers(priors: Priors[Tensor], length: Tensor) -> Tensor:
    """Return (..., 4): start in rows and px, direction in degrees, length in rows."""
    found = (priors.start_y * STRIPS, priors.start_x * UNIT_X, priors.theta * 180, length * STRIPS)
    return torch.stack(found, dim=-1)


def _iou(own: Priors[Tensor], goal: Priors[Tensor], size: tuple[int, int], weights: PriorLoss) -> Tensor:
    """Return (T, B, K): the IoU of priors with their lanes."""
    width, height = size
    xs, marks, half = own.xs * (width - 1), goal.xs * (width - 1), weights.half_width * width
    if weights.iou_form == "lane_iou":
        return lane_iou(xs, marks, half_width=half, row_px=height / STRIPS, stretch=weights.stretch)
    return line_iou(xs, marks, half_width=half)


def _mean(values: Tensor, matched: Tensor) -> Tensor:
    """Return (T, B): the mean of (T, B, K) over what is matched; 0 where nothing is."""
    # Not a product with the mask: what is left out may be anything, and 0 * inf is NaN.
    return values.masked_fill(~matched, 0).sum(dim=-1) / matched.sum(dim=-1).clamp(min=1)


def _wide(index: Tensor, rows: Tensor) -> Tensor:
    """Return an index (..., K) for `gather` along the second to last axis of (..., N, 78)."""
    return index.unsqueeze(-1).expand(*index.shape, rows.shape[-1])
