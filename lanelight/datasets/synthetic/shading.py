"""Colour and light of the land at one place, compiled by numba; import this module only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters
# Elements of arrays are Any to mypy; numba checks these types:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from lanelight.compiled import inlined
from lanelight.datasets.synthetic.patterns import Array, overlap, pulse, sample
from lanelight.datasets.synthetic.tables import CEILING, FACE, HOUSE_M, STEP_M, Eye, Ground, Lamplight

GRAIN, BLOTCH, CRACKS, STREAK, LEAVES, PLANTS, GLYPHS = range(7)  # layers of the textures
OFF_ROAD = 255
Look = tuple[float, float, float, float, float, float, float, float, float]


@inlined
def look(
    zone: int,
    strip: int,
    t: float,
    s: float,
    d: float,
    h: float,
    fs: float,
    fd: float,
    side: float,
    eye: Eye,
    ground: Ground,
    light: Lamplight,
) -> Look:
    """Return how the land without paint looks at a place.

    Args:
        zone: what `marching.march` found.
        strip: of the road; OFF_ROAD elsewhere.
        t: depth, m.
        s: place along the road, m.
        d: place right of its centre line, m.
        h: height above the road, m.
        fs: size of the pixel on the land, along the road, m.
        fd: the same across the road, m.
        side: tangent of the angle between the axis of view and the pixel's column.
        eye: the camera.
        ground: the land.
        light: what shines.

    Returns:
        Reflectance (3 values), light (3), light of the own headlights, share of both that the air lets through,
        share of mirrored light.
    """
    maps = light.maps
    i = min(max(int(s / STEP_M), 0), ground.bounds.shape[1] - 2)
    beam, mirror = 0.0, 0.0
    if light.colours[2, 1] > 0.0:
        beam = math.exp(-((side / 0.45) ** 2) - t / 28.0) / (1.0 + (4.0 / t) ** 2)
        beam /= 1.0 + max(h - 0.9, 0.0) ** 2
    lit = 1.0
    if zone == CEILING:
        r, g, b, mirror = roof_colour(s, d, fs, fd, light)
    elif zone >= FACE:
        r, g, b = face_colour(ground.faces[zone - FACE], h, s, fs, t / eye.focal, maps)
    elif strip == OFF_ROAD:
        r, g, b = ground_colour(ground.grounds[zone], s, d, fs, fd, ground.bounds[0, i], ground.bounds[-1, i], maps)
    else:
        off = d - 0.5 * (ground.bounds[strip - 1, i] + ground.bounds[strip, i])
        p = ground.pavements[ground.pavement_of[strip, i]]
        r, g, b = road_colour(p, s, d, off, float(strip), fs, fd, maps, ground.patches)
    if light.wet > 0.0 and zone < FACE:
        film = 1.0 if strip != OFF_ROAD else 0.25
        pool = sample(maps, BLOTCH, s * 2.0 + 11.0, d * 6.0, fs * 2.0, fd * 6.0)
        pool += 0.8 * sample(maps, STREAK, s * 0.7, d * 10.0 + 40.0, fs * 0.7, fd * 10.0)
        film *= min(max(light.wet * (1.0 + 0.22 * pool), 0.0), 1.0)
        graze = 1.0 - min(max(eye.z - h, 0.3) / t, 1.0)
        mirror = film * (0.03 + 0.62 * graze * graze * graze * graze * graze)
        dark = 1.0 - 0.45 * film
        r, g, b = r * dark, g * dark, b * dark
    if light.colours[0, 1] > 0.0:
        lit = sunlit(s, d, fs, fd, light.shadows, light.shadow_bins[i], light.canopies, maps)
    lamp = lamplit(s, d, h, light.lamps) * (0.15 if zone == CEILING else 1.0)
    c = light.colours
    return (
        r,
        g,
        b,
        c[0, 0] * lit + c[1, 0] + c[2, 0] * beam + c[3, 0] * lamp,
        c[0, 1] * lit + c[1, 1] + c[2, 1] * beam + c[3, 1] * lamp,
        c[0, 2] * lit + c[1, 2] + c[2, 2] * beam + c[3, 2] * lamp,
        beam,
        math.exp(-t / light.air[3]),
        mirror,
    )


@inlined
def strip_of(d: float, h: float, i: int, w: float, bounds: Array) -> int:
    """Return the strip of road at `d`: how many bounds lie left of it; OFF_ROAD off the pavement."""
    count = bounds.shape[0]
    if h > 0.02 or d < bounds[0, i] - 1.0 or d > bounds[count - 1, i] + 1.0:
        return OFF_ROAD
    n = 0
    while n < count and d > bounds[n, i] + w * (bounds[n, i + 1] - bounds[n, i]):
        n += 1
    return OFF_ROAD if n in (0, count) else n


@inlined
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
    tone += p[6] * bump(wheel)
    tone += p[8] * bump(off / 0.38)
    if p[9] > 0:
        joint = pulse(s + 0.7 * lane, p[9], p[10], max(fs, p[10]))
        tone *= 1.0 - p[11] * joint
        slab = math.floor(s / p[9]) * 12.9898 + lane * 78.233
        if fs < p[9]:
            tone += p[12] * (math.sin(slab) * 43758.5453 % 1.0 - 0.5)
    if p[13] > 0:
        tone *= 1.0 - 0.25 * p[13] * sample(maps, CRACKS, s * 36.0 + 91 * lane, d * 36.0, fs * 36.0, fd * 36.0)
    for q in range(patches.shape[0]):
        ds, dd = abs(s - patches[q, 0]) - patches[q, 2], abs(d - patches[q, 1]) - patches[q, 3]
        soft = patches[q, 5]
        if ds < soft and dd < soft:
            inside = min(1.0, 0.5 - 0.5 * ds / soft) * min(1.0, 0.5 - 0.5 * dd / soft)
            tone *= 1.0 + (patches[q, 4] - 1.0) * max(inside, 0.0)
    tone = max(tone, 0.12)
    return p[0] * tone, p[1] * tone, p[2] * tone


@inlined
def bump(x: float) -> float:
    """Return about exp(-x * x / 2), in a tenth of its time."""
    share = 1.0 / (1.0 + 0.125 * x * x)
    share *= share
    return share * share


@inlined
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


@inlined
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
    elif p[3] > 3.5:
        house = math.floor(s / HOUSE_M)
        tone *= 0.65 + 0.7 * (math.sin(house * 12.9898) * 43758.5453 % 1.0)
        windows = pulse(s, 3.0, 1.3, fs) * pulse(h - 1.0, 3.1, 1.7, fh)
        if h < 3.2:
            windows = pulse(s, 6.0, 4.4, fs) * overlap(h, 0.6, 2.7, fh)
        tone *= 1.0 - 0.8 * windows
        tone *= 1.0 - 0.5 * pulse(s, HOUSE_M, 0.25, max(fs, 0.25))
    elif p[3] > 2.5:
        panel = overlap(h, 0.35, 3.0, fh)
        seam = pulse(s, 2.4, 0.03, max(fs, 0.03)) + pulse(h, 0.8, 0.02, max(fh, 0.02))
        tone *= (1.0 - panel) * 0.55 + panel * (1.25 - 0.45 * min(seam, 1.0))
        tone *= 1.0 - 0.7 * overlap(h, 3.0, 3.12, fh)
        tone *= 0.55 + 0.45 * min(h / 0.9, 1.0)
    return p[0] * tone, p[1] * tone, p[2] * tone


@inlined
def roof_colour(s: float, d: float, fs: float, fd: float, light: Lamplight) -> tuple[float, float, float, float]:
    """Return the reflectance of a roof, and the strength of a lamp there."""
    tone = 0.30 * (1.0 + 0.15 * sample(light.maps, BLOTCH, s * 3.0, d * 9.0, fs * 3.0, fd * 9.0))
    tone *= 1.0 - 0.3 * pulse(s, 6.0, 0.08, max(fs, 0.08))
    glow = 0.0
    for m in range(light.lamps.shape[0]):
        q = light.lamps[m]
        if q[5] > 0.0:
            across = overlap(d, q[2] - 0.2, q[2] + 0.2, fd)
            if across > 0.0:
                glow += 9.0 * across * pulse(s - q[1] + 0.5 * q[5], q[0], q[5], fs)
    return tone, tone, 0.97 * tone, glow


@inlined
def lamplit(s: float, d: float, h: float, lamps: Array) -> float:
    """Return the light of the nearest lamps of each row."""
    total = 0.0
    for m in range(lamps.shape[0]):
        q = lamps[m]
        nearest = math.floor((s - q[1]) / q[0] + 0.5) * q[0] + q[1]
        up = max(q[3] - h, 0.8)
        across = (d - q[2]) ** 2 + up * up
        for k in range(-1, 2):
            along = s - nearest - k * q[0]
            far = across + along * along
            total += q[4] * up * q[3] * q[3] / (far * math.sqrt(far))
    return total


@inlined
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
