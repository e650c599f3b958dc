"""The light of a view: sun, sky, lamps, haze, water on the road, and what casts shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lanelight.datasets.synthetic.backdrop import Backdrop
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.land import ROOF_M
from lanelight.datasets.synthetic.road import BEHIND_M, Road
from lanelight.datasets.synthetic.weather import Weather
from lanelight.geometry import FloatArray

NO_ROWS = np.empty((0, 6))
DARK = np.zeros(3)
LAMP_COLOURS = ((1.0, 0.72, 0.36), (1.0, 0.90, 0.74), (0.92, 0.97, 1.0))  # sodium, warm, cold


@dataclass(frozen=True)
class Light:
    """The light of a view.

    Attributes:
        sun: (3,) light of the sun on the road; 0 without.
        sky: (3,) light of the sky, or of everything that has no place of its own.
        slant: (along, lateral) length of the shadow of a stick of 1 m, m.
        air: (4,) colour and range (m) of the haze.
        head: (3,) light of the own headlights.
        lamp: (3,) colour of lamps beside or over the road.
        lamps: (L, 6) rows of lamps, see `tables.Lamplight`.
        wet: 0 (dry) to 1.
        roof_m: height of the roof of a tunnel, 0 in the open.
        shadows: (R, 6) fixed shadows on the road.
        canopies: (C, 6) shadows of trees.
    """

    sun: FloatArray
    sky: FloatArray
    slant: tuple[float, float]
    air: FloatArray
    head: FloatArray
    lamp: FloatArray
    lamps: FloatArray
    wet: float
    roof_m: float
    shadows: FloatArray
    canopies: FloatArray

    @property
    def dark(self) -> bool:
        """Tell whether headlights and lamps are what shines."""
        return bool(self.head.any() or self.lamps.any())


def draw_light(
    config: RoadConfig, road: Road, backdrop: Backdrop, weather: Weather, rng: np.random.Generator, *, length_m: float
) -> Light:
    """Draw the light of a view, for a drive of `length_m`."""
    haze = float(np.exp(rng.uniform(np.log(500 if rng.random() < 0.85 else 90), np.log(6000))))
    if weather.rain > 0:
        haze = float(rng.uniform(900.0, 1600.0) * (1 - 0.8 * weather.rain) + 120.0)
    air = np.array([*(backdrop.horizon * 0.9), haze])
    slant = (float(rng.uniform(-1.5, 1.5)), float(rng.uniform(-1.8, 1.8)))
    if road.kind == "tunnel":
        return _in_tunnel(road, slant, rng)
    if weather.night:
        return _at_night(backdrop, weather, air, slant, rng)
    sky = np.array((0.62, 0.64, 0.68)) * float(rng.uniform(0.7, 1.1))
    if not weather.sunny:
        return Light(DARK, sky, slant, air, DARK, DARK, NO_ROWS, weather.wet, 0.0, NO_ROWS, NO_ROWS)
    warm = float(rng.uniform(0, 1)) ** 2
    sun = np.array((0.80, 0.76 - 0.08 * warm, 0.68 - 0.22 * warm))
    sky = np.array((0.13, 0.16, 0.20)) * float(rng.uniform(0.5, 1.9))
    shadows = canopies = NO_ROWS
    if rng.random() < config.shadow_share:
        shadows, canopies = _draw_shadows(road, rng, length_m)
    low, high = float(road.left.min()), float(road.right.max())
    decks = np.array([[s - 2.0, s + 14.0, low - 60, high + 60, 0.2, 1.0] for s in backdrop.bridges[:, 0]])
    shadows = np.concatenate([decks.reshape(-1, 6), shadows])
    return Light(sun, sky, slant, air, DARK, DARK, NO_ROWS, 0.0, 0.0, shadows, canopies)


def _at_night(
    backdrop: Backdrop, weather: Weather, air: FloatArray, slant: tuple[float, float], rng: np.random.Generator
) -> Light:
    """Return the light of dusk or night: headlights, and lamps where there are posts."""
    sky = np.array((0.03, 0.035, 0.05)) * float(rng.uniform(0.15, 2.0))
    head = np.array((1.0, 0.96, 0.88)) * float(rng.uniform(0.25, 1.1))
    posts = backdrop.posts[backdrop.posts[:, 3] == 0]
    rows, colour = NO_ROWS, np.array(LAMP_COLOURS[int(rng.choice(3, p=[0.4, 0.3, 0.3]))])
    if len(posts) > 1:
        posts = posts[np.argsort(posts[:, 0])]
        d = float(posts[0, 1])
        over = d + (2.0 if d < 0 else -2.0)
        gap = float(posts[1, 0] - posts[0, 0])
        rows = np.array([[gap, posts[0, 0], over, posts[0, 2], rng.uniform(0.10, 0.28), 0.0]])
    return Light(DARK, sky, slant, air, head, colour, rows, weather.wet, 0.0, NO_ROWS, NO_ROWS)


def _in_tunnel(road: Road, slant: tuple[float, float], rng: np.random.Generator) -> Light:
    """Return the light of a tunnel: lamps in the roof."""
    colour = np.array(LAMP_COLOURS[int(rng.choice(3, p=[0.35, 0.3, 0.35]))])
    gap, strength = float(rng.uniform(5.0, 14.0)), float(rng.uniform(0.18, 0.45))
    length = float(rng.choice([0.35 * gap, 1.2, 0.95 * gap]))
    middle, half = float(road.left.mean() + road.right.mean()) / 2, float(rng.uniform(1.0, 2.6))
    places = [middle] if rng.random() < 0.3 else [middle - half, middle + half]
    phase = float(rng.uniform(0, gap))
    strength *= gap / 10.0 / len(places)
    rows = np.array([[gap, phase, d, ROOF_M, strength, min(length, gap)] for d in places])
    air = np.array([*(colour * float(rng.uniform(0.05, 0.16))), float(rng.uniform(150, 600))])
    ambient = colour * float(rng.uniform(0.05, 0.16))
    head = np.array((1.0, 0.96, 0.88)) * float(rng.uniform(0.0, 0.25))
    return Light(DARK, ambient, slant, air, head, colour, rows, 0.0, ROOF_M, NO_ROWS, NO_ROWS)


def _draw_shadows(road: Road, rng: np.random.Generator, length_m: float) -> tuple[FloatArray, FloatArray]:
    """Draw the shadows of walls, poles and trees, and of bridges out of sight."""
    low, high = float(road.left.min()), float(road.right.max())
    rows = []
    pick = rng.random()
    if pick < 0.2:  # wall or bank along one side
        reach = float(rng.uniform(0.3, 5.0))
        side = [low - 30, low + reach] if rng.random() < 0.5 else [high - reach, high + 30]
        rows.append([0.0, 1e5, *side, float(rng.uniform(0.05, 0.4)), 1.0])
    elif pick < 0.45:  # bars across: gantries, poles, buildings, a bridge out of sight
        for _ in range(min(int(rng.integers(1, 4) * (1 + length_m / 100)), 24)):
            at = BEHIND_M + float(rng.uniform(1, 70 + length_m))
            length = float(rng.choice([0.3, 1.0, 8.0, 20.0]) * rng.uniform(0.5, 1.5))
            side = [low - 30, high + 30] if rng.random() < 0.6 else [low - 30, float(rng.uniform(low, high))]
            rows.append([at, at + length, *side, float(rng.uniform(0.05, 0.6)), 1.0])
    canopies = []
    if rng.random() < 0.62:
        for sign in (-1.0, 1.0):
            if rng.random() < 0.6:
                edge = low - 2.0 if sign < 0 else high + 2.0
                reach = float(rng.uniform(3, 16))
                cover, size = float(rng.uniform(-0.1, 0.75)), float(np.exp(rng.uniform(np.log(0.35), np.log(2.5))))
                canopies.append([-sign, edge, reach, cover, size, float(rng.uniform(0.7, 1.0))])
    return np.array(rows, dtype=np.float64).reshape(-1, 6), np.array(canopies, dtype=np.float64).reshape(-1, 6)
