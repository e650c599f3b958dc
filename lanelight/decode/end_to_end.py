"""What a graph has decoded itself -> Scene: for files that take a source frame and give lanes or classes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from lanelight.decode.base import Arrays
from lanelight.decode.classes import ClassDecoder
from lanelight.errors import ModelError
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.geometry.warp import IGNORE


@dataclass(frozen=True)
class EndToEndLanes:
    """Read the lanes that a graph found, in px of the source frame.

    Attributes:
        score_threshold: lanes with a lower score are left out; the graph has its own threshold before.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("points", "counts", "scores", "slots")

    score_threshold: float = 0.0

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Read ``points`` (L, P, 2), ``counts``, ``scores`` and ``slots`` (L,)."""
        points, counts, scores, slots = (np.asarray(outputs[name], np.float64) for name in self.OUTPUTS)
        one = points.shape[:1]
        if points.ndim != 3 or points.shape[2] != 2 or not counts.shape == scores.shape == slots.shape == one:
            raise ModelError(
                "end-to-end lanes: expected points (L, P, 2), counts, scores and slots (L,), got "
                f"{points.shape}, {counts.shape}, {scores.shape}, {slots.shape}"
            )
        lanes = [
            Lane(points[i, : int(counts[i])], float(scores[i]), None if slots[i] < 0 else int(slots[i]))
            for i in np.flatnonzero(counts > 0)
            if scores[i] >= self.score_threshold
        ]
        return Scene(view.source, lanes)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "end_to_end_lanes", **asdict(self)}


@dataclass(frozen=True)
class EndToEndClasses:
    """Read the class map that a graph made in the size of the source frame.

    Attributes:
        names: of the classes 0, 1, ...
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("classes",)

    names: tuple[str, ...] = ClassDecoder.names

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", ClassDecoder(self.names).names)

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Read ``classes`` (H, W): ids, and 255 where the network did not look."""
        classes = np.asarray(outputs["classes"])
        strange = (classes >= len(self.names)) & (classes != IGNORE) | (classes < 0)
        if classes.shape != (view.source[1], view.source[0]) or strange.any():
            raise ModelError(
                f"end-to-end classes: expected ids 0 to {len(self.names) - 1} of {view.source[0]}x{view.source[1]} px, "
                f"got an array {classes.shape} of {classes.min():g} to {classes.max():g}"
            )
        return Scene(view.source, (), classes.astype(np.uint8))

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "end_to_end_classes", **asdict(self)}
