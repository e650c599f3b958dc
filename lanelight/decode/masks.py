"""Lane masks -> lanes, for networks with one mask per slot (ENet-SAD, SCNN).

`MaskDecoder` is ours: sub-pixel positions, lanes that may end and go on, points only where the mask carries them.
`BenchmarkMaskDecoder` repeats the rule that the reference repositories use for their CULane and TuSimple files.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.decode.base import Arrays
from lanelight.errors import ModelError
from lanelight.geometry import FloatArray, Lane, Scene, Viewport

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class MaskDecoder:
    """Trace each existing lane through its mask, row by row.

    Attributes:
        row_step: distance of the rows that are read, px of the network's input.
        point_threshold: a row carries a point where the mask's peak is above this probability.
        exist_threshold: a lane exists where its existence probability is above this.
        blur: width of the horizontal box filter before the peak is taken, px, odd.
        edge: the point is the centre of mass of the columns around the peak down to this share of its height.
        reach: farthest of these columns from the peak, px.
        max_slope: largest change of x per row between points of one lane; a larger jump starts another piece.
        max_gap: largest distance in rows bridged inside a lane, as a share of the input's height.
        min_rows: a lane with fewer points is dropped (at least 2).
        smooth: rows of the moving local line fit that removes the jitter between rows; 0 leaves points as read.

    Raises:
        ModelError: a value that cannot be meant.
    """

    row_step: int = 4
    point_threshold: float = 0.3
    exist_threshold: float = 0.5
    blur: int = 5
    edge: float = 0.5
    reach: int = 40
    max_slope: float = 6.0
    max_gap: float = 0.25
    min_rows: int = 3
    smooth: int = 5

    def __post_init__(self) -> None:
        if not (min(self.row_step, self.blur) >= 1 and min(self.reach, self.smooth, self.max_gap, self.max_slope) >= 0):
            raise ModelError(
                "MaskDecoder: expected row_step and blur of at least 1, and reach, smooth, max_gap and max_slope of at "
                f"least 0, got {self.to_dict()}"
            )

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode ``lanes`` logits (K, H, W) and ``exist`` logits (K - 1,)."""
        logits = _lane_logits(outputs)
        height = logits.shape[1]
        rows = np.arange(height - 1, -1, -self.row_step)
        peaks, columns = self._read_rows(logits[:, rows])
        exist = _sigmoid(np.asarray(outputs["exist"]))
        lanes = []
        for slot, chance in enumerate(exist):
            if chance <= self.exist_threshold:
                continue
            points = self._trace(columns[slot], rows, peaks[slot], height)
            if len(points) >= max(2, self.min_rows):
                lanes.append(Lane(view.to_source(points), score=float(chance), slot=slot))
        return Scene(view.source, lanes)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "masks", **asdict(self)}

    def _read_rows(self, logits: Float32) -> tuple[Float32, FloatArray]:
        """Return peak probability and sub-pixel column per lane and row, each (K - 1, R), from logits (K, R, W)."""
        mask = _lane_probabilities(logits)
        lanes, count, width = mask.shape
        mask = mask.reshape(-1, width)
        blurred = cv2.blur(mask, (self.blur, 1), borderType=cv2.BORDER_REPLICATE)
        centre = blurred.argmax(axis=1)
        peak = np.take_along_axis(blurred, centre[:, None], axis=1)
        # Around the peak, up to the nearest column on either side that falls below the edge.
        offsets = np.arange(-self.reach, self.reach + 1)
        window = centre[:, None] + offsets
        inside = (window >= 0) & (window < width)
        window = np.clip(window, 0, width - 1)
        low = ~inside | (np.take_along_axis(blurred, window, axis=1) < self.edge * peak)
        left = np.where(low & (offsets < 0), offsets, -self.reach - 1).max(axis=1, keepdims=True)
        right = np.where(low & (offsets > 0), offsets, self.reach + 1).min(axis=1, keepdims=True)
        weights = np.take_along_axis(mask, window, axis=1) * ((offsets > left) & (offsets < right))
        x = centre + (weights @ offsets.astype(np.float32)) / np.maximum(weights.sum(axis=1), 1e-12)
        return np.asarray(peak, np.float32).reshape(lanes, count), np.asarray(x, np.float64).reshape(lanes, count)

    def _trace(self, x: FloatArray, rows: NDArray[np.intp], peak: Float32, height: int) -> FloatArray:
        """Return the heaviest chain of rows that one smooth lane can have made, (P, 2) target px, bottom to top."""
        found = np.flatnonzero(peak > self.point_threshold)
        if len(found) == 0:
            return np.empty((0, 2))
        gap = self.max_gap * height
        pieces: list[list[int]] = []
        for i in found:
            near = [
                piece
                for piece in pieces
                if rows[piece[-1]] - rows[i] <= gap
                and abs(x[i] - x[piece[-1]]) <= self.max_slope * (rows[piece[-1]] - rows[i])
            ]
            if near:
                max(near, key=len).append(int(i))
            else:
                pieces.append([int(i)])
        best = max(pieces, key=lambda piece: float(peak[piece].sum()))
        points = np.stack([x[best], rows[best]], axis=1).astype(np.float64)
        return smoothed(points, self.smooth)


