"""`Scene`: what is known about one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry.lane import Lane


@dataclass(frozen=True, eq=False)
class Scene:
    """The lanes and the per-pixel classes of one frame; either may be missing.

    Attributes:
        size: (width, height) of the source frame in px.
        lanes: the lanes; an empty tuple is a valid answer.
        classes: (H, W) uint8 class ids in the size of the source frame, or None.

    Raises:
        LanelightError: the size is not positive or the class map has another shape.
    """

    size: tuple[int, int]
    lanes: Sequence[Lane] = ()
    classes: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        width, height = (int(n) for n in self.size)
        if width < 1 or height < 1:
            raise LanelightError(f"Scene.size: expected a positive (width, height), got {self.size}")
        if self.classes is not None and self.classes.shape != (height, width):
            raise LanelightError(
                f"Scene.classes: expected shape {(height, width)} for size {(width, height)}, got {self.classes.shape}"
            )
        object.__setattr__(self, "size", (width, height))
        object.__setattr__(self, "lanes", tuple(self.lanes))

    def in_slot(self, slot: int) -> Lane | None:
        """Return the lane of a slot, or None."""
        return next((lane for lane in self.lanes if lane.slot == slot), None)
