"""Rows of 78 numbers -> lanes: threshold, lane NMS, polylines (CLRNet, CLRKDNet).

Zheng et al. 2022 (CLRNet), sec. 3.3; the NMS is that of Tabelini et al. 2021 (LaneATT).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lanelight.decode.base import Arrays
from lanelight.errors import ModelError, unknown_name
from lanelight.geometry import FloatArray, Lane, Scene, Viewport
from lanelight.geometry.ego import placed
from lanelight.geometry.priors import FIELDS, ROWS, STRIPS, Priors, row_ys
from lanelight.geometry.spline import spline

Float32 = NDArray[np.float32]
NegativeStarts = Literal["clamped", "reference"]

NUMBERS = np.arange(ROWS)
CURVE_MARGIN = 0.01  # share of the frame's height by which the reference lets a lane's curve go on at both ends


@dataclass(frozen=True)
class PriorDecoder:
    """Decode what a network of the CLR family gives, with exact coordinates.

    Lanes are ordered from left to right, their points from the bottom up, one at each row that the lane reaches; slots
    are counted from the vehicle. A lane goes on below its start as long as its x stays inside the input.

    Attributes:
        score_threshold: smallest probability of a lane.
        nms_px: mean distance below which two lanes are one and the same, px of the network's input (50 at a width of
            800).
        max_lanes: the best so many are kept.
        min_points: a lane with fewer is dropped (at least 2).
    """

    score_threshold: float = 0.4
    nms_px: float = 50.0
    max_lanes: int = 4
    min_points: int = 2

    def __post_init__(self) -> None:
        _check("PriorDecoder", self.score_threshold, self.nms_px, self.max_lanes, self.min_points)

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode ``priors`` (P, 78)."""
        width, height = view.target
        rows = checked_rows(outputs)
        kept, scores = best_priors(rows, self, width)
        priors = Priors(rows[kept])
        x = priors.xs * np.float64(width - 1)
        reached = reached_rows(priors) & (x < width - 0.5)
        y = row_ys(height)
        # The lowest row lies half a px below the input: lanes end on its edge.
        share = (y[0] - (height - 0.5)) / (y[0] - y[1])
        on = reached[:, 0] & reached[:, 1]
        x[on, 0] += share * (x[on, 1] - x[on, 0])
        y[0] = height - 0.5
        points = view.to_source(np.stack([x, np.broadcast_to(y, x.shape)], axis=-1))
        enough = reached.sum(axis=1) >= self.min_points
        lanes = [Lane(points[i, reached[i]], score=float(scores[i])) for i in np.flatnonzero(enough)]
        return Scene(view.source, placed(lanes, view.source))

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "priors", **asdict(self)}


@dataclass(frozen=True)
class PriorBenchmark:
    """What the reference configurations say of a data set.

    Attributes:
        frame: (width, height) px.
        cut_px: rows of the frame that the network does not see, from the top.
        score_threshold, nms_px, max_lanes: of the decoder, for an input 800 px wide.
        classes: of the auxiliary segmentation, with the background.
        rows: y at which lanes are written, px of the frame, from the bottom up.
    """

    frame: tuple[int, int]
    cut_px: int
    score_threshold: float
    nms_px: float
    max_lanes: int
    classes: int
    rows: range


# LLAMAS: 50 px belong to the DLA-34 network, the one with ResNet-18 has 60.
BENCHMARKS = {
    "culane": PriorBenchmark((1640, 590), 270, 0.4, 50.0, 4, 5, range(582, 269, -8)),
    "tusimple": PriorBenchmark((1280, 720), 160, 0.4, 50.0, 5, 7, range(710, 159, -10)),
    "llamas": PriorBenchmark((1276, 717), 300, 0.45, 50.0, 4, 5, range(716, 299, -1)),
}


