"""Counting the images of CULane: lanes drawn, compared and matched, for all thresholds in one pass; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled
from lanelight.metrics.lane_masks import Pen, area, draw_lane, shared_area
from lanelight.metrics.lane_path import lane_path
from lanelight.metrics.matching import match

Ints = NDArray[np.int64]

NO_LINE = -1  # pixels of a lane with fewer than two points, which is never drawn


class Lanes(NamedTuple):
    """The lanes of N images: image by image the true lanes, then the predicted ones.

    Attributes:
        points: (P, 2) float32 x and y in px, lane after lane.
        ends: (L,) index behind the last point of each lane.
        gold_ends: (N,) index behind the last true lane of each image.
        pred_ends: (N,) index behind its last predicted lane, where the next image's lanes begin.
    """

    points: NDArray[np.float32]
    ends: Ints
    gold_ends: Ints
    pred_ends: Ints


@compiled
def count_images(lanes: Lanes, pen: Pen, thresholds: NDArray[np.float64]) -> Ints:
    """Return the true positives of each image at each threshold, (N, T).

    Args:
        lanes: of the images.
        pen: how they are drawn.
        thresholds: (T,) a matched pair counts where its intersection over union is above.
    """
    hits = np.zeros((len(lanes.gold_ends), len(thresholds)), np.int64)
    for image in range(len(lanes.gold_ends)):
        first = lanes.pred_ends[image - 1] if image else 0
        if first < lanes.gold_ends[image] < lanes.pred_ends[image]:
            pixels, shared = measure_image(lanes, pen, image)
            overlap = similarity(pixels, shared)
            for gold, pred in enumerate(match(overlap)):
                if pred >= 0:
                    for k in range(len(thresholds)):
                        hits[image, k] += overlap[gold, pred] > thresholds[k]
    return hits


@compiled
def measure_image(lanes: Lanes, pen: Pen, image: int) -> tuple[Ints, Ints]:
    """Return the pixels of each lane, (G + P,), and those shared by each true and predicted lane, (G, P).

    A lane with fewer than two points has `NO_LINE` pixels.
    """
    first = lanes.pred_ends[image - 1] if image else 0
    gold, count = lanes.gold_ends[image] - first, lanes.pred_ends[image] - first
    pixels, shared = np.full(count, NO_LINE, np.int64), np.zeros((gold, count - gold), np.int64)
    empty = np.zeros((1, 2), np.int64)
    masks = []
    for i in range(count):
        begin = lanes.ends[first + i - 1] if first + i else 0
        points = lanes.points[begin : lanes.ends[first + i]]
        mask = draw_lane(lane_path(points) if len(points) > 1 else empty, pen)
        masks.append(mask)
        if len(points) > 1:
            pixels[i] = area(mask)
    for g in range(gold):
        for p in range(gold, count):
            shared[g, p - gold] = shared_area(masks[g], masks[p])
    return pixels, shared


@compiled
def similarity(pixels: Ints, shared: Ints) -> NDArray[np.float64]:
    """Return the intersection over union of all pairs, (G, P): 0 without a line, NaN for two outside the frame."""
    gold, pred = shared.shape
    overlap = np.zeros((gold, pred), np.float64)
    for g in range(gold):
        for p in range(pred):
            a, b = pixels[g], pixels[gold + p]
            if NO_LINE not in (a, b):
                overlap[g, p] = shared[g, p] / (a + b - shared[g, p])
    return overlap
