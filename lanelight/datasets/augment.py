"""Augmentation: another crop of the frame, mirrored or not, in other colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import Scene, Viewport
from lanelight.geometry.warp import flip

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Augment:
    """What may change about a frame without changing what is on the road.

    Attributes:
        flip: probability of mirroring; slots change sides.
        zoom: smallest share of the viewport's width that a random crop keeps; the crop keeps the aspect and lies
            anywhere inside. Frames that would be enlarged by the viewport are not cropped.
        gain: largest change of brightness and contrast, as a factor on each side of 1.
        tint: largest change of a single colour channel, as a factor on each side of 1.
        gamma: largest change of the exponent, as a factor on each side of 1.
        blur: probability of a slight blur.
        noise: largest standard deviation of added noise, grey levels.
    """

    flip: float = 0.5
    zoom: float = 0.75
    gain: float = 0.25
    tint: float = 0.08
    gamma: float = 0.3
    blur: float = 0.15
    noise: float = 6.0

    def mirrored(self, frame: UInt8, scene: Scene, rng: np.random.Generator) -> tuple[UInt8, Scene]:
        """Return the frame and its Scene, mirrored or as they were."""
        return flip(frame, scene) if rng.random() < self.flip else (frame, scene)

    def crop(self, view: Viewport, rng: np.random.Generator) -> Viewport:
        """Return a viewport on a part of what `view` shows."""
        keep = rng.uniform(self.zoom, 1.0)
        if view.scale[0] >= 1:
            return view
        x0, y0, x1, y1 = view.crop
        width, height = round(keep * (x1 - x0)), round(keep * (y1 - y0))
        left = x0 + int(rng.integers(0, x1 - x0 - width + 1))
        top = y0 + int(rng.integers(0, y1 - y0 - height + 1))
        return Viewport(view.source, (left, top, left + width, top + height), view.target)

    def colored(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture in other light: one table per channel, then blur and noise."""
        levels = np.linspace(0.0, 1.0, 256)
        contrast, brightness = rng.uniform(1 - self.gain, 1 + self.gain), rng.uniform(-self.gain, self.gain) / 2
        gamma = np.exp(rng.uniform(-1, 1) * np.log1p(self.gamma))
        base = (levels**gamma - 0.5) * contrast + 0.5 + brightness
        tints = rng.uniform(1 - self.tint, 1 + self.tint, size=3)
        table = np.clip(base[:, None] * tints * 255, 0, 255).astype(np.uint8).reshape(1, 256, 3)
        out = cv2.LUT(image, table)
        if rng.random() < self.blur:
            out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.4, 1.0)))
        deviation = rng.uniform(0, self.noise)
        if deviation > 1:
            grain = np.asarray(rng.normal(0, deviation, size=out.shape), dtype=np.float32)
            out = np.asarray(np.clip(out + grain, 0, 255), dtype=np.uint8)
        return np.asarray(out, dtype=np.uint8)
