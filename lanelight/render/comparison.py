"""Draw what was predicted over what is true."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene
from lanelight.render.overlay import SHIFT
from lanelight.render.palette import FALSE, MISSED, SHADE, TRUE, Color

Image = NDArray[np.uint8]


def draw_comparison(frame: Image, pred: Scene, gold: Scene, *, void: frozenset[int] = frozenset()) -> Image:
    """Return the frame with true lanes as broad green bands and predicted ones as thin orange lines upon them.

    Of classes, pixels that are right are tinted green, wrong ones orange, and those where only the truth has a class
    other than 0 blue.

    Args:
        frame: (H, W, 3) uint8 RGB of the scenes' size; it is not changed.
        pred: what was predicted.
        gold: the truth.
        void: true classes that do not count; such pixels stay as they are.

    Raises:
        LanelightError: the sizes differ.
    """
    height, width = frame.shape[:2]
    if not pred.size == gold.size == (width, height):
        raise LanelightError(
            f"draw_comparison: expected scenes of {width}x{height} px like the frame, got {pred.size} and {gold.size}"
        )
    canvas = frame.copy()
    if pred.classes is not None and gold.classes is not None:
        canvas = _tinted(canvas, pred.classes, gold.classes, void)
    broad, thin = max(4, round(height / 60)), max(2, round(height / 200))
    _draw_lines(canvas, gold.lanes, TRUE, broad)
    _draw_lines(canvas, pred.lanes, SHADE, thin + 2)
    _draw_lines(canvas, pred.lanes, FALSE, thin)
    return canvas


def _draw_lines(canvas: Image, lanes: Sequence[Lane], color: Color, thickness: int) -> None:
    far = 4 * max(canvas.shape)  # beyond it the fixed-point coordinates would overflow, and nothing is seen
    for lane in lanes:
        points = np.clip(lane.points[np.isfinite(lane.points).all(axis=1)], -far, far)
        if len(points):
            path = np.round(points * (1 << SHIFT)).astype(np.int32)
            path = np.repeat(path, 2, axis=0) if len(path) == 1 else path
            cv2.polylines(canvas, [path], False, color, thickness, cv2.LINE_AA, SHIFT)


def _tinted(canvas: Image, pred: NDArray[np.uint8], gold: NDArray[np.uint8], void: frozenset[int]) -> Image:
    counted = ~np.isin(gold, list(void))
    right = counted & (pred == gold) & (gold > 0)
    wrong = counted & (pred != gold)
    missed = wrong & (pred == 0)
    tint = canvas.copy()
    for where, color in ((right, TRUE), (wrong, FALSE), (missed, MISSED)):
        tint[where] = color
    return np.asarray(cv2.addWeighted(canvas, 0.45, tint, 0.55, 0), dtype=np.uint8)
