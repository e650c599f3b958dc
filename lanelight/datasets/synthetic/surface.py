"""What covers a road and the land beside it, as tables to shade from: pavement, paint, seams, repairs."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.road import BEHIND_M, STEP_M, Line, Road
from lanelight.geometry import FloatArray

Colour = tuple[float, float, float]  # linear reflectance, 0 to 1

WHITE: Colour = (0.72, 0.72, 0.69)
YELLOW: Colour = (0.70, 0.42, 0.05)
MOST_STRIPES = 64  # as many as an integer of the kernel has bits
BINS, BIN_M, HALF_BINS_M, BIN_MARGIN_M = 96, 0.5, 24.0, 0.25  # as in `shading`, which must not be imported early


@dataclass(frozen=True)
class Pavement:
    """One kind of pavement; amounts are shares of the reflectance.

    Attributes:
        colour: mean reflectance.
        grain: of single stones.
        blotch: of patches of decimetres to metres.
        streak: of stripes along the road.
        wheel: brightening (negative: darkening) of the wheel paths.
        wheel_width_m: their deviation.
        oil: the same in the middle of the lane.
        joint_m: distance of joints across the road, 0 for none.
        joint_width_m: of the joints.
        joint_dark: how dark they are.
        slab: difference from slab to slab.
        cracks: darkness of cracks.
    """

    colour: Colour
    grain: float
    blotch: float
    streak: float
    wheel: float
    wheel_width_m: float
    oil: float
    joint_m: float
    joint_width_m: float
    joint_dark: float
    slab: float
    cracks: float

    def row(self) -> list[float]:
        """Return the 14 numbers that the kernel reads."""
        return [*self.colour, *astuple(self)[1:]]


@dataclass(frozen=True)
class Stripe:
    """A stripe along the road: paint, a seam, sealant, rubber.

    Attributes:
        offset: (N,) position of its middle, m right of the centre line.
        colour: reflectance.
        width_m: m.
        dash: (period, length, phase), m.
        dots: (period, length) within dashes, m.
        span: (from, to) along the road, m.
        opacity: 0 to 1.
        wear: 0 to 1.
        grain: how much of the stones shows.
    """

    offset: FloatArray
    colour: Colour
    width_m: float
    dash: tuple[float, float, float] = (0.0, 0.0, 0.0)
    dots: tuple[float, float] = (0.0, 0.0)
    span: tuple[float, float] = (-1e9, 1e9)
    opacity: float = 1.0
    wear: float = 0.0
    grain: float = 1.0

    def row(self) -> list[float]:
        """Return the 14 numbers that the kernel reads."""
        period, length, phase = self.dash
        head = [self.width_m, period, length, phase, *self.dots, *self.colour]
        return [*head, self.opacity, self.wear, *self.span, self.grain]


@dataclass(frozen=True)
class Surface:
    """The tables of one road from which `shading.shade` colours the land; see there for their columns."""

    bounds: FloatArray
    pavement_of: NDArray[np.uint8]
    pavements: FloatArray
    stripe_at: FloatArray
    stripes: FloatArray
    stripe_bins: NDArray[np.uint64]
    patches: FloatArray
    breaks: FloatArray
    sides: FloatArray
    grounds: FloatArray
    faces: FloatArray


def draw_surface(road: Road, rng: np.random.Generator) -> Surface:
    """Draw the covering of a road."""
    from lanelight.datasets.synthetic.land import draw_land

    bounds = np.stack([road.left, *(line.offset for line in road.lines), road.right])
    bounds = np.maximum.accumulate(bounds, axis=0)
    pavements, pavement_of = _draw_pavements(road, rng, bounds)
    stripes = [*_sealing(road, rng, concrete=pavements[0].joint_m > 0), *_marks(road, rng)]
    paint = [stripe for line in road.lines for stripe in _paint(line, rng)]
    stripes = [*stripes[: MOST_STRIPES - len(paint)], *paint]
    if not stripes:
        stripes = [Stripe(np.zeros(len(road.path)), WHITE, 0.1, opacity=0.0)]
    stripe_at = np.stack([stripe.offset for stripe in stripes])
    land = draw_land(road, rng)
    return Surface(
        bounds,
        pavement_of,
        np.array([p.row() for p in pavements]),
        stripe_at,
        np.array([stripe.row() for stripe in stripes]),
        _stripe_bins(stripe_at, np.array([stripe.width_m for stripe in stripes])),
        _draw_patches(road, rng),
        *land,
    )


def draw_pavement(rng: np.random.Generator, *, concrete: bool) -> Pavement:
    """Draw one pavement."""
    tint = 1.0 + rng.normal(0, 0.025, 3) + np.array([0.02, 0.0, -0.02]) * rng.normal()
    if concrete:
        level = float(rng.uniform(0.16, 0.42))
        colour = tuple(level * tint * (1.03, 1.0, 0.93))
        joints = (float(rng.uniform(3.6, 6.1)), 0.014, float(rng.uniform(0.2, 0.8)))
        if rng.random() < 0.3:
            joints = (0.0, 0.0, 0.0)
        wheel, oil = -abs(rng.normal(0, 0.10)), -abs(rng.normal(0, 0.14))
        texture = (rng.uniform(0.02, 0.07), rng.uniform(0.01, 0.06), rng.uniform(0.02, 0.09))
        slab, cracks = rng.uniform(0, 0.12), rng.choice([0.0, 0.5], p=[0.8, 0.2])
    else:
        level = float(np.exp(rng.uniform(np.log(0.045), np.log(0.26))))
        colour = tuple(level * tint)
        joints = (0.0, 0.0, 0.0)
        wheel, oil = rng.normal(0.03, 0.09), -abs(rng.normal(0, 0.05))
        texture = (rng.uniform(0.03, 0.14), rng.uniform(0.01, 0.06), rng.uniform(0.01, 0.07))
        slab, cracks = 0.0, rng.choice([0.0, 0.3, 0.7], p=[0.65, 0.2, 0.15])
    path = (float(wheel), float(rng.uniform(0.16, 0.34)), float(oil))
    r, g, b = (float(c) for c in colour)
    grain, blotch, streak = (float(t) for t in texture)
    return Pavement((r, g, b), grain, blotch, streak, *path, *joints, float(slab), float(cracks))


def _draw_pavements(
    road: Road, rng: np.random.Generator, bounds: FloatArray
) -> tuple[list[Pavement], NDArray[np.uint8]]:
    """Draw the pavements of a road and say which lies where, (B + 1, N)."""
    concrete = rng.random() < (0.42 if road.kind == "highway" else 0.08)
    pavements = [draw_pavement(rng, concrete=concrete)]
    table = np.zeros((bounds.shape[0] + 1, bounds.shape[1]), np.uint8)
    if rng.random() < 0.35:  # shoulders of their own
        pavements.append(draw_pavement(rng, concrete=bool(rng.random() < 0.2)))
        table[[1, -2]] = len(pavements) - 1
    if rng.random() < 0.2:  # one lane renewed
        pavements.append(draw_pavement(rng, concrete=False))
        table[int(rng.integers(2, bounds.shape[0] - 1))] = len(pavements) - 1
    if rng.random() < 0.25:  # a bridge deck or a new section
        pavements.append(draw_pavement(rng, concrete=bool(rng.random() < 0.6)))
        begin = BEHIND_M + float(rng.uniform(-20, 90))
        end = begin + float(rng.uniform(15, 300))
        table[:, int(begin / STEP_M) : int(end / STEP_M)] = len(pavements) - 1
    return pavements, table


def _paint(line: Line, rng: np.random.Generator) -> list[Stripe]:
    """Return the stripes of one line."""
    if not line.painted:
        return []
    base = np.array(YELLOW if line.color == "yellow" else WHITE)
    base = base * rng.uniform(0.8, 1.1)
    if line.color == "yellow":
        base = base * (1.0, rng.uniform(0.85, 1.15), rng.uniform(0.6, 2.2))
    r, g, b = (float(c) for c in np.clip(base, 0, 0.9))
    opacity = line.opacity
    dots = (1.0, 0.11) if line.style == "botts" else (0.0, 0.0)

    def stripe(shift: float, dash: tuple[float, float, float], span: tuple[float, float]) -> Stripe:
        return Stripe(line.offset + shift, (r, g, b), line.width_m, dash, dots, span, opacity, line.wear)

    if line.style == "double":
        gap = 0.5 * line.width_m + 0.5 * max(0.08, line.width_m)
        broken = (12.2, 3.05, 0.0) if rng.random() < 0.3 else line.dash
        pair = (broken, line.dash) if rng.random() < 0.5 else (line.dash, broken)
        return [stripe(-gap, pair[0], line.span), stripe(gap, pair[1], line.span)]
    found = [stripe(0.0, line.dash, line.span)]
    if line.solid[1] > line.solid[0]:
        found.append(stripe(0.0, (0.0, 0.0, 0.0), line.solid))
    return found


def _sealing(road: Road, rng: np.random.Generator, *, concrete: bool) -> list[Stripe]:
    """Return what runs along a road and is no lane line: joints, sealant, ghosts of old paint."""
    found = []
    count = len(road.path)
    for line in road.lines:
        if rng.random() < (0.75 if concrete else 0.35):
            shift = 0.0 if rng.random() < 0.3 else float(rng.uniform(-0.35, 0.35))
            dark = float(rng.uniform(0.02, 0.08))
            width = float(rng.uniform(0.015, 0.05))
            found.append(Stripe(line.offset + shift, (dark,) * 3, width, opacity=float(rng.uniform(0.35, 0.95))))
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.5, 0.2, 0.15, 0.15]))):
        wander = np.cumsum(rng.normal(0, 0.05, count))
        wander -= np.convolve(np.pad(wander, 20, mode="edge"), np.full(41, 1 / 41), mode="valid")
        begin = BEHIND_M + float(rng.uniform(-10, 80))
        dark = float(rng.uniform(0.015, 0.05))
        middle = float(rng.uniform(road.lines[0].offset[0], road.lines[-1].offset[0]))
        end = begin + float(rng.uniform(5, 120))
        found.append(
            Stripe(middle + wander, (dark,) * 3, float(rng.uniform(0.04, 0.12)), span=(begin, end), opacity=0.85)
        )
    if rng.random() < 0.12:  # old lines, ground off or blacked out
        line = road.lines[int(rng.integers(1, len(road.lines)))]
        tone = float(rng.choice([0.03, 0.35]))
        shift = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 1.2))
        found.append(Stripe(line.offset + shift, (tone,) * 3, 0.15, line.dash, opacity=float(rng.uniform(0.1, 0.3))))
    return found


def _marks(road: Road, rng: np.random.Generator) -> list[Stripe]:
    """Return skid marks and what is painted across or within lanes."""
    found: list[Stripe] = []
    count = len(road.path)
    if rng.random() < 0.2:
        middle = road.lane_middle(int(rng.integers(len(road.lines) - 1)), BEHIND_M)
        drift = float(rng.normal(0, 0.006)) * (np.arange(count, dtype=np.float64) - BEHIND_M)
        begin = BEHIND_M + float(rng.uniform(0, 60))
        end, opacity = begin + float(rng.uniform(6, 40)), float(rng.uniform(0.2, 0.6))
        for side in (-0.75, 0.75):
            found.append(Stripe(middle + side + drift, (0.025,) * 3, 0.2, span=(begin, end), opacity=opacity, wear=0.5))
    if road.kind == "street" and rng.random() < 0.3:
        found += _crossing(road, rng)
    if rng.random() < (0.25 if road.kind == "street" else 0.08):
        found += _arrow(road, rng)
    return found


def _crossing(road: Road, rng: np.random.Generator) -> list[Stripe]:
    """Return a stop line, a zebra crossing, or both."""
    at = BEHIND_M + float(rng.uniform(6, 50))
    low, high = float(road.left[0]), float(road.right[0])
    flat = np.zeros(len(road.path))
    found = []
    if rng.random() < 0.7:
        middle, width = (low + high) / 2, high - low
        found.append(Stripe(flat + middle, WHITE, width, span=(at - 1.5, at - 1.1), opacity=0.8, wear=0.4))
    if rng.random() < 0.7:
        for d in np.arange(low + 0.5, high - 0.3, 1.0):
            found.append(Stripe(flat + d, WHITE, 0.5, span=(at, at + 3.0), opacity=0.85, wear=0.4))
    return found


def _arrow(road: Road, rng: np.random.Generator) -> list[Stripe]:
    """Return an arrow in the middle of one lane."""
    lane = int(rng.integers(road.oncoming, len(road.lines) - 1))
    middle = np.full(len(road.path), road.lane_middle(lane, BEHIND_M))
    at = BEHIND_M + float(rng.uniform(3, 40))
    found = [Stripe(middle, WHITE, 0.15, span=(at, at + 3.0), opacity=0.8, wear=0.4)]
    for k in range(6):
        span = (at + 3.0 + 0.35 * k, at + 3.35 + 0.35 * k)
        found.append(Stripe(middle, WHITE, 0.8 * (1 - k / 6), span=span, opacity=0.8, wear=0.4))
    return found


def _draw_patches(road: Road, rng: np.random.Generator) -> FloatArray:
    """Draw repairs and stains, (Q, 6)."""
    rows = []
    for _ in range(int(rng.choice([0, 1, 3, 6], p=[0.5, 0.2, 0.2, 0.1]))):
        at = BEHIND_M + float(rng.uniform(2, 90))
        d = float(rng.uniform(road.left[0], road.right[0]))
        stain = rng.random() < 0.4
        half = (
            (rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.5)) if stain else (rng.uniform(0.5, 14), rng.uniform(0.3, 1.8))
        )
        rows.append([at, d, *half, rng.uniform(0.55, 1.3), rng.uniform(0.25, 0.5) if stain else 0.05])
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def _stripe_bins(stripe_at: FloatArray, widths: FloatArray) -> NDArray[np.uint64]:
    """Return which stripes may touch each bin across the road, (N, BINS) one bit a stripe."""
    lowest = np.minimum(stripe_at[:, :-1], stripe_at[:, 1:])
    highest = np.maximum(stripe_at[:, :-1], stripe_at[:, 1:])
    margin = (BIN_MARGIN_M + widths / 2)[:, None]
    first = np.floor((lowest - margin + HALF_BINS_M) / BIN_M)
    last = np.floor((highest + margin + HALF_BINS_M) / BIN_M)
    bins = np.zeros((stripe_at.shape[1], BINS), np.uint64)
    at = np.arange(BINS)
    for m in range(len(stripe_at)):
        touched = (at >= np.clip(first[m], 0, BINS - 1)[:, None]) & (at <= np.clip(last[m], 0, BINS - 1)[:, None])
        bins[:-1] |= touched.astype(np.uint64) << np.uint64(m)
    return bins


def shadow_bins(shadows: FloatArray, count: int) -> NDArray[np.uint64]:
    """Return which shadows may touch each step along the road, (N,) one bit a shadow."""
    bins = np.zeros(count, np.uint64)
    for m, (low, high, _, _, soft, _) in enumerate(shadows):
        first, last = np.clip(np.array([low - soft - 3, high + soft + 3]) / STEP_M, 0, count - 1).astype(int)
        bins[first : last + 1] |= np.uint64(1) << np.uint64(m)
    return bins
