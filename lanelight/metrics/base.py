"""`SceneMetric`: what every metric is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from lanelight.geometry import Scene


class SceneMetric(ABC):
    """Compare predicted with true scenes, frame by frame.

    The state is counts and sums over frames; ratios are formed once, in `compute`. Parts counted on several processes
    are added by `merge`.
    """

    @abstractmethod
    def update(self, pred: Scene, gold: Scene) -> None:
        """Count one frame.

        Args:
            pred: the detector's answer.
            gold: the truth.
        """

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Return the figures over all frames so far, none of them NaN."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all frames."""
