"""How steady lanes are over the frames of a video: jitter, drop-outs, switches of identity; with truth or without.

**Jitter.** Let x(t) be where a lane meets a fixed row in frame t. A detector that is off by independent errors of
standard deviation s, on a lane that moves evenly, has x(t) = a + b t + e(t). The second difference
d(t) = x(t) - 2 x(t - 1) + x(t - 2) cancels a and b and leaves e(t) - 2 e(t - 1) + e(t - 2), of variance
(1 + 4 + 1) s^2. So ``jitter_px`` = sqrt(mean d^2 / 6), over all rows, lanes and frames, estimates s in px. The median
of |d| of a normal distribution is 0.6745 standard deviations, so ``jitter_typical_px`` = median |d| / (0.6745 sqrt 6)
estimates the same and ignores single leaps. A lane that really accelerates by c px a frame a frame adds c / sqrt 6;
where the truth is known, ``error_jitter_px`` takes x(t) - truth(t) for x(t) and so counts the error alone. All figures
belong to a frame rate: compare only videos of the same one.

**Whose lane.** With truth, a lane's life is that of the true lane; a prediction is its when the assignment of all
predictions to all true lanes by mean distance in x says so. Without truth, lanes are linked from frame to frame by the
same assignment. Track numbers play no part in either, so that detectors with and without tracking compare.

**Drop-outs.** A run of frames in which a lane of the truth is not found, between two frames in which it is. Without
truth: the same of a linked lane, if it comes back where it was within `patience` frames.

**Switches.** Frames in which a lane bears another track number than when it was found last.

**Flicker.** ``slot_changes`` are findings of a lane in another slot than when it was found last, of which a change of
lanes makes one for each lane and a detector that wavers many. ``count_changes`` are frames with another number of lanes
than the frame before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.pairing import pair, row_distances, x_on_rows
from lanelight.metrics.base import Figures, SceneMetric

WHITE = math.sqrt(6.0)  # a second difference of white noise by the noise
MEDIAN = 0.6744897501960817  # of the absolute value of a standard normal variable
UNIT = 1000  # sums are whole thousandths of a px: adding them in any order gives the same
LARGEST_PX = 1e5
BINS, BINS_A_DECADE, FINEST_PX = 1601, 200, 0.001


class LaneStability(SceneMetric):
    """Count jitter, drop-outs and identity switches over the frames of videos.

    Frames of one video come in order; `next_video` stands between two videos. The state is counts of whole numbers:
    `merge` adds those of other videos, and no lane goes on from one instance to the other, so the order of merges
    changes no bit. One video must not be split over instances.

    Args:
        reach: largest mean distance in x between a prediction and its true lane, and between a lane and itself a
            frame later; share of the frame's width.
        patience: frames for which a lane without truth is still waited for.
        rows: number of rows, spread over the frame's height, at which lanes are compared.

    Raises:
        LanelightError: reach is not positive, or there are no rows.
    """

    def __init__(self, *, reach: float = 0.04, patience: int = 10, rows: int = 72) -> None:
        if not reach > 0 or patience < 0 or rows < 2:
            raise LanelightError(
                "LaneStability: expected a positive reach, patience of 0 or more and two rows or more, "
                f"got {reach=}, {patience=}, {rows=}"
            )
        self._reach, self._patience, self._count = reach, patience, rows
        self.reset()

    def update(self, pred: Scene, gold: Scene | None = None) -> None:
        """Count the next frame of a video.

        Args:
            pred: the lanes found.
            gold: the true lanes, or None for the whole video. Where all have a `track`, that is their identity.

        Raises:
            LanelightError: the sizes differ within a frame or a video, or truth comes and goes within a video.
        """
        self._check(pred, gold)
        rows = np.linspace(0.0, pred.size[1] - 1.0, self._count)
        limit = self._reach * pred.size[0]
        x = x_on_rows(pred.lanes, rows)
        sums = self._sums
        sums.frames += 1
        sums.lanes += len(x)
        sums.count_changes += self._counted(len(x))
        if gold is None:
            keys = self._links.update(x, limit)
            found = {key: i for i, key in enumerate(keys)}
            error = np.full_like(x, np.nan)
        else:
            truth = x_on_rows(gold.lanes, rows)
            keys = _numbers(gold.lanes) or self._links.update(truth, limit)
            pairs = pair(row_distances(truth, x), limit)
            found = {keys[g]: i for g, i in pairs}
            error = np.full_like(x, np.nan)
            for g, i in pairs:
                error[i] = x[i] - truth[g]
            sums.true_lanes += len(truth)
            sums.extra += len(x) - len(pairs)
            sums.missed += len(truth) - len(pairs)
            sums.add_errors(error)
        for key, i in found.items():
            life = self._lives.setdefault(key, _Life())
            life.find(self._frame, x[i], error[i], sums)
            life.name(pred.lanes[i], sums)
        self._frame += 1

    def next_video(self) -> None:
        """End the video: no lane goes on."""
        self._frame = 0
        self._number: int | None = None  # of lanes in the frame before
        self._kind: tuple[tuple[int, int], bool] | None = None
        self._lives: dict[int, _Life] = {}
        self._links = _Links(self._patience)

    def compute(self) -> Figures:
        """Return the figures over all frames so far; None where there is nothing to tell.

        Returns:
            ``frames``, ``lanes`` (found, in all frames), ``jitter_px``, ``jitter_typical_px``, ``dropouts``,
            ``dropout_frames``, ``dropout_share`` (of the frames from a lane's first to its last finding),
            ``longest_dropout`` in frames, ``switches`` (None without track numbers), ``slot_changes`` (None without
            slots), ``count_changes``; and with truth ``error_px`` (mean distance in x), ``error_jitter_px``,
            ``missed_share`` of the true and ``extra_share`` of the found lanes.
        """
        sums = self._sums
        lived = sums.found + sums.gap_frames
        return {
            "frames": sums.frames,
            "lanes": sums.lanes,
            "jitter_px": _rms(sums.squares, sums.second, WHITE),
            "jitter_typical_px": _median(sums.sizes, MEDIAN * WHITE),
            "dropouts": sums.gaps,
            "dropout_frames": sums.gap_frames,
            "dropout_share": sums.gap_frames / lived if lived else None,
            "longest_dropout": sums.longest,
            "switches": sums.switches if sums.numbered else None,
            "slot_changes": sums.slot_changes if sums.slotted else None,
            "count_changes": sums.count_changes,
            "error_px": sums.errors / UNIT / sums.compared if sums.compared else None,
            "error_jitter_px": _rms(sums.error_squares, sums.error_second, WHITE),
            "missed_share": sums.missed / sums.true_lanes if sums.true_lanes else None,
            "extra_share": sums.extra / sums.lanes if sums.lanes and sums.true_lanes else None,
        }

    def merge(self, other: Self) -> None:
        """Add the videos that another instance has counted; its lanes do not go on in this one's."""
        self._sums.add(other._sums)

    def reset(self) -> None:
        """Forget all videos."""
        self._sums = _Sums()
        self.next_video()

    def _counted(self, number: int) -> bool:
        """Note the number of lanes of a frame; tell whether it is another one than before."""
        changed = self._number not in (None, number)
        self._number = number
        return changed

    def _check(self, pred: Scene, gold: Scene | None) -> None:
        kind = (pred.size, gold is not None)
        if gold is not None and gold.size != pred.size:
            raise LanelightError(f"LaneStability: expected lanes in a frame of {gold.size}, got {pred.size}")
        if self._kind not in (None, kind):
            raise LanelightError(
                "LaneStability: expected frames of one size, all with truth or all without, until next_video(); "
                f"got (size, has truth) {kind} after {self._kind}"
            )
        self._kind = kind


@dataclass
class _Sums:
    """What is counted, in whole numbers; sums of px are in units of 1 / `UNIT` px."""

    frames: int = 0
    lanes: int = 0
    true_lanes: int = 0
    found: int = 0
    missed: int = 0
    extra: int = 0
    gaps: int = 0
    gap_frames: int = 0
    longest: int = 0
    switches: int = 0
    numbered: int = 0
    slot_changes: int = 0
    slotted: int = 0
    count_changes: int = 0
    second: int = 0
    squares: int = 0
    error_second: int = 0
    error_squares: int = 0
    compared: int = 0
    errors: int = 0
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def add(self, other: _Sums) -> None:
        """Add what another has counted."""
        longest = max(self.longest, other.longest)
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        self.longest = longest

    def add_errors(self, error: FloatArray) -> None:
        """Count distances from the truth, px, NaN where unknown."""
        whole = _whole(error)
        self.compared += len(whole)
        self.errors += int(np.abs(whole).sum())

    def add_second(self, x: FloatArray, error: FloatArray) -> None:
        """Count second differences of places and of errors, px, NaN where unknown."""
        whole = _whole(x)
        self.second += len(whole)
        self.squares += _sum_of_squares(whole)
        size = np.abs(whole) / UNIT
        place = np.log10(np.maximum(size / FINEST_PX, 1.0)) * BINS_A_DECADE
        self.sizes += np.bincount(np.round(place).astype(np.int64), minlength=BINS)
        whole = _whole(error)
        self.error_second += len(whole)
        self.error_squares += _sum_of_squares(whole)


class _Life:
    """One lane from its first finding on."""

    def __init__(self) -> None:
        self._frame: int | None = None
        self._number: int | None = None
        self._slot: int | None = None
        self._past: list[tuple[FloatArray, FloatArray]] = []  # of the frames without a gap before this one, two at most

    def find(self, frame: int, x: FloatArray, error: FloatArray, sums: _Sums) -> None:
        """Count that the lane was found in a frame, at x (R,)."""
        gap = 0 if self._frame is None else frame - self._frame - 1
        if gap:
            sums.gaps += 1
            sums.gap_frames += gap
            sums.longest = max(sums.longest, gap)
            self._past = []
        if len(self._past) == 2:
            (x0, error0), (x1, error1) = self._past
            sums.add_second(x - 2 * x1 + x0, error - 2 * error1 + error0)
        sums.found += 1
        self._past = [*self._past[-1:], (x, error)]
        self._frame = frame

    def name(self, lane: Lane, sums: _Sums) -> None:
        """Count under which track number and in which slot it was found."""
        if lane.track is not None:
            sums.numbered += 1
            sums.switches += self._number not in (None, lane.track)
            self._number = lane.track
        if lane.slot is not None:
            sums.slotted += 1
            sums.slot_changes += self._slot not in (None, lane.slot)
            self._slot = lane.slot


class _Links:
    """Follows lanes without numbers from frame to frame, by their places alone."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._last: dict[int, tuple[FloatArray, int]] = {}  # key -> place, frames since then
        self._next = 0

    def update(self, x: FloatArray, limit: float) -> list[int]:
        """Return a key for every lane (N, R) of the next frame: that of a known lane, or a new one."""
        known = list(self._last)
        places = np.stack([self._last[key][0] for key in known]) if known else np.empty((0, x.shape[1]))
        taken = {i: known[k] for k, i in pair(row_distances(places, x), limit)}
        keys = []
        for i in range(len(x)):
            keys.append(taken.get(i, self._next))
            self._next += i not in taken
        self._last = {k: (at, age + 1) for k, (at, age) in self._last.items() if age < self._patience}
        self._last |= {key: (x[i], 0) for i, key in enumerate(keys)}
        return keys


def _numbers(lanes: Sequence[Lane]) -> list[int] | None:
    """Return the tracks of true lanes, None where they do not tell them apart."""
    numbers = [lane.track for lane in lanes if lane.track is not None]
    return numbers if len(set(numbers)) == len(lanes) > 0 else None


def _whole(px: FloatArray) -> NDArray[np.int64]:
    """Return the known values in whole units."""
    known = px[np.isfinite(px)]
    return np.round(np.clip(known, -LARGEST_PX, LARGEST_PX) * UNIT).astype(np.int64)


def _sum_of_squares(whole: NDArray[np.int64]) -> int:
    return sum(value * value for value in whole.tolist())  # Python's integers do not overflow


def _rms(squares: int, count: int, divisor: float) -> float | None:
    return math.sqrt(squares / count) / UNIT / divisor if count else None


def _median(sizes: NDArray[np.int64], divisor: float) -> float | None:
    """Return the median of the sizes counted, to half a percent; 0 below the finest."""
    total = int(sizes.sum())
    if total == 0:
        return None
    place = int(np.searchsorted(np.cumsum(sizes), (total + 1) // 2))
    return float(FINEST_PX * 10 ** (place / BINS_A_DECADE)) / divisor if place else 0.0
