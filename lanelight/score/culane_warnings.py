"""What a user should know before trusting a CULane score.

A wrong folder or frame size gives figures that look like any others, mostly zeros.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError
from lanelight.score.culane_lists import Part

FEW_POINTS = 20  # say nothing about the frame size from fewer
SANE_PX = 1e5
OUTSIDE = 0.1  # of the frame's size beyond its border: labels of a correct size seldom go so far
MANY = 0.05  # share of points so far outside that no correct size has
SMALL = 0.7  # of the frame's width and height, beyond one of which correct lanes reach somewhere


@dataclass
class Extent:
    """What the lane files of one side held.

    Attributes:
        lanes: number of lanes.
        short: lanes with fewer than two points.
        points: number of points with sane coordinates.
        outside: of them, those far outside the frame.
        reach: greatest x and y of them, px.
        missing: entries without a file.
    """

    lanes: int = 0
    short: int = 0
    points: int = 0
    outside: int = 0
    reach: tuple[float, float] = (0.0, 0.0)
    missing: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, points: NDArray[np.float32], lengths: NDArray[np.int64], missing: Sequence[str], size: tuple[int, int]
    ) -> Extent:
        """Look at the lanes of some files.

        Args:
            points: (P, 2) all points, px.
            lengths: (L,) number of points of each lane.
            missing: entries without a file.
            size: (width, height) of the frames, px.
        """
        points = points[(np.abs(points) < SANE_PX).all(axis=1)]
        border = np.array(size) * OUTSIDE
        outside = ((points < -border) | (points > size + border)).any(axis=1)
        reach = points.max(axis=0, initial=0.0)
        found = cls(len(lengths), int((lengths < 2).sum()), len(points), int(outside.sum()), missing=list(missing))
        found.reach = (float(reach[0]), float(reach[1]))
        return found

    def merge(self, other: Extent) -> None:
        """Add the files that another instance has seen."""
        self.lanes += other.lanes
        self.short += other.short
        self.points += other.points
        self.outside += other.outside
        self.reach = (max(self.reach[0], other.reach[0]), max(self.reach[1], other.reach[1]))
        self.missing += other.missing

    def is_small(self, size: tuple[int, int]) -> bool:
        """Tell whether all points lie in the upper left part of the frame."""
        return self.points >= FEW_POINTS and all(
            reach < SMALL * length for reach, length in zip(self.reach, size, strict=True)
        )


def warnings_of(
    parts: Sequence[Part], extents: tuple[Extent, Extent], *, gold: Path, pred: Path, size: tuple[int, int]
) -> list[str]:
    """Return what is suspicious about the true and the predicted lanes, one sentence each.

    Raises:
        FormatError: none of the listed frames has a file on one of the sides.
    """
    names = [name for part in parts for name in part.names]
    listed = sum(bool(name.strip()) for name in names)
    found = []
    for extent, folder, what in ((extents[0], gold, "true"), (extents[1], pred, "predicted")):
        if extent.missing and len(extent.missing) == listed:
            raise FormatError(
                f"{folder}: expected a file of {what} lanes for each of {listed} listed frames, found none (the first "
                f"would be for {extent.missing[0]}); check the folder and the list"
            )
        if extent.missing:
            found.append(
                f"{len(extent.missing)} of {listed} listed frames have no file of {what} lanes in {folder} and count "
                f"as frames without lanes; the first is {extent.missing[0]}"
            )
        if extent.short:
            found.append(
                f"{extent.short} of {extent.lanes} {what} lanes have fewer than two points; the benchmark counts them "
                "as lanes that nothing matches (--strict lists them)"
            )
        found += _wrong_size(extent, what, size)
    gold_extent, pred_extent = extents
    if pred_extent.is_small(size) and not gold_extent.is_small(size):
        x, y = pred_extent.reach
        found.append(
            f"predicted lanes reach only x = {x:.0f}, y = {y:.0f} in a frame of {size[0]}x{size[1]}: are they in px of "
            "a smaller picture? They must be in px of the source frame"
        )
    elif gold_extent.is_small(size):
        x, y = gold_extent.reach
        found.append(
            f"true lanes reach only x = {x:.0f}, y = {y:.0f} in a frame of {size[0]}x{size[1]}: give the frame's size "
            "with --size W H"
        )
    return found + _list_faults(parts, names)


def _wrong_size(extent: Extent, what: str, size: tuple[int, int]) -> list[str]:
    if extent.points < FEW_POINTS or extent.outside <= MANY * extent.points:
        return []
    x, y = extent.reach
    return [
        f"{100 * extent.outside / extent.points:.0f} % of the points of {what} lanes lie far outside the frame of "
        f"{size[0]}x{size[1]} (they reach x = {x:.0f}, y = {y:.0f}): give the frame's size with --size W H"
    ]


def _list_faults(parts: Sequence[Part], names: Sequence[str]) -> list[str]:
    found = [
        f"list {part.name}: columns behind the pictures are left out (the benchmark's own tool finds no file then)"
        for part in parts
        if part.columns
    ]
    again = [name for name, times in Counter(names).items() if times > 1 and name]
    if again:
        found.append(f"{len(again)} frames are listed more than once and count as often; the first is {again[0]}")
    return found
