"""The land beside a road: verges, kerbs, barriers, slopes, fields."""

from __future__ import annotations

import numpy as np

from lanelight.datasets.synthetic.road import TIGHT_M, Road
from lanelight.datasets.synthetic.tables import HOUSE_M, STEP_M, Ground
from lanelight.geometry import FloatArray

WALL, RAIL, SOIL, TILES, FACADE = 0.0, 1.0, 2.0, 3.0, 4.0  # kinds of vertical faces
ROOF_M = 5.6  # height of the walls of a tunnel

GRASSES = (
    ((0.050, 0.085, 0.022), (0.115, 0.130, 0.045)),  # green
    ((0.100, 0.105, 0.040), (0.270, 0.220, 0.110)),  # half dry
    ((0.300, 0.230, 0.110), (0.420, 0.330, 0.180)),  # dry, gold
    ((0.090, 0.080, 0.060), (0.210, 0.180, 0.140)),  # bare earth
    ((0.035, 0.055, 0.018), (0.075, 0.085, 0.030)),  # dark green
)
GRAVEL = (0.26, 0.23, 0.19)


Break = tuple[float, float, float, float, list[float], list[float]]


def draw_land(road: Road, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Draw the land on both sides.

    Returns:
        Breaks (K, 4), height factors (N, 2), grounds (K + 1, 8) and faces (K, 5) as `kernels.march` and
        `shading.shade` take them, from left to right.
    """
    grass = GRASSES[int(rng.choice(len(GRASSES), p=[0.35, 0.22, 0.18, 0.1, 0.15]))]
    outer_left, outer_right = -float(road.left.min()), float(road.right.max())
    near = _ground(grass, rng, rng.uniform(0.0, 1.6))
    first, last = road.lines[0], road.lines[-1]
    tight_left = bool((first.offset - first.half_m - road.left).min() <= TIGHT_M)
    tight_right = bool((road.right - last.offset - last.half_m).min() <= TIGHT_M)
    left = _draw_side(road, rng, near, median=road.kind == "highway", tight=tight_left)
    right = _draw_side(road, rng, near, median=False, tight=tight_right)
    breaks: list[list[float]] = []
    grounds = [near]
    faces: list[list[float]] = []
    for out, inner, outer, factor, ground, face in left:
        breaks.insert(0, [-(outer_left + out), outer, inner, factor])
        grounds.insert(0, ground)
        faces.insert(0, face)
    for place, before, behind, factor, ground, face in _divider(road, rng, near):
        breaks.append([place, before, behind, factor])
        grounds.append(ground)
        faces.append(face)
    for out, inner, outer, factor, ground, face in right:
        breaks.append([outer_right + out, inner, outer, factor])
        grounds.append(ground)
        faces.append(face)
    count = len(road.path)
    sides = np.stack([_blocks(rng, count) if _built(side) else _wave(rng, count) for side in (left, right)], axis=1)
    return (
        np.array(breaks, dtype=np.float64).reshape(-1, 4),
        sides,
        np.array(grounds, dtype=np.float64),
        np.array(faces, dtype=np.float64).reshape(-1, 5),
    )


def _draw_side(road: Road, rng: np.random.Generator, near: list[float], *, median: bool, tight: bool) -> list[Break]:
    """Draw one side from the pavement outwards: (distance, heights on both sides, factor, ground beyond, face)."""
    parts: list[Break] = []
    soil = [*near[:3], SOIL, 1.0]
    if road.kind == "tunnel":
        return _tunnel_side(rng)
    at = float(rng.uniform(0.0, 0.15) if tight else rng.uniform(0.1, 0.8))
    pick = rng.random() * (0.6 if tight else 1.0)
    if median and pick < 0.6:
        parts, at = _wall(rng, at, near, high=False)
        if rng.random() < 0.75:  # the other carriageway
            tone = float(rng.uniform(0.06, 0.25))
            parts[-1] = (*parts[-1][:4], [tone, tone, tone, tone * 1.15, tone * 1.15, tone * 1.15, 0.08, 0.0], soil)
            at += float(rng.uniform(9, 16))
            parts.append((at, 0.0, 0.0, 0.0, near, soil))
    elif road.kind == "street" and pick < 0.7:
        kerb = float(rng.uniform(0.08, 0.18))
        tone = float(rng.uniform(0.15, 0.35))
        walk = [tone, tone, tone * 0.95, tone * 1.2, tone * 1.2, tone * 1.1, 0.08, 0.0]
        parts.append((0.05, 0.0, kerb, 0.0, walk, [*_kerb_colour(rng, tone), SOIL, kerb]))
        at = float(rng.uniform(1.5, 4.0))
        if rng.random() < 0.55:
            return [*parts, _houses(rng, at, kerb)]
        parts.append((at, kerb, kerb, 0.0, near, soil))
    elif pick < (0.45 if road.kind == "highway" else 0.2):
        height = float(rng.uniform(0.65, 0.9))
        tone = float(rng.uniform(0.2, 0.5))
        parts.append((at, 0.0, height, 0.0, near, [tone, tone, tone * 1.03, RAIL, height]))
        parts.append((at + 0.12, height, 0.0, 0.0, near, soil))
    elif road.kind != "rural" and pick < 0.58:
        parts, at = _wall(rng, at, near, high=bool(rng.random() < 0.4))
    return parts + _slope(rng, at, parts[-1][2] if parts else 0.0, near, soil)


def _divider(road: Road, rng: np.random.Generator, near: list[float]) -> list[Break]:
    """Return the wall, rail or kerbed island between two directions: (place, heights left and right of it, ...)."""
    divider = road.divider
    if divider is None or divider.kind == "fence":
        return []
    tone = float(rng.uniform(0.15, 0.5))
    low = divider.kind == "kerb"
    height = float(rng.uniform(0.1, 0.25) if low else rng.uniform(0.65, 1.1))
    thick = 0.1 if divider.kind == "rail" else float(rng.uniform(0.2, 0.6))
    road_tone = [tone * 0.4] * 6 + [0.08, 0.0]
    top = near if low and rng.random() < 0.5 else [tone * 1.05] * 6 + [0.08, 0.0]
    colour = _kerb_colour(rng, tone) if low else [tone, tone, tone * 0.97]
    face = [*colour, {"wall": WALL, "rail": RAIL, "kerb": SOIL}[divider.kind], height]
    return [(divider.d - thick, 0.0, height, 0.0, top, face), (divider.d, height, 0.0, 0.0, road_tone, face)]


def _kerb_colour(rng: np.random.Generator, tone: float) -> list[float]:
    """Return the reflectance of a kerb: stone, or painted like a line."""
    pick = rng.random()
    if pick < 0.12:
        return [0.6, 0.6, 0.57]
    return [0.55, 0.36, 0.06] if pick < 0.2 else [tone * 1.2] * 3


def height_at(ground: Ground, s: float, d: float) -> float:
    """Return the height of the land above the road, m."""
    breaks = ground.breaks
    if len(breaks) == 0:
        return 0.0
    factor = ground.sides[min(max(int(s / STEP_M), 0), len(ground.sides) - 1), 0 if d < 0 else 1]
    heights = breaks[:, 1:3] * (1 + breaks[:, 3:] * (factor - 1))
    return float(np.interp(d, np.repeat(breaks[:, 0], 2), heights.ravel()))


def highest_before(ground: Ground, d: float) -> float:
    """Return how high walls and rails between the road and a place stand, m."""
    between = (ground.breaks[:, 0] * np.sign(d) > 0) & (np.abs(ground.breaks[:, 0]) < abs(d))
    return float(np.abs(ground.breaks[between, 1:3]).max(initial=0.0)) if between.any() else 0.0


def houses_at(ground: Ground) -> tuple[float, float]:
    """Return from where on to the left and to the right there are houses, m right of the centre line."""
    fronts = ground.breaks[ground.faces[:, 3] == FACADE, 0]
    return float(fronts[fronts < 0].max(initial=-np.inf)), float(fronts[fronts > 0].min(initial=np.inf))


def _built(side: list[Break]) -> bool:
    """Tell whether houses stand on a side."""
    return any(part[5][3] == FACADE for part in side)


def _houses(rng: np.random.Generator, at: float, kerb: float) -> Break:
    """Return the fronts of a row of houses."""
    tone = rng.uniform(0.18, 0.5) * np.array((1.0, rng.uniform(0.8, 1.0), rng.uniform(0.6, 1.0)))
    roof = [*(float(c) for c in 0.45 * tone), *(float(c) for c in 0.6 * tone), 0.1, 0.0]
    height = float(rng.uniform(6.0, 14.0))
    return at, kerb, height, 1.0, roof, [*(float(c) for c in tone), FACADE, height]


def _blocks(rng: np.random.Generator, count: int) -> FloatArray:
    """Return the height factor of a row of houses, each HOUSE_M long with a gap here and there, (N,)."""
    heights = np.where(rng.random(count) < 0.12, 0.12, rng.choice([0.55, 0.8, 1.0, 1.3, 1.7], count))
    return np.asarray(heights[(np.arange(count) * STEP_M / HOUSE_M).astype(int)], dtype=np.float64)


def _tunnel_side(rng: np.random.Generator) -> list[Break]:
    """Return a kerb, a walk and the wall of a tunnel."""
    tone = float(rng.uniform(0.15, 0.3))
    walk = [tone, tone, tone, tone * 1.2, tone * 1.2, tone * 1.15, 0.06, 0.0]
    kerb = float(rng.uniform(0.12, 0.25))
    pale = float(rng.uniform(0.3, 0.6))
    face = [pale, pale, pale * float(rng.uniform(0.85, 1.0)), TILES, ROOF_M]
    width = float(rng.uniform(0.5, 1.1))
    return [
        (0.05, 0.0, kerb, 0.0, walk, [tone * 1.2] * 3 + [SOIL, kerb]),
        (0.05 + width, kerb, ROOF_M + 0.6, 0.0, walk, face),
    ]


def _wall(rng: np.random.Generator, at: float, near: list[float], *, high: bool) -> tuple[list[Break], float]:
    """Return a concrete barrier, or a noise wall, and where it ends."""
    height = float(rng.uniform(2.5, 5.0) if high else rng.uniform(0.75, 1.15))
    thick = float(rng.uniform(0.25, 0.6))
    tone = float(rng.uniform(0.12, 0.42))
    top = [tone * 1.1, tone * 1.1, tone, tone * 1.1, tone * 1.1, tone, 0.08, 0.0]
    face = [tone, tone, tone * 0.92, WALL, height]
    return [(at, 0.0, height, 0.0, top, face), (at + thick, height, 0.0, 0.0, near, face)], at + thick


def _slope(rng: np.random.Generator, at: float, height: float, near: list[float], soil: list[float]) -> list[Break]:
    """Return the land beyond: flat, falling, or rising to a bank or a hill, under grass or dark shrubs."""
    pick = rng.random()
    if rng.random() < 0.35:
        dark = float(rng.uniform(0.5, 1.5))
        low, high = np.array((0.008, 0.012, 0.006)) * dark, np.array((0.05, 0.065, 0.03)) * dark
        near = [*low, *high, float(rng.uniform(0.4, 0.7)), 0.0]
    begin = at + float(rng.uniform(1.0, 8.0))
    if pick < 0.35:
        rise, run = float(rng.uniform(-0.4, 0.4)), 12.0
    elif pick < 0.5:
        rise, run = -float(rng.uniform(0.5, 3.0)), float(rng.uniform(4, 12))
    elif pick < 0.8:
        rise, run = float(rng.uniform(0.6, 4.0)), float(rng.uniform(3, 14))
    else:
        rise, run = float(rng.uniform(4.0, 16.0)), float(rng.uniform(10, 36))
    return [
        (begin, height, height, 0.0, near, soil),
        (begin + run, height + rise, height + rise, 1.0, near, soil),
    ]


def _ground(grass: tuple[tuple[float, ...], tuple[float, ...]], rng: np.random.Generator, gravel: float) -> list[float]:
    """Return the row of a ground: grass colours with some variation, contrast, width of the gravel edge."""
    tint = rng.uniform(0.75, 1.25) * (1 + rng.normal(0, 0.05, 3))
    low, high = np.array(grass[0]) * tint, np.array(grass[1]) * tint
    if gravel > 0.8:
        high = 0.5 * high + 0.5 * np.array(GRAVEL)
    return [*low, *high, float(rng.uniform(0.1, 0.35)), float(gravel)]


def _wave(rng: np.random.Generator, count: int) -> FloatArray:
    """Return a slow random factor along the road around 1, (N,)."""
    knots = np.arange(0, count + 80, 40)
    return np.interp(np.arange(count), knots, np.clip(rng.normal(1.0, 0.35, len(knots)), 0.2, 2.0))