@dataclass(frozen=True)
class BenchmarkPriorDecoder:
    """Sample lanes at the benchmark's own rows, as the CLRNet and CLRKDNet repositories do.

    A cubic spline goes through the rows of a lane and 0.01 of the frame's height beyond; x is a share of the frame's
    width (of width - 1 in LLAMAS), truncated in TuSimple. Lanes come in the order of their scores, without slots. The
    network must have seen the full width of the frame down to its bottom (``fit="stretch"``).

    Attributes:
        benchmark: "culane": 40 rows, 582, 574, ... of 590; "tusimple": 56 rows, 710, 700, ... of 720; "llamas": 417
            rows, 716, 715, ... of 717. A frame of another height has the rows scaled.
        score_threshold: smallest probability of a lane.
        nms_px: mean distance below which two lanes are one and the same, px of the network's input.
        max_lanes: the best so many are kept.
        min_points: a lane that reaches fewer of the network's rows is dropped (at least 2).
        min_rows: a lane that meets fewer of the benchmark's rows is dropped; 1 writes them as the reference does, and
            CULane's official tool counts those with a single row as wrong.
        negative_starts: of the NMS; "reference" repeats what its CUDA kernel does, "clamped" is sound.
    """

    benchmark: Literal["culane", "tusimple", "llamas"] = "culane"
    score_threshold: float = 0.4
    nms_px: float = 50.0
    max_lanes: int = 4
    min_points: int = 2
    min_rows: int = 2
    negative_starts: NegativeStarts = "reference"

    def __post_init__(self) -> None:
        if self.benchmark not in BENCHMARKS:
            raise ModelError(unknown_name("benchmark of BenchmarkPriorDecoder", self.benchmark, BENCHMARKS))
        if self.min_rows < 1 or self.negative_starts not in ("clamped", "reference"):
            raise ModelError(
                "BenchmarkPriorDecoder: expected min_rows of at least 1 and negative_starts 'clamped' or 'reference', "
                f"got {self.min_rows} and {self.negative_starts!r}"
            )
        _check("BenchmarkPriorDecoder", self.score_threshold, self.nms_px, self.max_lanes, self.min_points)

    @classmethod
    def of(cls, benchmark: Literal["culane", "tusimple", "llamas"], width: int = 800) -> BenchmarkPriorDecoder:
        """Return the decoder with the published thresholds of a benchmark.

        Args:
            benchmark: "culane", "tusimple" or "llamas".
            width: of the network's input, px.
        """
        if benchmark not in BENCHMARKS:
            raise ModelError(unknown_name("benchmark of BenchmarkPriorDecoder", benchmark, BENCHMARKS))
        known = BENCHMARKS[benchmark]
        return cls(benchmark, known.score_threshold, known.nms_px * width / 800, known.max_lanes)

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode ``priors`` (P, 78)."""
        width, height = view.source
        if (view.crop[0], *view.crop[2:]) != (0, width, height):
            raise ModelError(
                f"BenchmarkPriorDecoder: expected a view of the frame's full width down to its bottom, got {view.crop} "
                f"of {width}x{height}; use PriorDecoder for others"
            )
        rows = checked_rows(outputs)
        kept, scores = best_priors(rows, self, view.target[0], self.negative_starts)
        lanes = []
        for curve, score in zip(lane_curves(rows[kept], view.crop[1] / height), scores, strict=True):
            points = self._written(curve, view.source) if len(curve) >= self.min_points else curve[:0]
            if len(points) >= self.min_rows:
                lanes.append(Lane(points, score=float(score)))
        return Scene(view.source, lanes)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "benchmark_priors", **asdict(self)}

    def _written(self, curve: FloatArray, size: tuple[int, int]) -> FloatArray:
        """Return a lane at the benchmark's rows, (P, 2) px of the frame, from the bottom up."""
        known = BENCHMARKS[self.benchmark]
        rows = np.array(known.rows, dtype=np.float64)
        if self.benchmark == "llamas":
            rows *= (size[1] - 1) / (known.frame[1] - 1)
            return sampled(curve, rows, (size[0] - 1, size[1] - 1))
        rows *= size[1] / known.frame[1]
        if self.benchmark == "culane":
            return sampled(curve, rows, size)
        points = sampled(curve, rows, size, upper=np.inf)  # the benchmark's files may name x beyond the frame
        points[:, 0] = np.trunc(points[:, 0])
        return points


def checked_rows(outputs: Arrays) -> Float32:
    """Return the network's (P, 78) numbers.

    Raises:
        ModelError: they have another shape.
    """
    rows = np.asarray(outputs["priors"], dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != FIELDS:
        raise ModelError(f"prior decoder: expected 'priors' of shape (P, {FIELDS}), got {rows.shape}")
    return rows


def best_priors(
    rows: Float32,
    thresholds: PriorDecoder | BenchmarkPriorDecoder,
    width: int,
    negative_starts: NegativeStarts = "clamped",
) -> tuple[NDArray[np.intp], FloatArray]:
    """Return which rows are lanes, the best first, and their scores, (K,) each.

    Args:
        rows: (P, 78) as the network gives them.
        thresholds: of the score and of the NMS.
        width: of the network's input, px.
        negative_starts: as for `lane_nms`.
    """
    scores = lane_scores(rows)
    sure = np.flatnonzero(scores >= thresholds.score_threshold)
    kept = lane_nms(
        rows[sure],
        scores[sure],
        threshold_px=thresholds.nms_px,
        width=width,
        keep=thresholds.max_lanes,
        negative_starts=negative_starts,
    )
    return sure[kept], scores[sure[kept]]


def lane_scores(rows: Float32) -> FloatArray:
    """Return the probability that each row is a lane, (P,), from (P, 78)."""
    logits = np.clip(Priors(rows).logits.astype(np.float64), -300, 300)  # exp of their difference stays finite
    return np.asarray(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), dtype=np.float64)


