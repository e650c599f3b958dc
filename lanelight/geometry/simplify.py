"""The same line with fewer points, as a person wants it who is to correct it by hand."""

from __future__ import annotations

import numpy as np

from lanelight.errors import LanelightError
from lanelight.geometry.curve import FloatArray


def simplify(points: FloatArray, tolerance_px: float) -> FloatArray:
    """Return those points of a polyline that describe it within a tolerance (Douglas and Peucker 1973).

    Args:
        points: (P, 2) px, finite.
        tolerance_px: largest distance of a point left out from the line that remains, px.

    Returns:
        (Q, 2) px in the same order; both ends are kept.

    Raises:
        LanelightError: the tolerance is negative.
    """
    if not tolerance_px >= 0:
        raise LanelightError(f"simplify: expected a tolerance of 0 px or more, got {tolerance_px}")
    points = np.asarray(points, dtype=np.float64)
    keep = np.zeros(len(points), bool)
    keep[:1] = keep[-1:] = True
    parts = [(0, len(points) - 1)] if len(points) > 2 else []
    while parts:
        first, last = parts.pop()
        away = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(away.argmax())
        if away[farthest] <= tolerance_px:
            continue
        middle = first + 1 + farthest
        keep[middle] = True
        parts += [(a, b) for a, b in ((first, middle), (middle, last)) if b - a > 1]
    return points[keep]


def _distances(points: FloatArray, start: FloatArray, stop: FloatArray) -> FloatArray:
    """Return the distance of points from a line segment, (P,) px."""
    step = stop - start
    length2 = float(step @ step)
    share = np.clip((points - start) @ step / length2, 0.0, 1.0) if length2 > 0 else np.zeros(len(points))
    return np.asarray(np.linalg.norm(points - start - share[:, None] * step, axis=1), dtype=np.float64)
