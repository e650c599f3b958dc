"""The TuSimple lane score: accuracy, false-positive and false-negative rate by the rule of the benchmark's own script.

Frame by frame: a row of a true lane is hit where the predicted x is nearer than 20 px, measured across the lane
(20 / cos of its slope), or absent on both sides; a true lane is found when its best prediction hits 85 % of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from lanelight.errors import FormatError, LanelightError
from lanelight.formats.tusimple import ROWS, Entry, at_rows
from lanelight.geometry import FloatArray, Scene
from lanelight.metrics.base import SceneMetric

TOLERANCE_PX = 20.0  # across the lane
FOUND = 0.85  # share of the rows that must be hit
MAX_RUN_TIME_MS = 200.0
MAX_EXTRA_LANES = 2  # more predictions than true lanes + 2: the frame is lost
FORGIVEN_ABOVE = 4  # with more than four true lanes the worst one is not counted
ABSENT_PX = -100.0  # what the script compares in place of an absent x
TIE_PX = 1e-7

FrameScore = tuple[float, float, float]
LOST: FrameScore = (0.0, 0.0, 1.0)


class TuSimpleAccuracy(SceneMetric):
    """Means of the benchmark's three figures over frames."""

    def __init__(self) -> None:
        self.frames = 0
        self._sums: FrameScore = (0.0, 0.0, 0.0)

    def update(self, pred: Scene, gold: Scene, rows: ArrayLike = ROWS, run_time_ms: float | None = None) -> None:
        """Count one frame.

        Predicted lanes that meet no row are ignored, as the prediction file leaves them out.

        Args:
            pred: the detector's lanes.
            gold: the true lanes, in the same frame size.
            rows: (R,) y in px at which the lanes are compared: the frame's own `h_samples`.
            run_time_ms: time the detector took; None is fast enough.

        Raises:
            LanelightError: the two scenes have different frame sizes.
        """
        if pred.size != gold.size:
            raise LanelightError(f"TuSimpleAccuracy: expected lanes in a frame of {gold.size}, got {pred.size}")
        pred_x = at_rows(pred.lanes, rows, pred.size[0])
        pred_x = pred_x[~np.isnan(pred_x).all(axis=1)]
        self.add(score_frame(pred_x, at_rows(gold.lanes, rows, gold.size[0]), rows, run_time_ms))

    def add(self, score: FrameScore) -> None:
        """Count one frame that `score_frame` has scored."""
        self.frames += 1
        self._sums = (self._sums[0] + score[0], self._sums[1] + score[1], self._sums[2] + score[2])

    def compute(self) -> dict[str, float]:
        """Return ``accuracy``, ``fp`` and ``fn``, means over frames; 0 without frames."""
        accuracy, fp, fn = (total / max(self.frames, 1) for total in self._sums)
        return {"accuracy": accuracy, "fp": fp, "fn": fn}

    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""
        self.frames += other.frames
        a, b = self._sums, other._sums
        self._sums = (a[0] + b[0], a[1] + b[1], a[2] + b[2])

    def reset(self) -> None:
        """Forget all frames."""
        self.frames = 0
        self._sums = (0.0, 0.0, 0.0)


def score_frame(pred: ArrayLike, gold: ArrayLike, rows: ArrayLike, run_time_ms: float | None = None) -> FrameScore:
    """Return (accuracy, false-positive rate, false-negative rate) of one frame.

    One prediction may find several true lanes, so the false-positive rate can be negative.

    Args:
        pred: (N, R) x in px of the predicted lanes, NaN or negative where absent.
        gold: (M, R) the same of the true lanes.
        rows: (R,) y in px.
        run_time_ms: time the detector took; above 200 the frame is lost: (0, 0, 1).

    Raises:
        LanelightError: there are no rows, or a lane has not one x for each row.
    """
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 1 or len(rows) == 0:
        raise LanelightError(f"TuSimple: expected rows of shape (R,), at least one, got {rows.shape}")
    pred, gold = _by_row("predicted", pred, rows), _by_row("true", gold, rows)
    if (run_time_ms or 0.0) > MAX_RUN_TIME_MS or len(pred) > len(gold) + MAX_EXTRA_LANES:
        return LOST
    if len(gold) == 0:
        return 0.0, float(len(pred) > 0), 0.0
    best = _best_accuracy(pred, gold, rows)
    found = sum(accuracy >= FOUND for accuracy in best)
    missed, total = len(best) - found, sum(best)
    if len(best) > FORGIVEN_ABOVE:
        missed, total = max(missed - 1, 0), total - min(best)
    counted = min(len(best), FORGIVEN_ABOVE)
    return total / counted, (len(pred) - found) / max(len(pred), 1), missed / counted


