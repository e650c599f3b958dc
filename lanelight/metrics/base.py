"""`SceneMetric`: what every metric is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from lanelight.geometry import Scene

Figures = dict[str, Any]  # what a JSON file can hold: numbers, None and dicts of them, never NaN


class SceneMetric(ABC):
    """Compare predicted with true scenes, frame by frame.

    The state is counts over frames; ratios are formed once, in `compute`. Parts counted on several processes are added
    by `merge`; neither the order of the frames nor that of the parts changes a single bit of the figures.
    """

    @abstractmethod
    def update(self, pred: Scene, gold: Scene) -> None:
        """Count one frame.

        Args:
            pred: the detector's answer.
            gold: the truth.
        """

    @abstractmethod
    def compute(self) -> Figures:
        """Return the figures over all frames so far."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all frames."""
