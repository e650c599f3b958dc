"""What the day of a view is like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import Road


@dataclass(frozen=True)
class Weather:
    """What the day is like.

    Attributes:
        sunny: there is direct sun.
        night: it is dusk or night.
        wet: 0 (dry) to 1 (a film of water on the road).
        rain: 0 to 1.
    """

    sunny: bool
    night: bool
    wet: float
    rain: float


def draw_weather(config: RoadConfig, road: Road, rng: np.random.Generator) -> Weather:
    """Draw what the day is like."""
    night = bool(rng.random() < config.night_share)
    wet = bool(config.wet_share > 0 and rng.random() < config.wet_share)
    if road.kind == "tunnel":
        return Weather(sunny=False, night=night, wet=0.0, rain=0.0)
    if not wet:
        return Weather(not night and bool(rng.random() < config.sunny_share), night, 0.0, 0.0)
    rain = float(rng.uniform(0.2, 1.0)) if rng.random() < config.rain_share else 0.0
    return Weather(sunny=False, night=night, wet=float(rng.uniform(0.45, 1.0)), rain=rain)
