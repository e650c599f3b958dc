"""Frames a second of training with the loader on, and the share of the time that the network waits for frames.

python benchmarks/loading.py [RECIPE ...] [--tusimple DIR] [--steps 40] [--batch 8] [--workers 1] [--threads N]
    [--compile]

RECIPE is one of those below: "road" draws from a pool of rendered roads, rendered before the clock starts, at 512x224;
"enet_sad_tusimple" reads pictures of 1280x720 and their labels from --tusimple (a folder with label_data_*.json) and is
shown them at 640x368. Both are whole runs of `lanelight train`, validation off; figures are those of metrics.csv after
the first rows, in which workers start and memories fill.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from record import record

from lanelight.machine import usable_processors
from lanelight.recipes import recipe
from lanelight.train import DataPart, Recipe, run

POOL = 24  # different rendered roads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", choices=[*RECIPES, []], default=[])
    parser.add_argument("--tusimple", metavar="DIR")
    parser.add_argument("--steps", type=int, default=40, help="timed; those that fill the pool come before")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=usable_processors())
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    names = [name for name in args.recipes or RECIPES if name != "enet_sad_tusimple" or args.tusimple]
    rows = [measured(name, args) for name in names]
    for row in rows:
        print(row)
    record("loading", rows)


def measured(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return what a run had."""
    warm = max(2, -(-2 * POOL // args.batch)) if name == "road" else 2
    chosen = replace(
        RECIPES[name](args),
        steps=warm + args.steps,
        batch=args.batch,
        accumulate=1,
        workers=args.workers,
        compile=args.compile,
        precision="32-true",
        val_frames=0,
        log_every=1,
        save_every=warm + args.steps,
    )
    with tempfile.TemporaryDirectory() as folder:
        run(chosen, Path(folder) / "run")
        with (Path(folder) / "run" / "logs" / "metrics.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["step"]) > warm]
    seconds = [args.batch / float(row["frames_per_s"]) for row in rows]
    waited = sum(float(row["share_waiting"]) * took for row, took in zip(rows, seconds, strict=True))
    return {
        "recipe": name,
        "network": chosen.network,
        "size": f"{chosen.size[0]}x{chosen.size[1]}",
        "batch": args.batch,
        "workers": args.workers,
        "threads": args.threads,
        "compiled": "yes" if args.compile else "no",
        "steps": len(rows),
        "frames_per_s": round(args.batch * len(rows) / sum(seconds), 2),
        "share_waiting_percent": round(100 * waited / sum(seconds), 2),
    }


def _road(_args: argparse.Namespace) -> Recipe:
    return replace(recipe("road"), data=(DataPart(seed=1, pool=POOL),), distillation=None)


def _tusimple(args: argparse.Namespace) -> Recipe:
    base = recipe("enet_sad_tusimple")
    labels = tuple(str(path) for path in sorted(Path(args.tusimple).glob("label_data_*.json")))
    return replace(base, data=(DataPart(kind="tusimple", frames=args.tusimple, lists=labels),), validation=None)


RECIPES: dict[str, Callable[[argparse.Namespace], Recipe]] = {"road": _road, "enet_sad_tusimple": _tusimple}

if __name__ == "__main__":
    main()
