"""Does self attention distillation help? ENet with and without it, several seeds, real frames and rendered roads.

Every run trains on the first stretch of one TuSimple drive and on rendered motorways, and is scored on a later stretch
of that drive. Runs of one seed are the same up to the step at which distillation sets in.

python benchmarks/distillation.py ROOT LABELS [--seeds 0 1] [--steps 600] [--out runs/distillation]
"""

from __future__ import annotations

import argparse
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

from lanelight.datasets import TuSimple
from lanelight.datasets.augment import AUGMENTS
from lanelight.datasets.synthetic import WORLDS, SyntheticRoads
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.formats.tusimple import ROWS
from lanelight.frames import write_image
from lanelight.geometry import ViewportPolicy
from lanelight.losses.attention import attention_map
from lanelight.metrics import TuSimpleAccuracy
from lanelight.models import LaneModel
from lanelight.models.slot_masks import MaskLoss
from lanelight.nn.taps import tapped
from lanelight.render import draw_lanes
from lanelight.train import DataPart, Recipe, run
from lanelight.train.recipe import Optimizer
from lanelight.train.run import load_run
from lanelight.train.session import load_detector

SIZE = (320, 144)
TRAINED_UP_TO, SCORED_FROM = 17_500, 20_000  # numbers of frames in the drive; a minute lies between them
TAPS = ("encoder1", "encoder2", "encoder3", "encoder4")
WAYS = ("without SAD", "with SAD")
FIGURES = ("accuracy", "fp", "fn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="folder of TuSimple frames")
    parser.add_argument("labels", type=Path, help="their label file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", type=Path, default=Path("runs/distillation"))
    parser.add_argument("--picture", type=Path, help="attention maps of the first seed")
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.out.mkdir(parents=True, exist_ok=True)
    stretches = split(args.labels, args.out)
    models: dict[str, LaneModel] = {}
    rows = []
    for seed in args.seeds:
        for way in WAYS:
            folder = args.out / f"{way.replace(' ', '_')}_{seed}"
            chosen = study(args.root, stretches, way, seed, args.steps)
            if not (folder / "weights.safetensors").is_file():
                run(chosen, folder, report=told)
            models.setdefault(way, load_run(folder)[1])
            rows.append({"way": way, "seed": f"seed {seed}", **score(folder, args.root, stretches[1])})
            print(rows[-1], flush=True)
    for way in WAYS:
        rows.append(summary(way, [row for row in rows if row["way"] == way]))
        print(rows[-1])
    print(record("distillation", rows))
    if args.picture:
        write_image(args.picture, attention_sheet(models))


def told(step: int, figures: dict[str, float]) -> None:
    """Print the figures now and then."""
    if step % 50 == 0:
        print(step, {name: round(value, 4) for name, value in figures.items()}, flush=True)


def split(labels: Path, out: Path) -> tuple[Path, Path]:
    """Write the label files of the stretch that is trained on and of the one that is scored; return their paths."""
    lines = labels.read_text().splitlines()
    number = {line: int(line.split("clips/")[1].split("/")[1]) for line in lines if line}
    first, later = out / "train.json", out / "val.json"
    first.write_text("\n".join(line for line, n in number.items() if n <= TRAINED_UP_TO) + "\n")
    later.write_text("\n".join(line for line, n in number.items() if n >= SCORED_FROM) + "\n")
    return first.resolve(), later.resolve()


def study(root: Path, stretches: tuple[Path, Path], way: str, seed: int, steps: int) -> Recipe:
    """Return the recipe of one run; the ways differ in distillation alone."""
    return Recipe(
        name="distillation",
        network="enet_sad",
        size=SIZE,
        width_px=5,
        viewport=ViewportPolicy(target=SIZE),
        data=(
            DataPart(kind="tusimple", share=0.5, frames=str(root), lists=(str(stretches[0]),)),
            DataPart(kind="synthetic", share=0.5, seed=1, world="highway", pool=1000),
        ),
        validation=DataPart(kind="tusimple", frames=str(root), lists=(str(stretches[1]),)),
        val_frames=1000,
        val_every=max(steps // 6, 1),
        loss=MaskLoss(iou=0.5),
        distillation=SelfAttentionDistillation(weight=0.1, start_step=steps * 2 // 3) if way == "with SAD" else None,
        optim=Optimizer(lr=3e-3, warmup_steps=40),
        augment=AUGMENTS["road"],
        steps=steps,
        batch=8,
        exported="last",  # the frames that are scored must not choose the weights
        seed=seed,
        workers=1,
    )


def score(folder: Path, root: Path, labels: Path) -> dict[str, Any]:
    """Return the TuSimple figures of a run on a stretch of the drive."""
    data, metric = TuSimple(root, labels), TuSimpleAccuracy()
    with load_detector(folder) as detector:
        for i in range(len(data)):
            _, frame, gold = data[i]
            rows = data.entries[i].rows
            metric.update(detector.predict(frame), gold, rows=ROWS if rows is None else rows)
    figures = metric.compute()
    told: dict[str, Any] = {"frames": metric.frames}
    for name in FIGURES:
        told |= {name: round(figures[name], 4), f"{name}_spread": "-"}
    return told


def summary(way: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the means over the seeds, each with half the distance between the farthest two as its spread."""
    told: dict[str, Any] = {}
    for name in FIGURES:
        values = [row[name] for row in rows]
        told |= {name: round(statistics.mean(values), 4), f"{name}_spread": round((max(values) - min(values)) / 2, 4)}
    return {"way": way, "seed": "mean", "frames": rows[0]["frames"], **told}


def attention_sheet(models: dict[str, LaneModel]) -> NDArray[np.uint8]:
    """Return the attention maps of every tap on two rendered roads, a row for each network and road."""
    roads = SyntheticRoads(replace(WORLDS["highway"], size=SIZE), seed=1_000_003, length=2)
    rows = []
    for i in range(len(roads)):
        _, frame, scene = roads[i]
        for way, model in models.items():
            tiles = [labelled(draw_lanes(frame, scene, fill=False), way)]
            images = torch.from_numpy(frame.transpose(2, 0, 1).copy()).float().div(255).unsqueeze(0)
            with tapped(model, TAPS) as features, torch.inference_mode():
                model(images)
            tiles += [heat(features[name], name) for name in TAPS]
            rows.append(np.hstack(tiles))
    sheet = np.vstack(rows)
    size = (sheet.shape[1] * 3 // 4, sheet.shape[0] * 3 // 4)
    return np.asarray(cv2.resize(sheet, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def heat(features: torch.Tensor, name: str) -> NDArray[np.uint8]:
    """Return an attention map as colours, its largest value white."""
    height, width = features.shape[-2:]
    plane = attention_map(features)[0].reshape(height, width).sqrt().numpy()
    grey = np.asarray(cv2.resize(plane / plane.max() * 255, SIZE, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return labelled(np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1]), name)


def labelled(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Return the picture with a word in its corner."""
    out = picture.copy()
    cv2.putText(out, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return out


if __name__ == "__main__":
    main()
