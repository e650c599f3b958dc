"""`Viewport`: which part of a frame a network sees, and the exact map between the two.

Pixel centres lie at whole numbers, so scaling by s maps x to ``(x + 0.5) * s - 0.5``. That is what ``cv2.resize``
and ``interpolate(align_corners=False)`` really do; the naive ``x * s`` is half a pixel off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError, ModelError
from lanelight.geometry.curve import FloatArray

Resample = Literal["smooth", "cubic"]

LARGEST_SIDE, LARGEST_AREA = 1 << 14, 1 << 25  # px of a network's input: frames of 7680x4320 fit


@dataclass(frozen=True)
class Viewport:
    """A crop of the source frame, resized to the size of a network's input.

    Attributes:
        source: (width, height) of the frame, px.
        crop: (x0, y0, x1, y1) in whole px of the frame, x1 and y1 exclusive, inside the frame.
        target: (width, height) of the network's input, px.
        resample: "smooth": shrinking averages areas, growing interpolates linearly, so that far lane paint does not
            alias away; "cubic": always cubic and without averaging, for weights that were trained so.

    Raises:
        LanelightError: the crop is empty or leaves the frame, or a size is not positive.
    """

    source: tuple[int, int]
    crop: tuple[int, int, int, int]
    target: tuple[int, int]
    resample: Resample = "smooth"

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.crop
        if min(*self.source, *self.target) < 1:
            raise LanelightError(f"Viewport: expected positive sizes, got source {self.source}, target {self.target}")
        for low, high, limit, name in ((x0, x1, self.source[0], "x"), (y0, y1, self.source[1], "y")):
            if not 0 <= low < high <= limit:
                raise LanelightError(
                    f"Viewport.crop: expected 0 <= {name}0 < {name}1 <= {limit}, got {self.crop}; "
                    "crop is (x0, y0, x1, y1) in px of the source frame"
                )

    @classmethod
    def whole(cls, size: tuple[int, int], target: tuple[int, int] | None = None) -> Viewport:
        """Return the viewport that shows a whole frame.

        Args:
            size: (width, height) of the frame, px.
            target: (width, height) of the network's input; None: the frame's own.
        """
        return cls(size, (0, 0, *size), target or size)

    @property
    def scale(self) -> tuple[float, float]:
        """Target px per source px, (x, y)."""
        x0, y0, x1, y1 = self.crop
        return self.target[0] / (x1 - x0), self.target[1] / (y1 - y0)

    @property
    def interpolation(self) -> int:
        """OpenCV's number of the interpolation by which the crop is resized."""
        if self.resample == "cubic":
            return cv2.INTER_CUBIC
        shrinks = self.scale[0] < 1 and self.scale[1] < 1
        return cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR

    def to_target(self, xy: FloatArray) -> FloatArray:
        """Map (..., 2) source px to target px."""
        offset = np.array(self.crop[:2], dtype=np.float64)
        return (np.asarray(xy, dtype=np.float64) - offset + 0.5) * self.scale - 0.5

    def to_source(self, xy: FloatArray) -> FloatArray:
        """Map (..., 2) target px to source px."""
        offset = np.array(self.crop[:2], dtype=np.float64)
        return (np.asarray(xy, dtype=np.float64) + 0.5) / self.scale - 0.5 + offset

    def apply(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what the network sees of a frame, resized as `resample` says.

        Args:
            frame: (H, W, C) or (H, W) uint8 in the source size.

        Returns:
            The crop in the target size, contiguous.

        Raises:
            LanelightError: the frame has another size than `source`.
        """
        if (frame.shape[1], frame.shape[0]) != self.source:
            raise LanelightError(
                f"Viewport.apply: expected a frame of {self.source[0]}x{self.source[1]}, "
                f"got {frame.shape[1]}x{frame.shape[0]}; make a viewport for this size first"
            )
        x0, y0, x1, y1 = self.crop
        part = cv2.resize(frame[y0:y1, x0:x1], self.target, interpolation=self.interpolation)
        return np.ascontiguousarray(part, dtype=np.uint8)


@dataclass(frozen=True)
class ViewportPolicy:
    """How to choose the viewport for a frame of any size; it travels with the weights in the manifest.

    ``fit="stretch"`` shows the whole frame below the top share `top`, whatever its aspect (the benchmarks' way).
    ``fit="band"`` shows a band of the frame's full width with the aspect of the target, so that nothing is
    distorted; the row at share `horizon` of the band lies in the middle of the frame, which is where the horizon of a
    forward camera is, and the band is then moved into the frame. A frame too wide for such a band is shown over its
    full height and squeezed.

    Attributes:
        target: (width, height) of the network's input, px.
        fit: ``"band"`` or ``"stretch"``.
        horizon: for ``"band"``, share of the band's height above the middle row of the frame.
        top: for ``"stretch"``, share of the frame's height that is cut off above.
        resample: as in `Viewport`.

    Raises:
        LanelightError: a target that no network has, an unknown fit or resample, or a share outside [0, 1).
    """

    target: tuple[int, int]
    fit: Literal["band", "stretch"] = "band"
    horizon: float = 0.36
    top: float = 0.0
    resample: Resample = "smooth"

    def __post_init__(self) -> None:
        _check_target(self.target)
        if self.fit not in ("band", "stretch"):
            raise ModelError(f"viewport policy: expected fit 'band' or 'stretch', got {self.fit!r}")
        if self.resample not in ("smooth", "cubic"):
            raise ModelError(f"viewport policy: expected resample 'smooth' or 'cubic', got {self.resample!r}")
        if not (0 <= self.horizon < 1 and 0 <= self.top < 1):
            raise ModelError(f"viewport policy: expected shares in [0, 1), got {self.horizon=}, {self.top=}")

    def view(self, size: tuple[int, int]) -> Viewport:
        """Return the viewport for a frame of `size` (width, height)."""
        width, height = size
        if self.fit == "stretch":
            cut = min(round(self.top * height), height - 1)
            return Viewport(size, (0, cut, width, height), self.target, self.resample)
        band = min(height, max(1, round(width * self.target[1] / self.target[0])))
        y0 = min(max(0, round(height / 2 - self.horizon * band)), height - band)
        return Viewport(size, (0, y0, width, y0 + band), self.target, self.resample)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as the manifest stores it."""
        plain = {"target": list(self.target), "fit": self.fit, "horizon": self.horizon, "top": self.top}
        # Only where it is unusual: versions before this entry read the others.
        return plain if self.resample == "smooth" else plain | {"resample": self.resample}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> ViewportPolicy:
        """Read what `to_dict` wrote.

        Raises:
            ModelError: a key is missing or unknown.
        """
        try:
            width, height = entry["target"]
            known = {key: value for key, value in entry.items() if key != "target"}
            return cls(target=(width, height), **known)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"viewport policy: expected target, fit, horizon, top, resample, got {dict(entry)} ({error})"
            ) from error


def _check_target(target: tuple[int, int]) -> None:
    width, height = target
    if not all(isinstance(side, int) and 0 < side <= LARGEST_SIDE for side in target) or width * height > LARGEST_AREA:
        raise ModelError(
            f"viewport policy: expected a target (width, height) of at least 1x1 px, at most {LARGEST_SIDE} px a side "
            f"and {LARGEST_AREA} px in all, got {target!r:.80}"
        )
