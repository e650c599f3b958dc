"""Tiling textures, averaged in advance for every size of pixel."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.glyphs import SYMBOLS, glyph

TILE = 256
CRACKS = 2  # layer of the cracks


@cache
def packed() -> NDArray[np.int8]:
    """Return `ripmaps` as `patterns.sample` takes them: flat, in units of 1 / 31, symbols 4 where there is paint."""
    maps = ripmaps() * np.float32(31.0)
    maps[-len(SYMBOLS) :] *= 4
    maps[CRACKS] *= 4
    return np.clip(np.round(maps), -128, 127).astype(np.int8).ravel()


@cache
def ripmaps() -> NDArray[np.float32]:
    """Return (L, 512, 512) float32: the layers that `shading` names and the symbols, in every pair of resolutions.

    The textures are the same in every process; what differs from road to road is how they are mixed.
    """
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(TILE, TILE)).astype(np.float32)
    grain = _unit(_blurred(noise, 0.6, 0.6))
    blotch = fractal(rng, 1.25)
    streak = _unit(_blurred(rng.normal(size=(TILE, TILE)).astype(np.float32), 22.0, 0.9) * 3 + 0.04 * blotch)
    leaves = _unit(fractal(rng, 0.85) + 0.5 * fractal(rng, 1.5))
    plants = _unit(_blurred(rng.normal(size=(TILE, TILE)).astype(np.float32), 1.2, 1.2) * 3 + 0.5 * grain)
    layers = [grain, blotch, _cracks(rng), streak, leaves, plants]
    return np.stack([_ripmap(layer) for layer in [*layers, *(glyph(name) for name in SYMBOLS)]])


def fractal(rng: np.random.Generator, power: float) -> NDArray[np.float32]:
    """Return a tiling (256, 256) noise of unit deviation whose spectrum falls with frequency to `power`."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(TILE) * TILE, np.fft.fftfreq(TILE) * TILE))
    f[0, 0] = 1.0
    spectrum = np.fft.fft2(rng.normal(size=(TILE, TILE))) / f**power
    spectrum[0, 0] = 0.0
    return _unit(np.real(np.fft.ifft2(spectrum)).astype(np.float32))


def _unit(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image with mean 0 and deviation 1."""
    return np.asarray((image - image.mean()) / max(float(image.std()), 1e-9), dtype=np.float32)


def _blurred(image: NDArray[np.float32], sigma_x: float, sigma_y: float) -> NDArray[np.float32]:
    """Blur a tiling image."""
    pad = 96
    wide = np.pad(image, pad, mode="wrap")
    return np.asarray(
        cv2.GaussianBlur(wide, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)[pad:-pad, pad:-pad], dtype=np.float32
    )


def _cracks(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a tile of wandering thin lines, 0 to 1."""
    big = np.zeros((3 * TILE, 3 * TILE), np.uint8)
    for _ in range(9):
        angle, at = rng.uniform(0, 2 * np.pi), rng.uniform(0, TILE, 2)
        course = angle
        points = [at]
        for _ in range(int(rng.integers(12, 60))):
            angle += rng.normal(0, 0.8) - 0.15 * np.sin(angle - course)
            points.append(points[-1] + 4.0 * np.array([np.cos(angle), np.sin(angle)]))
        line = np.array(points)
        for dx in range(3):
            for dy in range(3):
                moved = ((line + np.array((dx, dy)) * TILE) * 16).astype(np.int32)
                cv2.polylines(big, [moved.reshape(-1, 1, 2)], False, (255.0,), 1, cv2.LINE_AA, 4)
    tile = big[TILE : 2 * TILE, TILE : 2 * TILE].astype(np.float32) / 255
    return np.asarray(tile * (0.4 + 0.6 * (fractal(rng, 1.4) > -0.3)), dtype=np.float32)


def _ripmap(tile: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (512, 512): the tile averaged over all boxes of 2**i by 2**j texels."""
    whole = np.zeros((2 * TILE, 2 * TILE), np.float32)
    column = tile
    for j in range(9):
        y = 2 * TILE - (2 * TILE >> j)
        part = column
        for i in range(9):
            x = 2 * TILE - (2 * TILE >> i)
            whole[y : y + part.shape[0], x : x + part.shape[1]] = part
            if i < 8:
                part = _halved(part)
        if j < 8:
            column = _halved(column.T).T
    return whole


def _halved(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image with pairs of columns averaged."""
    return np.asarray((image[:, 0::2] + image[:, 1::2]) / 2, dtype=np.float32)
