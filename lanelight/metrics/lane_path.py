"""From the points of a lane to the pixels its line runs through, as the CULane benchmark's tool does; compiled.

Three points or more: a natural cubic spline over the chord length, 50 samples an interval. Two points: a straight line.
Every sample is cast to float32 before it is rounded half to even, and coordinate differences are taken in float32:
both change the pixels of ordinary lanes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled

Points = NDArray[np.float32]
Path = NDArray[np.int64]
FloatArray = NDArray[np.float64]

SAMPLES = 50  # of one interval between two points
LOWEST = -(1 << 31)


@compiled
def lane_path(points: Points) -> Path:
    """Return the whole-pixel points of a lane, (N, 2) of x and y, neighbours all different.

    NaN and what does not fit a 32-bit integer become -2**31, as in the benchmark's tool: a point given twice in a row
    makes the whole spline NaN, and what remains is one line from there to the last point.

    Args:
        points: (P, 2) x and y in px, at least two.
    """
    count = len(points)
    if count == 2:
        path = np.empty((2, 2), np.int64)
        used = _append(path, 0, points[0, 0], points[0, 1])
        return path[: _append(path, used, points[1, 0], points[1, 1])]
    path = np.empty((SAMPLES * (count - 1) + 1, 2), np.int64)
    chord = np.empty(count - 1, np.float64)
    for i in range(count - 1):
        dx, dy = _widened(points[i + 1, 0] - points[i, 0]), _widened(points[i + 1, 1] - points[i, 1])
        chord[i] = np.sqrt(dx * dx + dy * dy)
    bend_x, bend_y = _second_derivatives(points[:, 0], chord), _second_derivatives(points[:, 1], chord)
    used = 0
    for i in range(count - 1):
        step = chord[i] / SAMPLES
        ax, bx, cx, dx = _cubic(points[:, 0], bend_x, chord, i)
        ay, by, cy, dy = _cubic(points[:, 1], bend_y, chord, i)
        for k in range(SAMPLES):
            t = step * k
            x = ax + bx * t + cx * (t * t) + dx * (t * t * t)
            y = ay + by * t + cy * (t * t) + dy * (t * t * t)
            used = _append(path, used, np.float32(x), np.float32(y))
    return path[: _append(path, used, points[-1, 0], points[-1, 1])]


@compiled
def _append(path: Path, used: int, x: np.float32, y: np.float32) -> int:
    """Put a rounded point behind the first `used` ones if it differs from the last; return how many there are."""
    col, row = _rounded(x), _rounded(y)
    if used and path[used - 1, 0] == col and path[used - 1, 1] == row:
        return used
    path[used, 0], path[used, 1] = col, row
    return used + 1


@compiled
def _rounded(value: np.float32) -> int:
    if not -2147483648.0 <= value < 2147483648.0:
        return LOWEST
    return int(np.rint(value))


@compiled
def _second_derivatives(values: Points, chord: FloatArray) -> FloatArray:
    """Solve the natural spline's tridiagonal system (zero at both ends), forwards and back."""
    count = len(values)
    bend = np.zeros(count, np.float64)
    upper, right = np.empty(count - 2, np.float64), np.empty(count - 2, np.float64)
    for i in range(count - 2):
        after, before = _widened(values[i + 2] - values[i + 1]), _widened(values[i + 1] - values[i])
        jump = 6 * (after / chord[i + 1] - before / chord[i])
        pivot = 2 * (chord[i] + chord[i + 1])
        if i:
            pivot = pivot - chord[i] * upper[i - 1]
            jump = jump - chord[i] * right[i - 1]
        upper[i], right[i] = chord[i + 1] / pivot, jump / pivot
    for i in range(count - 3, -1, -1):
        bend[i + 1] = right[i] if i == count - 3 else right[i] - upper[i] * bend[i + 2]
    return bend


@compiled
def _cubic(values: Points, bend: FloatArray, chord: FloatArray, i: int) -> tuple[float, float, float, float]:
    """Return the coefficients of interval i, of powers 0 to 3 of the chord length from its first point."""
    h = chord[i]
    slope = _widened(values[i + 1] - values[i]) / h - (2 * h * bend[i] + h * bend[i + 1]) / 6
    return _widened(values[i]), slope, bend[i] / 2, (bend[i + 1] - bend[i]) / (6 * h)


@compiled
def _widened(value: np.float32) -> float:
    """Return a float32 as float64; `float` would keep it as it is in compiled code."""
    return np.float64(value)
