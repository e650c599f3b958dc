"""What the studies of distillation share: a drive cut in two stretches, scores, means over seeds; no study itself."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets import TuSimple
from lanelight.datasets.synthetic import WORLDS, SyntheticRoads
from lanelight.formats.tusimple import ROWS
from lanelight.geometry import Scene
from lanelight.geometry.ego import slotted
from lanelight.metrics import TuSimpleAccuracy
from lanelight.runtime.scoring_lines import LineCounts
from lanelight.train.run import RECORD_FILE
from lanelight.train.session import load_detector

TRAINED_UP_TO, SCORED_FROM = 17_500, 20_000  # numbers of frames in the drive; a minute lies between them
ROADS_SEED = 1_000_003  # of rendered roads that no run trains on


def arguments(about: str | None, *, steps: int, out: str) -> argparse.ArgumentParser:
    """Return what both studies are told; the first line says what a study asks."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder of TuSimple frames")
    parser.add_argument("labels", type=Path, help="their label file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--picture", type=Path, help="of the first seed, where to write it")
    return parser


def told(step: int, figures: dict[str, float]) -> None:
    """Print the figures now and then."""
    if step % 50 == 0:
        print(step, {name: round(value, 4) for name, value in figures.items()}, flush=True)


def finished(folder: Path) -> bool:
    """Say whether a run came to its end: one that was stopped has weights too."""
    record = folder / RECORD_FILE
    return record.is_file() and "result" in json.loads(record.read_text())


def split(labels: Path, out: Path) -> tuple[Path, Path]:
    """Write the label files of the stretch that is trained on and of the one that is scored; return their paths."""
    lines = labels.read_text().splitlines()
    number = {line: int(line.split("clips/")[1].split("/")[1]) for line in lines if line}
    first, later = out / "train.json", out / "val.json"
    first.write_text("\n".join(line for line, n in number.items() if n <= TRAINED_UP_TO) + "\n")
    later.write_text("\n".join(line for line, n in number.items() if n >= SCORED_FROM) + "\n")
    return first.resolve(), later.resolve()


def score_drive(folder: Path, root: Path, labels: Path) -> dict[str, float]:
    """Return accuracy, FP and FN of TuSimple, and F1 at an IoU of 0.5, of a run on a stretch of the drive."""
    data, metric, lines = TuSimple(root, labels), TuSimpleAccuracy(), LineCounts()
    with load_detector(folder) as detector:
        for i in range(len(data)):
            _, frame, gold = data[i]
            rows = data.entries[i].rows
            pred = detector.predict(frame)
            metric.update(pred, gold, rows=ROWS if rows is None else rows)
            lines.add(i, pred, gold)
    figures = metric.compute()
    return {
        "frames": metric.frames,
        **{name: figures[name] for name in ("accuracy", "fp", "fn")},
        "f1": lines.figures()["iou_0.5"]["f1"],
    }


def score_roads(folder: Path, world: str, count: int, size: tuple[int, int] = (1280, 720)) -> dict[str, float]:
    """Return F1 at an IoU of 0.5 of a run on rendered roads."""
    roads, lines = SyntheticRoads(replace(WORLDS[world], size=size), seed=ROADS_SEED, length=count), LineCounts()
    with load_detector(folder) as detector:
        for i in range(count):
            _, frame, gold = roads[i]
            in_slots = [lane for lane in slotted(gold).lanes if lane.slot in range(4)]
            lines.add(i, detector.predict(frame), Scene(gold.size, in_slots))
    return {"frames": count, "f1": lines.figures()["iou_0.5"]["f1"]}


def rounded(figures: dict[str, float]) -> dict[str, Any]:
    """Return the figures of one run as cells of a table, the spread left open."""
    cells: dict[str, Any] = {"frames": figures["frames"]}
    for name, value in figures.items():
        if name != "frames":
            cells |= {name: round(value, 4), f"{name}_spread": "-"}
    return cells


def summary(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return the means over the seeds, each with half the distance between the farthest two as its spread."""
    cells: dict[str, Any] = {"frames": rows[0]["frames"]}
    for name in names:
        values = [row[name] for row in rows]
        cells |= {name: round(statistics.mean(values), 4), f"{name}_spread": round((max(values) - min(values)) / 2, 4)}
    return cells


def labelled(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Return the picture with a word in its corner."""
    out = picture.copy()
    cv2.putText(out, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return out
