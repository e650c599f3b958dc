"""Stripes along a road: paint, seams, sealant, rubber, and the bars of crossings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.road import BEHIND_M, Line, Road
from lanelight.datasets.synthetic.tables import BIN_M, BIN_MARGIN_M, BINS, HALF_BINS_M, STEP_M
from lanelight.geometry import FloatArray

Colour = tuple[float, float, float]  # linear reflectance, 0 to 1

WHITE: Colour = (0.72, 0.72, 0.69)
YELLOW: Colour = (0.70, 0.42, 0.05)


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
        gap: (from, to) along the road where the paint is gone, m.
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
    gap: tuple[float, float] = (0.0, 0.0)

    def row(self) -> list[float]:
        """Return the 16 numbers that the kernel reads."""
        period, length, phase = self.dash
        head = [self.width_m, period, length, phase, *self.dots, *self.colour]
        return [*head, self.opacity, self.wear, *self.span, self.grain, *self.gap]


def paint_of(line: Line, rng: np.random.Generator) -> list[Stripe]:
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
        return Stripe(line.offset + shift, (r, g, b), line.width_m, dash, dots, span, opacity, line.wear, gap=line.gap)

    if line.style == "double":
        broken = (12.2, 3.05, 0.0) if rng.random() < 0.3 else line.dash
        pair = (broken, line.dash) if rng.random() < 0.5 else (line.dash, broken)
        return [stripe(-line.spread_m, pair[0], line.span), stripe(line.spread_m, pair[1], line.span)]
    found = [stripe(0.0, line.dash, line.span)]
    if line.solid[1] > line.solid[0]:
        found.append(stripe(0.0, (0.0, 0.0, 0.0), line.solid))
    return found


def sealing(road: Road, rng: np.random.Generator, *, concrete: bool) -> list[Stripe]:
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


def marks(road: Road, rng: np.random.Generator) -> list[Stripe]:
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


def stripe_bins(stripe_at: FloatArray, rows: FloatArray) -> NDArray[np.uint64]:
    """Return which stripes (M, 16) may touch each bin across the road, (N, BINS) one bit a stripe."""
    lowest = np.minimum(stripe_at[:, :-1], stripe_at[:, 1:])
    highest = np.maximum(stripe_at[:, :-1], stripe_at[:, 1:])
    margin = (BIN_MARGIN_M + rows[:, 0] / 2)[:, None]
    first = np.floor((lowest - margin + HALF_BINS_M) / BIN_M)
    last = np.floor((highest + margin + HALF_BINS_M) / BIN_M)
    bins = np.zeros((stripe_at.shape[1], BINS), np.uint64)
    at = np.arange(BINS)
    s = np.arange(stripe_at.shape[1] - 1) * STEP_M
    for m, row in enumerate(rows):
        near = (s > row[11] - 4.0) & (s < row[12] + 3.0)
        if np.ptp(first[m]) == 0 and np.ptp(last[m]) == 0:  # most stripes run straight along the road
            low, high = (int(edge) for edge in np.clip((first[m][0], last[m][0]), 0, BINS - 1))
            bins[:-1, low : high + 1] |= (near.astype(np.uint64) << np.uint64(m))[:, None]
            continue
        touched = (at >= np.clip(first[m], 0, BINS - 1)[:, None]) & (at <= np.clip(last[m], 0, BINS - 1)[:, None])
        bins[:-1] |= (touched & near[:, None]).astype(np.uint64) << np.uint64(m)
    return bins