def score_entries(pred: Sequence[Entry], gold: Sequence[Entry]) -> dict[str, float]:
    """Return the benchmark's means for the lines of a prediction and of a label file.

    Raises:
        FormatError: the files do not have the same frames, or a predicted lane has not one x for each row.
    """
    by_name = {entry.raw_file: entry for entry in gold}
    if len(pred) != len(gold):
        raise FormatError(f"expected one prediction for each of {len(gold)} labelled frames, got {len(pred)}")
    metric = TuSimpleAccuracy()
    for entry in pred:
        truth = by_name.get(entry.raw_file)
        if truth is None or truth.rows is None:
            raise FormatError(f"{entry.raw_file}: predicted, but the label file has no such frame with h_samples")
        try:
            metric.add(score_frame(_stacked(entry), _stacked(truth), truth.rows, entry.run_time_ms))
        except LanelightError as error:
            raise FormatError(f"{entry.raw_file}: {error}") from error
    metric.frames = len(by_name)  # a frame labelled twice counts once in the script's divisor
    return metric.compute()


def _by_row(kind: str, lanes: ArrayLike, rows: FloatArray) -> FloatArray:
    x = np.asarray(lanes, dtype=np.float64)
    if x.size == 0 and x.ndim < 2:
        x = x.reshape(0, len(rows))
    if x.ndim != 2 or x.shape[1] != len(rows):
        raise LanelightError(f"TuSimple: expected {kind} lanes of shape (N, {len(rows)}), one x a row, got {x.shape}")
    return np.where(x >= 0, x, ABSENT_PX)


def _best_accuracy(pred: FloatArray, gold: FloatArray, rows: FloatArray) -> list[float]:
    """Return for each true lane the share of rows that its best prediction hits, M values."""
    if len(pred) == 0:
        return [0.0] * len(gold)
    gap = np.abs(pred[None] - gold[:, None])  # (M, N, R)
    tolerance = TOLERANCE_PX / np.cos(np.arctan(_slopes(gold, rows)))
    tied = (np.abs(gap - tolerance[:, None, None]) < TIE_PX).any(axis=(1, 2))
    for lane in np.flatnonzero(tied):
        tolerance[lane] = TOLERANCE_PX / np.cos(np.arctan(_fitted_slope(gold[lane], rows)))
    hits = (gap < tolerance[:, None, None]).sum(axis=2)
    return [int(count) / len(rows) for count in hits.max(axis=1)]


def _slopes(gold: FloatArray, rows: FloatArray) -> FloatArray:
    """Return dx/dy of the regression line through each lane, (M,); 0 for fewer than two points."""
    present = gold >= 0
    count = np.maximum(present.sum(axis=1), 1)
    y = np.where(present, rows - (present @ rows / count)[:, None], 0.0)
    x = np.where(present, gold - (np.where(present, gold, 0.0).sum(axis=1) / count)[:, None], 0.0)
    spread = (y * y).sum(axis=1)
    slopes = np.zeros(len(gold))
    np.divide((x * y).sum(axis=1), spread, out=slopes, where=spread > 0)
    return slopes


def _fitted_slope(lane: FloatArray, rows: FloatArray) -> float:
    """Return one lane's slope as LAPACK's least squares gives it.

    The script fits with it, and its last bit decides frames whose error equals the tolerance.
    """
    x, y = lane[lane >= 0], rows[lane >= 0]
    if len(x) < 2:
        return 0.0
    return float(np.linalg.lstsq((y - y.mean())[:, None], x - x.mean(), rcond=None)[0][0])


def _stacked(entry: Entry) -> FloatArray:
    if len({len(lane) for lane in entry.lanes}) > 1:
        lengths = ", ".join(str(len(lane)) for lane in entry.lanes)
        raise LanelightError(f"expected one x for each row in every lane, found lanes of {lengths} values")
    return np.array(entry.lanes, dtype=np.float64)
