"""Move a frame and what is known about it together: flip and affine maps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.geometry.curve import FloatArray
from lanelight.geometry.lane import Lane
from lanelight.geometry.scene import Scene

IGNORE = 255  # class id of pixels without a label


def flip(frame: NDArray[np.uint8], scene: Scene, *, slots: int = 4) -> tuple[NDArray[np.uint8], Scene]:
    """Mirror a frame and its Scene left to right; slot k becomes `slots` - 1 - k.

    Args:
        frame: (H, W, 3) uint8.
        scene: what is known about it.
        slots: number of slots, counted from the left.
    """
    width = scene.size[0]

    def mirrored(lane: Lane) -> Lane:
        points = lane.points * (-1.0, 1.0) + (width - 1.0, 0.0)
        slot = None if lane.slot is None else slots - 1 - lane.slot
        return Lane(points, lane.score, slot, lane.track, lane.attributes)

    classes = None if scene.classes is None else np.ascontiguousarray(scene.classes[:, ::-1])
    lanes = tuple(mirrored(lane) for lane in reversed(scene.lanes))
    return np.ascontiguousarray(frame[:, ::-1]), Scene(scene.size, lanes, classes)


def affine(
    frame: NDArray[np.uint8], scene: Scene, matrix: FloatArray, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Scene]:
    """Apply one affine map to a frame and its Scene.

    Args:
        frame: (H, W, 3) uint8.
        scene: what is known about it.
        matrix: (2, 3) float64, source px to new px, half-pixel centres.
        size: (width, height) of the new frame; what comes from outside the old one is black, class 255.
    """
    moved = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR)
    lanes = tuple(lane.with_points(lane.points @ matrix[:, :2].T + matrix[:, 2]) for lane in scene.lanes)
    classes = None
    if scene.classes is not None:
        classes = np.asarray(
            cv2.warpAffine(scene.classes, matrix, size, flags=cv2.INTER_NEAREST, borderValue=IGNORE), dtype=np.uint8
        )
    return np.asarray(moved, dtype=np.uint8), Scene(size, lanes, classes)
