"""A network beside four constant lanes, by the TuSimple rule, on rendered roads and on TuSimple frames.

The constant lanes are the medians, row by row and slot by slot, of the lanes of rendered training roads.

python benchmarks/accuracy.py [--model default] [--rendered 200] [--tusimple ROOT LIST]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import record

from lanelight.datasets import TuSimple
from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads
from lanelight.formats.tusimple import ROWS
from lanelight.geometry import Lane, Scene
from lanelight.metrics import TuSimpleAccuracy
from lanelight.metrics.any_size import count_any_size
from lanelight.runtime import Detector

SIZE = (640, 360)  # of rendered frames: whole frames, of which the network sees its band
TRAINING_SEED, VALIDATION_SEED = 1, 1_000_003
TRAINING_ROADS = 300

Predict = Callable[[NDArray[np.uint8]], Scene]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--rendered", type=int, default=200, help="number of rendered validation roads")
    parser.add_argument("--tusimple", nargs=2, metavar=("ROOT", "LIST"), help="folder and label file")
    args = parser.parse_args()
    constant = constant_lanes()
    with Detector.load(args.model) as detector:
        methods: dict[str, Predict] = {
            detector.manifest.name: detector.predict,
            "four constant lanes": lambda frame: fitted(constant, (frame.shape[1], frame.shape[0])),
        }
        rows = rendered(methods, args.rendered)
        if args.tusimple:
            rows += tusimple(methods, *args.tusimple)
    for row in rows:
        print(row)
    print(record("accuracy", rows))


def constant_lanes() -> Scene:
    """Return the median lane of each slot over rendered training roads; a row needs a quarter of the roads."""
    roads = SyntheticRoads(RoadConfig(size=SIZE), seed=TRAINING_SEED, length=TRAINING_ROADS)
    rows = np.arange(SIZE[1] - 10.0, 0, -10)
    x = np.full((4, TRAINING_ROADS, len(rows)), np.nan)
    for i in range(TRAINING_ROADS):
        for lane in roads[i][2].lanes:
            if lane.slot is not None:
                x[lane.slot, i] = lane.x_at(rows)
    lanes = []
    for slot in range(4):
        seen = np.isfinite(x[slot]).sum(axis=0) >= TRAINING_ROADS / 4
        middle = np.array([np.nanmedian(column) for column in x[slot][:, seen].T])
        lanes.append(Lane(np.stack([middle, rows[seen]], axis=1), slot=slot))
    return Scene(SIZE, lanes)


def fitted(scene: Scene, size: tuple[int, int]) -> Scene:
    """Return the lanes in a frame of another size and the same aspect."""
    scale = size[0] / scene.size[0]
    return Scene(size, [lane.with_points((lane.points + 0.5) * scale - 0.5) for lane in scene.lanes])


def rendered(methods: dict[str, Predict], count: int) -> list[dict[str, Any]]:
    """Score on validation roads, rendered as whole frames."""
    roads = SyntheticRoads(RoadConfig(size=SIZE), seed=VALIDATION_SEED, length=count)
    scores = {name: TuSimpleAccuracy() for name in methods}
    for i in range(count):
        _, frame, gold = roads[i]
        for name, predict in methods.items():
            count_any_size(scores[name], predict(frame), gold)
    return [row(name, "rendered roads", score) for name, score in scores.items()]


def tusimple(methods: dict[str, Predict], root: str, file: str) -> list[dict[str, Any]]:
    """Score on TuSimple frames, at their own rows."""
    data = TuSimple(root, file)
    scores = {name: TuSimpleAccuracy() for name in methods}
    for i in range(len(data)):
        _, frame, gold = data[i]
        rows = data.entries[i].rows
        for name, predict in methods.items():
            scores[name].update(predict(frame), gold, rows=ROWS if rows is None else rows)
    return [row(name, "TuSimple frames", score) for name, score in scores.items()]


def row(name: str, data: str, score: TuSimpleAccuracy) -> dict[str, Any]:
    """Return one line of the table."""
    return {
        "method": name,
        "data": data,
        "frames": score.frames,
        **{k: round(v, 4) for k, v in score.compute().items()},
    }


if __name__ == "__main__":
    main()
