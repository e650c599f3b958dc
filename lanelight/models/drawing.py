"""A Scene as a network's input shows it: its lanes drawn as lines, its classes pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import Lane, Scene, Viewport
from lanelight.geometry.curve import edge_gaps


def draw_lane(mask: NDArray[np.uint8], lane: Lane, view: Viewport, value: int, width_px: int) -> bool:
    """Draw a lane into a mask of the viewport's target size; say whether any of it lies inside.

    Args:
        mask: (H, W) uint8, changed in place.
        lane: in px of the source frame.
        view: the network's view of the frame.
        value: what to write.
        width_px: width of the line.
    """
    points = view.to_target(lane.points[np.isfinite(lane.points).all(axis=1)])
    if len(points) < 2:
        return False
    inside = edge_gaps(points, view.target).min(axis=1) > -1e-6  # ends of lanes that were cut there lie on the edge
    fixed = np.clip(np.round(points * 16), -(2**20), 2**20).astype(np.int32)  # 4 fractional bits
    cv2.polylines(mask, [fixed.reshape(-1, 1, 2)], False, value, width_px, cv2.LINE_8, 4)
    return int(inside.sum()) >= 2


def seen_classes(scene: Scene, view: Viewport) -> NDArray[np.uint8] | None:
    """Return the class of each pixel of a network's input, (H, W); None where the Scene has none."""
    if scene.classes is None:
        return None
    x0, y0, x1, y1 = view.crop
    seen = cv2.resize(scene.classes[y0:y1, x0:x1], view.target, interpolation=cv2.INTER_NEAREST)
    return np.asarray(seen, dtype=np.uint8)
