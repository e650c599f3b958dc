"""Rain between lens and road: drops on the windscreen, streaks in the air."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.photo import Photo

WIPE_FRAMES = 30  # the wiper takes the drops away so often
STREAKS = 1024  # px, side of the stored streaks


def add_rain(shown: NDArray[np.uint8], photo: Photo, frame: int) -> NDArray[np.uint8]:
    """Return a picture taken through rain.

    Args:
        shown: (H, W, 3) uint8.
        photo: camera and settings.
        frame: index within a drive: drops gather until the wiper comes.
    """
    rng = np.random.default_rng([photo.seed, 77, frame])
    height, width = shown.shape[:2]
    bank, size = _streaks(), max(width, height)
    x, y = (int(v) for v in rng.integers(0, STREAKS // 2, 2))
    scale = max(size // 640, 1) + 1
    cut = bank[y : y + -(-height // scale), x : x + -(-width // scale)]
    veil = cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR)
    veil = cv2.convertScaleAbs(veil, alpha=0.3 * photo.rain)
    rained = np.asarray(cv2.add(shown, cv2.merge([veil, veil, veil])), dtype=np.uint8)
    _add_drops(rained, photo, frame)
    return rained


def _add_drops(shown: NDArray[np.uint8], photo: Photo, frame: int) -> None:
    """Show the scene upside down and soft within each drop, in place."""
    height, width = shown.shape[:2]
    wipe, age = divmod(frame + photo.seed % WIPE_FRAMES, WIPE_FRAMES)
    rng = np.random.default_rng([photo.seed, 78, wipe])
    count = int(110 * photo.rain * (0.25 + 0.75 * age / WIPE_FRAMES))
    small = cv2.blur(cv2.resize(shown, (width // 8, height // 8), interpolation=cv2.INTER_AREA), (3, 3))
    for _ in range(count):
        u, v, r, tall = rng.random(4)
        radius = width * (0.0015 + 0.009 * r**4)
        a, b = max(int(radius), 2), max(int(radius * (0.9 + 0.7 * tall)), 2)
        cx, cy = int(u * width), int(v * height)
        x0, x1, y0, y1 = max(cx - a, 0), min(cx + a + 1, width), max(cy - b, 0), min(cy + b + 1, height)
        if x1 - x0 < 3 or y1 - y0 < 3:
            continue
        reach = 5
        sx, sy = min(max(cx // 8, reach), width // 8 - reach), min(max(cy // 8, reach), height // 8 - reach)
        inside = small[max(sy - reach, 0) : sy + reach, max(sx - reach, 0) : sx + reach][::-1, ::-1]
        view = cv2.resize(inside, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        yy, xx = np.ogrid[y0:y1, x0:x1]
        far = ((xx - cx) / a) ** 2 + ((yy - cy) / b) ** 2
        cover = np.clip((1.0 - far) * 1.6, 0, 0.75)[..., None].astype(np.float32)
        rim = (1.0 - 0.28 * np.clip(far, 0, 1) * ((yy - cy) / b < 0) + 0.15 * ((yy - cy) / b > 0.2))[..., None]
        patch = shown[y0:y1, x0:x1]
        shown[y0:y1, x0:x1] = np.clip(patch + cover * (view * rim - patch), 0, 255).astype(np.uint8)


@cache
def _streaks() -> NDArray[np.uint8]:
    """Return falling rain as an exposure blurs it, (1024, 1024)."""
    rng = np.random.default_rng(13)
    tile = np.zeros((STREAKS, STREAKS), np.uint8)
    for _ in range(3000):
        x, y = rng.integers(0, STREAKS, 2)
        length, level = int(rng.integers(5, 22)), float(rng.uniform(20, 110))
        cv2.line(tile, (int(x), int(y)), (int(x + 0.12 * length), int(y + length)), (level,), 1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(tile, (0, 0), 0.6), dtype=np.uint8)
