"""Polylines: resampling and fitting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError

FloatArray = NDArray[np.float64]


def resample(points: FloatArray, step_px: float) -> FloatArray:
    """Return points every `step_px` along a polyline; both ends are kept.

    Args:
        points: (P, 2) px.
        step_px: distance along the line, px.

    Returns:
        (Q, 2) px; the input where it has fewer than two distinct points.

    Raises:
        LanelightError: the step is not positive.
    """
    if not step_px > 0:
        raise LanelightError(f"resample: expected a positive step in px, got {step_px}")
    points = np.asarray(points, dtype=np.float64)
    along = arc_length(points)
    if len(points) < 2 or along[-1] == 0:
        return points
    at = np.append(np.arange(0.0, along[-1], step_px), along[-1])
    return np.stack([np.interp(at, along, points[:, k]) for k in range(2)], axis=1)


def arc_length(points: FloatArray) -> FloatArray:
    """Return the distance from the first point to each point along the polyline, (P,) px."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])[: len(points)]


def clip_to_frame(points: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Cut a polyline at the edges of the frame and return its longest part inside, ends on the edge.

    The frame spans -0.5 .. width - 0.5 and -0.5 .. height - 0.5 (half-pixel centres).

    Args:
        points: (P, 2) px.
        size: (width, height) px.

    Returns:
        (Q, 2) px in the same order; empty where no part lies inside.
    """
    points = np.asarray(points, dtype=np.float64)
    if len(points) < 2:
        return np.empty((0, 2))
    first, last = _clipped_shares(points, size)
    inside = np.flatnonzero(first < last)
    if len(inside) == 0:
        return np.empty((0, 2))
    # Segments follow each other without a break where neither is cut at their common point.
    whole = (np.diff(inside) == 1) & (last[inside[:-1]] == 1) & (first[inside[1:]] == 0)
    parts = []
    for run in np.split(inside, np.flatnonzero(~whole) + 1):
        a, b = points[run], points[run + 1]
        start = a[0] + first[run[0]] * (b[0] - a[0])
        stops = a + last[run, None] * (b - a)
        parts.append(np.concatenate([start[None], stops]))
    return max(parts, key=lambda part: float(arc_length(part)[-1]))


def _clipped_shares(points: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return where each segment enters and leaves the frame, as shares of the segment; (P - 1,) each (Liang-Barsky)."""
    first, last = np.zeros(len(points) - 1), np.ones(len(points) - 1)
    for k in range(2):
        start, step = points[:-1, k], np.diff(points[:, k])
        for gap, pace in ((start + 0.5, -step), (size[k] - 0.5 - start, step)):
            with np.errstate(divide="ignore", invalid="ignore"):
                share = gap / pace
            first = np.where(pace < 0, np.maximum(first, share), first)
            last = np.where(pace > 0, np.minimum(last, share), last)
            last = np.where((pace == 0) & (gap < 0), -1.0, last)  # parallel to this edge and beyond it
    return first, last
