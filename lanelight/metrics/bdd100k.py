"""The BDD100K lane score of the SAD paper: pixels of lanes, without any tolerance.

Accuracy of a frame is the share of true lane pixels that are predicted (a recall), 0 where the frame has no lane; IoU
is that of the lane pixels, 0 where neither side has any. The benchmark's figures are means over frames. Its true lanes
are 2 px wide and networks trained on 8 px predict about that, so that the IoU stays near 0.16.
SAD (Hou et al. 2019), sec. 4.1; zero for frames without lanes as its authors have it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.metrics.base import Figures, SceneMetric

Mask = NDArray[np.bool_]

GOLD_WIDTH_PX = 2.0  # of the lines in the benchmark's test labels
PRED_WIDTH_PX = 8.0  # of the lines in its training labels
BORDER_PX = 1e-6  # of two borders through pixel centres one belongs to the lane: an upright line is as wide as it says


class LaneCounts(NamedTuple):
    """Numbers of pixels of one frame.

    Attributes:
        both: lane on both sides.
        gold: true lane.
        pred: predicted lane.
    """

    both: int
    gold: int
    pred: int

    @property
    def accuracy(self) -> float:
        """Share of the true lane pixels that are predicted, 0 where there are none."""
        return self.both / max(self.gold, 1)

    @property
    def iou(self) -> float:
        """Intersection over union of the lane pixels, 0 where there are none."""
        return self.both / max(self.gold + self.pred - self.both, 1)


class BDD100KLane(SceneMetric):
    """Means over frames of lane pixel accuracy and IoU.

    A scene with classes has lanes where they equal `lane_class`; in a scene without, the lanes are drawn as lines.

    Args:
        lane_class: id of the lane class.
        pred_width_px: how wide predicted lanes are drawn.
        gold_width_px: how wide true lanes are drawn.
    """

    def __init__(
        self, *, lane_class: int = 1, pred_width_px: float = PRED_WIDTH_PX, gold_width_px: float = GOLD_WIDTH_PX
    ) -> None:
        self.lane_class = lane_class
        self.pred_width_px = pred_width_px
        self.gold_width_px = gold_width_px
        self._counts: Counter[LaneCounts] = Counter()

    @property
    def frames(self) -> int:
        """Number of frames counted."""
        return self._counts.total()

    def update(self, pred: Scene, gold: Scene) -> None:
        """Count one frame.

        Raises:
            LanelightError: the two scenes have different frame sizes.
        """
        if pred.size != gold.size:
            raise LanelightError(f"BDD100KLane: expected a frame of {gold.size}, got {pred.size}")
        self.add_masks(self._mask(pred, self.pred_width_px), self._mask(gold, self.gold_width_px))

    def add_masks(self, pred: Mask, gold: Mask) -> None:
        """Count one frame given as (H, W) bool masks, True on lanes.

        Raises:
            LanelightError: the masks have different shapes.
        """
        self.add(count_lane_pixels(pred, gold))

    def add(self, counts: LaneCounts) -> None:
        """Count one frame that `count_lane_pixels` has counted."""
        self._counts[counts] += 1

    def compute(self) -> Figures:
        """Return the figures over all frames so far.

        Returns:
            ``accuracy`` and ``iou``, the benchmark's means over frames (0 without frames); ``frames``; ``pooled``
            with ``recall``, ``precision`` and ``iou`` over the pixels of all frames together, None where undefined.
        """
        both, gold, pred = (sum(number * counts[k] for counts, number in self._counts.items()) for k in range(3))
        return {
            "accuracy": self._mean([(counts.accuracy, number) for counts, number in self._counts.items()]),
            "iou": self._mean([(counts.iou, number) for counts, number in self._counts.items()]),
            "frames": self.frames,
            "pooled": {
                "recall": both / gold if gold else None,
                "precision": both / pred if pred else None,
                "iou": both / (gold + pred - both) if gold + pred else None,
            },
        }

    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""
        self._counts.update(other._counts)

    def reset(self) -> None:
        """Forget all frames."""
        self._counts.clear()

    def _mean(self, values: list[tuple[float, int]]) -> float:
        return math.fsum(value * number for value, number in values) / max(self.frames, 1)

    def _mask(self, scene: Scene, width_px: float) -> Mask:
        if scene.classes is not None:
            return np.asarray(scene.classes == self.lane_class)
        return draw_lanes(scene.lanes, scene.size, width_px)


def count_lane_pixels(pred: Mask, gold: Mask) -> LaneCounts:
    """Return the numbers of lane pixels of one frame.

    Args:
        pred: (H, W) bool, True on predicted lanes.
        gold: (H, W) bool, True on true lanes.

    Raises:
        LanelightError: the masks have different shapes.
    """
    if pred.shape != gold.shape or pred.dtype != np.bool_ or gold.dtype != np.bool_:
        raise LanelightError(
            f"BDD100KLane: expected two bool masks of one shape, got predicted {pred.shape} {pred.dtype}, "
            f"true {gold.shape} {gold.dtype}"
        )
    return LaneCounts(int(np.count_nonzero(pred & gold)), int(np.count_nonzero(gold)), int(np.count_nonzero(pred)))


def widen(mask: Mask, side_px: int) -> Mask:
    """Return a mask dilated by a square, as the training labels of the benchmark were (8 px).

    Args:
        mask: (H, W) bool.
        side_px: of the square; of an even one the longer half lies towards the right and the bottom.

    Raises:
        LanelightError: the side is not positive.
    """
    import cv2

    if side_px < 1:
        raise LanelightError(f"widen: expected a square of at least 1 px, got {side_px}")
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((side_px, side_px), np.uint8))
    return np.asarray(wide, dtype=np.bool_)


def draw_lanes(lanes: Sequence[Lane], size: tuple[int, int], width_px: float) -> Mask:
    """Return the pixels whose centres lie within half a width of a lane; the same with every version of OpenCV.

    Lanes with fewer than two finite points draw nothing.

    Args:
        lanes: polylines, px.
        size: (width, height) of the frame, px.
        width_px: of the lines.

    Returns:
        (H, W) bool.
    """
    mask = np.zeros((size[1], size[0]), dtype=np.bool_)
    for lane in lanes:
        points = lane.points[np.isfinite(lane.points).all(axis=1)]
        for start, stop in pairwise(points):
            _draw_segment(mask, start, stop, width_px / 2)
    return mask


def _draw_segment(mask: Mask, start: FloatArray, stop: FloatArray, reach: float) -> None:
    limits = np.array(mask.shape[::-1], dtype=np.float64)
    x0, y0 = np.clip(np.ceil(np.minimum(start, stop) - reach - 1), 0, limits).astype(int)
    x1, y1 = np.clip(np.floor(np.maximum(start, stop) + reach + 1) + 1, 0, limits).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    x = np.arange(x0, x1)[None] + BORDER_PX - start[0]
    y = np.arange(y0, y1)[:, None] + BORDER_PX - start[1]
    dx, dy = stop - start
    length = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / length, 0.0, 1.0) if length > 0 else 0.0
    mask[y0:y1, x0:x1] |= (x - along * dx) ** 2 + (y - along * dy) ** 2 < reach * reach
