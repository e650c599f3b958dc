"""The whole land of a frame in one compiled loop; import this module only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from lanelight.compiled import compiled, compiled_borrowing, inlined
from lanelight.datasets.synthetic.marching import march, roof_over
from lanelight.datasets.synthetic.paint import painted, symbol_at
from lanelight.datasets.synthetic.patterns import Array
from lanelight.datasets.synthetic.shading import OFF_ROAD, look, strip_of
from lanelight.datasets.synthetic.tables import (
    BIN_M,
    BIN_MARGIN_M,
    BINS,
    FACE,
    HALF_BINS_M,
    SKY,
    STEP_M,
    UNSEEN_DEPTH,
    Eye,
    Ground,
    Lamplight,
)

RETRO = 1.6  # paint with glass beads throws the own headlights back
PARTS = 9  # of what `shading.look` returns
SPACING = 2.0  # px between the places where textures are read, and so the size of the boxes they are averaged over
HALF, ONE = np.float32(0.5), np.float32(1.0)
SYMBOL_WHITE = (0.70, 0.70, 0.67)


@compiled
def paint_land(
    eye: Eye, ground: Ground, light: Lamplight, window: Array, image: Array, depth: Array, strip: Array
) -> None:
    """Write the linear colour, the depth and the strip of road of every pixel of land.

    Textures and light are read at every second pixel of every second column and are linear between; edges of paint,
    of lanes and of the land are found for every pixel. Three columns are kept: two to paint, one ahead.

    Args:
        eye: the camera.
        ground: shape and covering of the land.
        light: what shines.
        window: (W, 2) first row of each column whose colour is wanted, and the one after the last.
        image: out, (H, W, 3) float32; pixels of the sky keep what is there.
        depth: out, (W, H) float32 m.
        strip: out, (W, H) uint8 strip of the road, OFF_ROAD elsewhere.
    """
    columns, rows = strip.shape
    places, zones = np.empty((3, 4, rows), np.float32), np.empty((3, rows), np.uint8)
    strips, wanted = np.empty((3, rows), np.uint8), np.zeros(rows + 1, np.int32)
    covers = np.empty((3, rows), np.int32)
    looks, kinds = np.zeros((3, PARTS, rows + 2), np.float32), np.zeros((2, rows + 2), np.int32)
    for u in range(2):  # column 1 beside column 0
        k = 2 - u
        _see(u, _rows(u, window, rows), eye, ground, light, places[k], zones[k], strips[k], covers[k])
    for pair in range(-1, (columns + 1) // 2):
        first = 2 * pair
        if pair >= 0:
            places[0], zones[0], strips[0] = places[2], zones[2], strips[2]
            covers[0] = covers[2]
            looks[0], kinds[0] = looks[1], kinds[1]
            _see(
                first + 1, _rows(first + 1, window, rows), eye, ground, light, places[1], zones[1], strips[1], covers[1]
            )
            _see(
                first + 2, _rows(first + 2, window, rows), eye, ground, light, places[2], zones[2], strips[2], covers[2]
            )
        near, far = min(max(first, 0), columns - 1), min(first + 3, columns - 1)
        low = max(min(window[near, 0], window[far, 0]) - 4, 0) // 2 * 2
        high = min(max(window[near, 1], window[far, 1]) + 4, rows)
        _survey(low, high, covers, kinds[1], wanted)
        _read(first + 2, 2, wanted, eye, ground, light, places, zones, strips, looks[1])
        _fill_between(low, high, looks[1])
        for k in range(2 if pair >= 0 else 0):
            u = first + k
            if u < columns:
                low, high = window[u, 0], window[u, 1]
                _mix(k, low, high, looks)
                _compare(low, high, k, covers, kinds, wanted)
                _read(u, k, wanted, eye, ground, light, places, zones, strips, looks[2])
                _mark(u, k, window, eye, ground, light, places, zones, looks[2])
                _lay(u, k, window, light, zones, looks[2], image)
                for y in range(rows):
                    depth[u, y] = places[k, 0, y]
                    strip[u, y] = strips[k, y]


@inlined
def _rows(u: int, window: Array, rows: int) -> tuple[int, int]:
    """Return the rows of a column to look at: some more than are wanted, for the neighbours."""
    u = min(u, window.shape[0] - 1)
    return max(window[u, 0] - 6, 0), min(window[u, 1] + 6, rows) if window[u, 1] > window[u, 0] else 0


@compiled_borrowing
def _see(
    u: int,
    rows: tuple[int, int],
    eye: Eye,
    ground: Ground,
    light: Lamplight,
    places: Array,
    zone: Array,
    strip: Array,
    cover: Array,
) -> None:
    """Find what the wanted rows of one column see: places, and what covers the land there (-1: sky)."""
    low, high = rows
    for y in range(zone.shape[0]):
        if y < low or y >= high:
            places[0, y] = UNSEEN_DEPTH
            zone[y], cover[y], strip[y] = SKY, -1, OFF_ROAD
    if low >= high:
        return
    top = march(u, low, high, eye, ground, places, zone)
    if light.roof_m > 0.0:
        roof_over(u, low, top, light.roof_m, eye, ground, places, zone)
    last = ground.bounds.shape[1] - 2
    for y in range(low, high):
        strip[y] = OFF_ROAD
        cover[y] = zone[y] if zone[y] != SKY else -1
        if zone[y] < FACE:
            s = places[1, y]
            i = min(max(int(s / STEP_M), 0), last)
            strip[y] = strip_of(places[2, y], places[3, y], i, s / STEP_M - i, ground.bounds)
            if strip[y] != OFF_ROAD:
                cover[y] = 256 + ground.pavement_of[strip[y], i]


@inlined
def _footprint(y: int, k: int, j: int, places: Array, zones: Array, focal: float) -> tuple[float, float]:
    """Return the size of a pixel of kept column `k` on the land, along and across the road, m; `j` is beside it."""
    half = 0.5 * places[k, 0, y] / focal
    other = y + 1 if y + 1 < zones.shape[1] else y - 1
    fs2, fd2 = 0.0, 0.0
    if zones[k, other] == zones[k, y]:
        fs2 += (places[k, 1, other] - places[k, 1, y]) ** 2
        fd2 += (places[k, 2, other] - places[k, 2, y]) ** 2
    if zones[j, y] == zones[k, y]:
        fs2 += (places[j, 1, y] - places[k, 1, y]) ** 2
        fd2 += (places[j, 2, y] - places[k, 2, y]) ** 2
    return max(math.sqrt(min(fs2, 2500.0)), half), max(math.sqrt(min(fd2, 100.0)), half)


@compiled_borrowing
def _read(
    u: int,
    k: int,
    wanted: Array,
    eye: Eye,
    ground: Ground,
    light: Lamplight,
    places: Array,
    zones: Array,
    strips: Array,
    looks: Array,
) -> None:
    """Read textures and light at the wanted rows of the `k`-th kept column, which is column `u`."""
    side = (u - eye.cx) / eye.focal
    for n in range(1, wanted[0] + 1):
        y = wanted[n]
        fs, fd = _footprint(y, k, 1 if k == 2 else k + 1, places, zones, eye.focal)
        t, s, d, h = places[k, 0, y], places[k, 1, y], places[k, 2, y], places[k, 3, y]
        fs, fd = SPACING * fs, SPACING * fd
        found = look(zones[k, y], strips[k, y], t, s, d, h, fs, fd, side, eye, ground, light)
        looks[0, y], looks[1, y], looks[2, y] = found[0], found[1], found[2]
        looks[3, y], looks[4, y], looks[5, y] = found[3], found[4], found[5]
        looks[6, y], looks[7, y], looks[8, y] = found[6], found[7], found[8]


@compiled_borrowing
def _survey(low: int, high: int, covers: Array, kinds: Array, wanted: Array) -> None:
    """List every second row of the last column kept, and tell what lies there."""
    count = 0
    for y in range(low, high, 2):
        kinds[y] = covers[2, y]
        if kinds[y] >= 0:
            count += 1
            wanted[count] = y
    wanted[0] = count
    for y in range(low + 1, high - 1, 2):
        kinds[y] = kinds[y - 1] if kinds[y - 1] == kinds[y + 1] else -2
    if (high - low) % 2 == 0:
        kinds[high - 1] = -2


@compiled_borrowing
def _fill_between(low: int, high: int, looks: Array) -> None:
    """Go linearly from each second row to the next."""
    for part in range(PARTS):
        for y in range(low + 1, high - 1, 2):
            looks[part, y] = HALF * (looks[part, y - 1] + looks[part, y + 1])


@compiled_borrowing
def _compare(low: int, high: int, k: int, covers: Array, kinds: Array, wanted: Array) -> None:
    """List the rows of the `k`-th kept column that do not show what those surveyed around them show."""
    count = 0
    other = 0 if k == 0 else 1
    for y in range(low, high):
        kind = covers[k, y]
        if kind >= 0 and (kinds[0, y] != kind or kinds[other, y] != kind):
            count += 1
            wanted[count] = y
    wanted[0] = count


@compiled_borrowing
def _mix(k: int, low: int, high: int, looks: Array) -> None:
    """Put the looks of the `k`-th kept column, as far as they follow from those surveyed, into the third."""
    for part in range(PARTS):
        for y in range(low, high):
            looks[2, part, y] = looks[0, part, y] if k == 0 else HALF * (looks[0, part, y] + looks[1, part, y])


@compiled_borrowing
def _mark(
    u: int,
    k: int,
    window: Array,
    eye: Eye,
    ground: Ground,
    light: Lamplight,
    places: Array,
    zones: Array,
    looks: Array,
) -> None:
    """Lay paint on the `k`-th kept column, which is column `u`."""
    last = ground.bounds.shape[1] - 2
    c = light.colours
    for y in range(window[u, 0], window[u, 1]):
        h = places[k, 3, y]
        if zones[k, y] >= FACE or h >= 0.02:
            continue
        t, s, d = places[k, 0, y], places[k, 1, y], places[k, 2, y]
        i = min(max(int(s / STEP_M), 0), last)
        bits = ground.stripe_bins[i, min(max(int((d + HALF_BINS_M) / BIN_M), 0), BINS - 1)]
        symbols = ground.symbol_bins[i]
        if bits | symbols == np.uint64(0) and t < 100.0:
            continue
        fs, fd = _footprint(y, k, k + 1, places, zones, eye.focal)
        if fd > BIN_MARGIN_M:
            bits = np.uint64(0xFFFFFFFFFFFFFFFF)
        cover = 0.0
        r, g, b = looks[0, y], looks[1, y], looks[2, y]
        if bits != np.uint64(0):
            r, g, b, cover = painted(r, g, b, s, d, fs, fd, i, s / STEP_M - i, bits, ground, light.maps)
        if symbols != np.uint64(0):
            share = symbol_at(s, d, fs, fd, symbols, ground, light.maps)
            cover = max(cover, share)
            r += share * (SYMBOL_WHITE[0] - r)
            g += share * (SYMBOL_WHITE[1] - g)
            b += share * (SYMBOL_WHITE[2] - b)
        if cover > 0.0:
            looks[0, y], looks[1, y], looks[2, y] = r, g, b
            extra = RETRO * cover * looks[6, y]
            looks[3, y] += c[2, 0] * extra
            looks[4, y] += c[2, 1] * extra
            looks[5, y] += c[2, 2] * extra


@compiled_borrowing
def _lay(u: int, k: int, window: Array, light: Lamplight, zones: Array, looks: Array, image: Array) -> None:
    """Write the colours of one column."""
    c, air = light.colours, light.air
    mr, mg, mb = np.float32(c[4, 0]), np.float32(c[4, 1]), np.float32(c[4, 2])
    ar, ag, ab = np.float32(air[0]), np.float32(air[1]), np.float32(air[2])
    for y in range(window[u, 0], window[u, 1]):
        if zones[k, y] == SKY:
            continue
        through, mirror = looks[7, y], looks[8, y]
        rest = ONE - HALF * min(mirror, ONE)
        image[y, u, 0] = (looks[0, y] * looks[3, y] * rest + mirror * mr) * through + ar * (ONE - through)
        image[y, u, 1] = (looks[1, y] * looks[4, y] * rest + mirror * mg) * through + ag * (ONE - through)
        image[y, u, 2] = (looks[2, y] * looks[5, y] * rest + mirror * mb) * through + ab * (ONE - through)
