"""Where the pixels of a frame go in a training sample: crop, flip, scale, turn, shift, perspective; one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Viewport
from lanelight.geometry.warp import scaled, shifted, turned

Range = tuple[float, float]


@dataclass(frozen=True)
class Window:
    """A crop: the frame is scaled, and the sample is cut from it somewhere.

    The cut is made in whole px of the frame. Where the scaled frame is smaller than the sample, what is missing is
    filled; it then lies at the top, or left and right.

    Attributes:
        scale: smallest and largest factor of the scale.
        steps: the factors that may be drawn, in place of any between smallest and largest.
        even: ``"scale"`` draws the factor evenly, ``"share"`` its inverse: the share of the frame that is kept.
        of: what the factor 1 means: ``"view"`` that the viewport fills the sample, ``"frame"`` that a px of the frame
            is a px of the sample, ``"short"`` that the short side of what the viewport shows is that of the sample.
        scale_y: range of a factor of its own for the height; None: the factor of the width.
        x: the cut lies between these shares of the room that there is, 0 left, 1 right.
        y: the same, 0 at the top, 1 at the bottom.
        enlarged: frames that the viewport enlarges are cut too.
        beyond: the cut may reach beyond the frame; False makes that an error.
    """

    scale: Range = (1.0, 1.0)
    steps: tuple[float, ...] = ()
    even: Literal["scale", "share"] = "scale"
    of: Literal["view", "frame", "short"] = "view"
    scale_y: Range | None = None
    x: Range = (0.0, 1.0)
    y: Range = (0.0, 1.0)
    enlarged: bool = True
    beyond: bool = True

    def check(self, view: Viewport) -> None:
        """Make sure that no cut can reach beyond the frame, unless that is wanted.

        Raises:
            LanelightError: the largest cut does.
        """
        if self.beyond or (not self.enlarged and view.scale[0] >= 1):
            return
        across = min(self.steps) if self.steps else self.scale[0]
        self._check_room(view, (across, across if self.scale_y is None else self.scale_y[0]))

    def draw(self, view: Viewport, rng: np.random.Generator) -> tuple[int, int, int, int]:
        """Return the cut (x0, y0, x1, y1) in whole px of the frame; it may reach beyond it.

        Raises:
            LanelightError: it does, and must not.
        """
        if not self.enlarged and view.scale[0] >= 1:
            return view.crop
        across = self._factor(rng)
        factors = (across, across if self.scale_y is None else float(rng.uniform(*self.scale_y)))
        if not self.beyond:
            self._check_room(view, factors)
        whole = (view.crop[2] - view.crop[0], view.crop[3] - view.crop[1])
        width, height = self._size(view, factors)
        x0 = view.crop[0] + round(rng.uniform(*self.x) * (whole[0] - width))
        room = whole[1] - height
        y0 = view.crop[1] + (round(rng.uniform(*self.y) * room) if room >= 0 else room)
        return x0, y0, x0 + width, y0 + height

    def _size(self, view: Viewport, factors: tuple[float, float]) -> tuple[int, int]:
        """Return (width, height) of the cut, px of the frame."""
        whole = (view.crop[2] - view.crop[0], view.crop[3] - view.crop[1])
        unit = min(whole) / min(view.target) if self.of == "short" else 1.0
        at_one = whole if self.of == "view" else (view.target[0] * unit, view.target[1] * unit)
        return max(1, round(at_one[0] / factors[0])), max(1, round(at_one[1] / factors[1]))

    def _check_room(self, view: Viewport, factors: tuple[float, float]) -> None:
        width, height = self._size(view, factors)
        room = (view.crop[2] - view.crop[0], view.crop[3] - view.crop[1])
        if width > room[0] or height > room[1]:
            raise LanelightError(
                f"crop: expected at most {room[0]}x{room[1]} px of the frame, got {width}x{height} at a scale of "
                f"{factors[0]:g}; take a smaller crop, larger scales, or fill what is missing "
                "(augment.window.beyond=true)"
            )

    def _factor(self, rng: np.random.Generator) -> float:
        if self.steps:
            return float(rng.choice(self.steps))
        low, high = self.scale
        return float(rng.uniform(low, high) if self.even == "scale" else 1 / rng.uniform(1 / high, 1 / low))


@dataclass(frozen=True)
class Affine:
    """Scale, then turn, then shift, about the middle of the sample.

    Attributes:
        p: probability of it.
        scale: smallest and largest factor.
        degrees: smallest and largest angle, counter-clockwise.
        shift: largest shift in each direction, as a share of the sample's width and height.
    """

    p: float = 1.0
    scale: Range = (1.0, 1.0)
    degrees: Range = (0.0, 0.0)
    shift: float = 0.0

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
        """Return the matrix for a sample of `size` (width, height)."""
        if rng.random() >= self.p:
            return np.eye(3)
        scale, degrees = float(rng.uniform(*self.scale)), float(rng.uniform(*self.degrees))
        x, y = rng.uniform(-self.shift, self.shift, size=2) * size
        return np.asarray(shifted(x, y) @ turned(degrees, size, scale), dtype=np.float64)


def cut(crop: tuple[int, int, int, int], target: tuple[int, int]) -> FloatArray:
    """Return the matrix that shows a cut (x0, y0, x1, y1) of the frame in a sample of size `target`."""
    x0, y0, x1, y1 = crop
    scale = scaled(target[0] / (x1 - x0), target[1] / (y1 - y0))
    return np.asarray(scale @ shifted(-x0, -y0), dtype=np.float64)
