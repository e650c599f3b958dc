"""A natural cubic spline over the chord length, from its definition: one linear system, solved at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def natural_spline(points: FloatArray, samples: int) -> FloatArray:
    """Return `samples` points of each interval and the last point, (samples * (P - 1) + 1, 2)."""
    t = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    count = len(t)
    system, right = np.zeros((count, count)), np.zeros((count, 2))
    system[0, 0] = system[-1, -1] = 1.0
    step = np.diff(t)
    for i in range(1, count - 1):
        system[i, i - 1 : i + 2] = step[i - 1], 2 * (step[i - 1] + step[i]), step[i]
        right[i] = 6 * ((points[i + 1] - points[i]) / step[i] - (points[i] - points[i - 1]) / step[i - 1])
    bend = np.linalg.solve(system, right)
    out = []
    for i in range(count - 1):
        for k in range(samples):
            a, b = (samples - k) / samples, k / samples
            cubic = (a**3 - a) * bend[i] + (b**3 - b) * bend[i + 1]
            out.append(a * points[i] + b * points[i + 1] + cubic * step[i] ** 2 / 6)
    return np.array([*out, points[-1]])
