"""Fast-SCNN on the road of one survey, scored on the frames of another, beside the mean mask as a baseline.

python benchmarks/road_area.py ROOT [--seeds 0 1] [--steps 800] [--out runs/road_area] [--picture FILE]

ROOT holds images/ and masks/; names of pictures begin with the survey and the split. The weights of the last step are
scored, on frames that their publisher did not augment.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from record import record
from study import finished, labelled, told

from lanelight.datasets.class_maps import ClassMaps
from lanelight.frames import write_image
from lanelight.geometry import Scene
from lanelight.metrics.class_iou import ClassIoU
from lanelight.recipes.fast_scnn import fast_scnn_road
from lanelight.render import draw_lanes
from lanelight.train import run
from lanelight.train.session import load_detector

TRAINED, SCORED = ("p_train_*",), ("pS_orig_*",)
NAMES = ("other", "road")
Find = Callable[[NDArray[np.uint8]], Scene]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, help="default: the recipe's")
    parser.add_argument("--out", type=Path, default=Path("runs/road_area"))
    parser.add_argument("--picture", type=Path, help="frames of the other survey, with what the first seed finds")
    args = parser.parse_args()
    base = fast_scnn_road(str(args.root))
    base = replace(base, exported="last", steps=args.steps or base.steps)
    data = survey(args.root, SCORED)
    rows = [{"method": "mean mask", "seed": "-", "steps": 0, **score(data, mean_mask(survey(args.root, TRAINED)))}]
    folders = [args.out / f"seed_{seed}" for seed in args.seeds]
    for seed, folder in zip(args.seeds, folders, strict=True):
        if not finished(folder):
            run(replace(base, seed=seed), folder, report=told)
        with load_detector(folder) as detector:
            rows.append({"method": base.name, "seed": seed, "steps": base.steps, **score(data, detector.predict)})
    for row in rows:
        print(row)
    print(record("road_area", rows))
    if args.picture:
        with load_detector(folders[0]) as detector:
            write_image(args.picture, sheet(data, detector.predict))


def survey(root: Path, select: tuple[str, ...]) -> ClassMaps:
    """Return the frames of a survey as they were before they were stretched to squares."""
    return ClassMaps(root / "images", root / "masks", select=select, white=1, aspect=16 / 9)


def mean_mask(data: ClassMaps) -> Find:
    """Return what finds road wherever at least half of the frames have it."""
    _, _, first = data[0]
    share = np.zeros(first.size[::-1])
    for index in range(len(data)):
        share += _classes(data, index) == 1
    return lambda _: Scene(first.size, (), (2 * share >= len(data)).astype(np.uint8))


def score(data: ClassMaps, find: Find) -> dict[str, Any]:
    """Return the number of frames, the IoU of the road over all pixels, and of the frame where it is lowest."""
    metric, each = ClassIoU(NAMES), []
    for index in range(len(data)):
        _, frame, gold = data[index]
        pred = find(frame)
        metric.update(pred, gold)
        alone = ClassIoU(NAMES)
        alone.update(pred, gold)
        each.append(_road(alone))
    return {"frames": len(data), "road_iou": round(_road(metric), 4), "lowest_frame": round(min(each), 4)}


def sheet(data: ClassMaps, find: Find) -> NDArray[np.uint8]:
    """Return eight frames, evenly spread, with the road that was found."""
    tiles = []
    for index in np.linspace(0, len(data) - 1, 8).astype(int):
        _, frame, gold = data[int(index)]
        pred, metric = find(frame), ClassIoU(NAMES)
        metric.update(pred, gold)
        small = cv2.resize(draw_lanes(frame, pred, class_names=NAMES), (272, 153), interpolation=cv2.INTER_AREA)
        tiles.append(labelled(np.asarray(small, dtype=np.uint8), f"IoU {_road(metric):.3f}"))
    return np.vstack([np.hstack(tiles[row : row + 4]) for row in (0, 4)])


def _road(metric: ClassIoU) -> float:
    per_class = metric.compute()["per_class"]
    assert isinstance(per_class, dict)
    return float(per_class["road"] or 0.0)


def _classes(data: ClassMaps, index: int) -> NDArray[np.uint8]:
    classes = data[index][2].classes
    assert classes is not None
    return np.asarray(classes)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
