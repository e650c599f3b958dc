"""What may change about the colours of a frame: tables, colour spaces, channels, blur, noise.

Every step is a frozen dataclass of numbers, called with a picture and a generator; each costs at most about a
millisecond on a picture of 800x320.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Space = Literal["YCrCb", "HSV", "HLS", "Lab", "Luv", "YUV"]
Smear = Literal["gaussian", "motion", "median"]

# space -> (from RGB, to RGB, channel of the lightness); 8-bit, so that hue counts half degrees
SPACES: dict[Space, tuple[int, int, int]] = {
    "YCrCb": (cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB, 0),
    "HSV": (cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB, 2),
    "HLS": (cv2.COLOR_RGB2HLS, cv2.COLOR_HLS2RGB, 1),
    "Lab": (cv2.COLOR_RGB2Lab, cv2.COLOR_Lab2RGB, 0),
    "Luv": (cv2.COLOR_RGB2Luv, cv2.COLOR_Luv2RGB, 0),
    "YUV": (cv2.COLOR_RGB2YUV, cv2.COLOR_YUV2RGB, 0),
}
HUES = 180
LEVELS = np.arange(256, dtype=np.float64)
POOL = 1 << 20  # numbers in the pool that grain is cut from
PIECE = 1 << 17  # grains cut at once


@dataclass(frozen=True)
class Table:
    """One table of 256 values for each colour channel.

    Attributes:
        p: probability of a change.
        contrast: largest change of the contrast, as a factor on each side of 1.
        pivot: level that a change of contrast leaves alone, 0 (black) to 1.
        brightness: largest shift, as a share of the full range.
        gamma: largest change of the exponent, as a factor on each side of 1.
        tint: largest change of a single channel, as a factor on each side of 1.
    """

    p: float = 1.0
    contrast: float = 0.0
    pivot: float = 0.5
    brightness: float = 0.0
    gamma: float = 0.0
    tint: float = 0.0

    def __call__(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture in other light."""
        if rng.random() >= self.p:
            return image
        contrast = rng.uniform(1 - self.contrast, 1 + self.contrast)
        brightness = rng.uniform(-self.brightness, self.brightness)
        gamma = np.exp(rng.uniform(-1, 1) * np.log1p(self.gamma))
        base = ((LEVELS / 255) ** gamma - self.pivot) * contrast + self.pivot + brightness
        tints = rng.uniform(1 - self.tint, 1 + self.tint, size=3)
        return _looked_up(image, *(base * tint * 255 for tint in tints))


