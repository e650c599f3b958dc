"""Which land each pixel sees, and filtered patterns on it: loops compiled by numba.

To import only where a frame is drawn: numba takes a second to load.
"""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
Array = NDArray[Any]
Five = tuple[float, float, float, float, float]  # of a place: depth, along, lateral, z, height above the road; m

FACE = 64  # zone ids from here on are vertical faces
SKY = 255  # zone id of pixels above the land
DEPTH, ALONG, LATERAL, ABOVE = range(4)  # planes of the fields
SKY_DEPTH = 1e6


def compiled(function: Function) -> Function:
    """Compile a loop, cached on disk where some folder can be written and in memory otherwise."""
    try:
        return cast(Function, numba.njit(cache=True, error_model="numpy", fastmath=True)(function))
    except RuntimeError:  # numba found no writable cache folder
        return cast(Function, numba.njit(error_model="numpy", fastmath=True)(function))


@compiled
def locate(px: float, py: float, s: float, path: Array, step_m: float) -> tuple[float, float]:
    """Return (along, lateral) of a place on the map, by one Newton step from the guess `s`."""
    i = min(max(int(s / step_m), 0), path.shape[0] - 2)
    w = s / step_m - i
    heading = path[i, 2] + w * (path[i + 1, 2] - path[i, 2])
    qx = px - (path[i, 0] + w * (path[i + 1, 0] - path[i, 0]))
    qy = py - (path[i, 1] + w * (path[i + 1, 1] - path[i, 1]))
    c, n = math.cos(heading), math.sin(heading)
    d = qx * n - qy * c
    return s + (qx * c + qy * n) / max(1.0 + path[i, 3] * d, 0.15), d


@compiled
def height_of(k: int, d: float, breaks: Array, amp: float) -> float:
    """Return the height (m) above the road of the land at `d` in strip `k`."""
    count = breaks.shape[0]
    if count == 0:
        return 0.0
    if k == 0:
        return breaks[0, 1] * (1.0 + breaks[0, 3] * (amp - 1.0))
    low = breaks[k - 1, 2] * (1.0 + breaks[k - 1, 3] * (amp - 1.0))
    if k == count:
        return low
    high = breaks[k, 1] * (1.0 + breaks[k, 3] * (amp - 1.0))
    return low + (high - low) * (d - breaks[k - 1, 0]) / (breaks[k, 0] - breaks[k - 1, 0])


@compiled
def fill(a: Five, b: Five, zone_id: int, top: int, u: int, eye: Five, fields: Array, zone: Array) -> int:
    """Write the pixels of a column that see the stretch of land from `a` to `b`; return the new lowest unseen row.

    Args:
        a: nearer end.
        b: farther end.
        zone_id: what lies there.
        top: rows from here down are done.
        u: the column.
        eye: focal length, row of the horizon, height of the eye; the rest is unused.
        fields: out, (4, H, W).
        zone: out, (H, W).
    """
    focal, cy, ez = eye[0], eye[1], eye[2]
    first = max(math.ceil(cy + focal * (ez - b[3]) / b[0]), 0)
    for row in range(top - 1, first - 1, -1):
        m = (row - cy) / focal
        down = (b[3] - a[3]) + m * (b[0] - a[0])
        share = (ez - m * a[0] - a[3]) / down if abs(down) > 1e-12 else 1.0
        share = min(max(share, 0.0), 1.0)
        fields[0, row, u] = a[0] + share * (b[0] - a[0])
        fields[1, row, u] = a[1] + share * (b[1] - a[1])
        fields[2, row, u] = a[2] + share * (b[2] - a[2])
        fields[3, row, u] = a[4] + share * (b[4] - a[4])
        zone[row, u] = zone_id
    return min(top, first)


@compiled
def column(
    u: int,
    eye: Five,
    ray: Five,
    start: Five,
    path: Array,
    step_m: float,
    breaks: Array,
    sides: Array,
    far_m: float,
    fields: Array,
    zone: Array,
) -> int:
    """Walk outwards in the vertical plane of one column; return the lowest row that sees no land.

    Args:
        u: the column.
        eye: as `fill` takes it.
        ray: x and y of the eye, x and y of the column's direction (of depth 1), first depth; m.
        start: the place below the eye.
        path: see `march`.
        step_m: see `march`.
        breaks: see `march`.
        sides: see `march`.
        far_m: see `march`.
        fields: out.
        zone: out.
    """
    ex, ey, dx, dy, t = ray
    a = start
    s = start[1]
    top = zone.shape[0]
    k = 0
    while k < breaks.shape[0] and start[2] > breaks[k, 0]:
        k += 1
    last = (path.shape[0] - 2) * step_m
    dt = t
    while t < far_m and top > 0:
        i = min(max(int(s / step_m), 0), path.shape[0] - 2)
        rate = (dx * math.cos(path[i, 2]) + dy * math.sin(path[i, 2])) / max(1.0 + path[i, 3] * a[2], 0.15)
        s, d = locate(ex + t * dx, ey + t * dy, s + dt * rate, path, step_m)
        if s < 0.0 or s > last or 1.0 + path[i, 3] * d < 0.12:
            break
        i = min(int(s / step_m), path.shape[0] - 2)
        z = path[i, 4] + (s / step_m - i) * (path[i + 1, 4] - path[i, 4])
        amp = sides[i, 0 if d < 0 else 1]
        t0, s0, d0, z0 = a[0], a[1], a[2], a[3] - a[4]
        while True:  # every break on the way is a vertex on each of its sides
            edge = -1
            if k < breaks.shape[0] and d > breaks[k, 0]:
                edge, following = k, k + 1
            elif k > 0 and d < breaks[k - 1, 0]:
                edge, following = k - 1, k - 1
            if edge < 0:
                break
            share = (breaks[edge, 0] - d0) / (d - d0)
            base = z0 + share * (z - z0)
            at = (t0 + share * (t - t0), s0 + share * (s - s0), breaks[edge, 0])
            before, behind = height_of(k, at[2], breaks, amp), height_of(following, at[2], breaks, amp)
            b = (at[0], at[1], at[2], base + before, before)
            c = (at[0], at[1], at[2], base + behind, behind)
            top = fill(a, b, k, top, u, eye, fields, zone)
            top = fill(b, c, FACE + edge, top, u, eye, fields, zone)
            a = c
            k = following
        h = height_of(k, d, breaks, amp)
        b = (t, s, d, z + h, h)
        top = fill(a, b, k, top, u, eye, fields, zone)
        a = b
        dt = max(0.4, 0.028 * t)
        t += dt
    return top


