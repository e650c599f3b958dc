"""CPU time of the scorers, against plain implementations of the same figures on the same files.

python benchmarks/evaluators.py SHARED [culane|tusimple|cityscapes ...]

SHARED holds goldens/metrics and data/ (see CONTRIBUTING). CULane: 34,680 images repeat the golden ones of the ordinary
kind; the plain way draws both lanes of every pair on whole frames with OpenCV, one threshold a run, as the benchmark's
own tool works; lanelight's process is timed from start to end, reading and Python's start included.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from record import record

from lanelight.formats.culane import lane_points
from lanelight.formats.tusimple import read_labels, read_predictions
from lanelight.frames import read_map
from lanelight.metrics.cityscapes import count_frame
from lanelight.score.tusimple import score as score_tusimple

IMAGES = 34_680  # of the benchmark's test list
PLAIN_IMAGES = 60
TEN = [f"{0.5 + 0.05 * k:.2f}" for k in range(10)]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("what", nargs="*", choices=[*MEASURED, []], default=[])
    args = parser.parse_args()
    for name in args.what or MEASURED:
        rows = list(MEASURED[name](args.shared))
        base = rows[0]["cpu_ms"]
        for row in rows:
            row["speedup"] = round(base / row["cpu_ms"], 1)
            print(row)
        record("evaluators", rows)


def culane(shared: Path) -> Iterator[Row]:
    golden = shared / "goldens/metrics/culane_inputs.jsonl.xz"
    with lzma.open(golden, "rt") as stream:
        rows = [row for row in map(json.loads, stream) if row["kind"] == "normal"]
    start = time.process_time()
    for row in rows[:PLAIN_IMAGES]:
        _count_on_whole_frames(row["gt"] or "", row["pred"] or "")
    yield _row("culane", "OpenCV, whole frames, 1 threshold", PLAIN_IMAGES, time.process_time() - start)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = []
        for number in range(IMAGES):
            row = rows[number % len(rows)]
            name = f"/driver_{number // 1000}/{number:06d}.jpg"
            for side, text in (("gold", row["gt"]), ("pred", row["pred"])):
                file = root / side / f"{name[1:-4]}.lines.txt"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text or "")
            names.append(name)
        (root / "list.txt").write_text("\n".join(names))
        (root / "few.txt").write_text("\n".join(names[:8]))
        words = ["culane", "--gold", f"{root}/gold", "--pred", f"{root}/pred", "--iou", *TEN]
        cache = {"LANELIGHT_CACHE": f"{root}/cache"}
        first = _command([*words, "--list", f"{root}/few.txt"], cache)
        second = _command([*words, "--list", f"{root}/few.txt"], cache)
        print(f"first call on a machine: {first[1] - second[1]:.1f} s more wall time, {first[0] - second[0]:.1f} s CPU")
        for threads in (1, 2):
            cpu, wall, peak = _command([*words, "--list", f"{root}/list.txt", "--threads", str(threads)], cache)
            way = f"lanelight, 10 thresholds, {threads} thread" + "s" * (threads > 1)
            yield _row("culane", way, IMAGES, cpu, wall_s=wall, peak=peak)


def tusimple(shared: Path) -> Iterator[Row]:
    files = shared / "data/tusimple_eval"
    gold, pred = files / "test_label.json", files / "pred_official_baseline.json"
    labels = {entry.raw_file: entry for entry in read_labels(gold)}
    predictions = read_predictions(pred)
    start = time.process_time()
    for seen in predictions:
        truth = labels[seen.raw_file]
        assert truth.rows is not None
        _hits_lane_by_lane(seen.lanes, truth.lanes, truth.rows)
    yield _row("tusimple", "NumPy, lane by lane, without reading", len(predictions), time.process_time() - start)
    times = []
    for _ in range(7):
        start = time.process_time()
        score_tusimple(gold, pred)
        times.append(time.process_time() - start)
    yield _row("tusimple", "lanelight, with reading", len(predictions), statistics.median(times))


def cityscapes(shared: Path) -> Iterator[Row]:
    frames = []
    rng = np.random.default_rng(0)
    for file in sorted((shared / "data/cityscapes_sample/gtFine/train").rglob("*_labelIds.png")):
        gold = np.asarray(read_map(file), np.uint8)
        instances = np.asarray(read_map(str(file).replace("labelIds", "instanceIds")), np.uint16)
        pred = np.roll(gold, 5, axis=1)
        wrong = rng.random(pred.shape) < 0.02
        pred[wrong] = rng.integers(0, 34, int(wrong.sum()))
        frames.append((pred, gold, instances))
    ways: dict[str, Callable[[Any, Any, Any], object]] = {
        "np.unique": lambda p, g, _: np.unique(g.ravel().astype(np.uint16) * 34 + p.ravel(), return_counts=True),
        "np.bincount": lambda p, g, _: np.bincount(g.ravel().astype(np.int64) * 34 + p.ravel(), minlength=34 * 34),
        "lanelight, confusion": lambda p, g, _: count_frame(p, g),
        "lanelight, with instances": count_frame,
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(44):
        for name, way in ways.items():
            start = time.process_time()
            way(*frames[turn % len(frames)])
            if turn >= len(frames):
                spent[name].append(time.process_time() - start)
    for name, times in spent.items():
        yield _row("cityscapes", f"{name}, 2048x1024, without PNG decoding", 1, statistics.median(times))


def _row(dataset: str, way: str, items: int, cpu_s: float, *, wall_s: float | None = None, peak: float = 0.0) -> Row:
    return {
        "dataset": dataset,
        "way": way,
        "frames": items,
        "cpu_ms": round(1000 * cpu_s / items, 3),
        "wall_s": "-" if wall_s is None else round(wall_s, 1),
        "peak_mb": round(peak) if peak else "-",
    }


def _command(words: list[str], extra: dict[str, str]) -> tuple[float, float, float]:
    """Run the scorer; return CPU s, wall s and its peak memory in MB."""
    code = "import resource, sys; from lanelight.cli import main; rc = main(sys.argv[1:]); "
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024); sys.exit(rc)"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", code, "score", *words]
    done = subprocess.run(command, env={**os.environ, **extra}, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, float(done.stdout.split()[-1])


def _count_on_whole_frames(gold: str, pred: str) -> None:
    true, seen = ([lane for lane in lane_points(text.encode()) if len(lane) > 1] for text in (gold, pred))
    for a in true:
        for b in seen:
            one, other = _drawn(a), _drawn(b)
            total, shared = int(one.sum()) + int(other.sum()), int((one * other).sum())
            _ = shared / (total - shared)


def _drawn(lane: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw a lane through 50 points an interval; the spline is left out, which costs the official tool a tenth."""
    t = np.arange(len(lane), dtype=np.float64)
    fine = np.append(np.arange(0, len(lane) - 1, 0.02), len(lane) - 1)
    path = np.stack([np.interp(fine, t, lane[:, 0]), np.interp(fine, t, lane[:, 1])], axis=1)
    frame = np.zeros((590, 1640), np.uint8)
    cv2.polylines(frame, [np.rint(path).astype(np.int32)], False, 1, 30)
    return frame


def _hits_lane_by_lane(pred: tuple[Any, ...], gold: tuple[Any, ...], rows: NDArray[np.float64]) -> None:
    for lane in gold:
        present = ~np.isnan(lane)
        slope = 0.0
        if present.sum() > 1:
            design = np.stack([rows[present], np.ones(int(present.sum()))], axis=1)
            slope = float(np.linalg.lstsq(design, lane[present], rcond=None)[0][0])
        tolerance = 20 / np.cos(np.arctan(slope))
        for other in pred:
            gap = np.abs(np.nan_to_num(other, nan=-100.0) - np.nan_to_num(lane, nan=-100.0))
            _ = (gap < tolerance).mean()


MEASURED: dict[str, Callable[[Path], Iterator[Row]]] = {
    "culane": culane,
    "tusimple": tusimple,
    "cityscapes": cityscapes,
}

if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
