"""How far two answers to the same frames are from each other: of two runtimes, two precisions, two files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lanelight.geometry import FloatArray, Lane, Scene


@dataclass(frozen=True)
class SceneDifference:
    """How far some Scenes are from those of a reference, over frames.

    Attributes:
        frames: number of frames.
        lanes: of the reference.
        same_lanes: frames on which both have lanes in the same slots, and as many without one.
        lane_px: largest distance in x over lanes that both have, px of the frame; None where they share none.
        mean_px: mean distance over the rows of these lanes; None where they share none.
        f1: lane F1 of the CULane rule at 0.5, the reference taken for the truth, with lines of 30 px in 1640 scaled to
            the width of the frame; None where neither has lanes.
        other_class: largest share of a frame's pixels in which classes differ; None for a network of lanes.
    """

    frames: int
    lanes: int
    same_lanes: int
    lane_px: float | None
    mean_px: float | None
    f1: float | None
    other_class: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def scene_difference(reference: Sequence[Scene], found: Sequence[Scene]) -> SceneDifference:
    """Compare what two networks, or one in two ways, found on the same frames.

    Args:
        reference: a Scene for each frame.
        found: as many, of frames of the same sizes.
    """
    from lanelight.runtime.scoring_lines import LineCounts

    counts, differences, gaps = LineCounts(), Differences(), [np.empty(0)]
    for index, (gold, pred) in enumerate(zip(reference, found, strict=True)):
        counts.add(index, pred, gold)
        differences.add(gold, pred)
        gaps += [lane_gaps(lane, other) for lane, other in _pairs(gold, pred)]
    apart = np.concatenate(gaps)
    figures = counts.figures()["iou_0.5"]
    some = figures["tp"] + figures["fp"] + figures["fn"]
    return SceneDifference(
        frames=len(reference),
        lanes=sum(len(scene.lanes) for scene in reference),
        same_lanes=differences.same_lanes,
        lane_px=float(apart.max()) if len(apart) else None,
        mean_px=float(apart.mean()) if len(apart) else None,
        f1=figures["f1"] if some else None,
        other_class=differences.other_class,
    )


@dataclass
class Differences:
    """How far Scenes of the same frames are from each other, added up frame by frame.

    Attributes:
        same_lanes: frames on which both have lanes in the same slots, and as many without one.
        lane_px: largest `lane_distance`.
        other_class: largest share of a frame's pixels in which their classes differ; None where they have none.
    """

    same_lanes: int = 0
    lane_px: float = 0.0
    other_class: float | None = None

    def add(self, first: Scene, second: Scene) -> None:
        """Compare two Scenes of one frame."""
        self.same_lanes += [lane.slot for lane in first.lanes] == [lane.slot for lane in second.lanes]
        self.lane_px = max(self.lane_px, lane_distance(first, second))
        if first.classes is not None and second.classes is not None:
            differ = float((first.classes != second.classes).mean())
            self.other_class = max(self.other_class or 0.0, differ)


def lane_distance(first: Scene, second: Scene) -> float:
    """Return the largest distance in x between lanes that both have, px; 0 where they share none.

    Lanes are the same by their slots. Of those without one the nearest are, each once.
    """
    return max((float(lane_gaps(lane, other).max(initial=0.0)) for lane, other in _pairs(first, second)), default=0.0)


def lane_gaps(lane: Lane, other: Lane) -> FloatArray:
    """Return the distances in x between two lanes, px, at the rows of the first that both reach."""
    gaps = np.abs(other.x_at(lane.points[:, 1]) - lane.points[:, 0]) if len(lane.points) else np.empty(0)
    return gaps[~np.isnan(gaps)]


def _pairs(first: Scene, second: Scene) -> Iterator[tuple[Lane, Lane]]:
    for lane in first.lanes:
        other = None if lane.slot is None else second.in_slot(lane.slot)
        if other is not None:
            yield lane, other
    left, right = ([lane for lane in scene.lanes if lane.slot is None] for scene in (first, second))
    while left and right:
        apart = np.array([[_mean_gap(lane, other) for other in right] for lane in left])
        row, column = np.unravel_index(apart.argmin(), apart.shape)
        yield left.pop(int(row)), right.pop(int(column))


def _mean_gap(lane: Lane, other: Lane) -> float:
    gaps = lane_gaps(lane, other)
    return float(gaps.mean()) if len(gaps) else np.inf