@compiled
def march(
    focal: float,
    centre: tuple[float, float],
    position: tuple[float, float, float],
    heading: float,
    start: tuple[float, float],
    path: Array,
    step_m: float,
    breaks: Array,
    sides: Array,
    far_m: float,
    fields: Array,
    zone: Array,
) -> None:
    """Find what land each pixel of a camera with a vertical image plane sees, column by column from below.

    Args:
        focal: px.
        centre: principal point, px.
        position: of the camera, m.
        heading: rad.
        start: (along, lateral) place of the camera, m.
        path: (N, 5) float64 x, y, heading, curvature, height of the centre line every `step_m`.
        step_m: m.
        breaks: (K, 4) float64 lateral position, height left and right of it (m), share of `sides` in the height.
        sides: (N, 2) float64 height factor of the land left and right of the road.
        far_m: end of the land, m.
        fields: out, (4, H, W) float32 m: depth, along and right of the road, height above it.
        zone: out, (H, W) uint8 strip between breaks, FACE + break on vertical faces, SKY elsewhere.
    """
    height, width = zone.shape
    cx, cy = centre
    fx, fy = math.cos(heading), math.sin(heading)
    i = min(max(int(start[0] / step_m), 0), path.shape[0] - 2)
    ground = path[i, 4] + (start[0] / step_m - i) * (path[i + 1, 4] - path[i, 4])
    below = (0.01, start[0], start[1], ground, 0.0)
    first = max(0.6 * focal * (position[2] - ground) / (height - cy), 0.4)
    eye = (focal, cy, position[2], 0.0, 0.0)
    for u in range(width):
        side = (u - cx) / focal
        ray = (position[0], position[1], fx + side * fy, fy - side * fx, first)
        top = column(u, eye, ray, below, path, step_m, breaks, sides, far_m, fields, zone)
        for row in range(top):
            fields[0, row, u] = SKY_DEPTH
            fields[1, row, u] = 0.0
            fields[2, row, u] = 0.0
            fields[3, row, u] = 0.0
            zone[row, u] = SKY


@compiled
def level(box: float) -> int:
    """Return how often to halve a texture so that a box of this many texels is at most 1.5 of its own."""
    if box <= 1.5:
        return 0
    bits = np.float32(box * 0.66667).view(np.int32)  # the exponent of a float, without the call that frexp costs
    return min(int(bits >> 23) - 126, 8)


@compiled
def sample(maps: Array, layer: int, x: float, y: float, fx: float, fy: float) -> float:
    """Read one layer of tiling textures, averaged over a box.

    Args:
        maps: (layers * 512 * 512,) float32, each layer a 256 px tile averaged by all pairs of powers of two.
        layer: which texture.
        x: column in texels; any value, the tile repeats.
        y: row in texels.
        fx: width of the box, texels.
        fy: height of the box, texels.
    """
    lx, ly = level(fx), level(fy)
    ox, oy = 512 - (512 >> lx), 512 - (512 >> ly)
    mx, my = (256 >> lx) - 1, (256 >> ly) - 1
    px = (x + 0.5) / (1 << lx) + 1048575.5  # the shift keeps it positive: cutting then rounds down
    py = (y + 0.5) / (1 << ly) + 1048575.5
    x0, y0 = int(px), int(py)
    wx, wy = px - x0, py - y0
    ia, ib = ox + (x0 & mx), ox + ((x0 + 1) & mx)
    base = layer * 262144
    ja, jb = base + 512 * (oy + (y0 & my)), base + 512 * (oy + ((y0 + 1) & my))
    low = maps[ja + ia] * (1 - wx) + maps[ja + ib] * wx
    high = maps[jb + ia] * (1 - wx) + maps[jb + ib] * wx
    return low * (1 - wy) + high * wy


@compiled
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


@compiled
def overlap(x: float, low: float, high: float, box: float) -> float:
    """Return the share of a box around `x` between `low` and `high`."""
    box = max(box, 1e-4)
    return max(0.0, min(x + 0.5 * box, high) - max(x - 0.5 * box, low)) / box
