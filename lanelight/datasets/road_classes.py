"""Rendered roads as class maps: 0 other, 1 road, 2 marking."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.base import FrameDataset
from lanelight.frames import Image
from lanelight.geometry import FloatArray, Lane, Scene

CLASS_NAMES = ("other", "road", "marking")
ROAD, MARKING = 1, 2
PAINT_SHARE = 0.045  # of a lane's width: 0.15 m in 3.4 m
ALONE_SHARE = 0.006  # of the frame's width, for a line without a neighbour
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


class RoadClasses:
    """Rendered roads whose classes are road and marking, in place of the lane one drives in and the others.

    A marking is as wide as paint is beside lanes of usual width, and lies where its line does: between the dashes too.

    Args:
        roads: with lanes, and with classes of which 0 is no road.
    """

    class_names = CLASS_NAMES

    def __init__(self, roads: FrameDataset) -> None:
        self._roads = roads

    def __len__(self) -> int:
        return len(self._roads)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene with lanes and classes)."""
        key, frame, scene = self._roads[index]
        return key, frame, Scene(scene.size, scene.lanes, road_classes(scene))


def road_classes(scene: Scene) -> NDArray[np.uint8]:
    """Return the class map (H, W) of a rendered Scene; the part of a line that something hides is no marking."""
    width, height = scene.size
    classes = np.zeros((height, width), np.uint8)
    if scene.classes is not None:
        classes[scene.classes > 0] = ROAD
    paint = np.zeros_like(classes)
    for lane, breadths in zip(scene.lanes, _breadths(scene), strict=True):
        _draw(paint, lane.points, breadths)
    # The outermost lines have the road on one side alone; 2 px beyond its edge they are still to be seen.
    near = cv2.dilate(classes, np.ones((3, 5), np.uint8)) > 0
    classes[(paint > 0) & near] = MARKING
    return classes


def _breadths(scene: Scene) -> list[FloatArray]:
    """Return how wide the paint is in its row at each point of each lane, px."""
    found = []
    for lane in scene.lanes:
        rows = lane.points[:, 1]
        gaps = [_gap(lane, other, rows) for other in scene.lanes if other is not lane]
        nearest = np.min(gaps, axis=0) if gaps else np.full(len(rows), np.inf)
        known = np.flatnonzero(np.isfinite(nearest))
        if len(known):  # where the other line has left the frame, the gap is the last one seen
            found.append(PAINT_SHARE * np.interp(np.arange(len(rows)), known, nearest[known]))
        else:
            found.append(np.full(len(rows), ALONE_SHARE * scene.size[0]))
    return found


def _gap(lane: Lane, other: Lane, rows: FloatArray) -> FloatArray:
    """Return the distance of another lane in each row, px; infinite where it is not there."""
    gap = np.abs(other.x_at(rows) - lane.points[:, 0])
    return np.where(np.isnan(gap), np.inf, gap)


def _draw(paint: NDArray[np.uint8], points: FloatArray, breadths: FloatArray) -> None:
    far = 4.0 * max(paint.shape)  # beyond it the fixed-point coordinates would overflow
    fixed = np.round(np.clip(points, -far, far) * (1 << SHIFT)).astype(np.int32)
    steps = np.diff(points, axis=0)
    slant = np.abs(steps[:, 1]) / np.maximum(np.hypot(steps[:, 0], steps[:, 1]), 1e-9)  # row -> across the line
    for index in range(len(fixed) - 1):
        thickness = max(1, round(float(breadths[index : index + 2].mean() * slant[index])))
        cv2.line(
            paint, fixed[index].tolist(), fixed[index + 1].tolist(), 1, thickness, lineType=cv2.LINE_8, shift=SHIFT
        )
