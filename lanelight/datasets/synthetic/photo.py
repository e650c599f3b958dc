"""How one camera takes its pictures: lens, exposure, sensor, compression, and what lies between lens and road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.bonnet import Bonnet, draw_bonnet
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.weather import Weather
from lanelight.datasets.synthetic.windscreen import Windscreen, draw_windscreen

NOTHING = Windscreen()


@dataclass(frozen=True)
class Photo:
    """How one camera takes its pictures.

    Attributes:
        exposure: median of the picture below the horizon after exposure, linear, 0 to 1.
        balance: (3,) white balance.
        contrast: exponent of the tone curve around middle grey.
        black: level of black, 0 to 1 of the display.
        saturation: 0 (grey) to more than 1.
        vignette: loss of light in the corners.
        blur_px: deviation of the blur by focus and lens.
        motion_px: length of the blur by motion.
        sharpen: strength of the camera's sharpening.
        noise: deviation of the noise at middle grey, of 255.
        noise_size: grain of the noise, px.
        glare: strength of the veil around the sun; 0 without.
        glare_at: (x, y) share of the size.
        bonnet: the own bonnet, None without.
        windscreen: what is on the windscreen or burnt into the picture.
        reflection: strength of the reflection of the dashboard in the windscreen.
        bloom: strength of the light that bright lamps spread.
        rain: 0 to 1: drops on the windscreen and in the air.
        quality: of JPEG, 100 without.
        seed: of noise and reflections.
    """

    exposure: float = 0.18
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    black: float = 0.0
    saturation: float = 1.0
    vignette: float = 0.0
    blur_px: float = 0.0
    motion_px: float = 0.0
    sharpen: float = 0.0
    noise: float = 0.0
    noise_size: float = 0.0
    glare: float = 0.0
    glare_at: tuple[float, float] = (0.5, 0.0)
    bonnet: Bonnet | None = None
    windscreen: Windscreen = NOTHING
    reflection: float = 0.0
    bloom: float = 0.0
    rain: float = 0.0
    quality: int = 100
    seed: int = 0


def draw_photo(config: RoadConfig, weather: Weather, rng: np.random.Generator, *, dark: bool, horizon: float) -> Photo:
    """Draw a camera and its settings; `dark` where lamps are what shines, `horizon` a share of the height."""

    def maybe(share: float, low: float, high: float) -> float:
        value = float(rng.uniform(low, high))
        return value if rng.random() < share else 0.0

    warm = float(rng.normal(0, 0.05))
    tint = float(rng.normal(0, 0.03))
    if rng.random() < 0.07:  # badly balanced, as survey cameras are
        warm, tint = float(rng.normal(-0.15, 0.15)), float(rng.normal(0, 0.12))
    exposure = float(np.exp(rng.normal(np.log(0.16), 0.5)))
    return Photo(
        exposure=float(np.clip(exposure * (0.45 if weather.night else 0.8 if dark else 1.0), 0.02, 0.6)),
        balance=(1 + warm - tint / 2, 1 + tint, 1 - warm - tint / 2),
        contrast=float(rng.uniform(0.85, 1.45)),
        black=maybe(0.4, 0.0, 0.08),
        saturation=float(rng.uniform(0.6, 1.35)),
        vignette=maybe(0.5, 0.05, 0.4),
        blur_px=maybe(0.45, 0.2, 0.9),
        motion_px=maybe(0.12, 1.5, 5.0),
        sharpen=maybe(0.6, 0.2, 1.2),
        noise=float(np.exp(rng.uniform(np.log(0.4), np.log(4.0)))) * (1.8 if dark else 1.0),
        noise_size=maybe(0.5, 0.3, 0.8),
        glare=maybe(config.glare_share if weather.sunny else 0.03 if not dark else 0.0, 0.1, 0.9),
        glare_at=(float(rng.uniform(0, 1)), float(rng.uniform(-0.4, 0.2))),
        bonnet=draw_bonnet(config, rng, horizon=horizon, sunny=weather.sunny),
        windscreen=draw_windscreen(rng),
        reflection=maybe(0.12, 0.02, 0.10),
        bloom=float(rng.uniform(0.15, 0.5)) if dark else 0.0,
        rain=weather.rain,
        quality=int(rng.integers(35, 96)) if rng.random() < 0.8 else 100,
        seed=int(rng.integers(2**31)),
    )


def exposure_gain(light: NDArray[np.float32], photo: Photo) -> float:
    """Return the factor that brings the median of the lower part of a picture to the wanted exposure."""
    part = light[light.shape[0] * 2 // 5 :: 4, ::4, 1]
    return photo.exposure / max(float(np.median(part)) * 0.6 + float(light[::4, ::4, 1].mean()) * 0.4, 1e-4)
