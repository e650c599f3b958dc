"""Does a teacher help? A CLRNet, and CLRKDNets with and without what it teaches, on real frames and rendered roads.

Every run trains on the first stretch of one TuSimple drive and on rendered motorways, and is scored on a later stretch
of that drive and on rendered motorways of another seed. Students of one seed see the same frames; those that start from
the teacher's weights have half the steps.

python benchmarks/teaching.py ROOT LABELS [--seeds 0 1] [--steps 800] [--teacher-steps 1600] [--out runs/teaching]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from record import record
from study import arguments, finished, labelled, rounded, score_drive, score_roads, split, summary, told

from lanelight.datasets import TuSimple
from lanelight.datasets.augment import AUGMENTS
from lanelight.frames import write_image
from lanelight.geometry import ViewportPolicy
from lanelight.models.lane_priors import PriorLoss
from lanelight.recipes.prior_networks import taught
from lanelight.render import draw_lanes
from lanelight.train import DataPart, Recipe, run
from lanelight.train.recipe import Optimizer
from lanelight.train.session import load_detector

SIZE = (384, 160)
WORLD = "highway"
TEACHER, STUDENT = "clrnet_r18", "clrkdnet_r18"
# way -> folder, whether it is taught, whether it starts from the teacher's weights where their shapes fit
WAYS = {
    "clrkdnet_r18": ("alone", False, False),
    "clrkdnet_r18, taught": ("taught", True, False),
    "clrkdnet_r18, from the teacher's weights": ("started", False, True),
    "clrkdnet_r18, from the teacher's weights, taught": ("both", True, True),
}
TILES = {"teacher": "teacher", "alone": "student alone", "taught": "taught", "started": "started", "both": "both"}
FIGURES = ("accuracy", "fp", "fn", "f1", "roads_f1")


def main() -> None:
    parser = arguments(__doc__, steps=800, out="runs/teaching")
    parser.add_argument("--teacher-steps", type=int, default=1600, help="--steps are those of the students")
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.out.mkdir(parents=True, exist_ok=True)
    stretches = split(args.labels, args.out)
    base = study(args.root, stretches)
    plans = [(TEACHER, replace(base, network=TEACHER, steps=args.teacher_steps), args.out / "teacher")]
    for seed in args.seeds:
        for way, (name, learns, starts) in WAYS.items():
            student = replace(base, network=STUDENT, steps=args.steps // (2 if starts else 1), seed=seed)
            if starts:
                student = replace(student, init=str(args.out / "teacher" / "weights.safetensors"))
            if learns:
                student = taught(student, TEACHER, str(args.out / "teacher"))
            plans.append((way, student, args.out / f"{name}_{seed}"))
    rows = []
    for way, recipe, folder in plans:
        if not finished(folder):
            run(recipe, folder, report=told)
        figures = score_drive(folder, args.root, stretches[1])
        figures["roads_f1"] = score_roads(folder, WORLD, 60)["f1"]
        rows.append(
            {"network": way, "seed": f"seed {recipe.seed}", "steps": f"{recipe.steps} steps", **rounded(figures)}
        )
        print(rows[-1], flush=True)
    for way in WAYS:
        own = [row for row in rows if row["network"] == way]
        rows.append({"network": way, "seed": "mean", "steps": own[0]["steps"], **summary(own, FIGURES)})
        print(rows[-1])
    print(record("teaching", rows))
    if args.picture:
        folders = {TILES[name]: args.out / f"{name}_{args.seeds[0]}" for name, _, _ in WAYS.values()}
        write_image(args.picture, sheet({TILES["teacher"]: args.out / "teacher", **folders}, args.root, stretches[1]))


def study(root: Path, stretches: tuple[Path, Path]) -> Recipe:
    """Return what all runs share."""
    return Recipe(
        name="teaching",
        size=SIZE,
        width_px=4,
        viewport=ViewportPolicy(target=SIZE, fit="stretch", top=160 / 720),
        data=(
            DataPart(kind="tusimple", share=0.5, frames=str(root), lists=(str(stretches[0]),)),
            DataPart(kind="synthetic", share=0.5, seed=1, world=WORLD, pool=1000, size=(640, 360)),
        ),
        validation=DataPart(kind="tusimple", frames=str(root), lists=(str(stretches[1]),)),
        val_every=400,
        loss=PriorLoss(),
        optim=Optimizer(lr=6e-4, linear_lr=1.0, weight_decay=0.01, warmup_steps=100),
        augment=AUGMENTS["clrnet"],
        batch=8,
        exported="last",  # the frames that are scored must not choose the weights
        workers=1,
        precision="bf16-mixed",
        compile=True,
    )


def sheet(folders: dict[str, Path], root: Path, labels: Path) -> NDArray[np.uint8]:
    """Return what each network finds on three frames of the later stretch, beside what people drew."""
    data = TuSimple(root, labels)
    rows = []
    for i in np.linspace(0, len(data) - 1, 3).astype(int):
        _, frame, gold = data[int(i)]
        rows.append([tile(frame, gold, "drawn by people")])
    for name, folder in folders.items():
        with load_detector(folder) as detector:
            for row, i in zip(rows, np.linspace(0, len(data) - 1, 3).astype(int), strict=True):
                frame = data[int(i)][1]
                row.append(tile(frame, detector.predict(frame), name))
    return np.vstack([np.hstack(row) for row in rows])


def tile(frame: NDArray[np.uint8], scene: Any, name: str) -> NDArray[np.uint8]:
    """Return a small picture of a frame with lanes."""
    small = cv2.resize(draw_lanes(frame, scene, fill=False), (256, 144), interpolation=cv2.INTER_AREA)
    return labelled(np.asarray(small, dtype=np.uint8), name)


if __name__ == "__main__":
    main()