def lane_nms(
    rows: Float32,
    scores: FloatArray,
    *,
    threshold_px: float,
    width: int,
    keep: int,
    negative_starts: NegativeStarts = "clamped",
) -> NDArray[np.intp]:
    """Keep the best of lanes that are one and the same, greedily.

    Two lanes are the same where, over the rows that both reach, the mean distance of their x is below the threshold.

    Args:
        rows: (N, 78) as the network gives them.
        scores: (N,); of equal ones the first counts as the better.
        threshold_px: px of the network's input.
        width: of the network's input, px.
        keep: stop with so many.
        negative_starts: for lanes that begin below the input: "clamped": they begin at its edge; "reference": the CUDA
            kernel's rule, by which two lanes that begin 1 to 5 rows below it add the numbers stored before the first x
            to their distance, and two that begin still farther below are always the same.

    Returns:
        (K,) indices into `rows`, the best first.
    """
    order = np.argsort(-scores, kind="stable")
    record = _nms_record(rows[order], width)
    start = np.trunc(rows[order, 2].astype(np.float64) * STRIPS + 0.5)
    if negative_starts == "clamped":
        start = np.maximum(start, 0)
    reach = record[:, HEADER - 1].astype(np.float64) - 1
    stop = np.minimum(np.trunc(start + reach + 0.5 - (reach < 0)), STRIPS)
    left = np.arange(len(order))
    kept: list[int] = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        if len(kept) == keep:
            break
        first, last = np.maximum(start[left], start[best]), np.minimum(stop[left], stop[best])
        with np.errstate(invalid="ignore"):
            gaps = np.abs(record.take(left, axis=0) - record[best])
        common = (first[:, None] <= NUMBERED) & (last[:, None] >= NUMBERED)
        common[first < -HEADER] = False  # where the kernel's 8-bit counter of rows wraps round
        distance = gaps.sum(axis=1, where=common)
        same = (last >= first) & (distance < threshold_px * (last - first + 1))
        left = left[~same]
    return order[kept]


HEADER = 5  # numbers before the first x in the record of the reference's NMS
NUMBERED = np.arange(-HEADER, ROWS, dtype=np.float64)  # the rows of that record


def _nms_record(rows: Float32, width: int) -> Float32:
    """Return the reference's record of lanes, (N, 77): both logits, start_y, start_x, length in rows, xs in px."""
    record = np.delete(rows, 4, axis=1)
    with np.errstate(over="ignore"):
        record[:, 4] *= STRIPS
        record[:, HEADER:] *= width - 1
    return record


def reached_rows(priors: Priors[Float32]) -> NDArray[np.bool_]:
    """Tell at which rows lanes have a point, (K, 72).

    From the start as many rows as the length says, and below it without a break as long as x stays inside the input;
    of these, rows with x left of the input are left out.

    Args:
        priors: (K, 78).
    """
    start = np.clip(np.round(priors.start_y.astype(np.float64) * STRIPS), 0, STRIPS)[:, None]
    end = np.minimum(start + np.round(priors.length * np.float32(STRIPS))[:, None] - 1, STRIPS)
    xs = priors.xs
    outside = (start > NUMBERS) & ~((xs >= 0) & (xs <= 1))
    last_outside = np.where(outside, NUMBERS, -1).max(axis=1, keepdims=True)
    return np.asarray((last_outside < NUMBERS) & (end >= NUMBERS) & (xs >= 0), dtype=np.bool_)


# y of the rows as a share of the input's height, with the rounding of the reference's float32 table.
_STEP = float(np.float32(1 / STRIPS))
REFERENCE_YS = np.where(NUMBERS < ROWS // 2, 1 - _STEP * NUMBERS, _STEP * (STRIPS - NUMBERS)).astype(np.float32)


def lane_curves(rows: Float32, cut: float) -> list[FloatArray]:
    """Return lanes as the reference stores them: x and y as shares of the frame, (P, 2) each, from the top down.

    Args:
        rows: (K, 78).
        cut: share of the frame's height above what the network sees.
    """
    priors = Priors(rows)
    reached = reached_rows(priors)
    y = REFERENCE_YS.astype(np.float64) * (1 - cut) + cut
    return [
        np.stack([xs[here][::-1], y[here][::-1]], axis=1).astype(np.float64)
        for xs, here in zip(priors.xs, reached, strict=True)
    ]


def sampled(curve: FloatArray, rows: FloatArray, scale: tuple[float, float], upper: float = 1.0) -> FloatArray:
    """Return where a lane's curve meets rows, 0 <= x < `upper`.

    Args:
        curve: (P, 2) shares of the frame from the top down, as `lane_curves` gives them.
        rows: (R,) px.
        scale: px that x and y of 1 stand for.
        upper: first x that is left out.

    Returns:
        (Q, 2) px, in the order of the rows.
    """
    y = rows / scale[1]
    rows_met = (y >= curve[0, 1] - CURVE_MARGIN) & (y <= curve[-1, 1] + CURVE_MARGIN)
    x = spline(curve[:, 1], curve[:, 0], y[rows_met])
    inside = (x >= 0) & (x < upper)
    return np.stack([x[inside] * scale[0], rows[rows_met][inside]], axis=1)


def _check(name: str, score: float, nms_px: float, lanes: int, points: int) -> None:
    if not (0 <= score <= 1 and nms_px >= 0 and lanes >= 1 and points >= 2):
        raise ModelError(
            f"{name}: expected a score threshold in [0, 1], nms_px of at least 0, max_lanes of at least 1 and "
            f"min_points of at least 2, got {score}, {nms_px}, {lanes}, {points}"
        )
