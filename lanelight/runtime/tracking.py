"""Which lane of this frame was which lane of the last one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lanelight.geometry import Lane, Scene

ROWS = 24  # compared between two frames, spread over the frame's height


@dataclass
class LaneTracker:
    """Gives lanes an identity that lasts over the frames of a video, also through a lane change.

    A lane goes on as the track that lay nearest to it, unless that is too far; a track that finds no lane for some
    frames ends, and its number is not used again.

    Attributes:
        reach: largest mean distance in x between two frames, as a share of the frame's width.
        patience: frames that a track outlives without a lane.
    """

    reach: float = 0.08
    patience: int = 10
    _tracks: dict[int, tuple[Lane, int]] = field(default_factory=dict)  # number -> last lane, frames since then
    _next: int = 0

    def update(self, scene: Scene) -> Scene:
        """Return the Scene of the next frame with a track for every lane."""
        width, height = scene.size
        rows = np.linspace(0, height - 1, ROWS)
        pairs = sorted(
            (distance, number, i)
            for number, (last, _) in self._tracks.items()
            for i, lane in enumerate(scene.lanes)
            if (distance := _distance(last, lane, rows)) <= self.reach * width
        )
        chosen: dict[int, int] = {}
        taken: set[int] = set()
        for _, number, i in pairs:  # nearest pairs first
            if i not in chosen and number not in taken:
                chosen[i] = number
                taken.add(number)
        lanes = []
        for i, lane in enumerate(scene.lanes):
            if i not in chosen:
                chosen[i] = self._next
                self._next += 1
            lanes.append(Lane(lane.points, lane.score, lane.slot, chosen[i], lane.attributes))
        alive = {n: (last, lost + 1) for n, (last, lost) in self._tracks.items() if lost < self.patience}
        self._tracks = alive | {chosen[i]: (lane, 0) for i, lane in enumerate(lanes)}
        return Scene(scene.size, lanes, scene.classes)


def _distance(a: Lane, b: Lane, rows: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return the mean distance in x over the rows that both have, px; infinite where they share none."""
    apart = np.abs(a.x_at(rows) - b.x_at(rows))
    shared = np.isfinite(apart)
    return float(apart[shared].mean()) if shared.any() else float("inf")
