"""Which land each pixel of one column sees: loops compiled by numba; import only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

from lanelight.compiled import compiled_borrowing, inlined
from lanelight.datasets.synthetic.patterns import Array
from lanelight.datasets.synthetic.tables import CEILING, FACE, FAR_M, SKY, SKY_DEPTH, STEP_M, Eye, Ground

STRAIGHTNESS_PX = 0.1  # how far a stretch of land between two steps may be from straight
LEAST_BEND = 0.0015  # 1/m; roads bend up and down too
Five = tuple[float, float, float, float, float]  # of a place: depth, along, lateral, z, height above the road; m


@compiled_borrowing
def march(u: int, low: int, high: int, eye: Eye, ground: Ground, places: Array, zone: Array) -> int:
    """Find what land each pixel of a column of a camera with a vertical image plane sees, from below.

    Args:
        u: the column.
        low: first row that is wanted.
        high: row after the last that is wanted.
        eye: the camera.
        ground: the land.
        places: out, (4, H) float32 m: depth, along and right of the road, height above it.
        zone: out, (H,) uint8 strip between breaks, FACE + break on vertical faces, SKY elsewhere.

    Returns:
        The lowest row that sees no land.
    """
    path = ground.path
    i = min(max(int(eye.s / STEP_M), 0), path.shape[0] - 2)
    base = path[i, 4] + (eye.s / STEP_M - i) * (path[i + 1, 4] - path[i, 4])
    below = (0.01, eye.s, eye.d, base, 0.0)
    first = max(0.6 * eye.focal * (eye.z - base) / max(high - eye.cy, 1.0), 0.4)
    side = (u - eye.cx) / eye.focal
    fx, fy = math.cos(eye.heading), math.sin(eye.heading)
    ray = (fx + side * fy, fy - side * fx)
    top = _walk(ray, first, below, (low, high), eye, ground, places, zone)
    for row in range(low, top):
        places[0, row] = SKY_DEPTH
        places[1, row] = 0.0
        places[2, row] = 0.0
        places[3, row] = 0.0
        zone[row] = SKY
    return top


@compiled_borrowing
def roof_over(
    u: int, low: int, top: int, height_m: float, eye: Eye, ground: Ground, places: Array, zone: Array
) -> None:
    """Find what a column sees of a flat roof over the road, from row `low` to row `top`; arguments as `march`."""
    path = ground.path
    side = (u - eye.cx) / eye.focal
    fx, fy = math.cos(eye.heading), math.sin(eye.heading)
    dx, dy = fx + side * fy, fy - side * fx
    last = (path.shape[0] - 2) * STEP_M
    s = eye.s
    for row in range(low, min(top, max(math.floor(eye.cy), 0))):
        rise = (eye.cy - row) / eye.focal
        d = eye.d
        t = 0.0
        for _ in range(3):  # the height of the roof depends on where it is met
            i = min(max(int(s / STEP_M), 0), path.shape[0] - 2)
            z = path[i, 4] + (s / STEP_M - i) * (path[i + 1, 4] - path[i, 4])
            t = min(max(z + height_m - eye.z, 0.3) / rise, FAR_M)
            s, d = locate(eye.x + t * dx, eye.y + t * dy, min(max(s, eye.s), last), path)
        if t >= FAR_M or s >= last:
            return
        places[0, row] = t
        places[1, row] = s
        places[2, row] = d
        places[3, row] = height_m
        zone[row] = CEILING


@inlined
def locate(px: float, py: float, s: float, path: Array) -> tuple[float, float]:
    """Return (along, lateral) of a place on the map, by one Newton step from the guess `s`."""
    i = min(max(int(s / STEP_M), 0), path.shape[0] - 2)
    w = s / STEP_M - i
    c = path[i, 5] + w * (path[i + 1, 5] - path[i, 5])
    n = path[i, 6] + w * (path[i + 1, 6] - path[i, 6])
    qx = px - (path[i, 0] + w * (path[i + 1, 0] - path[i, 0]))
    qy = py - (path[i, 1] + w * (path[i + 1, 1] - path[i, 1]))
    d = qx * n - qy * c
    return s + (qx * c + qy * n) / max(1.0 + path[i, 3] * d, 0.15), d


@inlined
def _walk(
    ray: tuple[float, float],
    first: float,
    start: Five,
    rows: tuple[int, int],
    eye: Eye,
    ground: Ground,
    places: Array,
    zone: Array,
) -> int:
    """Walk outwards in the vertical plane of one column; return the lowest row that sees no land.

    Args:
        ray: x and y of the column's direction (of depth 1), m.
        first: depth of the first step, m.
        start: the place below the eye.
        rows: first row that is wanted, and the one after the last.
        eye: the camera.
        ground: the land.
        places: out.
        zone: out.
    """
    path, breaks = ground.path, ground.breaks
    dx, dy = ray
    t = first
    a = start
    s = start[1]
    low, top = rows
    k = 0
    while k < breaks.shape[0] and start[2] > breaks[k, 0]:
        k += 1
    last = (path.shape[0] - 2) * STEP_M
    dt = t
    while t < FAR_M and top > low:
        i = min(max(int(s / STEP_M), 0), path.shape[0] - 2)
        rate = (dx * path[i, 5] + dy * path[i, 6]) / max(1.0 + path[i, 3] * a[2], 0.15)
        s, d = locate(eye.x + t * dx, eye.y + t * dy, s + dt * rate, path)
        if s < 0.0 or s > last or 1.0 + path[i, 3] * d < 0.12:
            break
        i = min(int(s / STEP_M), path.shape[0] - 2)
        z = path[i, 4] + (s / STEP_M - i) * (path[i + 1, 4] - path[i, 4])
        amp = ground.sides[i, 0 if d < 0 else 1]
        t0, s0, d0, z0 = a[0], a[1], a[2], a[3] - a[4]
        while True:  # every break on the way is a vertex on each of its sides
            edge = -1
            following = k
            if k < breaks.shape[0] and d > breaks[k, 0]:
                edge, following = k, k + 1
            elif k > 0 and d < breaks[k - 1, 0]:
                edge, following = k - 1, k - 1
            if edge < 0:
                break
            share = (breaks[edge, 0] - d0) / (d - d0)
            base = z0 + share * (z - z0)
            at = (t0 + share * (t - t0), s0 + share * (s - s0), breaks[edge, 0])
            before, behind = _height_of(k, at[2], breaks, amp), _height_of(following, at[2], breaks, amp)
            b = (at[0], at[1], at[2], base + before, before)
            c = (at[0], at[1], at[2], base + behind, behind)
            top = _fill(a, b, k, low, top, eye, places, zone)
            top = _fill(b, c, FACE + edge, low, top, eye, places, zone)
            a = c
            k = following
        h = _height_of(k, d, breaks, amp)
        b = (t, s, d, z + h, h)
        top = _fill(a, b, k, low, top, eye, places, zone)
        a = b
        bend = max(abs(path[i, 3]), LEAST_BEND)
        dt = max(min(math.sqrt(STRAIGHTNESS_PX * 8.0 * t / (eye.focal * bend)), 0.06 * t), 0.3)
        t += dt
    return top


@inlined
def _height_of(k: int, d: float, breaks: Array, amp: float) -> float:
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


@inlined
def _fill(a: Five, b: Five, zone_id: int, low: int, top: int, eye: Eye, places: Array, zone: Array) -> int:
    """Write the pixels of a column that see the stretch of land from `a` to `b`; return the new lowest unseen row.

    Args:
        a: nearer end.
        b: farther end.
        zone_id: what lies there.
        low: rows before this are not wanted.
        top: rows from here down are done.
        eye: the camera.
        places: out, (4, H).
        zone: out, (H,).
    """
    first = max(math.ceil(eye.cy + eye.focal * (eye.z - b[3]) / b[0]), low)
    per_px, drop = 1.0 / eye.focal, eye.z - a[3]
    dt, ds, dd, dz, dh = b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3], b[4] - a[4]
    for row in range(first, top):
        m = (row - eye.cy) * per_px
        down = dz + m * dt
        share = min(max((drop - m * a[0]) / (down if abs(down) > 1e-12 else 1e-12), 0.0), 1.0)
        places[0, row] = a[0] + share * dt
        places[1, row] = a[1] + share * ds
        places[2, row] = a[2] + share * dd
        places[3, row] = a[4] + share * dh
        zone[row] = zone_id
    return min(top, first)
