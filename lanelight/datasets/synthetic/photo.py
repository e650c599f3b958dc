"""From light to pixels: lens, exposure, sensor, compression, and what lies between lens and road."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

BANK = 1024  # px, side of the stored noise


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
        bonnet: share of the height taken by the own bonnet, 0 without.
        bonnet_colour: linear.
        reflection: strength of the reflection of the dashboard in the windscreen.
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
    bonnet: float = 0.0
    bonnet_colour: tuple[float, float, float] = (0.02, 0.02, 0.02)
    reflection: float = 0.0
    quality: int = 100
    seed: int = 0


def draw_photo(rng: np.random.Generator, *, sunny: bool, night: bool) -> Photo:
    """Draw a camera and its settings."""

    def maybe(share: float, low: float, high: float) -> float:
        value = float(rng.uniform(low, high))
        return value if rng.random() < share else 0.0

    warm = float(rng.normal(0, 0.05))
    tint = float(rng.normal(0, 0.03))
    if rng.random() < 0.07:  # badly balanced, as survey cameras are
        warm, tint = float(rng.normal(-0.15, 0.15)), float(rng.normal(0, 0.12))
    exposure = float(np.exp(rng.normal(np.log(0.16), 0.5)))
    return Photo(
        exposure=float(np.clip(exposure * (0.35 if night else 1.0), 0.02, 0.6)),
        balance=(1 + warm - tint / 2, 1 + tint, 1 - warm - tint / 2),
        contrast=float(rng.uniform(0.85, 1.45)),
        black=maybe(0.4, 0.0, 0.08),
        saturation=float(rng.uniform(0.6, 1.35)),
        vignette=maybe(0.5, 0.05, 0.4),
        blur_px=maybe(0.45, 0.2, 0.9),
        motion_px=maybe(0.12, 1.5, 5.0),
        sharpen=maybe(0.6, 0.2, 1.2),
        noise=float(np.exp(rng.uniform(np.log(0.4), np.log(4.0)))) * (1.8 if night else 1.0),
        noise_size=maybe(0.5, 0.3, 0.8),
        glare=maybe(0.14 if sunny else 0.03, 0.1, 0.9),
        glare_at=(float(rng.uniform(0, 1)), float(rng.uniform(-0.4, 0.2))),
        bonnet=maybe(0.35, 0.03, 0.16),
        bonnet_colour=_bonnet_colour(rng),
        reflection=maybe(0.12, 0.02, 0.10),
        quality=int(rng.integers(35, 96)) if rng.random() < 0.8 else 100,
        seed=int(rng.integers(2**31)),
    )


def develop(light: NDArray[np.float32], photo: Photo, frame: int = 0, gain: float | None = None) -> NDArray[np.uint8]:
    """Turn linear light into what the camera stores.

    Args:
        light: (H, W, 3) float32 linear.
        photo: camera and settings.
        frame: index within a drive; noise differs from frame to frame.
        gain: of the exposure; None measures it in this picture.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng([photo.seed, frame])
    image = light * np.float32(exposure_gain(light, photo) if gain is None else gain)
    if photo.bonnet > 0:
        _add_bonnet(image, photo)
    image = _through_lens(image, photo)
    image *= np.array(photo.balance, np.float32)
    shown = _tone(image, photo)
    if photo.saturation != 1.0:
        grey = shown @ np.array((0.299, 0.587, 0.114), np.float32)
        shown = grey[..., None] + np.float32(photo.saturation) * (shown - grey[..., None])
    if photo.sharpen > 0:
        soft = np.asarray(cv2.GaussianBlur(shown, (0, 0), 1.0), dtype=np.float32)
        shown = shown + np.float32(photo.sharpen) * (shown - soft)
    if photo.noise > 0:
        shown = shown + _noise(shown.shape[:2], photo, rng)
    stored = np.clip(shown + 0.5, 0, 255).astype(np.uint8)
    if photo.quality < 100:
        ok, code = cv2.imencode(".jpg", stored[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, photo.quality])
        assert ok, "encoding a JPEG in memory cannot fail"
        stored = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1]
    return np.ascontiguousarray(stored)


