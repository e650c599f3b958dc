"""The NMS of lanes as the reference's CUDA kernel walks through it, one pair and one row at a time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def slow_nms(
    rows: NDArray[np.float32], scores: NDArray[np.float64], threshold_px: float, width: int, keep: int, *, clamped: bool
) -> list[int]:
    """Return indices of the kept rows, the best first; `clamped` moves starts below the input to its edge."""
    kept: list[int] = []
    for i in sorted(range(len(rows)), key=lambda index: -scores[index]):
        if len(kept) < keep and not any(_same(rows[k], rows[i], threshold_px, width, clamped) for k in kept):
            kept.append(i)
    return kept


def _same(a: NDArray[np.float32], b: NDArray[np.float32], threshold_px: float, width: int, clamped: bool) -> bool:
    first = max(_start(a, clamped), _start(b, clamped))
    last = min(_stop(a, clamped), _stop(b, clamped), 71)
    if last < first:
        return False
    distance = 0.0
    if first >= -5:  # an 8-bit counter starts at 5 + first
        for k in range(5 + first, 5 + last + 1):
            distance += abs(_record(a, width)[k] - _record(b, width)[k])
    return distance < threshold_px * (last - first + 1)


def _record(row: NDArray[np.float32], width: int) -> list[float]:
    neg, pos, start_y, start_x, _, length, *xs = (float(value) for value in row)
    return [neg, pos, start_y, start_x, length * 71, *(x * (width - 1) for x in xs)]


def _start(row: NDArray[np.float32], clamped: bool) -> int:
    start = math.trunc(float(row[2]) * 71 + 0.5)
    return max(start, 0) if clamped else start


def _stop(row: NDArray[np.float32], clamped: bool) -> int:
    reach = float(row[5]) * 71 - 1
    return math.trunc(_start(row, clamped) + reach + 0.5 - (1 if reach < 0 else 0))
