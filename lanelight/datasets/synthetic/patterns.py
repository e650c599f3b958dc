"""Filtered patterns: textures, dashes and edges averaged over a pixel's footprint, compiled by numba.

To import only where a frame is drawn: numba takes a second to load.
"""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled_borrowing

Array = NDArray[Any]
UNIT = 31.0  # textures of deviation 1 fit into a byte, and the byte into the cache


@compiled_borrowing
def level(box: float) -> int:
    """Return how often to halve a texture so that a box of this many texels is at most 1.5 of its own."""
    if box <= 1.5:
        return 0
    bits = np.float32(box * 0.66667).view(np.int32)  # the exponent of a float, without the call that frexp costs
    return min(int(bits >> 23) - 126, 8)


@compiled_borrowing
def sample(maps: Array, layer: int, x: float, y: float, fx: float, fy: float) -> float:
    """Read one layer of tiling textures, averaged over a box.

    Args:
        maps: (layers * 512 * 512,) int8 in units of 1 / UNIT, each layer a tile of 256 px, averaged by all
            pairs of powers of two.
        layer: which texture.
        x: column in texels; any value, the tile repeats.
        y: row in texels.
        fx: width of the box, texels.
        fy: height of the box, texels.
    """
    lx, ly = level(fx), level(fy)
    ox, oy = 512 - (512 >> lx), 512 - (512 >> ly)
    mx, my = (256 >> lx) - 1, (256 >> ly) - 1
    # the shift keeps it positive: cutting then rounds down
    px = (x + 0.5) * np.int64((1023 - lx) << 52).view(np.float64) + 1048575.5
    py = (y + 0.5) * np.int64((1023 - ly) << 52).view(np.float64) + 1048575.5
    x0, y0 = int(px), int(py)
    wx, wy = px - x0, py - y0
    ia, ib = ox + (x0 & mx), ox + ((x0 + 1) & mx)
    base = layer * 262144
    ja, jb = base + 512 * (oy + (y0 & my)), base + 512 * (oy + ((y0 + 1) & my))
    low = maps[ja + ia] * (1 - wx) + maps[ja + ib] * wx
    high = maps[jb + ia] * (1 - wx) + maps[jb + ib] * wx
    return (low * (1 - wy) + high * wy) * (1.0 / UNIT)


@compiled_borrowing
def pulse(x: float, period: float, length: float, box: float) -> float:
    """Return the share of a box around `x` that lies on dashes of `length` at every multiple of `period`."""
    if period <= 0:
        return 1.0
    box = max(box, 1e-4)
    if box > 4 * period:
        return length / period
    a, b = (x - 0.5 * box) / period, (x + 0.5 * box) / period
    duty = length / period
    fa, fb = math.floor(a), math.floor(b)
    whole = (fb * duty + min(b - fb, duty)) - (fa * duty + min(a - fa, duty))
    return whole * period / box


@compiled_borrowing
def overlap(x: float, low: float, high: float, box: float) -> float:
    """Return the share of a box around `x` between `low` and `high`."""
    box = max(box, 1e-4)
    return max(0.0, min(x + 0.5 * box, high) - max(x - 0.5 * box, low)) / box
