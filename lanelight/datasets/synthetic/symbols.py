"""Arrows, words and signs on the road: which, where, how worn."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.glyphs import SYMBOLS
from lanelight.datasets.synthetic.road import BEHIND_M, DIVIDED, Road
from lanelight.datasets.synthetic.tables import MOST
from lanelight.geometry import FloatArray

NAMES = tuple(SYMBOLS)


@dataclass(frozen=True)
class Symbol:
    """One symbol.

    Attributes:
        s: of its near end along the road, m.
        d: of its middle, m right of the centre line.
        length_m: along the road.
        width_m: across it.
        glyph: index in `glyphs.SYMBOLS`.
        opacity: 0 to 1.
        wear: 0 to 1.
        sense: 1, or -1 for oncoming traffic.
    """

    s: float
    d: float
    length_m: float
    width_m: float
    glyph: int
    opacity: float
    wear: float
    sense: float


def draw_symbols(config: RoadConfig, road: Road, rng: np.random.Generator, length_m: float) -> FloatArray:
    """Draw the symbols of a road, (D, 8)."""
    if rng.random() >= config.symbol_share:
        return np.empty((0, 8))
    wear, opacity = float(np.clip(rng.normal(config.wear + 0.1, 0.2), 0, 1)), float(rng.uniform(0.55, 1.0))
    found: list[Symbol] = []
    stations = 1 + int(rng.integers(0, 3)) + int(length_m / 80)
    for _ in range(stations):
        at = BEHIND_M + float(rng.uniform(5.0, 60.0 + length_m))
        for lane in range(len(road.lines) - 1):
            if rng.random() < 0.75:
                new = _of_lane(road, rng, lane, at, (opacity, wear))
                if all(abs(a.s - b.s) > 8 or abs(a.d - b.d) > 1 for a in new for b in found):
                    found += new
    return np.array([astuple(symbol) for symbol in found[:MOST]], dtype=np.float64).reshape(-1, 8)


def _of_lane(road: Road, rng: np.random.Generator, lane: int, at: float, age: tuple[float, float]) -> list[Symbol]:
    """Return an arrow, or an arrow and a word, in one lane."""
    outer = lane == len(road.lines) - 2
    names = _fitting(road, rng, outer=outer)
    sense = -1.0 if lane < road.oncoming else 1.0
    d = road.lane_middle(lane, at)
    found = []
    for k, name in enumerate(names):
        width, length = SYMBOLS[name]
        width = min(width, 0.7 * road.lane_width_m)
        index = float(NAMES.index(name))
        found.append(Symbol(at + 9.0 * k * sense, d, length, width, int(index), *age, sense))
    return found


def _fitting(road: Road, rng: np.random.Generator, *, outer: bool) -> list[str]:
    """Return the names of what is written in one lane, from near to far."""
    if road.kind in DIVIDED:
        choices = [["ahead"], ["ahead"], ["ahead_right" if outer else "ahead"], ["merge_left"], ["diamond"]]
        return choices[int(rng.integers(len(choices)))]
    turns = ["ahead_right", "right", "ahead", "cycle"] if outer else ["ahead", "ahead_left", "left"]
    if rng.random() < 0.6:
        return [turns[int(rng.integers(len(turns)))]]
    words = [["slow"], ["stop"], ["bus"], ["30"], ["50"], ["bus", "only"]]
    return words[int(rng.integers(len(words)))]