@dataclass(frozen=True)
class BenchmarkMaskDecoder:
    """Sample each existing lane at the benchmark's own rows, as the ENet-SAD and SCNN repositories do.

    9x9 box blur with replicated border, first maximum of the row, strictly above the threshold, whole px of the
    source frame. Lanes with fewer than two points are left out (one reference repository forgot that rule).
    The network must have seen the whole frame (``fit="stretch"``, ``top=0``).

    Attributes:
        benchmark: "culane": 18 rows, 589, 569, ... of 590; "tusimple": 56 rows, 710, 700, ... of 720. A frame of
            another height has the rows scaled.
        point_threshold: smallest peak probability of a point.
        exist_threshold: smallest existence probability of a lane.
    """

    benchmark: Literal["culane", "tusimple"] = "culane"
    point_threshold: float = 0.3
    exist_threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.benchmark not in ("culane", "tusimple"):
            raise ModelError(f"BenchmarkMaskDecoder: expected benchmark culane or tusimple, got {self.benchmark!r}")

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode ``lanes`` logits (K, H, W) and ``exist`` logits (K - 1,)."""
        logits = _lane_logits(outputs)
        rows, y = self._rows(logits.shape[1], view.source[1])
        mask = _lane_probabilities(logits)
        exist = _sigmoid(np.asarray(outputs["exist"]))
        lanes = []
        for slot in np.flatnonzero(exist > self.exist_threshold):
            blurred = cv2.blur(mask[slot], (9, 9), borderType=cv2.BORDER_REPLICATE)[rows]
            column = blurred.argmax(axis=1)
            x = np.floor(column / mask.shape[2] * view.source[0])
            # x = 0 stands for "no point" in the benchmark's files, so a real 0 cannot be told from it.
            keep = (blurred.max(axis=1) > self.point_threshold) & (x > 0)
            if keep.sum() >= 2:
                points = np.stack([x, y], axis=1)[keep]
                lanes.append(Lane(points, score=float(exist[slot]), slot=int(slot)))
        return Scene(view.source, lanes)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "benchmark_masks", **asdict(self)}

    def _rows(self, height: int, source_height: int) -> tuple[NDArray[np.intp], FloatArray]:
        """Return the mask rows that are read and the y written for them, both from the bottom up."""
        if self.benchmark == "culane":
            i = np.arange(18)
            rows = np.trunc(height - i * 20 / 590 * height - 1)
            y = (589.0 - 20 * i) * source_height / 590
        else:
            i = np.arange(56)
            rows = np.floor((710 - 10 * i) * height / 720)
            y = (710.0 - 10 * i) * source_height / 720
        inside = rows >= 0
        return rows[inside].astype(np.intp), y[inside]


def _lane_logits(outputs: Arrays) -> Float32:
    """Return the mask logits (K, H, W), checked."""
    logits = np.asarray(outputs["lanes"], dtype=np.float32)
    if logits.ndim != 3 or logits.shape[0] < 2:
        raise ModelError(
            f"mask decoder: expected 'lanes' of shape (K, H, W) with K >= 2 (background and one mask per slot), "
            f"got {logits.shape}"
        )
    return logits


def _lane_probabilities(logits: Float32) -> Float32:
    """Return the softmax over channels (K, R, W) without the background, (K - 1, R, W)."""
    shifted = np.exp(logits - logits.max(axis=0, keepdims=True))
    return np.asarray(shifted[1:] / shifted.sum(axis=0, keepdims=True), dtype=np.float32)


def _sigmoid(x: NDArray[np.floating[Any]]) -> FloatArray:
    return 1 / (1 + np.exp(-np.clip(x.astype(np.float64), -60, 60)))


def smoothed(points: FloatArray, window: int, line: NDArray[np.intp] | None = None) -> FloatArray:
    """Replace each x by the value of a line fitted to its neighbours, (P, 2) -> (P, 2); rows stay.

    Args:
        points: x and y of one lane, or of several one after the other.
        window: number of neighbours with the point itself, odd.
        line: (P,) ascending: points with another number are no neighbours; None: all are of one lane.
    """
    half = window // 2
    if half < 1 or len(points) < 3:
        return points
    x, y = points.T
    y0 = y - y.mean()  # keeps the sums below small
    index = np.arange(len(points))
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(points))
    if line is not None:
        first = np.maximum(first, np.searchsorted(line, line, side="left"))
        last = np.minimum(last, np.searchsorted(line, line, side="right"))
    sums = np.cumsum(np.stack([np.ones_like(x), x, y0, x * y0, y0 * y0]), axis=1)
    sums = np.concatenate([np.zeros((5, 1)), sums], axis=1)
    n, sx, sy, sxy, syy = sums[:, last] - sums[:, first]
    spread = syy - sy * sy / n
    slope = np.divide(sxy - sx * sy / n, spread, out=np.zeros_like(x), where=spread > 1e-9)
    return np.stack([sx / n + slope * (y0 - sy / n), y], axis=1)
