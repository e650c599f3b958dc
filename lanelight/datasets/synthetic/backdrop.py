"""What stands around a road: colours of the sky, skyline, trees, bridges and signs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import BEHIND_M, Road
from lanelight.datasets.synthetic.weather import Weather
from lanelight.geometry import FloatArray


@dataclass(frozen=True)
class Backdrop:
    """What stands around a road.

    Attributes:
        zenith: colour of the sky overhead, linear.
        horizon: colour of the sky at the horizon.
        clouds: 0 (clear) to 1.
        cloud_shift: which part of the clouds is seen, texels.
        hills: (L, 4) per layer from far to near: height in rad, roughness, phase, kind (0 hill, 1 trees, 2 town).
        hill_colours: (L, 3) reflectance of each layer.
        trees: (T, 5) along, lateral, height (m), kind, brightness.
        bridges: (B, 4) along, clearance, thickness of the deck, reflectance.
        posts: (P, 5) along, lateral, height (m), kind (0 lamp, 1 sign, 2 gantry), reflectance.
    """

    zenith: FloatArray
    horizon: FloatArray
    clouds: float
    cloud_shift: tuple[float, float]
    hills: FloatArray
    hill_colours: FloatArray
    trees: FloatArray
    bridges: FloatArray
    posts: FloatArray


def draw_backdrop(
    config: RoadConfig, road: Road, weather: Weather, rng: np.random.Generator, length_m: float
) -> Backdrop:
    """Draw what stands around a road, for a drive of `length_m`."""
    if road.kind == "tunnel":
        return _in_tunnel()
    zenith, horizon = _sky_colours(rng, weather)
    layers, colours = [], []
    for k in range(int(rng.integers(1, 4))):
        kind = float(rng.choice([0.0, 1.0, 2.0], p=[0.45, 0.42, 0.13]))
        top = float(rng.uniform(0.015, 0.12 if kind == 0 else 0.06)) * (1.0 if k else 1.3)
        layers.append([top, rng.uniform(0.6, 1.4), rng.uniform(0, 256), kind])
        base = np.array([(0.07, 0.09, 0.07), (0.03, 0.045, 0.02), (0.16, 0.15, 0.15)][int(kind)])
        if kind == 0 and rng.random() < 0.4:
            base = np.array((0.22, 0.17, 0.09))
        blue = np.array(horizon) * (0.35 if k == 0 else 0.08)
        colours.append(base * rng.uniform(0.6, 1.4) + blue)
    if road.kind == "street" and rng.random() < 0.6:
        layers.append([rng.uniform(0.06, 0.25), 1.0, rng.uniform(0, 256), 2.0])
        colours.append(np.array((0.2, 0.18, 0.16)) * rng.uniform(0.4, 1.5))
    return Backdrop(
        zenith,
        horizon,
        float(rng.beta(0.8, 1.2)) if weather.sunny else float(rng.uniform(0.2, 1.0)),
        (float(rng.uniform(0, 256)), float(rng.uniform(0, 256))),
        np.array(layers),
        np.array(colours),
        _draw_trees(road, rng, length_m),
        _draw_bridges(config, road, rng, length_m),
        _draw_posts(config, road, rng, length_m),
    )


def _in_tunnel() -> Backdrop:
    """Return what is seen beyond the end of what is drawn of a tunnel: dark."""
    none = np.empty((0, 5))
    dark = np.full(3, 0.04)
    return Backdrop(dark, dark, 0.0, (0.0, 0.0), none[:, :4], none[:, :3], none, none[:, :4], none)


def _sky_colours(rng: np.random.Generator, weather: Weather) -> tuple[FloatArray, FloatArray]:
    """Return the colour of the sky overhead and at the horizon, linear."""
    if weather.night:
        level = float(np.exp(rng.uniform(np.log(0.004), np.log(0.10))))
        return level * np.array((0.5, 0.7, 1.1)), level * np.array((1.5, 1.2, 1.1))
    if weather.sunny:
        zenith = np.array((0.12, 0.28, 0.58)) * rng.uniform(0.6, 1.3)
        return zenith, np.array((0.55, 0.68, 0.82)) * rng.uniform(0.7, 1.25)
    grey = float(rng.uniform(0.45, 1.1)) * (1 - 0.35 * weather.rain)
    return grey * np.array((0.80, 0.86, 0.92)) * rng.uniform(0.7, 1.0), grey * np.array((0.95, 0.97, 1.0))


def _draw_trees(road: Road, rng: np.random.Generator, length_m: float) -> FloatArray:
    """Draw trees and bushes, (T, 5), far to near."""
    rows = []
    total = int(rng.choice([0, 5, 14, 30], p=[0.2, 0.3, 0.3, 0.2]))
    share_left = float(rng.uniform(0.1, 0.9))
    for k in range(int(total * (1 + length_m / 250))):
        left = rng.random() < share_left
        edge = float(road.left.min()) if left else float(road.right.max())
        away = float(rng.uniform(4, 11) + rng.exponential(9.0))
        ahead = float(np.exp(rng.uniform(np.log(14), np.log(320)))) if k < total else rng.uniform(14, 300 + length_m)
        height = float(rng.uniform(1.0, 3.0) if rng.random() < 0.3 else rng.uniform(4, 14))
        lateral = edge - away if left else edge + away
        rows.append([BEHIND_M + ahead, lateral, height, float(rng.integers(0, 6)), rng.uniform(0.5, 1.3)])
    if rng.random() < 0.3:  # a row or a hedge along one side
        left = rng.random() < 0.5
        away, tall = float(rng.uniform(3, 12)), float(rng.uniform(2, 12))
        d = float(road.left.min()) - away if left else float(road.right.max()) + away
        gap, kind = 0.5 * tall + float(rng.uniform(0.5, 5)), float(rng.integers(0, 6))
        s = BEHIND_M + 6.0
        for k in range(26 + int(length_m / gap)):
            s += gap * (1 + 0.1 * max(k - int(length_m / gap), 0))
            rows.append([s, d + rng.normal(0, 0.8), tall * rng.uniform(0.7, 1.2), kind, rng.uniform(0.7, 1.1)])
    rows.sort(key=lambda row: -row[0])
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def _draw_bridges(config: RoadConfig, road: Road, rng: np.random.Generator, length_m: float) -> FloatArray:
    """Draw bridges over the road, (B, 4)."""
    if road.kind == "rural" or rng.random() >= config.bridge_share:
        return np.empty((0, 4))
    at = BEHIND_M + float(np.exp(rng.uniform(np.log(8), np.log(200)))) + float(rng.uniform(0, length_m / 2 + 1e-9))
    return np.array([[at, rng.uniform(5.0, 6.5), rng.uniform(1.0, 2.2), rng.uniform(0.1, 0.4)]])


def _draw_posts(config: RoadConfig, road: Road, rng: np.random.Generator, length_m: float) -> FloatArray:
    """Draw lamp posts, signs and gantries, (P, 5)."""
    rows = []
    if rng.random() < config.lamp_share:
        left = rng.random() < 0.5
        d = float(road.left.min()) - 1.5 if left else float(road.right.max()) + 1.5
        gap, height, tone = float(rng.uniform(25, 50)), float(rng.uniform(7, 11)), float(rng.uniform(0.05, 0.4))
        rows += [[BEHIND_M + gap * k + 8, d, height, 0.0, tone] for k in range(-1, 7 + int(length_m / gap))]
    for _ in range(int(rng.integers(0, 4) * (1 + length_m / 200))):
        d = float(road.right.max()) + float(rng.uniform(0.6, 4))
        if rng.random() < 0.25:
            d = float(road.left.min()) - float(rng.uniform(0.6, 3))
        rows.append(
            [
                BEHIND_M + float(rng.uniform(12, 160 + length_m)),
                d,
                rng.uniform(2.0, 3.6),
                1.0,
                float(rng.integers(0, 5)),
            ]
        )
    if road.kind == "highway" and rng.random() < 0.15:
        rows.append([BEHIND_M + float(rng.uniform(25, 220)), 0.0, 7.0, 2.0, float(rng.integers(0, 2))])
    rows.sort(key=lambda row: -row[0])
    return np.array(rows, dtype=np.float64).reshape(-1, 5)
