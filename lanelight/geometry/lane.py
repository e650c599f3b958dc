"""`Lane`: one lane marking of one frame, as a polyline in pixels of the source frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from lanelight.errors import LanelightError
from lanelight.geometry.curve import FloatArray, resample


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane marking.

    Points are kept as given, in any count and order. Decoders order them from the vehicle outwards.

    Attributes:
        points: (P, 2) float64, x and y in px of the source frame, half-pixel centres (the centre of the
            top-left pixel is (0, 0)).
        score: confidence in [0, 1].
        slot: place counted from the left (the ego pair is 1 and 2 of 0..3), or None where the source has no slots.
        track: identity over the frames of a video, or None.
        attributes: further facts as text, for example ``{"style": "dashed", "color": "yellow"}``.

    Raises:
        LanelightError: points are not (P, 2) or the score is outside [0, 1].
    """

    points: FloatArray
    score: float = 1.0
    slot: int | None = None
    track: int | None = None
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float64)  # a copy: the caller's array may change later
        if points.size == 0:
            points = points.reshape(0, 2)
        if points.ndim != 2 or points.shape[1] != 2:
            raise LanelightError(f"Lane.points: expected shape (P, 2), got {points.shape}; points are rows of (x, y)")
        if not 0.0 <= self.score <= 1.0:
            raise LanelightError(f"Lane.score: expected a value in [0, 1], got {self.score}")
        points.setflags(write=False)
        object.__setattr__(self, "points", points)

    @property
    def known_points(self) -> FloatArray:
        """The points whose x and y are both finite, in their order, (P, 2) px."""
        return self.points[np.isfinite(self.points).all(axis=1)]

    def x_at(self, rows: ArrayLike) -> FloatArray:
        """Return x of the lane at the given rows, NaN outside it.

        Where the lane meets a row more than once, its first meeting (in the order of the points) counts.

        Args:
            rows: (R,) y in px.

        Returns:
            (R,) float64 x in px.
        """
        wanted = np.atleast_1d(np.asarray(rows, dtype=np.float64))
        points = self.known_points
        if len(points) == 0:
            return np.full(wanted.shape, np.nan)
        if len(points) == 1:
            return np.where(wanted == points[0, 1], points[0, 0], np.nan)
        (x0, y0), (x1, y1) = points[:-1].T, points[1:].T
        low, high = np.minimum(y0, y1), np.maximum(y0, y1)
        meets = (wanted[:, None] >= low) & (wanted[:, None] <= high)  # (R, P - 1)
        first, met = meets.argmax(axis=1), meets.any(axis=1)
        span = (y1 - y0)[first]
        share = np.divide(wanted - y0[first], span, out=np.zeros_like(wanted), where=met & (span != 0))
        x = x0[first] + share * (x1 - x0)[first]
        return np.where(met, x, np.nan)

    def resample(self, step_px: float) -> Lane:
        """Return the lane with points every `step_px` along its length; both ends are kept.

        Raises:
            LanelightError: the step is not positive.
        """
        return self.with_points(resample(self.points, step_px))

    def with_points(self, points: ArrayLike) -> Lane:
        """Return the same lane along other points."""
        return Lane(np.asarray(points, dtype=np.float64), self.score, self.slot, self.track, self.attributes)
