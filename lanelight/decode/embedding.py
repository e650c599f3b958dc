"""Lane mask and an embedding of its pixels -> lanes, any number of them (SegNet and ENet with the discriminative loss).

Neven et al. 2018 (LaneNet), sec. II-A: pixels of one lane lie close together in the embedding, those of two lanes far
apart, so that every cluster is a lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lanelight.decode.base import Arrays
from lanelight.decode.clusters import dbscan, mean_shift
from lanelight.decode.runs import Pixels, find_runs, lines, on_lines, turned
from lanelight.errors import ModelError, unknown_name
from lanelight.geometry import FloatArray, Lane, Scene, Viewport
from lanelight.geometry.ego import placed

Float32 = NDArray[np.float32]

METHODS = ("mean_shift", "dbscan")


@dataclass(frozen=True)
class EmbeddingDecoder:
    """Cluster the embeddings of lane pixels and trace one line through the pixels of each cluster.

    Lanes are ordered from left to right and slots counted from the vehicle. A line runs from the vehicle outwards along
    the middles of the cluster's runs of pixels: row by row, or, for a lane that lies flat in the picture, column by
    column. Where it leaves the picture, is hidden or is interrupted, it goes straight on to the next of its pixels.

    Differs: the reference fills the mask's holes; the middle of a run does not need that, and areas that lanes enclose
    stay free.

    Attributes:
        threshold: a pixel is lane where its probability is above this.
        logit_threshold: where it is given, a pixel is lane where its raw lane logit is above this instead, whatever the
            logit of the background says: the reference's rule, with 0.5.
        method: "mean_shift": clusters are balls around the densest places; lanes whose embeddings run into each other
            stay apart. "dbscan": clusters are what hangs together, of any shape; a chain of pixels joins two lanes.
        radius: of mean_shift the bandwidth, for which the push margin of the loss is right (0.6 of the reference's,
            1.5 of the paper's); of dbscan eps, from the pull margin on (0.1 and 0.5).
        min_points: of mean_shift, pixels within the bandwidth of a cluster's centre; of dbscan, pixels within eps of a
            core point.
        min_pixels: a cluster with fewer is dropped.
        min_rows: a line through fewer rows (columns) is dropped (at least 2).
        max_lanes: the largest so many clusters may be lanes.
        score_threshold: a lane whose pixels have a smaller mean probability is dropped.
        row_step: distance of a line's points, px of the network's input.
        smooth: rows of the moving local line fit that removes the jitter between rows; 0 leaves points as read.
        max_hole: pixels that may be missing inside a run.
        max_slope: largest step aside per row from a run to the next one of its lane, px, not counting the runs' own
            widths; runs that lie farther aside are left out.
        flat: a lane this many times wider than high is read column by column.

    Raises:
        ModelError: a value that cannot be meant.
    """

    threshold: float = 0.5
    logit_threshold: float | None = None
    method: Literal["mean_shift", "dbscan"] = "mean_shift"
    radius: float = 0.5
    min_points: int = 5
    min_pixels: int = 20
    min_rows: int = 5
    max_lanes: int = 8
    score_threshold: float = 0.0
    row_step: int = 4
    smooth: int = 9
    max_hole: int = 2
    max_slope: float = 6.0
    flat: float = 4.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ModelError(unknown_name("method of EmbeddingDecoder", self.method, METHODS))
        if not 0 < self.threshold < 1:
            raise ModelError(f"EmbeddingDecoder: expected a threshold between 0 and 1, got {self.threshold}")
        if not (self.radius > 0 and min(self.min_points, self.max_lanes, self.row_step) >= 1 and self.min_rows >= 2):
            raise ModelError(
                "EmbeddingDecoder: expected a positive radius, min_points, max_lanes and row_step of at least 1 and "
                f"min_rows of at least 2, got {self.to_dict()}"
            )

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode ``mask`` logits (2, H, W) and ``embedding`` (E, H, W)."""
        pixels = self._lane_pixels(outputs)
        if len(pixels.lane) == 0:
            return Scene(view.source)
        numbers, points, flat = self._lines(pixels)
        points = view.to_source(points)
        score = np.bincount(pixels.lane, pixels.weight) / np.bincount(pixels.lane)
        lanes = []
        for number, first, last in _stretches(numbers):
            line = points[first:last]
            if flat[number]:
                line = _outwards(line, view.source)
            if score[number] >= self.score_threshold:
                lanes.append(Lane(line, score=min(1.0, float(score[number]))))
        return Scene(view.source, placed(lanes, view.source))

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "embedding", **asdict(self)}

    def _lane_pixels(self, outputs: Arrays) -> Pixels:
        """Return the pixels of the clusters that may be lanes; they weigh as much as they are probably lane."""
        mask, embedding = _checked(outputs)
        margin = mask[1] - mask[0]
        if self.logit_threshold is None:
            chosen = margin > math.log(self.threshold / (1 - self.threshold))
        else:
            chosen = mask[1] > self.logit_threshold
        places = np.flatnonzero(chosen)
        lane = self._clustered(embedding.reshape(len(embedding), -1).take(places, axis=1).T)
        sizes = np.bincount(lane[lane >= 0])[: self.max_lanes]
        large = np.count_nonzero(sizes >= self.min_pixels)  # clusters come by their sizes
        kept = np.flatnonzero((lane >= 0) & (lane < large))
        kept = kept[np.argsort(lane[kept].astype(np.int16), kind="stable")]  # small numbers: a radix sort
        places = places[kept]
        row, column = np.divmod(places, mask.shape[2])
        chance = 1 / (1 + np.exp(-np.clip(margin.ravel()[places].astype(np.float64), -60, 60)))
        return Pixels(lane[kept], row, column, chance)

    def _clustered(self, points: Float32) -> NDArray[np.intp]:
        """Return the cluster of each point, (N,)."""
        if self.method == "dbscan":
            return dbscan(points, eps=self.radius, min_points=self.min_points)
        return mean_shift(points, bandwidth=self.radius, min_points=self.min_points)

    def _lines(self, pixels: Pixels) -> tuple[NDArray[np.intp], FloatArray, NDArray[np.bool_]]:
        """Return lane (P,) and place (P, 2), target px, of the points of all lines, and which lanes lie flat (L,)."""
        starts = np.flatnonzero(np.diff(pixels.lane, prepend=-1))
        height, width = (
            np.maximum.reduceat(part, starts) - np.minimum.reduceat(part, starts) + 1
            for part in (pixels.row, pixels.column)
        )
        flat = width > self.flat * height
        runs = find_runs(turned(pixels, flat) if flat.any() else pixels, self.max_hole)
        runs = on_lines(runs, self.max_slope)
        counts = np.bincount(runs.lane)
        if (counts < self.min_rows).any():
            runs = runs.at(counts[runs.lane] >= self.min_rows)
        lane, points = lines(runs, step=self.row_step, smooth=self.smooth)
        swap = flat[lane]
        points[swap] = points[swap, ::-1]
        return lane, points, flat


def _stretches(numbers: NDArray[np.intp]) -> Iterator[tuple[int, int, int]]:
    """Yield each number with the first index and that after the last of its occurrences, which lie together."""
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for first, last in pairwise(edges):
        if first < last:
            yield int(numbers[first]), first, last


def _outwards(line: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Turn a line so that it leads up the frame, and a level one so that it leads away from the frame's middle."""
    (x0, y0), (x1, y1) = line[0], line[-1]
    away = y0 > y1 if y0 != y1 else abs(2 * x0 - size[0]) < abs(2 * x1 - size[0])
    return line if away else line[::-1]


def _checked(outputs: Arrays) -> tuple[Float32, Float32]:
    """Return the mask's logits (2, H, W) and the embedding (E, H, W), checked."""
    mask, embedding = (np.asarray(outputs[name], dtype=np.float32) for name in ("mask", "embedding"))
    if mask.ndim != 3 or len(mask) != 2 or embedding.ndim != 3 or embedding.shape[1:] != mask.shape[1:]:
        raise ModelError(
            "embedding decoder: expected 'mask' of shape (2, H, W) and 'embedding' of shape (E, H, W), "
            f"got {mask.shape} and {embedding.shape}"
        )
    return mask, embedding
