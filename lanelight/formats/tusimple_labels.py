"""TuSimple label files as they are written: lanes at rows, exactly where they have points there."""

from __future__ import annotations

from typing import Any

import numpy as np

from lanelight.formats.tusimple import ABSENT, ROWS, SIZE
from lanelight.geometry import FloatArray, Lane, Scene

# split: name of its label file in data sets other than the benchmark's own, which has drives of its own in its names
LABEL_FILES = {
    "train": "label_data_train.json",
    "val": "label_data_val.json",
    "trainval": "label_data_trainval.json",
    "test": "test_label.json",
}
DECIMALS = 3  # of x between the points of a lane
SAMPLED = 0.5  # share of the rows it spans on which a lane has points, from which on its gaps are meant


def rows(height: int) -> FloatArray:
    """Return the benchmark's rows, scaled from its 720 px to frames of another height, whole px from the top."""
    scale = height / SIZE[1]
    return np.unique(np.clip(np.round((ROWS + 0.5) * scale - 0.5), 0, height - 1))


def label_rows(scene: Scene) -> FloatArray:
    """Return the rows on which the lanes of a frame are best written.

    The benchmark's where all points lie on them; else the lanes' own, where those are whole and evenly spaced and no
    lane leaves one out, as in CULane; else the benchmark's again.

    Returns:
        (R,) float64 y in px, from the top.
    """
    usual = rows(scene.size[1])
    lanes = [lane.known_points[:, 1] for lane in scene.lanes]
    own = np.unique(np.concatenate([np.empty(0), *lanes]))
    steps = np.diff(own)
    even = len(own) > 1 and (own == np.round(own)).all() and (own >= 0).all() and steps.min() == steps.max()
    if np.isin(own, usual).all() or not even:
        return usual
    whole = all(len(np.unique(y)) == 1 + round(np.ptp(y) / steps[0]) for y in lanes if len(y))
    return own if whole else usual


def to_label(scene: Scene, raw_file: str, h_samples: FloatArray) -> dict[str, Any]:
    """Return one line of a label file.

    A point on a row is written as it is. Between its points a lane is interpolated to a thousandth of a pixel, unless
    it has points on most of the rows it spans: then it was sampled on them and its gaps are meant. Lanes that meet no
    row are kept, since labels may hold them.

    Args:
        scene: the lanes.
        raw_file: path of the frame below the data set's root.
        h_samples: (R,) y in px.
    """
    lanes = [_column(lane, h_samples, scene.size[0]) for lane in scene.lanes]
    written = [[ABSENT if x is None else _short(x) for x in lane] for lane in lanes]
    return {"lanes": written, "h_samples": [_short(y) for y in h_samples.tolist()], "raw_file": raw_file}


def _column(lane: Lane, h_samples: FloatArray, width: int) -> list[float | None]:
    """Return x of a lane at each row, None where it is absent or outside the frame."""
    points = lane.known_points
    given = dict(reversed([(y, x) for x, y in points.tolist()]))  # the first point on a row counts, as in `Lane.x_at`
    spanned = (h_samples >= min(given)) & (h_samples <= max(given)) if given else np.zeros(len(h_samples), np.bool_)
    on_rows = np.isin(h_samples, list(given))
    if on_rows.sum() < SAMPLED * spanned.sum() or not np.isin(points[:, 1], h_samples).all():
        x = np.round(lane.x_at(h_samples), DECIMALS).tolist()
    else:
        x = [np.nan] * len(h_samples)
    exact = [given.get(y, between) for y, between in zip(h_samples.tolist(), x, strict=True)]
    return [value if 0.0 <= value <= width - 0.5 else None for value in exact]


def _short(value: float) -> int | float:
    return int(value) if value == int(value) else value
