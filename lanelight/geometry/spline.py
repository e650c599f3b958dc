"""The interpolating cubic spline through points, with not-a-knot ends: what FITPACK gives with smoothing 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lanelight.errors import LanelightError
from lanelight.geometry.curve import FloatArray


def spline(knots: ArrayLike, values: ArrayLike, at: ArrayLike) -> FloatArray:
    """Return values of the smooth curve through points.

    Four and more points give a cubic spline whose third derivative is continuous at the second and the last but one
    (not-a-knot), three a parabola, two a straight line, one a constant. Outside the knots the end pieces go on.

    Args:
        knots: (N,) where the values are known, strictly increasing.
        values: (N,) there.
        at: (M,) where values are wanted.

    Returns:
        (M,) float64.

    Raises:
        LanelightError: no points, not as many values as knots, or knots that do not increase.
    """
    t, v, wanted = (np.asarray(array, dtype=np.float64) for array in (knots, values, at))
    if t.ndim != 1 or t.shape != v.shape or len(t) == 0:
        raise LanelightError(f"spline: expected as many values as knots, at least one, got {t.shape} and {v.shape}")
    if len(t) == 1:
        return np.full(wanted.shape, v[0])
    step = np.diff(t)
    if not step.min() > 0:
        raise LanelightError("spline: expected knots that strictly increase; sort them and leave out repeated ones")
    slope = np.diff(v) / step
    d = _derivatives(step, slope)
    # Hermite form on each piece: v + s (d + s (b + s c)), s the distance from the piece's first knot.
    b = (3 * slope - 2 * d[:-1] - d[1:]) / step
    c = (d[:-1] + d[1:] - 2 * slope) / step**2
    piece = np.clip(np.searchsorted(t, wanted, side="right") - 1, 0, len(step) - 1)
    s = wanted - t[piece]
    return np.asarray(v[piece] + s * (d[piece] + s * (b[piece] + s * c[piece])), dtype=np.float64)


def _derivatives(step: FloatArray, slope: FloatArray) -> FloatArray:
    """Return the derivatives at the knots, (N,), from the distances and slopes between them, (N - 1,) each."""
    if len(step) == 1:
        return np.repeat(slope, 2)
    if len(step) == 2:
        bend = (slope[1] - slope[0]) / (step[0] + step[1])
        return np.array([slope[0] - bend * step[0], slope[0] + bend * step[0], slope[1] + bend * step[1]])
    lower, middle, upper, right = _system(step, slope)
    # Thomas' algorithm on plain numbers: for the tens of points of a lane faster than a dense solver, and linear.
    pivot, rest = middle[0], right[0]
    pivots, rests = [pivot], [rest]
    for low, mid, up, known in zip(lower, middle[1:], upper, right[1:], strict=True):
        share = low / pivot
        pivot, rest = mid - share * up, known - share * rest
        pivots.append(pivot)
        rests.append(rest)
    value = rest / pivot
    found = [value]
    for pivot, rest, up in zip(pivots[-2::-1], rests[-2::-1], upper[::-1], strict=True):
        value = (rest - up * value) / pivot
        found.append(value)
    return np.array(found[::-1])


def _system(step: FloatArray, slope: FloatArray) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return the tridiagonal equations of the derivatives: the diagonals below, on and above, and the right side.

    For N knots the outer diagonals have N - 1 entries, the others N.
    """
    h, m = step, slope
    first, last = h[0] + h[1], h[-1] + h[-2]
    inner = 3 * (h[1:] * m[:-1] + h[:-1] * m[1:])
    start = ((h[0] + 2 * first) * h[1] * m[0] + h[0] ** 2 * m[1]) / first
    stop = (h[-1] ** 2 * m[-2] + (2 * last + h[-1]) * h[-2] * m[-1]) / last
    lower = [*h[1:].tolist(), float(last)]
    middle = [float(h[1]), *(2 * (h[:-1] + h[1:])).tolist(), float(h[-2])]
    upper = [float(first), *h[:-1].tolist()]
    return lower, middle, upper, [float(start), *inner.tolist(), float(stop)]
