"""What a data format could not hold of what was written into it, counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lanelight.geometry import Lane, Scene

EXAMPLES = 3

# what a format may hold beside points
SLOTS, SCORES, TRACKS, ATTRIBUTES, CLASSES, GAPS = "slots", "scores", "tracks", "attributes", "class maps", "gaps"


@dataclass
class Loss:
    """How often one kind of thing was not held.

    Attributes:
        count: how many there were in all frames.
        frames: in how many frames.
        examples: names of the first of these frames.
        noted: whether it was held after all, but the user should know of it.
    """

    count: int = 0
    frames: int = 0
    examples: list[str] = field(default_factory=list)
    noted: bool = False


class Losses(dict[str, Loss]):
    """Losses by what was lost, in the order in which they were met."""

    def add(self, what: str, key: str, count: int = 1, *, noted: bool = False) -> None:
        """Count what was lost of a frame; nothing where the count is 0.

        Args:
            what: a short plural, for example ``"points off the rows"``.
            key: name of the frame.
            count: how many were lost in it.
            noted: whether it was held after all.
        """
        if count == 0:
            return
        loss = self.setdefault(what, Loss(noted=noted))
        loss.count += count
        loss.frames += 1
        if len(loss.examples) < EXAMPLES:
            loss.examples.append(key)

    def add_unheld(self, key: str, scene: Scene, holds: frozenset[str]) -> None:
        """Count what a frame has beside its points that a format does not hold.

        Args:
            key: name of the frame.
            scene: what is known about it.
            holds: words of this module.
        """
        lanes = scene.lanes
        present = {
            SLOTS: sum(lane.slot is not None for lane in lanes),
            SCORES: sum(lane.score != 1.0 for lane in lanes),
            TRACKS: sum(lane.track is not None for lane in lanes),
            ATTRIBUTES: sum(len(lane.attributes) for lane in lanes),
            CLASSES: int(scene.classes is not None),
            GAPS: sum(missing_points(lane) for lane in lanes),
        }
        for what, count in present.items():
            if what not in holds:
                self.add("points without coordinates" if what == GAPS else what, key, count)


def missing_points(lane: Lane) -> int:
    """Return the number of points with a missing or infinite coordinate."""
    return int((~np.isfinite(lane.points).all(axis=1)).sum())
