"""From light to pixels: what lens, exposure, sensor and compression make of a picture."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.bonnet import add_bonnet
from lanelight.datasets.synthetic.photo import Photo, exposure_gain
from lanelight.datasets.synthetic.rain import add_rain
from lanelight.datasets.synthetic.windscreen import add_mirrored, add_stamp
from lanelight.geometry import FloatArray

BANK = 1024  # px, side of the stored noise
BANK_SCALE = 24.0  # of the noise in the bank, so that whole numbers hold it
WHOLE = 4096  # strength of noise that adds the bank as it is


def develop(light: NDArray[np.float32], photo: Photo, frame: int = 0, gain: float | None = None) -> NDArray[np.uint8]:
    """Turn linear light into what the camera stores.

    Args:
        light: (H, W, 3) float32 linear; not kept.
        photo: camera and settings.
        frame: index within a drive; noise differs from frame to frame.
        gain: of the exposure; None measures it in this picture.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng([photo.seed, frame])
    gain = exposure_gain(light, photo) if gain is None else gain
    if photo.bonnet is not None:
        add_bonnet(light, photo.bonnet, gain)
    shown = _exposed(_blurred(light, photo, gain), photo, gain)
    add_mirrored(shown, photo.windscreen)
    if photo.rain > 0:
        shown = add_rain(shown, photo, frame)
    if photo.sharpen > 0:
        soft = cv2.GaussianBlur(shown, (0, 0), 1.0)
        shown = np.asarray(cv2.addWeighted(shown, 1 + photo.sharpen, soft, -photo.sharpen, 0), dtype=np.uint8)
    if photo.noise > 0:
        _add_noise(shown, photo, rng)
    add_stamp(shown, photo.windscreen)
    if photo.quality < 100:
        swapped = cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)
        ok, code = cv2.imencode(".jpg", swapped, [cv2.IMWRITE_JPEG_QUALITY, photo.quality])
        assert ok, "encoding a JPEG in memory cannot fail"
        shown = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    return shown


def _exposed(image: NDArray[np.float32], photo: Photo, gain: float) -> NDArray[np.uint8]:
    """Apply exposure, vignette, glare, reflections and the tone curve."""
    from lanelight.datasets.synthetic.sensor import expose

    height, width = image.shape[:2]
    y, x = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    down, over = np.zeros((2, height)), np.zeros((2, width))
    if photo.glare > 0:
        gx, gy = photo.glare_at[0] * 2 - 1, photo.glare_at[1] * 2 - 1
        for k, (strength, spread) in enumerate(((0.25, 0.5), (1.0, 0.02))):
            down[k] = photo.glare * strength * np.exp(-(((y - gy) * height / width) ** 2) / spread)
            over[k] = np.exp(-((x - gx) ** 2) / spread)
    veil = (down, over, np.array((1.0, 0.97, 0.9), np.float32), np.array([0.03 * photo.glare]))
    reflection = np.zeros((0, 0), np.float32)
    if photo.reflection > 0:
        field = np.random.default_rng(photo.seed).random((5, 9)).astype(np.float32)
        field = np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
        reflection = np.float32(photo.reflection) * np.maximum(field - np.float32(0.35), 0)
    shown = np.empty(image.shape, np.uint8)
    across = np.repeat((0.65 * x**2).astype(np.float32), 3)
    flat = np.ascontiguousarray(image).reshape(height, 3 * width)
    expose(flat, gain, veil, across, photo.vignette, _curve(photo), photo.saturation, reflection, shown)
    return shown


def _curve(photo: Photo) -> NDArray[np.float32]:
    """Return the display's tone curve, (3, 1024) 0 to 255, over the square root of light from 0 to 4."""
    light = np.square(np.arange(1024, dtype=np.float64) / 511.5) * np.array(photo.balance)[:, None]
    level = np.where(light < 0.75, light, 0.75 + (1 - np.exp(-(light - 0.75) * 2.2)) * 0.25)  # soft shoulder
    curve = np.clip(level, 0, 1) ** (1 / 2.2)
    curve = np.clip(0.42 * (np.maximum(curve, 1e-6) / 0.42) ** photo.contrast, 0, 1)
    return np.asarray((photo.black + (1 - photo.black) * curve) * 255, dtype=np.float32)


def _blurred(image: NDArray[np.float32], photo: Photo, gain: float) -> NDArray[np.float32]:
    """Apply blur by focus and motion, and the light that lamps spread."""
    height, width = image.shape[:2]
    if photo.blur_px > 0.15:
        sigma = photo.blur_px * width / 512
        side = 2 * int(np.ceil(2 * sigma)) + 1  # wider, as OpenCV would choose, takes twice as long
        image = np.asarray(cv2.GaussianBlur(image, (side, side), sigma), dtype=np.float32)
    if photo.motion_px > 1:
        length = max(1, round(photo.motion_px * width / 512))
        shape = (length, 1) if photo.seed % 3 == 0 else (1, length)
        image = np.asarray(cv2.blur(image, shape), dtype=np.float32)
    if photo.bloom > 0:
        small = cv2.resize(image, (width // 4, height // 4), interpolation=cv2.INTER_AREA) * np.float32(gain)
        bright = np.clip(small - np.float32(0.9), 0, 6).astype(np.float32)
        if not bright.any():
            return image
        spread = cv2.GaussianBlur(bright, (0, 0), width / 320) + 0.3 * cv2.GaussianBlur(bright, (0, 0), width / 80)
        wide = cv2.resize(np.asarray(spread, dtype=np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        image = np.asarray(cv2.scaleAdd(wide, photo.bloom / gain, image), dtype=np.float32)
    return image


def _add_noise(shown: NDArray[np.uint8], photo: Photo, rng: np.random.Generator) -> None:
    """Add sensor noise, mostly in brightness, in place."""
    from lanelight.datasets.synthetic.sensor import add_noise

    x, y = (int(v) for v in rng.integers(0, BANK, 2))
    size = round(photo.noise_size * 5) / 5 if photo.noise_size > 0.3 else 0.0
    flat = shown.reshape(shown.shape[0], -1)
    add_noise(flat, _bank(size).reshape(BANK, -1), (x, y), round(photo.noise * WHOLE / BANK_SCALE))


@cache
def _bank(size: float) -> NDArray[np.int8]:
    """Return noise of a grain to cut from, (1024, 1024, 3); to draw it for every frame would take longer than the rest.

    Args:
        size: deviation of the grain, px.
    """
    rng = np.random.default_rng(11)
    grey, red, blue = (rng.standard_normal((BANK, BANK), dtype=np.float32) for _ in range(3))
    half: list[FloatArray] = [
        np.asarray(cv2.resize(part[::2, ::2], (BANK, BANK)), dtype=np.float64) for part in (red, blue)
    ]
    colour = np.dstack([half[0], -0.5 * half[0] - 0.5 * half[1], half[1]])
    noise = np.asarray(0.85 * grey[..., None] + 0.6 * colour, dtype=np.float32)
    if size > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), size), dtype=np.float32) * np.float32(1 + 1.1 * size)
    return np.clip(np.round(noise * BANK_SCALE), -127, 127).astype(np.int8)
