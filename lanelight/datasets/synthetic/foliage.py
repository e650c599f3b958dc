"""Cut-outs of what has no plain outline: trees, bushes, the spray behind a vehicle."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.textures import fractal, ripmaps

SPRAY = -1


@cache
def shrunk(kind: int, times: int) -> NDArray[np.float32]:
    """Return a tree or bush (0 to 5), or SPRAY, reduced so many times by averaging."""
    whole = spray() if kind == SPRAY else tree(kind)
    if times == 1:
        return whole
    small = (max(1, whole.shape[1] // times), max(1, whole.shape[0] // times))
    return np.asarray(cv2.resize(whole, small, interpolation=cv2.INTER_AREA), dtype=np.float32)


@cache
def tree(kind: int) -> NDArray[np.float32]:
    """Return the cut-out of a tree or bush, (192, 160, 4) float32: reflectance times opacity, opacity."""
    rng = np.random.default_rng(100 + kind)
    h, w = 192, 160
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    crown = np.full((h, w), -9.0, np.float32)
    wide, low = ((0.30, 0.55), (0.36, 0.62), (0.30, 0.97), (0.40, 0.6), (0.16, 0.8), (0.40, 0.97))[kind]
    for _ in range(60):
        up = rng.beta(1.5, 1.3)
        reach = wide * (0.35 + 0.9 * np.sqrt(up * (1 - 0.75 * up)))
        cx, cy = w * (0.5 + reach * rng.uniform(-0.75, 0.75)), h * (0.12 + (low - 0.2) * (1 - up))
        size = w * rng.uniform(0.06, 0.15)
        crown = np.maximum(crown, 1 - ((x - cx) ** 2 + (y - cy) ** 2) / size**2)
    noise = ripmaps()[4, :h, :w]
    alpha = np.clip((crown + 0.35 * noise + 0.25) * 2.5, 0, 1)
    trunk = (np.abs(x - w / 2) < 3.5 + 2 * (y / h)) & (y > 0.5 * h)
    light = np.clip(0.75 + 0.28 * noise + 0.5 * (0.5 - y / h), 0.15, 2.0)
    greens = (
        (0.05, 0.075, 0.02),
        (0.04, 0.06, 0.025),
        (0.08, 0.085, 0.03),
        (0.12, 0.10, 0.06),
        (0.03, 0.05, 0.025),
        (0.06, 0.09, 0.02),
    )
    colour = light[..., None] * np.array(greens[kind], np.float32)
    colour[trunk & (alpha < 0.5)] = (0.06, 0.05, 0.04)
    alpha = np.maximum(alpha, trunk.astype(np.float32))
    return np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)


@cache
def spray() -> NDArray[np.float32]:
    """Return the cut-out of water thrown up by wheels, (64, 96, 4) float32."""
    h, w = 64, 96
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    noise = fractal(np.random.default_rng(5), 1.4)[:h, :w]
    round_off = np.clip(1 - ((x - w / 2) / (w / 2)) ** 2, 0, 1) * np.clip((h - y) / 10, 0, 1) * (y / h) ** 0.8
    alpha = np.clip(round_off * (0.75 + 0.3 * noise), 0, 1) * 0.55
    return np.dstack([alpha, alpha, alpha, alpha]).astype(np.float32)
