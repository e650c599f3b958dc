"""Loss and assignment of the CLR family, one image, prior, lane and row at a time, from the formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Size = tuple[int, int]


def line_iou(xs: Array, marks: Array, half: float) -> float:
    """Return the LineIoU of two lanes, px; rows where `marks` is NaN do not count."""
    shared = spanned = 0.0
    for x, mark in zip(xs, marks, strict=True):
        if not math.isnan(mark):
            shared += min(x + half, mark + half) - max(x - half, mark - half)
            spanned += max(x + half, mark + half) - min(x - half, mark - half)
    return shared / (spanned + 1e-9)


def widths(xs: Array, half: float, row_px: float, stretch: float) -> list[float]:
    """Return half the horizontal width of a lane in each row, px."""
    found = []
    for k in range(len(xs)):
        middle = min(max(k, 1), len(xs) - 2)
        step = (xs[middle + 1] - xs[middle - 1]) * stretch
        rise = 2 * row_px
        found.append(half if math.isnan(step) else half * math.hypot(step, rise) / rise)
    return found


def lane_iou(
    xs: Array, marks: Array, half: float, *, row_px: float, stretch: float, present: list[bool] | None = None
) -> float:
    """Return the LaneIoU of two lanes, px."""
    own, other = widths(xs, half, row_px, stretch), widths(marks, half, row_px, stretch)
    shared = spanned = 0.0
    for k, (x, mark, v, w) in enumerate(zip(xs, marks, own, other, strict=True)):
        here, there = present is None or present[k], not math.isnan(mark)
        if here and there:
            shared += min(x + v, mark + w) - max(x - v, mark - w)
            spanned += max(x + v, mark + w) - min(x - v, mark - w)
        elif present is not None:
            spanned += 2 * v * here + 2 * w * there
    return shared / (spanned + 1e-9)


def class_cost(logit: float) -> float:
    """Return the focal cost of calling a prior a lane."""
    q = 1 / (1 + math.exp(-logit))
    return -0.25 * (1 - q) ** 2 * math.log(q + 1e-12) + 0.75 * q**2 * math.log(1 - q + 1e-12)


def assign(priors: Array, lanes: Array, size: Size, *, cost: str, conflicts: str, stretch: float) -> list[int]:
    """Return for each of (P, 78) priors of one image its lane among (M, 78), or -1."""
    slots = [m for m in range(len(lanes)) if lanes[m, 1] == 1]
    found = [-1] * len(priors)
    if not slots:
        return found
    costs, ious = (_distances if cost == "distances" else _areas)(priors, lanes[slots], size, stretch)
    claims = np.zeros(costs.shape, dtype=bool)
    for g in range(len(slots)):
        best = sorted((max(iou, 0.0) for iou in ious[:, g]), reverse=True)[:4]
        for p in sorted(range(len(priors)), key=lambda p: costs[p, g])[: max(1, math.floor(sum(best)))]:
            claims[p, g] = True
    for p in range(len(priors)):
        wanting = [g for g in range(len(slots)) if claims[p, g]]
        if len(wanting) > 1 and conflicts == "reference":
            wanting = sorted({g for g in wanting if g > 0} | {int(np.argmin(costs[p]))})[:1]
        if wanting:
            found[p] = slots[min(wanting, key=lambda g: costs[p, g])]
    return found


def _distances(priors: Array, lanes: Array, size: Size, _stretch: float) -> tuple[Array, Array]:
    """Return costs and IoUs, (P, G) each (CLRNet)."""
    width, height = size
    shape = (len(priors), len(lanes))
    far, start, angle, iou, classes = (np.zeros(shape) for _ in range(5))
    for p, prior in enumerate(priors):
        for g, lane in enumerate(lanes):
            xs, marks = prior[6:] * (width - 1), lane[6:] * (width - 1)
            gaps = [abs(x - mark) for x, mark in zip(xs, marks, strict=True) if not math.isnan(mark)]
            far[p, g] = sum(gaps) / (len(gaps) + 1e-9)
            start[p, g] = math.hypot((prior[2] - lane[2]) * (height - 1), (prior[3] - lane[3]) * (width - 1))
            angle[p, g] = 180 * abs(prior[4] - lane[4])
            iou[p, g] = line_iou(xs, marks, 15 / 800 * width)
            classes[p, g] = class_cost(prior[1])
    scores = [1 - each / each.max() + 0.01 for each in (far, start, angle)]
    return classes - 3 * (scores[0] * scores[1] * scores[2]) ** 2, iou


def _areas(priors: Array, lanes: Array, size: Size, stretch: float) -> tuple[Array, Array]:
    """Return costs and IoUs, (P, G) each (CLRerNet)."""
    width, height = size
    row_px = height / 71
    lost, iou, classes = (np.zeros((len(priors), len(lanes))) for _ in range(3))
    for p, prior in enumerate(priors):
        first = min(max(round(prior[2] * 71), 0), 71)
        present = [first <= k < first + round(prior[5] * 71) for k in range(72)]
        for g, lane in enumerate(lanes):
            xs, marks = prior[6:] * (width - 1), lane[6:] * (width - 1)
            lost[p, g] = 1 - lane_iou(xs, marks, 30 / 800 * width, row_px=row_px, stretch=stretch, present=present)
            iou[p, g] = lane_iou(xs, marks, 7.5 / 800 * width, row_px=row_px, stretch=stretch)
            classes[p, g] = class_cost(prior[1])
    return classes - 3 * (1 - lost / lost.max() + 0.01), iou


def terms(stages: Array, lanes: Array, complete: Array, size: Size, weights: Any) -> dict[str, float]:
    """Return the weighted terms of (T, B, P, 78) predictions on (B, M, 78) lanes, without the segmentation."""
    form = {"cost": weights.assignment, "conflicts": weights.conflicts, "stretch": weights.stretch}
    sums = {"classification": 0.0, "regression": 0.0, "iou": 0.0}
    for stage in stages:
        for priors, marks, known in zip(stage, lanes, complete, strict=True):
            found = assign(priors, marks, size, **form)
            count = max(1, int((marks[:, 1] == 1).sum()))
            for prior, lane in zip(priors, found, strict=True):
                if lane >= 0 or known:
                    odds = np.exp(prior[:2] - prior[:2].max())
                    p = odds[int(lane >= 0)] / odds.sum() + 1e-6
                    sums["classification"] -= 0.25 * (1 - p) ** 2 * math.log(p) / count
            pairs = [(prior, marks[lane]) for prior, lane in zip(priors, found, strict=True) if lane >= 0]
            for prior, lane in pairs:
                sums["regression"] += _smooth(prior, lane) / len(pairs)
                sums["iou"] += (1 - _iou(prior, lane, size, weights)) / len(pairs)
    images = stages.shape[0] * stages.shape[1]
    return {name: getattr(weights, name) * value / images for name, value in sums.items()}


def _smooth(prior: Array, lane: Array) -> float:
    """Return the smooth L1 of a prior's four numbers, mean over the four."""
    moved = min(max(round(prior[2] * 71), 0), 71) - round(lane[2] * 71)
    gaps = [
        71 * (prior[2] - lane[2]),
        799 * (prior[3] - lane[3]),
        180 * (prior[4] - lane[4]),
        71 * prior[5] - (71 * lane[5] - moved),
    ]
    return float(sum(gap**2 / 2 if abs(gap) < 1 else abs(gap) - 0.5 for gap in gaps)) / 4


def _iou(prior: Array, lane: Array, size: Size, weights: Any) -> float:
    """Return the IoU of a prior with its lane, in the form that the weights name."""
    width, height = size
    xs, marks, half = prior[6:] * (width - 1), lane[6:] * (width - 1), weights.half_width * width
    if weights.iou_form == "lane_iou":
        return lane_iou(xs, marks, half, row_px=height / 71, stretch=weights.stretch)
    return line_iou(xs, marks, half)