def exposure_gain(light: NDArray[np.float32], photo: Photo) -> float:
    """Return the factor that brings the median of the lower part of a picture to the wanted exposure."""
    part = light[light.shape[0] * 2 // 5 :: 4, ::4, 1]
    return photo.exposure / max(float(np.median(part)) * 0.6 + float(light[::4, ::4, 1].mean()) * 0.4, 1e-4)


def _tone(image: NDArray[np.float32], photo: Photo) -> NDArray[np.float32]:
    """Apply the display's tone curve, 0 to 255, by table."""
    index = np.clip(image * 1023.0, 0, 4095).astype(np.uint16)
    level = np.arange(4096, dtype=np.float64) / 1023.0
    level = np.where(level < 0.75, level, 0.75 + (1 - np.exp(-(level - 0.75) * 2.2)) * 0.25)  # soft shoulder
    curve = np.clip(level, 0, 1) ** (1 / 2.2)
    curve = np.clip(0.42 * (np.maximum(curve, 1e-6) / 0.42) ** photo.contrast, 0, 1)
    curve = photo.black + (1 - photo.black) * curve
    return np.asarray(np.take((curve * 255).astype(np.float32), index), dtype=np.float32)


def _through_lens(image: NDArray[np.float32], photo: Photo) -> NDArray[np.float32]:
    """Apply blur, vignette, glare and reflections."""
    height, width = image.shape[:2]
    if photo.blur_px > 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), photo.blur_px * width / 512), dtype=np.float32)
    if photo.motion_px > 1:
        length = max(1, round(photo.motion_px * width / 512))
        shape = (length, 1) if photo.seed % 3 == 0 else (1, length)
        image = np.asarray(cv2.blur(image, shape), dtype=np.float32)
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    if photo.vignette > 0:
        corners = photo.vignette * (0.35 * y**2 + 0.65 * x**2) ** 1.5
        image = image * (1 - corners).astype(np.float32)[..., None]
    if photo.glare > 0:
        gx, gy = photo.glare_at[0] * 2 - 1, photo.glare_at[1] * 2 - 1
        far = (x - gx) ** 2 + ((y - gy) * height / width) ** 2
        veil = photo.glare * (0.25 * np.exp(-far / 0.5) + np.exp(-far / 0.02)) + 0.03 * photo.glare
        image = image + veil.astype(np.float32)[..., None] * np.array((1.0, 0.97, 0.9), np.float32)
    if photo.reflection > 0:
        rng = np.random.default_rng(photo.seed)
        field = cv2.resize(rng.random((5, 9)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        image = image + (photo.reflection * np.clip(field - 0.35, 0, 1))[..., None]
    return np.ascontiguousarray(image, dtype=np.float32)


def _add_bonnet(image: NDArray[np.float32], photo: Photo) -> None:
    """Cover the lower edge by the own bonnet, in place."""
    height, width = image.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    down = below_bonnet(photo, (width, height))
    cover = np.clip(down + 0.5, 0, 1)
    shine = 0.5 + 1.2 * np.exp(-np.maximum(down, 0) / (0.025 * height)) + 0.25 * np.cos(5 * x + photo.seed % 7)
    start = max(0, int(np.flatnonzero(cover.any(axis=1)).min(initial=height)) - 1)
    colour = shine[start:, :, None] * np.array(photo.bonnet_colour, np.float32)
    image[start:] += cover[start:, :, None] * (colour - image[start:])


def below_bonnet(photo: Photo, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return how far below the upper edge of the own bonnet each pixel lies, (H, W) px; negative above it."""
    width, height = size
    x = np.linspace(-1, 1, width, dtype=np.float32)
    line = height * (1 - photo.bonnet * (1 - 0.45 * x**2))
    return np.asarray(np.arange(height, dtype=np.float32)[:, None] - line[None], dtype=np.float32)


def _bonnet_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the paint of the own car."""
    level = float(np.exp(rng.uniform(np.log(0.008), np.log(0.35))))
    r, g, b = (float(c) for c in level * (1 + rng.normal(0, 0.08 if rng.random() < 0.75 else 0.3, 3)).clip(0.3, 1.7))
    return r, g, b


def _noise(shape: tuple[int, int], photo: Photo, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return sensor noise, (H, W, 3) float32, mostly in brightness."""
    bank = _bank()
    oy, ox, cy, cx = (int(v) for v in rng.integers(0, BANK, 4))
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    grey = bank[((rows + oy) % BANK)[:, None], ((columns + ox) % BANK)[None]]
    half = bank[((rows[::2] + cy) % BANK)[:, None], ((columns[::2] + cx) % BANK)[None]]
    blue = bank[((rows[::2] + cx) % BANK)[:, None], ((columns[::2] + cy) % BANK)[None]]
    colour = cv2.resize(np.dstack([half, -0.5 * half - 0.5 * blue, blue]), (shape[1], shape[0]))
    noise = np.asarray(0.85 * grey[..., None] + 0.6 * colour, dtype=np.float32)
    if photo.noise_size > 0.3:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), photo.noise_size), dtype=np.float32)
        noise *= 1 + 1.1 * photo.noise_size
    return noise * np.float32(photo.noise)


@cache
def _bank() -> NDArray[np.float32]:
    """Return normal noise to cut from: drawing it anew for every frame takes longer than the rest of the camera."""
    return np.random.default_rng(11).standard_normal((BANK, BANK), dtype=np.float32)
