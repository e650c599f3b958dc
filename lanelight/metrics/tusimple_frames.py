"""The rule of the TuSimple lane score, for many frames at once.

Frame by frame: a row of a true lane is hit where the predicted x is nearer than 20 px, measured across the lane
(20 / cos of its slope), or absent on both sides; a true lane is found when its best prediction hits 85 % of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray

TOLERANCE_PX = 20.0  # across the lane
FOUND = 0.85  # share of the rows that must be hit
MAX_RUN_TIME_MS = 200.0
MAX_EXTRA_LANES = 2  # more predictions than true lanes + 2: the frame is lost
FORGIVEN_ABOVE = 4  # with more than four true lanes the worst one is not counted
ABSENT_PX = -100.0  # what the script compares in place of an absent x
TIE_PX = 1e-7
FRAMES_AT_ONCE = 128  # some 3,000 pairs of lanes: their arrays fit the processor's cache

FrameScore = tuple[float, float, float]
LOST: FrameScore = (0.0, 0.0, 1.0)


class Comparison(NamedTuple):
    """The lanes of one frame.

    Attributes:
        pred: (N, R) x in px of the predicted lanes, NaN or negative where absent; or N lanes of (R,).
        gold: (M, R) the same of the true lanes.
        rows: (R,) y in px.
        run_time_ms: time the detector took; above 200 the frame is lost: (0, 0, 1).
    """

    pred: ArrayLike
    gold: ArrayLike
    rows: ArrayLike
    run_time_ms: float | None = None


def score_frames(frames: Sequence[Comparison]) -> list[FrameScore]:
    """Return what `score_frame` returns for each of many frames, in a tenth of the time.

    Raises:
        LanelightError: as `score_frame`.
    """
    scores = [LOST] * len(frames)
    by_rows: dict[int, list[tuple[int, _Lanes]]] = {}
    for index, frame in enumerate(frames):
        lanes = _Lanes(*_checked(frame))
        if is_too_slow(frame.run_time_ms) or has_too_many(len(lanes.pred), len(lanes.gold)):
            continue
        by_rows.setdefault(len(lanes.rows), []).append((index, lanes))
    for group in by_rows.values():
        for start in range(0, len(group), FRAMES_AT_ONCE):
            some = group[start : start + FRAMES_AT_ONCE]
            best = iter(_best_accuracies([lanes for _, lanes in some]))
            for index, lanes in some:
                scores[index] = _figures([next(best) for _ in lanes.gold], len(lanes.pred))
    return scores


def is_too_slow(run_time_ms: float | None) -> bool:
    """Tell whether a frame is lost by the time that the detector took."""
    return (run_time_ms or 0.0) > MAX_RUN_TIME_MS


def has_too_many(pred: int, gold: int) -> bool:
    """Tell whether a frame is lost by its number of predicted lanes."""
    return pred > gold + MAX_EXTRA_LANES


class _Lanes(NamedTuple):
    """A frame with lanes as sequences of (R,) arrays, of one length."""

    pred: Sequence[FloatArray]
    gold: Sequence[FloatArray]
    rows: FloatArray


def _checked(frame: Comparison) -> tuple[Sequence[FloatArray], Sequence[FloatArray], FloatArray]:
    rows = np.asarray(frame.rows, dtype=np.float64)
    if rows.ndim != 1 or len(rows) == 0:
        raise LanelightError(f"TuSimple: expected rows of shape (R,), at least one, got {rows.shape}")
    return _by_row("predicted", frame.pred, rows), _by_row("true", frame.gold, rows), rows


def _by_row(kind: str, lanes: ArrayLike, rows: FloatArray) -> Sequence[FloatArray]:
    if isinstance(lanes, tuple) and all(isinstance(x, np.ndarray) and x.shape == rows.shape for x in lanes):
        return lanes  # as they come from a file: no copy
    x = np.asarray(lanes, dtype=np.float64)
    if x.size == 0 and x.ndim < 2:
        x = x.reshape(0, len(rows))
    if x.ndim != 2 or x.shape[1] != len(rows):
        raise LanelightError(f"TuSimple: expected {kind} lanes of shape (N, {len(rows)}), one x a row, got {x.shape}")
    return tuple(x)


def _best_accuracies(frames: Sequence[_Lanes]) -> list[float]:
    """Return the share of rows that the best prediction hits, for each true lane of each frame in their order.

    Every true lane stands beside every prediction of its frame in one flat list of pairs.
    """
    pred = _joined([x for frame in frames for x in frame.pred])
    gold = _joined([x for frame in frames for x in frame.gold])
    if len(gold) == 0:
        return []
    preds, golds = (np.array([len(frame[side]) for frame in frames], dtype=np.intp) for side in (0, 1))
    rows = np.repeat([frame.rows for frame in frames], golds, axis=0)
    of_gold, of_pred = _pairs(preds, golds)
    gap = gold[of_gold]
    gap -= pred[of_pred]
    np.abs(gap, out=gap)
    tolerance = TOLERANCE_PX / np.cos(np.arctan(_slopes(gold, rows)))
    excess = gap - tolerance[of_gold, None]
    hits = np.count_nonzero(excess < 0, axis=1)
    tied = (np.abs(excess, out=excess) < TIE_PX).any(axis=1)
    for lane in np.unique(of_gold[tied]):
        exact = TOLERANCE_PX / np.cos(np.arctan(_fitted_slope(gold[lane], rows[lane])))
        its_pairs = of_gold == lane
        hits[its_pairs] = np.count_nonzero(gap[its_pairs] < exact, axis=1)
    best = np.zeros(len(gold), dtype=np.int64)
    np.maximum.at(best, of_gold, hits)
    return [hit / rows.shape[1] for hit in best.tolist()]


def _joined(lanes: Sequence[FloatArray]) -> FloatArray:
    if not lanes:
        return np.empty((0, 1))
    x = np.concatenate(lanes).reshape(len(lanes), -1).astype(np.float64, copy=False)
    return np.where(x >= 0, x, ABSENT_PX)


def _pairs(pred: NDArray[np.intp], gold: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the true and of the predicted lane of every pair, (K,) each.

    Args:
        pred: (F,) number of predictions of each frame.
        gold: (F,) number of true lanes of each frame.
    """
    partners = np.repeat(pred, gold)  # of each true lane
    of_gold = np.repeat(np.arange(len(partners)), partners)
    first_pair, first_pred = np.cumsum(partners) - partners, np.repeat(np.cumsum(pred) - pred, gold)
    of_pred = np.arange(len(of_gold)) + np.repeat(first_pred - first_pair, partners)
    return of_gold, of_pred


def _figures(best: Sequence[float], predicted: int) -> FrameScore:
    """Return the figures of a frame that is not lost, from the best accuracy of each true lane."""
    if not best:
        return 0.0, float(predicted > 0), 0.0
    total = 0.0
    for accuracy in best:  # not `sum`: since Python 3.12 it rounds otherwise than the script's
        total += accuracy
    found = sum(accuracy >= FOUND for accuracy in best)
    missed = len(best) - found
    if len(best) > FORGIVEN_ABOVE:
        missed, total = max(missed - 1, 0), total - min(best)
    counted = min(len(best), FORGIVEN_ABOVE)
    return total / counted, (predicted - found) / max(predicted, 1), missed / counted


def _slopes(gold: FloatArray, rows: FloatArray) -> FloatArray:
    """Return dx/dy of the regression line through each lane, (M,); 0 for fewer than two points.

    Args:
        gold: (M, R) x in px, negative where absent.
        rows: (M, R) y in px.
    """
    present = gold >= 0
    count = np.maximum(np.count_nonzero(present, axis=1), 1)
    y = np.where(present, rows - (np.where(present, rows, 0.0).sum(axis=1) / count)[:, None], 0.0)
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
