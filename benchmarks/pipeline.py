"""The whole of `lanelight predict`, stage by stage, without and with writing the video; runs take turns.

python benchmarks/pipeline.py VIDEO... [--model default] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import record

STAGES = ("read", "view", "network", "decode", "draw", "write")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", nargs="+")
    parser.add_argument("--model", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rows = []
    for video in args.video:
        runs: dict[str, list[dict[str, Any]]] = {"lanes": [], "lanes,video": []}
        for _ in range(args.rounds):
            for save, entries in runs.items():
                entries.append(predict(video, save, args.model, args.threads))
        rows += [row(video, save, args.threads, entries) for save, entries in runs.items()]
    for each in rows:
        print(each)
    print(record("pipeline", rows))


def predict(video: str, save: str, model: str, threads: int) -> dict[str, Any]:
    """Run the command once; return its own figures and the CPU time of the process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = [video, "--save", save, "--model", model, "--threads", str(threads), "--out", f"{folder}/out"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "lanelight", "predict", *words, "--json", str(report)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures: dict[str, Any] = json.loads(report.read_text())
    entry: dict[str, Any] = figures["sources"][0]
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {name: figures[name] for name in ("model", "backend", "frames_at_once")}
    return {**entry, **told, "cpu_ms": 1000 * cpu_s / entry["frames"]}


def row(video: str, save: str, threads: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of several runs as one row."""
    stages = {
        f"{stage}_ms_p50": round(statistics.median(e["stages"].get(stage, {"p50_ms": 0})["p50_ms"] for e in entries), 2)
        for stage in STAGES
    }
    return {
        "model": entries[0]["model"],
        "backend": entries[0]["backend"],
        "threads": threads,
        "frames_at_once": entries[0]["frames_at_once"],
        "video": Path(video).name,
        "save": save,
        "frames": entries[0]["frames"],
        "runs": len(entries),
        "frames_per_second": round(statistics.median(e["frames_per_second"] for e in entries), 1),
        "process_cpu_ms_a_frame": round(statistics.median(e["cpu_ms"] for e in entries), 1),
        **stages,
    }


if __name__ == "__main__":
    main()
