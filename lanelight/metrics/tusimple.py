"""The TuSimple lane score: accuracy, false-positive and false-negative rate as the benchmark's own script has them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from lanelight.errors import FormatError, LanelightError
from lanelight.formats.tusimple import ROWS, Entry, at_rows
from lanelight.geometry import FloatArray, Scene
from lanelight.metrics.base import Figures, SceneMetric
from lanelight.metrics.tusimple_frames import Comparison, FrameScore, score_frames


class TuSimpleAccuracy(SceneMetric):
    """Means of the benchmark's three figures over frames.

    The state is how often each triple of figures occurred, and the sums over it are rounded once: the order of frames
    and merges changes no bit. The benchmark's script rounds after every frame, in the order of the prediction file, so
    its totals agree with these to 1e-12; the figures of each frame are the same to the bit.
    """

    def __init__(self) -> None:
        self._scores: Counter[FrameScore] = Counter()

    @property
    def frames(self) -> int:
        """Number of frames counted."""
        return self._scores.total()

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
        self._scores[score] += 1

    def compute(self) -> Figures:
        """Return ``accuracy``, ``fp`` and ``fn``, means over frames; 0 without frames."""
        return self.means(self.frames)

    def means(self, divisor: int) -> Figures:
        """Return the figures with another divisor than the number of frames.

        The benchmark's script divides by the number of different frames in the label file.
        """
        accuracy, fp, fn = (
            math.fsum(number * score[k] for score, number in self._scores.items()) / max(divisor, 1) for k in range(3)
        )
        return {"accuracy": accuracy, "fp": fp, "fn": fn}

    def merge(self, other: Self) -> None:
        """Add the frames that another instance has counted."""
        self._scores.update(other._scores)

    def reset(self) -> None:
        """Forget all frames."""
        self._scores.clear()


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
    return score_frames([Comparison(pred, gold, rows, run_time_ms)])[0]


def score_entries(pred: Sequence[Entry], gold: Sequence[Entry]) -> Figures:
    """Return the benchmark's means for the lines of a prediction and of a label file.

    Raises:
        FormatError: the files do not have the same frames, or a predicted lane has not one x for each row.
    """
    metric = TuSimpleAccuracy()
    for score in score_frames([compared(line, truth) for line, truth in paired(pred, gold)]):
        metric.add(score)
    return metric.means(len({entry.raw_file for entry in gold}))


def paired(pred: Sequence[Entry], gold: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    """Return each prediction with its label; of a frame labelled twice the last label counts, as in the script.

    Raises:
        FormatError: the files do not have the same frames.
    """
    by_name = {entry.raw_file: entry for entry in gold}
    if len(pred) != len(gold):
        told = {entry.raw_file for entry in pred}
        missing = next((entry.raw_file for entry in gold if entry.raw_file not in told), None)
        first = f"; the first frame without one is {missing}" if missing is not None else ""
        raise FormatError(
            f"{_file(pred)}expected one prediction for each of {len(gold)} labelled frames, got {len(pred)}{first}"
        )
    for entry in pred:
        if entry.raw_file not in by_name:
            raise FormatError(f"{_name(entry)}: predicted, but the label file has no such frame; compare the paths")
    return [(entry, by_name[entry.raw_file]) for entry in pred]


def compared(pred: Entry, gold: Entry) -> Comparison:
    """Return what is compared of two lines of the same frame.

    Raises:
        FormatError: the label has no rows, the prediction has other rows, or a lane has not one x for each row.
    """
    rows = gold.rows
    if rows is None:
        raise FormatError(f"{_name(gold)}: expected h_samples in the label file, found none")
    if pred.rows is not None and not np.array_equal(pred.rows, rows):
        raise FormatError(
            f"{_name(pred)}: expected the h_samples of the label ({_span(rows)}), found {_span(pred.rows)}; "
            "predict at the rows of the label file"
        )
    for entry, kind in ((pred, "predicted"), (gold, "true")):
        for number, lane in enumerate(entry.lanes, start=1):
            if lane.shape != rows.shape:
                raise FormatError(
                    f"{_name(entry)}: expected {len(rows)} values in every lane, one for each of the label's "
                    f"h_samples; {kind} lane {number} has {len(lane)}"
                )
    return Comparison(pred.lanes, gold.lanes, rows, pred.run_time_ms)


def _file(entries: Sequence[Entry]) -> str:
    """Return the name of the file that entries were read from, with a colon, or nothing."""
    where = entries[0].where if entries else ""
    return f"{where.rpartition(' line ')[0]}: " if where else ""


def _name(entry: Entry) -> str:
    return f"{entry.where} ({entry.raw_file})" if entry.where else entry.raw_file


def _span(rows: FloatArray) -> str:
    return f"{len(rows)} rows, {rows[0]:g} to {rows[-1]:g}"
