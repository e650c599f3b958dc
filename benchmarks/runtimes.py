"""ONNX Runtime against OpenVINO: the network alone, batch 1, the two taking turns on real frames.

python benchmarks/runtimes.py VIDEO [--model default] [--threads 2]

`lanelight bench` tells more of any networks; this keeps the two figures of the shipped one that the pages show.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from record import record

from lanelight.frames import find_sources
from lanelight.runtime import BACKENDS, Detector
from lanelight.runtime.bench import Contestant, measure
from lanelight.runtime.bench_frames import real_frames
from lanelight.runtime.bench_rows import rows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--model", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    contestants = [
        Contestant(name, name, partial(Detector.load, args.model, backend=name, threads=args.threads), cost=no_cost)
        for name in BACKENDS
    ]
    shown = real_frames(find_sources([args.video]), args.frames)
    measured = measure(contestants, shown.frames, rounds=args.rounds)
    rows: list[dict[str, Any]] = [
        {
            "model": each.loaded.name,
            "backend": row["backend"],
            "threads": row["threads"],
            "input": row["input"],
            "frames": row["frames"],
            "rounds": row["rounds"],
            "wall_ms_p50": round(row["network_ms_p50"], 2),
            "cpu_ms_p50": round(row["network_cpu_ms_p50"], 2),
            "speedup_over_onnxruntime": row["network_times_faster"],
        }
        for each, row in zip(measured, rows_of(measured, source=shown.source), strict=True)
    ]
    for row in rows:
        print(row)
    print(record("runtimes", rows))


def no_cost() -> None:
    """Count nothing."""


if __name__ == "__main__":
    main()
