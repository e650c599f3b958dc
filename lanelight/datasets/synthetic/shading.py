"""Colour of each pixel of the land, compiled by numba; import this module only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from lanelight.datasets.synthetic.kernels import FACE, SKY, Array, compiled, overlap, pulse, sample

BINS, BIN_M, HALF_BINS_M = 96, 0.5, 24.0  # the strip of land across the road where stripes are looked up by place
BIN_MARGIN_M = 0.25  # a pixel wider than this asks every stripe

GRAIN, BLOTCH, CRACKS, STREAK, LEAVES, PLANTS = range(6)  # layers of the textures


@compiled
def shade(
    fields: Array,
    zone: Array,
    focal: float,
    step_m: float,
    maps: Array,
    bounds: Array,
    pavement_of: Array,
    pavements: Array,
    stripe_at: Array,
    stripes: Array,
    stripe_bins: Array,
    patches: Array,
    grounds: Array,
    faces: Array,
    shadows: Array,
    shadow_bins: Array,
    canopies: Array,
    light: Array,
    air: Array,
    image: Array,
    strip: Array,
) -> None:
    """Write the linear colour and the strip of road of every pixel of land.

    Args:
        fields: (4, H, W) from `march`.
        zone: (H, W) from `march`.
        focal: px.
        step_m: spacing of the tables along the road, m.
        maps: ripmaps as `sample` takes them.
        bounds: (B, N) lateral position of the edges of lanes and shoulders, ascending, m.
        pavement_of: (B + 1, N) uint8 row of `pavements` per strip.
        pavements: (P, 14) see `surface.Pavement`.
        stripe_at: (M, N) lateral position of painted or sealed stripes, m.
        stripes: (M, 14) see `surface.Stripe`.
        stripe_bins: (N, BINS) uint64 which stripes may touch a bin of BIN_M across the road.
        patches: (Q, 6) along, lateral, half length, half width, factor, softness of repairs, m.
        grounds: (K + 1, 8) two colours, contrast, gravel edge (m) of each zone beside the road.
        faces: (K, 5) colour, kind (0 wall, 1 rail, 2 soil), height of each vertical face.
        shadows: (R, 6) along from, to, lateral from, to (m), softness (m), strength.
        shadow_bins: (N,) uint64 which shadows may touch a step along the road.
        canopies: (C, 6) side (-1, 1), edge (m), reach (m), cover, size (m), strength.
        light: (2, 3) colour of sun and of sky.
        air: (4,) colour of haze and its range in m.
        image: out, (H, W, 3) float32.
        strip: out, (H, W) uint8 strip of the road, 255 elsewhere.
    """
    rows, columns = zone.shape
    last = bounds.shape[1] - 2
    for y in range(rows):
        for x in range(columns):
            k = zone[y, x]
            strip[y, x] = 255
            if k == SKY:
                continue
            s, d, h = fields[1, y, x], fields[2, y, x], fields[3, y, x]
            fs, fd = footprint(fields, zone, y, x, focal)
            i = min(max(int(s / step_m), 0), last)
            w = s / step_m - i
            if k >= FACE:
                r, g, b = face_colour(faces[k - FACE], h, s, fs, fields[0, y, x] / focal, maps)
            else:
                n = strip_of(d, h, i, w, bounds)
                if n == 255:
                    r, g, b = ground_colour(grounds[k], s, d, fs, fd, bounds[0, i], bounds[-1, i], maps)
                else:
                    strip[y, x] = n
                    off = d - 0.5 * (bounds[n - 1, i] + bounds[n, i])
                    r, g, b = road_colour(pavements[pavement_of[n, i]], s, d, off, float(n), fs, fd, maps, patches)
                if h < 0.02:
                    bits = stripe_bins[i, min(max(int((d + HALF_BINS_M) / BIN_M), 0), BINS - 1)]
                    if bits != 0 or fd > BIN_MARGIN_M:
                        r, g, b = painted(r, g, b, s, d, fs, fd, i, w, stripe_at, stripes, bits, maps)
            lit = sunlit(s, d, fs, fd, shadows, shadow_bins[i], canopies, maps)
            through = math.exp(-fields[0, y, x] / air[3])
            image[y, x, 0] = r * (light[0, 0] * lit + light[1, 0]) * through + air[0] * (1 - through)
            image[y, x, 1] = g * (light[0, 1] * lit + light[1, 1]) * through + air[1] * (1 - through)
            image[y, x, 2] = b * (light[0, 2] * lit + light[1, 2]) * through + air[2] * (1 - through)


@compiled
def strip_of(d: float, h: float, i: int, w: float, bounds: Array) -> int:
    """Return the strip of road at `d`: how many bounds lie left of it; 255 off the pavement."""
    count = bounds.shape[0]
    if h > 0.02 or d < bounds[0, i] - 1.0 or d > bounds[count - 1, i] + 1.0:
        return 255
    n = 0
    while n < count and d > bounds[n, i] + w * (bounds[n, i + 1] - bounds[n, i]):
        n += 1
    return 255 if n in (0, count) else n


@compiled
def footprint(fields: Array, zone: Array, y: int, x: int, focal: float) -> tuple[float, float]:
    """Return the size of a pixel on the land, along and across the road, m."""
    rows, columns = zone.shape
    half = 0.5 * fields[0, y, x] / focal
    other = y + 1 if y + 1 < rows else y - 1
    side = x + 1 if x + 1 < columns else x - 1
    fs2, fd2 = 0.0, 0.0
    if zone[other, x] == zone[y, x]:
        fs2 += (fields[1, other, x] - fields[1, y, x]) ** 2
        fd2 += (fields[2, other, x] - fields[2, y, x]) ** 2
    if zone[y, side] == zone[y, x]:
        fs2 += (fields[1, y, side] - fields[1, y, x]) ** 2
        fd2 += (fields[2, y, side] - fields[2, y, x]) ** 2
    return max(math.sqrt(min(fs2, 2500.0)), half), max(math.sqrt(min(fd2, 100.0)), half)


@compiled
def road_colour(
    p: Array,
    s: float,
    d: float,
    off: float,
    lane: float,
    fs: float,
    fd: float,
    maps: Array,
    patches: Array,
) -> tuple[float, float, float]:
    """Return the reflectance of bare pavement, `off` m right of the middle of its lane."""
    tone = 1.0
    if fs < 1.0:  # farther away it averages out
        tone += p[3] * sample(maps, GRAIN, s * 34.0, d * 34.0, fs * 34.0, fd * 34.0)
    tone += p[4] * sample(maps, BLOTCH, s * 9.0 + 31 * lane, d * 14.0, fs * 9.0, fd * 14.0)
    tone += p[4] * 0.8 * sample(maps, BLOTCH, s * 1.3, d * 4.0 + 77 * lane, fs * 1.3, fd * 4.0)
    tone += p[5] * sample(maps, STREAK, s * 2.0 + 50 * lane, d * 26.0, fs * 2.0, fd * 26.0)
    wheel = abs(abs(off) - 0.82) / p[7]
    tone += p[6] * math.exp(-0.5 * wheel * wheel)
    tone += p[8] * math.exp(-0.5 * (off / 0.38) ** 2)
    if p[9] > 0:
        joint = pulse(s + 0.7 * lane, p[9], p[10], max(fs, p[10]))
        tone *= 1.0 - p[11] * joint
        slab = math.floor(s / p[9]) * 12.9898 + lane * 78.233
        if fs < p[9]:
            tone += p[12] * (math.sin(slab) * 43758.5453 % 1.0 - 0.5)
    if p[13] > 0:
        tone *= 1.0 - p[13] * sample(maps, CRACKS, s * 36.0 + 91 * lane, d * 36.0, fs * 36.0, fd * 36.0)
    for q in range(patches.shape[0]):
        ds, dd = abs(s - patches[q, 0]) - patches[q, 2], abs(d - patches[q, 1]) - patches[q, 3]
        soft = patches[q, 5]
        if ds < soft and dd < soft:
            inside = min(1.0, 0.5 - 0.5 * ds / soft) * min(1.0, 0.5 - 0.5 * dd / soft)
            tone *= 1.0 + (patches[q, 4] - 1.0) * max(inside, 0.0)
    tone = max(tone, 0.12)
    return p[0] * tone, p[1] * tone, p[2] * tone


@compiled
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
    stripe_at: Array,
    stripes: Array,
    bits: int,
    maps: Array,
) -> tuple[float, float, float]:
    """Lay the stripes over a colour, each by the share of the pixel that it covers."""
    everything = fd > BIN_MARGIN_M
    for m in range(stripes.shape[0]):
        if not everything and (bits >> np.uint64(m)) & np.uint64(1) == np.uint64(0):
            continue
        q = stripes[m]
        middle = stripe_at[m, i] + w * (stripe_at[m, i + 1] - stripe_at[m, i])
        half = 0.5 * q[0]
        if abs(d - middle) > half + fd or s < q[11] - fs or s > q[12] + fs:
            continue
        cover = overlap(d, middle - half, middle + half, fd)
        if cover <= 0.0:
            continue
        cover *= pulse(s - q[3], q[1], q[2], fs) * overlap(s, q[11], q[12], fs)
        if q[4] > 0.0 and cover > 0.0:
            cover *= pulse(s - q[3], q[4], q[5], fs)
        cover *= q[9]
        if q[10] > 0.0 and cover > 0.0:
            rough = 0.75 * sample(maps, BLOTCH, s * 30.0, d * 60.0 + 17 * m, fs * 30.0, fd * 60.0)
            rough += 0.6 * sample(maps, GRAIN, s * 40.0, d * 40.0, fs * 40.0, fd * 40.0)
            rough += 0.5 * sample(maps, BLOTCH, s * 3.0 + 99 * m, 7.0, fs * 3.0, 1.0)
            cover *= min(max(1.25 - 0.85 * q[10] + q[10] * rough, 0.0), 1.0)
        shine = 1.0 + 0.08 * q[13] * sample(maps, GRAIN, s * 34.0, d * 34.0, fs * 34.0, fd * 34.0)
        r += cover * (q[6] * shine - r)
        g += cover * (q[7] * shine - g)
        b += cover * (q[8] * shine - b)
    return r, g, b


@compiled
def ground_colour(
    p: Array, s: float, d: float, fs: float, fd: float, left: float, right: float, maps: Array
) -> tuple[float, float, float]:
    """Return the reflectance of verge, field or slope."""
    mix = 0.5 + 0.3 * sample(maps, BLOTCH, s * 8.0, d * 16.0, fs * 8.0, fd * 16.0)
    mix += 0.35 * sample(maps, BLOTCH, s * 1.1 + 40, d * 2.0, fs * 1.1, fd * 2.0)
    beyond = max(left - d, d - right)
    edge = p[7]
    if beyond < 2.5 * edge:
        edge *= 1.0 + 0.5 * sample(maps, BLOTCH, s * 12.0, d * 12.0, fs * 12.0, fd * 12.0)
    mix = min(max(mix, 0.0), 1.0)
    tone = 1.0 + p[6] * sample(maps, PLANTS, s * 28.0, d * 28.0, fs * 28.0, fd * 28.0)
    tone = max(tone, 0.2)
    if beyond < edge:
        share = min(1.0, (edge - beyond) / (0.3 * p[7] + 0.05))
        mix = mix * (1.0 - share) + share
        tone = tone * (1.0 - 0.6 * share) + 0.6 * share * (
            1.0 + 0.2 * sample(maps, GRAIN, s * 30.0, d * 30.0, fs * 30.0, fd * 30.0)
        )
    r = (p[0] + mix * (p[3] - p[0])) * tone
    g = (p[1] + mix * (p[4] - p[1])) * tone
    b = (p[2] + mix * (p[5] - p[2])) * tone
    return r, g, b


@compiled
def face_colour(p: Array, h: float, s: float, fs: float, fh: float, maps: Array) -> tuple[float, float, float]:
    """Return the reflectance of a barrier, rail or kerb seen from the side, `h` m above the road."""
    tone = 1.0 + 0.12 * sample(maps, BLOTCH, s * 6.0, h * 40.0, fs * 6.0, fh * 40.0)
    tone += 0.10 * sample(maps, STREAK, h * 6.0, s * 10.0, fh * 6.0, fs * 10.0)
    height = max(p[4], 0.01)
    if p[3] < 0.5:
        tone *= 0.72 + 0.33 * h / height
        tone *= 1.0 - 0.35 * pulse(s, 6.1, 0.05, max(fs, 0.05))
    elif p[3] < 1.5:
        beam = overlap(h, 0.52 * height, height, fh)
        groove = 0.6 + 0.4 * math.cos((h - 0.76 * height) / height * 26.0)
        post = pulse(s, 4.0, 0.14, fs)
        under = 0.22 + 0.6 * post
        tone *= beam * (0.7 + 0.45 * groove) + (1 - beam) * under
    return p[0] * tone, p[1] * tone, p[2] * tone


@compiled
def sunlit(s: float, d: float, fs: float, fd: float, shadows: Array, bits: int, canopies: Array, maps: Array) -> float:
    """Return the share of sunlight that reaches a point of the land."""
    lit = 1.0
    if bits != 0:
        for q in range(shadows.shape[0]):
            if (bits >> np.uint64(q)) & np.uint64(1) == np.uint64(0):
                continue
            soft = max(shadows[q, 4], 0.02)
            across = overlap(d, shadows[q, 2], shadows[q, 3], soft + fd)
            if across > 0.0:
                lit *= 1.0 - shadows[q, 5] * across * overlap(s, shadows[q, 0], shadows[q, 1], soft + fs)
    for c in range(canopies.shape[0]):
        reach = canopies[c, 0] * (d - canopies[c, 1]) / canopies[c, 2]
        if canopies[c, 3] - reach * reach * 1.5 < -2.5:
            continue
        size = 12.0 / canopies[c, 4]
        leaf = sample(maps, LEAVES, s * size + 63 * c, d * size, fs * size, fd * size)
        leaf += 0.7 * sample(maps, BLOTCH, s * size * 0.16, 90.0 * c, fs * size * 0.16, 1.0)
        cover = 0.5 + 2.2 * (leaf * 0.6 + canopies[c, 3] - reach * reach * 1.5 - (0.8 if reach < -1.0 else 0.0))
        lit *= 1.0 - canopies[c, 5] * min(max(cover, 0.0), 1.0)
    return lit
