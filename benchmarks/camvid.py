"""Fast-SCNN on two drives of CamVid, scored on a third: several seeds, and how their scores spread.

python benchmarks/camvid.py ROOT [--seeds 0 1 2] [--steps 6000] [--out runs/camvid] [--pictures FOLDER]

The weights of the last step are scored: the frames that are scored must not choose them. With --pictures a folder gets
camvid_curves.png (mean IoU at each validation) and camvid_frames.jpg (frame, truth and what the first seed finds).
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from record import record
from study import finished, told

from lanelight.datasets import CamVid
from lanelight.frames import write_image
from lanelight.metrics.class_iou import ClassIoU
from lanelight.recipes.fast_scnn import VAL_DRIVES, fast_scnn_camvid
from lanelight.render import draw_triptych
from lanelight.train import run
from lanelight.train.session import load_detector

SHOWN = 4  # frames in the picture
CURVES_PX = (720, 360)
COLORS = ((31, 119, 180), (214, 110, 30), (44, 140, 60), (160, 60, 160), (120, 120, 120))  # RGB, one for each seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="default: the recipe's")
    parser.add_argument("--out", type=Path, default=Path("runs/camvid"))
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    base = fast_scnn_camvid(str(args.root))
    base = replace(base, exported="last", steps=args.steps or base.steps)
    folders = {seed: args.out / f"seed_{seed}" for seed in args.seeds}
    rows: list[dict[str, Any]] = []
    for seed, folder in folders.items():
        if not finished(folder):
            run(replace(base, seed=seed), folder, report=told)
        rows.append({"recipe": base.name, "seed": f"seed {seed}", "steps": base.steps, **score(folder, args.root)})
        print(rows[-1], flush=True)
    figures = [name for name, value in rows[0].items() if isinstance(value, float)]
    values = {name: [row[name] for row in rows] for name in figures}
    mean = {name: round(statistics.mean(each), 4) for name, each in values.items()}
    spread = {name: round((max(each) - min(each)) / 2, 4) for name, each in values.items()}
    rows += [{**rows[0], "seed": "mean", **mean}, {**rows[0], "seed": "half the range", **spread}]
    print(*rows[-2:], sep="\n")
    print(record("camvid", rows))
    if args.pictures:
        write_image(args.pictures / "camvid_curves.png", curves(list(folders.values()), base.steps))
        write_image(args.pictures / "camvid_frames.jpg", triptychs(folders[args.seeds[0]], args.root))


def score(folder: Path, root: Path) -> dict[str, float]:
    """Return mean IoU, pixel accuracy and the IoU of each class of a run, on whole frames of the third drive."""
    data = CamVid(root, select=VAL_DRIVES, ignore_void=True)
    with load_detector(folder) as detector:
        metric = ClassIoU(data.class_names)
        for index in range(len(data)):
            _, frame, gold = data[index]
            metric.update(detector.predict(frame), gold)
    figures: dict[str, Any] = metric.compute()
    found = {"class_miou": figures["class_miou"], "pixel_accuracy": figures["pixel_accuracy"], **figures["per_class"]}
    return {name: round(float(value), 4) for name, value in found.items()}


def curves(folders: Sequence[Path], steps: int) -> NDArray[np.uint8]:
    """Return a plot of the mean IoU at each validation, one line a run."""
    width, height = CURVES_PX
    left, right, top, bottom = 60, width - 20, 20, height - 50
    picture = np.full((height, width, 3), 255, np.uint8)
    known = [_validations(folder) for folder in folders]
    highest = math.ceil(max(value for run in known for _, value in run) * 10 + 0.5) / 10
    for tenth in range(round(highest * 10) + 1):
        y = round(bottom - (bottom - top) * tenth / 10 / highest)
        cv2.line(picture, (left, y), (right, y), (225, 225, 225), 1)
        _write(picture, f"{tenth / 10:.1f}", (18, y + 5))
    for step, _ in known[0]:
        x = round(left + (right - left) * step / steps)
        _write(picture, str(step), (x - 18, bottom + 20))
    _write(picture, "step", (left, height - 8))
    _write(picture, "mean IoU of 11 classes, drive 0006R0", (left + 8, top + 14))
    for color, values in zip(COLORS, known, strict=False):
        points = [(left + (right - left) * s / steps, bottom - (bottom - top) * v / highest) for s, v in values]
        cv2.polylines(picture, [np.rint(points).astype(np.int32)], False, color, 2, cv2.LINE_AA)
    return picture


def triptychs(folder: Path, root: Path) -> NDArray[np.uint8]:
    """Return frame, truth and prediction of a few frames of the third drive, evenly spread, below each other."""
    data = CamVid(root, select=VAL_DRIVES, ignore_void=True)
    rows = []
    with load_detector(folder) as detector:
        for index in np.linspace(0, len(data) - 1, SHOWN + 2).astype(int)[1:-1]:
            _, frame, gold = data[int(index)]
            rows.append(draw_triptych(frame, detector.predict(frame), gold, data.class_names))
    tall = np.vstack(rows)
    scale = 900 / tall.shape[1]
    return np.asarray(cv2.resize(tall, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _validations(folder: Path) -> list[tuple[int, float]]:
    """Return (step, mean IoU) of a run."""
    with (folder / "logs" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val/class_miou")]
    return [(int(row["step"]), float(row["val/class_miou"])) for row in rows]


def _write(picture: NDArray[np.uint8], text: str, place: tuple[int, int]) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (60, 60, 60), 1, cv2.LINE_AA)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
