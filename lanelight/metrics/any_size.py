"""The TuSimple rule on frames of any size, for data sets that have no rows of their own."""

from __future__ import annotations

import numpy as np

from lanelight.geometry import FloatArray, Scene
from lanelight.metrics.tusimple import TuSimpleAccuracy

WIDTH = 1280  # the rule's 20 px are meant for frames of this width
ROW_STEP = 10


def count_any_size(metric: TuSimpleAccuracy, pred: Scene, gold: Scene, *, slots: int = 4) -> None:
    """Count one frame as if it were 1280 px wide, compared every 10 rows.

    Only lanes in slots count: a network with four slots is not asked for a fifth lane. A frame whose truth has no
    such lane is left out, because the rule gives it no accuracy.

    Args:
        metric: counts the frame.
        pred: the detector's lanes.
        gold: the true lanes, in the same frame size.
        slots: number of slots.
    """
    scale = WIDTH / gold.size[0]
    rows = np.arange(round(gold.size[1] * scale) - ROW_STEP, 0, -ROW_STEP, dtype=np.float64)[::-1]
    truth = _scaled(gold, scale, rows, slots)
    if truth.lanes:
        metric.update(_scaled(pred, scale, rows, slots), truth, rows=rows)


def _scaled(scene: Scene, scale: float, rows: FloatArray, slots: int) -> Scene:
    """Return the lanes of the slots in the larger frame, without those on fewer than two of the rows."""
    size = (round(scene.size[0] * scale), round(scene.size[1] * scale))
    lanes = [lane.with_points((lane.points + 0.5) * scale - 0.5) for lane in scene.lanes if lane.slot in range(slots)]
    return Scene(size, [lane for lane in lanes if np.isfinite(lane.x_at(rows)).sum() >= 2])
