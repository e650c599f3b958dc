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
    parts = parts_inside(points, edge_gaps(points, size))
    return max(parts, key=lambda part: float(arc_length(part)[-1])) if parts else np.empty((0, 2))


def edge_gaps(points: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return how far points lie inside each edge of the frame (left, right, top, bottom), (P, 4) px."""
    x, y = np.asarray(points, dtype=np.float64).T
    return np.stack([x + 0.5, size[0] - 0.5 - x, y + 0.5, size[1] - 0.5 - y], axis=1)


def parts_inside(points: FloatArray, gaps: FloatArray) -> list[FloatArray]:
    """Cut a polyline where it leaves a convex region and return its parts inside.

    Args:
        points: (P, 2) px.
        gaps: (P, K) values at the points of K functions that are linear in x and y, none negative inside the region.

    Returns:
        (Q, 2) px each, in the order of the polyline; none where no part lies inside.
    """
    if len(points) < 2:
        return []
    first, last = _clipped_shares(gaps)
    inside = np.flatnonzero(first < last)
    if len(inside) == 0:
        return []
    # Segments follow each other without a break where neither is cut at their common point.
    whole = (np.diff(inside) == 1) & (last[inside[:-1]] == 1) & (first[inside[1:]] == 0)
    parts = []
    for run in np.split(inside, np.flatnonzero(~whole) + 1):
        a, b = points[run], points[run + 1]
        start = a[0] + first[run[0]] * (b[0] - a[0])
        stops = a + last[run, None] * (b - a)
        parts.append(np.concatenate([start[None], stops]))
    return parts


def _clipped_shares(gaps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where each segment enters and leaves the region, as shares of it; (P - 1,) each (Liang-Barsky)."""
    gap, pace = gaps[:-1], np.diff(gaps, axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = -gap / pace
    first = np.where(pace > 0, share, 0.0).max(axis=1, initial=0.0)
    last = np.where(pace < 0, share, 1.0).min(axis=1, initial=1.0)
    beyond = ((pace == 0) & (gap < 0)).any(axis=1)  # parallel to an edge and outside it
    return first, np.where(beyond, -1.0, last)
