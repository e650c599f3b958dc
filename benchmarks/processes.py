"""How far the losses of two processes are from those of one with the same frames a step, for a shipped network.

python benchmarks/processes.py [--network enet_sad] [--steps 60] [--batch 8]

Rendered roads at 128x56, SGD, of ENet-SAD with SAD from the first step. "two processes" have half of the frames each;
"accumulated" is one process that takes them in two halves, so that it differs by batch norm, dropout and the means of
the loss alone and not by talking to another process; "another seed" is what chance alone does. A network without batch
norm and dropout, whose loss is a plain mean, has no gap: tests/train/test_processes.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from record import record

from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.geometry import ViewportPolicy
from lanelight.train import DataPart, Optimizer, Processes, Recipe, run

CHILD = "--run"
SIZE = (128, 56)


def main() -> None:
    if sys.argv[1:2] == [CHILD]:
        folder, text, devices = sys.argv[2:]
        torch.set_num_threads(1)
        run(Recipe.from_dict(json.loads(text)), folder, processes=Processes(int(devices)))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="enet_sad")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=8, help="frames a step")
    args = parser.parse_args()
    base = Recipe(
        name="gap",
        network=args.network,
        size=SIZE,
        width_px=3,
        viewport=ViewportPolicy(SIZE),
        data=(DataPart(seed=1, pool=64),),
        val_frames=0,
        distillation=SelfAttentionDistillation() if args.network == "enet_sad" else None,
        optim=Optimizer(name="sgd", lr=0.05, warmup_steps=5),
        steps=args.steps,
        batch=args.batch,
        log_every=1,
        save_every=args.steps,
        workers=0,
    )
    half = replace(base, batch=args.batch // 2)
    one = losses(base, 1)
    others = {
        "two processes": losses(half, 2),
        "one process, accumulated": losses(replace(half, accumulate=2), 1),
        "one process, another seed": losses(replace(base, seed=base.seed + 1), 1),
    }
    rows = []
    for name, curve in others.items():
        apart = 100 * np.abs(curve - one) / one
        rows.append(
            {
                "network": args.network,
                "against_one_process": name,
                "steps": args.steps,
                "batch": args.batch,
                "first_percent": round(float(apart[0]), 2),
                "mean_percent": round(float(apart.mean()), 2),
                "largest_percent": round(float(apart.max()), 2),
            }
        )
        print(rows[-1])
    record("processes", rows)


def losses(chosen: Recipe, devices: int) -> NDArray[np.float64]:
    """Return the loss of each step of a run, (steps,)."""
    environment: dict[str, Any] = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, __file__, CHILD, f"{folder}/run", json.dumps(chosen.to_dict()), str(devices)]
        subprocess.run(words, env=environment, check=True)
        with (Path(folder) / "run" / "logs" / "metrics.csv").open(newline="") as file:
            return np.array([float(row["loss"]) for row in csv.DictReader(file)])


if __name__ == "__main__":
    main()
