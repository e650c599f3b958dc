"""The CULane lane score: F1 of lanes drawn 30 px wide, by the rules of the benchmark's own tool.

Every lane is drawn as a line; a predicted lane is right where it is matched with a true one and their intersection over
union is above a threshold. The modules beside this one hold the rules: `lane_path` (spline and rounding), `thick_line`
(the pixels of a line), `matching` (which prediction belongs to which lane).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene
from lanelight.geometry.ego import ego_pair
from lanelight.metrics.base import Figures, SceneMetric

if TYPE_CHECKING:
    from lanelight.metrics.lane_masks import Pen

Ints = NDArray[np.int64]
Which = Literal["all", "ego"]

LINE_PX = 30
THICKEST_PX = 32767  # as in OpenCV
LONGEST_PX = 32767  # side of a frame: larger masks would fill the memory
NO_RATIO = -1.0  # what the benchmark's tool has for a ratio of nothing


class CULaneF1(SceneMetric):
    """Counts of right, false and missed lanes at any thresholds, and the ratios formed of them.

    Args:
        thresholds: a match counts where its intersection over union is above; 0.5 is the benchmark's headline, the mean
            over 0.5 to 0.95 in steps of 0.05 is called mF1.
        line_px: width of the lines, px of the frame; 30 in the benchmark's 1640 x 590 px.
        lanes: ``"ego"`` compares only the two lanes beside the vehicle (see `geometry.ego`), which no benchmark does.

    Raises:
        LanelightError: a threshold is outside 0 to 1 or given twice, or the lines have less than 2 px.
    """

    def __init__(self, thresholds: Sequence[float] = (0.5,), *, line_px: int = LINE_PX, lanes: Which = "all") -> None:
        self.thresholds = checked_thresholds(thresholds)
        self.line_px = checked_width(line_px)
        self.lanes = lanes
        self.reset()

    def update(self, pred: Scene, gold: Scene) -> None:
        """Count one frame.

        Raises:
            LanelightError: the two scenes have different frame sizes.
        """
        from lanelight.metrics.culane_counts import Lanes, count_images

        if pred.size != gold.size:
            raise LanelightError(f"CULaneF1: expected lanes in a frame of {gold.size}, got {pred.size}")
        true, seen = (self._chosen(scene) for scene in (gold, pred))
        points = [lane.points for lane in (*true, *seen)]
        ends = np.cumsum([len(lane) for lane in points], dtype=np.int64)
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as in the benchmark's tool
            flat = np.concatenate([np.empty((0, 2)), *points]).astype(np.float32)
        lanes = Lanes(flat, ends, np.array([len(true)]), np.array([len(points)]))
        hits = count_images(lanes, pen_for(gold.size, self.line_px), np.array(self.thresholds))
        self.add(hits[0], len(seen), len(true))

    def add(self, hits: Ints, pred: int, gold: int) -> None:
        """Add counts: right lanes at each threshold, (T,), predicted and true lanes."""
        self._hits += hits
        self._pred += pred
        self._gold += gold

    def compute(self) -> Figures:
        """Return for each threshold (``"iou_0.5"``) tp, fp, fn, precision, recall and f1, and their mean f1 ``"mf1"``.

        Precision and recall of nothing are -1, as in the benchmark's tool; f1 is then 0.
        """
        rows = {
            key_of(threshold): ratios(int(hits), self._pred - int(hits), self._gold - int(hits))
            for threshold, hits in zip(self.thresholds, self._hits, strict=True)
        }
        return {**rows, "mf1": float(np.mean([row["f1"] for row in rows.values()]))}

    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted.

        Raises:
            LanelightError: the other one has other thresholds, another width of lines or other lanes.
        """
        mine, theirs = ((it.thresholds, it.line_px, it.lanes) for it in (self, other))
        if mine != theirs:
            raise LanelightError(f"CULaneF1.merge: expected counts made with {mine}, got {theirs}")
        self.add(other._hits, other._pred, other._gold)

    def reset(self) -> None:
        """Forget all frames."""
        self._hits = np.zeros(len(self.thresholds), np.int64)
        self._pred = self._gold = 0

    def _chosen(self, scene: Scene) -> Sequence[Lane]:
        return ego_pair(scene.lanes, scene.size) if self.lanes == "ego" else scene.lanes


def key_of(threshold: float) -> str:
    """Return the name of a threshold's figures, with its shortest decimal form."""
    return f"iou_{threshold!r}"


def ratios(tp: int, fp: int, fn: int) -> dict[str, float]:
    """Return counts with precision, recall and f1."""
    precision = tp / (tp + fp) if tp + fp else NO_RATIO
    recall = tp / (tp + fn) if tp + fn else NO_RATIO
    f1 = 2 * precision * recall / (precision + recall) if tp else 0.0
    return {"tp": tp, "fp": fp, "fn": fn, "precision": precision, "recall": recall, "f1": f1}


def checked_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return thresholds as a tuple.

    Raises:
        LanelightError: there are none, one is outside 0 to 1, or one is given twice.
    """
    found = tuple(float(threshold) for threshold in thresholds)
    if not found or len(set(found)) < len(found) or not all(0 <= threshold < 1 for threshold in found):
        raise LanelightError(f"CULaneF1: expected different thresholds from 0 to below 1, got {list(thresholds)}")
    return found


def checked_width(line_px: int) -> int:
    """Return the width of lines.

    Raises:
        LanelightError: it is not 2 to 32767 px.
    """
    if not 2 <= line_px <= THICKEST_PX:
        raise LanelightError(f"CULaneF1: expected lines of 2 to {THICKEST_PX} px, got {line_px}; the benchmark has 30")
    return int(line_px)


@cache
def pen_for(size: tuple[int, int], line_px: int) -> Pen:
    """Return what draws lines of a width in frames of a size; made once.

    Raises:
        LanelightError: the size is not 1 to 32767 px each way.
    """
    from lanelight.metrics.lane_masks import make_pen

    if not all(1 <= length <= LONGEST_PX for length in size):
        raise LanelightError(f"CULaneF1: expected frames of 1 to {LONGEST_PX} px each way, got {size[0]}x{size[1]}")
    return make_pen(size[0], size[1], line_px)