@dataclass(frozen=True)
class Lightness:
    """Multiplied and added to the lightness of a colour space drawn at random; hue stays.

    Attributes:
        p: probability of a change.
        factor: smallest and largest factor.
        add: largest shift, grey levels.
        spaces: the colour spaces.
    """

    p: float = 1.0
    factor: tuple[float, float] = (1.0, 1.0)
    add: int = 0
    spaces: tuple[Space, ...] = ("YCrCb", "HSV", "HLS", "Lab", "Luv", "YUV")

    def __call__(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture in other light."""
        if rng.random() >= self.p:
            return image
        there, back, channel = SPACES[self.spaces[int(rng.integers(len(self.spaces)))]]
        factor, add = rng.uniform(*self.factor), int(rng.integers(-self.add, self.add + 1))
        if rng.random() < 0.5:
            values = np.clip(LEVELS * factor, 0, 255) + add
        else:
            values = np.clip(LEVELS + add, 0, 255) * factor
        tables = [LEVELS] * 3
        tables[channel] = values
        return _converted(_looked_up(_converted(image, there), *tables), back)


@dataclass(frozen=True)
class HueSaturation:
    """Shifts in hue, saturation and value.

    Attributes:
        p: probability of a change.
        hue: largest shift of the hue, in half degrees.
        saturation: largest shift of the saturation, grey levels.
        value: largest shift of the value, grey levels.
        joined: the hue follows the draw of the saturation (none of its own), rounded towards 0.
    """

    p: float = 1.0
    hue: int = 0
    saturation: int = 0
    value: int = 0
    joined: bool = False

    def __call__(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture in other colours."""
        if rng.random() >= self.p:
            return image
        saturation = int(rng.integers(-self.saturation, self.saturation + 1))
        if self.joined:
            hue = int(self.hue * saturation / self.saturation) if self.saturation else 0
        else:
            hue = int(rng.integers(-self.hue, self.hue + 1))
        value = int(rng.integers(-self.value, self.value + 1))
        there, back, _ = SPACES["HSV"]
        hsv = _looked_up(_converted(image, there), (LEVELS + hue) % HUES, LEVELS + saturation, LEVELS + value)
        return _converted(hsv, back)


@dataclass(frozen=True)
class Blur:
    """A slight blur, of a kind drawn at random.

    Attributes:
        p: probability of a blur.
        kinds: ``"gaussian"``, ``"motion"`` (a line in any direction that fades towards either end) and ``"median"``.
        sigma_px: smallest and largest standard deviation of a Gaussian.
        widths_px: odd widths of motion and median, drawn with equal chances; one may stand there twice.
    """

    p: float = 1.0
    kinds: tuple[Smear, ...] = ("gaussian",)
    sigma_px: tuple[float, float] = (0.4, 1.0)
    widths_px: tuple[int, ...] = (3, 5)

    def __call__(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture, blurred or not."""
        if rng.random() >= self.p:
            return image
        kind = self.kinds[int(rng.integers(len(self.kinds)))]
        if kind == "gaussian":
            sigma = float(rng.uniform(*self.sigma_px))
            return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.05)), dtype=np.uint8)
        width = self.widths_px[int(rng.integers(len(self.widths_px)))]
        if kind == "median":
            return np.asarray(cv2.medianBlur(image, width), dtype=np.uint8)
        return np.asarray(cv2.filter2D(image, -1, _motion(width, rng)), dtype=np.uint8)


@dataclass(frozen=True)
class Noise:
    """Grain: independent normal noise on every channel of every pixel.

    Attributes:
        largest: largest standard deviation, grey levels; it is drawn evenly from 0 on.
    """

    largest: float = 0.0

    def __call__(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture with grain."""
        deviation = float(rng.uniform(0, self.largest))
        if deviation <= 1:
            return image
        pool = _grain_pool()
        flat = np.ascontiguousarray(image).reshape(-1)
        grainy = np.empty_like(flat)
        for start in range(0, len(flat), PIECE):
            piece = flat[start : start + PIECE]
            at = int(rng.integers(POOL - len(piece)))
            grain = pool[at : at + len(piece)]
            grainy[start : start + len(piece)] = cv2.addWeighted(
                piece, 1.0, grain, deviation, 0.0, dtype=cv2.CV_8U
            ).reshape(-1)
        return grainy.reshape(image.shape)


def shuffled(image: UInt8, rng: np.random.Generator) -> UInt8:
    """Return the picture with its channels in another order, drawn at random (it may be the same)."""
    pairs = [place for pair in enumerate(rng.permutation(3).tolist()) for place in pair]
    out = np.empty_like(image)
    cv2.mixChannels([image], [out], pairs)
    return out


def _looked_up(image: UInt8, *tables: NDArray[np.float64]) -> UInt8:
    """Return the picture with each channel looked up in its table of 256 values."""
    table = np.clip(np.stack(tables, axis=-1), 0, 255).astype(np.uint8).reshape(1, 256, 3)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


def _converted(image: UInt8, code: int) -> UInt8:
    return np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)


def _motion(width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the kernel of a movement in any direction: a line whose weights rise or fall evenly along it."""
    degrees, share = float(rng.uniform(0, 360)), float(rng.uniform(0, 1))
    line = np.zeros((width, width), dtype=np.float32)
    line[:, width // 2] = np.linspace(share, 1 - share, width)
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (width - 1) / 2), degrees, 1.0)
    kernel = np.asarray(cv2.warpAffine(line, turn, (width, width)), dtype=np.float32)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


@cache
def _grain_pool() -> NDArray[np.float32]:
    """Return the same normal numbers always: drawing them for every picture would cost more than all the rest."""
    return np.random.default_rng(20_24).standard_normal(POOL, dtype=np.float32)
