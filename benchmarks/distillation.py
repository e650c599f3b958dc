"""Does self attention distillation help? ENet with and without it, several seeds, real frames and rendered roads.

Every run trains on the first stretch of one TuSimple drive and on rendered motorways, and is scored on a later stretch
of that drive. Runs of one seed are the same up to the step at which distillation sets in.

python benchmarks/distillation.py ROOT LABELS [--seeds 0 1] [--steps 600] [--out runs/distillation]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from record import record
from study import arguments, finished, labelled, rounded, score_drive, split, summary, told

from lanelight.datasets.augment import AUGMENTS
from lanelight.datasets.synthetic import WORLDS, SyntheticRoads
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.frames import write_image
from lanelight.geometry import ViewportPolicy
from lanelight.losses.attention import attention_map
from lanelight.models import LaneModel
from lanelight.models.slot_masks import MaskLoss
from lanelight.nn.taps import tapped
from lanelight.render import draw_lanes
from lanelight.train import DataPart, Recipe, run
from lanelight.train.recipe import Optimizer
from lanelight.train.run import load_run

SIZE = (320, 144)
TAPS = ("encoder1", "encoder2", "encoder3", "encoder4")
WAYS = ("without SAD", "with SAD")
FIGURES = ("accuracy", "fp", "fn")


def main() -> None:
    args = arguments(__doc__, steps=600, out="runs/distillation").parse_args()
    torch.set_num_threads(2)
    args.out.mkdir(parents=True, exist_ok=True)
    stretches = split(args.labels, args.out)
    models: dict[str, LaneModel] = {}
    rows = []
    for seed in args.seeds:
        for way in WAYS:
            folder = args.out / f"{way.replace(' ', '_')}_{seed}"
            chosen = study(args.root, stretches, way, seed, args.steps)
            if not finished(folder):
                run(chosen, folder, report=told)
            models.setdefault(way, load_run(folder)[1])
            figures = score_drive(folder, args.root, stretches[1])
            shown = {name: figures[name] for name in ("frames", *FIGURES)}
            rows.append({"way": way, "seed": f"seed {seed}", **rounded(shown)})
            print(rows[-1], flush=True)
    for way in WAYS:
        own = [row for row in rows if row["way"] == way]
        rows.append({"way": way, "seed": "mean", **summary(own, FIGURES)})
        print(rows[-1])
    print(record("distillation", rows))
    if args.picture:
        write_image(args.picture, attention_sheet(models))


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


if __name__ == "__main__":
    main()
