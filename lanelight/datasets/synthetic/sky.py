"""The sky with its clouds and skyline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.backdrop import Backdrop
from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.tables import SKY_DEPTH
from lanelight.datasets.synthetic.textures import TILE, packed, ripmaps
from lanelight.geometry import FloatArray

COARSE = 4  # px between the places where clouds are looked up


def paint_sky(
    camera: Camera,
    backdrop: Backdrop,
    light: FloatArray,
    air: FloatArray,
    *,
    image: NDArray[np.float32],
    depth: NDArray[np.float32],
) -> None:
    """Paint sky and skyline where a picture shows no land, in place.

    Args:
        camera: with a vertical image plane.
        backdrop: what to paint.
        light: (3,) light on the skyline.
        air: colour and range of the haze.
        image: (H, W, 3) float32 linear.
        depth: (H, W) float32 m, SKY_DEPTH where there is no land.
    """
    from lanelight.datasets.synthetic.skyline import lay_sky

    rows = int((depth == SKY_DEPTH).any(axis=1).nonzero()[0].max(initial=-1)) + 1
    if rows == 0:
        return
    y, x = np.arange(rows, dtype=np.float64), np.arange(camera.size[0], dtype=np.float64)
    rise = (camera.centre[1] - y) / camera.focal_px  # tangent of the elevation
    azimuth = np.arctan((x - camera.centre[0]) / camera.focal_px) - camera.heading
    share = np.clip(rise / 0.5, 0.0, 1.0)[:, None] ** 0.6
    base = (backdrop.horizon + share * (backdrop.zenith - backdrop.horizon)).astype(np.float32)
    cloudy = backdrop.clouds > 0.15 and rows > 2
    clouds = _clouds(backdrop, azimuth, rise) if cloudy else np.zeros((0, 0), np.float32)
    noise = ripmaps()[1, :256, :256]
    count = len(backdrop.hills)
    crests = np.zeros((count, len(x)), np.float32)
    tones, scales = np.zeros((count, 2, 3), np.float32), np.zeros((count, 3), np.float64)
    for k, (layer, colour) in enumerate(zip(backdrop.hills, backdrop.hill_colours, strict=True)):
        crests[k] = camera.centre[1] - layer[0] * _crest(noise, azimuth, layer) * camera.focal_px
        veil = float(np.exp(-(2500.0 if layer[3] == 0 else 500.0) / air[3]))
        tones[k] = colour * light * veil, air[:3] * (1 - veil)
        kind = int(layer[3])
        scales[k] = (200.0, 700.0, 500.0)[kind], (0.15, 0.4, 0.2)[kind], layer[2]
    bright = (backdrop.horizon * 1.05).astype(np.float32)
    lay_sky(
        image[:rows], depth[:rows], base, clouds, (backdrop.clouds, bright), crests, (tones, scales),
        azimuth, rise, packed(),
    )  # fmt: skip


def _clouds(backdrop: Backdrop, azimuth: FloatArray, rise: FloatArray) -> NDArray[np.float32]:
    """Return the field of clouds, (rows, W)."""
    noise = ripmaps()[1, :256, :256]
    size = (len(azimuth), len(rise))
    azimuth, rise = azimuth[::COARSE], rise[::COARSE]
    stretch = 24.0 / (np.maximum(rise, 0.0) + 0.12)
    u = (azimuth[None, :] * 60 * (1 + 0.4 * stretch[:, None] / 24) + backdrop.cloud_shift[0]).astype(np.float32) % TILE
    v = np.broadcast_to((stretch[:, None] + backdrop.cloud_shift[1]) % TILE, u.shape).astype(np.float32)
    field = cv2.remap(noise, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _crest(noise: NDArray[np.float32], azimuth: FloatArray, layer: FloatArray) -> FloatArray:
    """Return the skyline of a layer, about 1, over the azimuth."""
    scale = (14.0, 60.0, 40.0)[int(layer[3])] * layer[1]
    at = azimuth * scale + layer[2]
    line = np.interp(at, np.arange(TILE), noise[17], period=TILE) * 0.5
    if layer[3] == 1:
        line = 0.4 * line + 0.35 * np.interp(at * 5, np.arange(TILE), noise[90], period=TILE)
    if layer[3] == 2:
        line = noise[40, (np.floor(at * 0.7) % TILE).astype(int)] * 0.8
    return np.asarray(np.maximum(0.9 + line, 0.15), dtype=np.float64)
