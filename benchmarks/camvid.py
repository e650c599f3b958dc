"""Fast-SCNN on two drives of CamVid, scored on a third: several seeds, and how their scores spread.

python benchmarks/camvid.py ROOT [--seeds 0 1 2] [--steps 6000] [--out runs/camvid] [--pictures FOLDER]

The weights of the last step are scored: the frames that are scored must not choose them. They are scored as `predict`
uses them, and with the probabilities of several sizes and of the mirrored frame added up, as the field often does; that
costs ten times as much. With --pictures a folder gets
camvid_curves.png (mean IoU at each validation) and camvid_frames.jpg (frame, truth and what the first seed finds).
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from record import record
from study import finished, told
from torch.nn import functional

from lanelight.datasets import CamVid
from lanelight.frames import write_image
from lanelight.geometry import Scene, ViewportPolicy
from lanelight.metrics.class_iou import ClassIoU
from lanelight.models.class_networks import ClassNetwork
from lanelight.recipes.fast_scnn import VAL_DRIVES, fast_scnn_camvid
from lanelight.render import draw_triptych
from lanelight.runtime.predictor import network_input
from lanelight.train import run
from lanelight.train.session import load_detector
from lanelight.train.trained import load_trained

SHOWN = 4  # frames in the picture
SIZES = ((480, 360), (576, 432), (672, 504), (768, 576))
CURVES_PX = (720, 360)
Find = Callable[[NDArray[np.uint8]], Scene]
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
    for views, find in VIEWS.items():
        own = [
            {"views": views, "seed": f"seed {seed}", "steps": base.steps, **score(find(folder), args.root)}
            for seed, folder in folders.items()
        ]
        rows += own + summed_up(own)
        print(*rows[-len(own) - 2 :], sep="\n", flush=True)
    print(record("camvid", rows))
    if args.pictures:
        write_image(args.pictures / "camvid_curves.png", curves(list(folders.values()), base.steps))
        write_image(args.pictures / "camvid_frames.jpg", triptychs(folders[args.seeds[0]], args.root))


def as_used(folder: Path) -> Find:
    """Return what finds classes as `predict` does."""
    return load_detector(folder).predict


def at_sizes_and_mirrored(folder: Path) -> Find:
    """Return what finds the classes that are likeliest over all of `SIZES`, each as it is and mirrored."""
    model = load_trained(folder).model
    assert isinstance(model, ClassNetwork)
    views = [ViewportPolicy(target=size, fit="stretch") for size in SIZES]

    @torch.inference_mode()
    def found(frame: NDArray[np.uint8]) -> Scene:
        size = (frame.shape[1], frame.shape[0])
        chances = torch.zeros(1, model.classes, size[1], size[0])
        for view in views:
            images = torch.from_numpy(network_input(frame, view.view(size)))
            for flip in (False, True):
                chance = model(images.flip(3) if flip else images)["classes"].softmax(1)
                chance = chance.flip(3) if flip else chance
                chances += functional.interpolate(chance, size=size[::-1], mode="bilinear", align_corners=False)
        return Scene(size, (), chances[0].argmax(0).numpy().astype(np.uint8))

    return found


VIEWS: dict[str, Callable[[Path], Find]] = {
    "one": as_used,
    "four sizes, mirrored": at_sizes_and_mirrored,
}


def score(find: Find, root: Path) -> dict[str, float]:
    """Return mean IoU, pixel accuracy and the IoU of each class on whole frames of the third drive."""
    data = CamVid(root, select=VAL_DRIVES, ignore_void=True)
    metric = ClassIoU(data.class_names)
    for index in range(len(data)):
        _, frame, gold = data[index]
        metric.update(find(frame), gold)
    figures: dict[str, Any] = metric.compute()
    found = {"class_miou": figures["class_miou"], "pixel_accuracy": figures["pixel_accuracy"], **figures["per_class"]}
    return {name: round(float(value), 4) for name, value in found.items()}


def summed_up(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row of means over seeds, and one of half the range between the lowest and the highest."""
    values = {name: [row[name] for row in rows] for name, value in rows[0].items() if isinstance(value, float)}
    mean = {name: round(statistics.mean(each), 4) for name, each in values.items()}
    spread = {name: round((max(each) - min(each)) / 2, 4) for name, each in values.items()}
    return [{**rows[0], "seed": "mean", **mean}, {**rows[0], "seed": "half the range", **spread}]


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
    scale = 540 / tall.shape[1]
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
