"""The Cityscapes score written down slowly from its rules, pixel by pixel and instance by instance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.formats.cityscapes import CATEGORIES, LABELS
from lanelight.metrics.cityscapes import MEAN_SIZE_PX

Map = NDArray[Any]
Frame = tuple[Map, Map, Map]  # predicted ids, true ids, true instance ids


def slow_figures(frames: Iterable[Frame]) -> dict[str, dict[str, float]]:
    """Return the four tables of the score, NaN where there is none."""
    frames = list(frames)
    pred = np.concatenate([frame[0].ravel() for frame in frames])
    gold = np.concatenate([frame[1].ravel() for frame in frames])
    valid = np.array([not LABELS[label].ignored for label in gold])
    names = [label.name for label in LABELS]
    tables: dict[str, dict[str, float]] = {
        "per_class": dict.fromkeys(names, math.nan),
        "per_class_instance": dict.fromkeys(names, math.nan),
        "per_category": dict.fromkeys(CATEGORIES, math.nan),
        "per_category_instance": dict.fromkeys(CATEGORIES, math.nan),
    }
    for label in LABELS:
        if not label.ignored:
            true, meant = gold == label.id, pred == label.id
            tables["per_class"][label.name] = _ratio((true & meant).sum(), (true | meant & valid).sum())
            if label.has_instances:
                false = (meant & valid & ~true).sum()
                tables["per_class_instance"][label.name] = _weighted(frames, {label.id}, {label.id}, false)
    for category in CATEGORIES[1:]:
        rows = [label for label in LABELS if label.category == category]
        members = {label.id for label in rows if not label.ignored}
        true, meant = np.isin(gold, list(members)), np.isin(pred, list(members))
        tables["per_category"][category] = _ratio((true & meant).sum(), (true | meant & valid).sum())
        if all(label.has_instances for label in rows):
            everyone = {label.id for label in rows}
            false = (np.isin(pred, list(everyone)) & valid & ~true).sum()
            tables["per_category_instance"][category] = _weighted(frames, members, everyone, false)
    return tables


def _weighted(frames: list[Frame], members: set[int], predicted: set[int], false: int) -> float:
    right = total = 0.0
    for pred, _, instances in frames:
        for instance in np.unique(instances[instances > 1000]):
            mask = instances == instance
            if int(instance) // 1000 in members:
                weight = MEAN_SIZE_PX[int(instance) // 1000] / mask.sum()
                right += weight * sum(int(label) in predicted for label in pred[mask])
                total += weight * mask.sum()
    return _ratio(right, total + false)


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else math.nan
