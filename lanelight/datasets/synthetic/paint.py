"""Paint on the road, compiled by numba; import this module only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from lanelight.compiled import inlined
from lanelight.datasets.synthetic.patterns import Array, overlap, pulse, sample
from lanelight.datasets.synthetic.shading import BLOTCH, GLYPHS, GRAIN
from lanelight.datasets.synthetic.tables import Ground


@inlined
def painted(
    r: float,
    g: float,
    b: float,
    s: float,
    d: float,
    fs: float,
    fd: float,
    i: int,
    w: float,
    bits: np.uint64,
    ground: Ground,
    maps: Array,
) -> tuple[float, float, float, float]:
    """Lay the stripes over a colour, each by the share of the pixel that it covers; the last value is that share."""
    total = 0.0
    bare = 1.0
    for q in range(ground.patches.shape[0]):
        p = ground.patches[q]
        if p[6] > 0.0 and abs(s - p[0]) < p[2] + fs and abs(d - p[1]) < p[3] + fd:
            gone = overlap(s, p[0] - p[2], p[0] + p[2], fs) * overlap(d, p[1] - p[3], p[1] + p[3], fd)
            bare *= 1.0 - p[6] * gone
    while bits != np.uint64(0):
        lowest = bits & (~bits + np.uint64(1))
        bits ^= lowest
        m = (np.float32(lowest).view(np.int32) >> 23) - 127  # the exponent of a power of two
        if m >= ground.stripes.shape[0]:
            break
        q = ground.stripes[m]
        middle = ground.stripe_at[m, i] + w * (ground.stripe_at[m, i + 1] - ground.stripe_at[m, i])
        if abs(d - middle) > 0.5 * q[0] + fd or s < q[11] - fs or s > q[12] + fs:
            continue
        cover = bare * covered(q, middle, s, d, fs, fd)
        if cover <= 0.0:
            continue
        if q[10] > 0.0:
            cover *= worn(s, d, fs, fd, q[10], 17.0 * m, maps)
        shine = 1.0
        if fs < 0.3:
            shine += 0.08 * q[13] * sample(maps, GRAIN, s * 34.0, d * 34.0, fs * 34.0, fd * 34.0)
        total = max(total, cover)
        r += cover * (q[6] * shine - r)
        g += cover * (q[7] * shine - g)
        b += cover * (q[8] * shine - b)
    return r, g, b, total


@inlined
def covered(q: Array, middle: float, s: float, d: float, fs: float, fd: float) -> float:
    """Return the share of a pixel that the paint of one stripe covers, wear aside."""
    cover = overlap(d, middle - 0.5 * q[0], middle + 0.5 * q[0], fd)
    if cover > 0.0:
        cover *= q[9] * pulse(s - q[3], q[1], q[2], fs) * overlap(s, q[11], q[12], fs)
        if q[4] > 0.0:
            cover *= pulse(s - q[3], q[4], q[5], fs)
        if q[15] > q[14]:
            cover *= 1.0 - 0.96 * overlap(s, q[14], q[15], fs + 0.6)
    return cover


@inlined
def worn(s: float, d: float, fs: float, fd: float, wear: float, shift: float, maps: Array) -> float:
    """Return the share of paint that wear has left."""
    rough = 0.75 * sample(maps, BLOTCH, s * 30.0, d * 60.0 + shift, fs * 30.0, fd * 60.0)
    if fs < 0.6:
        rough += 0.6 * sample(maps, GRAIN, s * 40.0, d * 40.0, fs * 40.0, fd * 40.0)
    rough += 0.5 * sample(maps, BLOTCH, s * 3.0 + 6.0 * shift, 7.0, fs * 3.0, 1.0)
    return min(max(1.25 - 0.85 * wear + wear * rough, 0.0), 1.0)


@inlined
def symbol_at(s: float, d: float, fs: float, fd: float, bits: int, ground: Ground, maps: Array) -> float:
    """Return the share of a pixel that arrows and words on the road cover."""
    most = 0.0
    for m in range(ground.symbols.shape[0]):
        if (bits >> np.uint64(m)) & np.uint64(1) == np.uint64(0):
            continue
        q = ground.symbols[m]
        x, y = (d - q[1]) / q[3], (s - q[0]) / q[2]
        if abs(x) > 0.5 or y < 0.0 or y > 1.0:
            continue
        if q[7] < 0.0:  # made for the traffic that comes
            x, y = -x, 1.0 - y
        fx, fy = fd / q[3] * 256.0, fs / q[2] * 256.0
        cover = sample(maps, GLYPHS + int(q[4]), (x + 0.5) * 256.0, (1.0 - y) * 256.0, fx, fy)
        if cover > 0.0:
            cover *= 0.25 * q[5] * worn(s, d, fs, fd, q[6], 31.0 * m, maps)
            most = max(most, min(cover, 1.0))
    return most
