"""Pixels of a picture as the camera stores them, compiled by numba; import only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters

from __future__ import annotations

import numpy as np

from lanelight.compiled import compiled, compiled_borrowing
from lanelight.datasets.synthetic.patterns import Array

LEVELS, SCALE = 1024, 511.5  # of the tone curve, over the square root of light from 0 to 4


@compiled
def expose(
    light: Array,
    gain: float,
    veil: tuple[Array, Array, Array, Array],
    across: Array,
    vignette: float,
    curve: Array,
    saturation: float,
    reflection: Array,
    shown: Array,
) -> None:
    """Turn linear light into display values.

    Args:
        light: (H, 3 * W) float32 linear, the three colours of each pixel side by side.
        gain: of the exposure.
        veil: glare around the sun: (2, H) and (2, W) factors of its wide and narrow part, (3,) colour, (1,) floor.
        across: (3 * W,) float32 squared distance from the middle column, -1 to 1, weighted; rows are computed.
        vignette: loss of light in the corners.
        curve: (3, LEVELS) float32 display value, 0 to 255, by channel.
        saturation: 0 (grey) to more than 1.
        reflection: (H, W) float32 light mirrored by the windscreen, or (0, 0).
        shown: out, (H, W, 3) uint8.
    """
    rows, columns = shown.shape[:2]
    down, over, tint, floor = veil
    factor, extra = np.full(3 * columns, np.float32(gain)), np.zeros(3 * columns, np.float32)
    at = np.empty(3 * columns, np.int32)
    for y in range(rows):
        if vignette > 0.0:
            _darken(np.float32(2.0 * y / (rows - 1) - 1.0), np.float32(gain), np.float32(vignette), across, factor)
        if floor[0] > 0.0 or reflection.shape[0] > 0:
            for x in range(columns):
                haze = down[0, y] * over[0, x] + down[1, y] * over[1, x] + floor[0]
                mirrored = reflection[y, x] if reflection.shape[0] > 0 else np.float32(0)
                for c in range(3):
                    extra[3 * x + c] = haze * tint[c] + mirrored
        _index(light[y], factor, extra, at)
        _show(at, curve, np.float32(saturation), shown[y])


@compiled_borrowing
def _darken(v: np.float32, gain: np.float32, vignette: np.float32, across: Array, factor: Array) -> None:
    """Find the gain of each value of the row at height `v`, -1 to 1."""
    one, least = np.float32(1), np.float32(0.35) * v * v
    for j in range(factor.shape[0]):
        far = least + across[j]
        factor[j] = gain * (one - vignette * far * np.sqrt(far))


@compiled_borrowing
def _index(light: Array, factor: Array, extra: Array, at: Array) -> None:
    """Find the place of each value of a row of light in the tone curve."""
    most, scale, none = np.float32(LEVELS - 1), np.float32(SCALE), np.float32(0)
    for j in range(at.shape[0]):
        value = light[j] * factor[j] + extra[j]
        value = value if value > none else none  # also for what is no number
        value = np.sqrt(value) * scale
        at[j] = np.int32(value if value < most else most)


@compiled_borrowing
def _show(at: Array, curve: Array, saturation: np.float32, shown: Array) -> None:
    """Look a row up in the tone curve, and bring its colours out."""
    half, most, none = np.float32(0.5), np.float32(255), np.float32(0)
    red, green, blue = np.float32(0.299), np.float32(0.587), np.float32(0.114)
    for x in range(shown.shape[0]):
        r, g, b = curve[0, at[3 * x]], curve[1, at[3 * x + 1]], curve[2, at[3 * x + 2]]
        grey = red * r + green * g + blue * b
        shown[x, 0] = np.uint8(min(max(grey + saturation * (r - grey) + half, none), most))
        shown[x, 1] = np.uint8(min(max(grey + saturation * (g - grey) + half, none), most))
        shown[x, 2] = np.uint8(min(max(grey + saturation * (b - grey) + half, none), most))


@compiled
def add_noise(shown: Array, bank: Array, corner: tuple[int, int], strength: int) -> None:
    """Add sensor noise, in place.

    Args:
        shown: (H, 3 * W) uint8.
        bank: (R, 3 * C) int8 noise, which goes on from its beginning where it ends.
        corner: (x, y) of the bank to begin with, px.
        strength: 4096 adds the bank as it is.
    """
    wide = bank.shape[1]
    for y in range(shown.shape[0]):
        row = (y + corner[1]) % bank.shape[0]
        done, start = 0, 3 * corner[0] % wide
        while done < shown.shape[1]:
            count = min(wide - start, shown.shape[1] - done)
            _add_row(shown[y, done : done + count], bank[row, start : start + count], np.int32(strength))
            done, start = done + count, 0


@compiled_borrowing
def _add_row(shown: Array, noise: Array, strength: np.int32) -> None:
    """Add noise to a stretch of a row."""
    for j in range(shown.shape[0]):
        value = np.int32(shown[j]) + ((np.int32(noise[j]) * strength + np.int32(2048)) >> np.int32(12))
        shown[j] = np.uint8(min(max(value, np.int32(0)), np.int32(255)))
