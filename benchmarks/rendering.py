"""What a rendered frame costs, world by world: CPU time of drives and of single views at 1280x720, one thread.

python benchmarks/rendering.py [--frames 30] [--views 12]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

import cv2
from record import record

from lanelight.datasets.synthetic import WORLDS, SyntheticRoads, render_drive

SIZE = (1280, 720)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--views", type=int, default=12)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for world, config in WORLDS.items():
        sized = replace(config, size=SIZE)
        drive = [ms for seed in (1, 2) for ms in _times(render_drive(sized, seed=seed, frames=args.frames))]
        roads = SyntheticRoads(sized, seed=5, length=args.views + 1)
        views = list(_times(roads[index] for index in range(args.views + 1)))
        rows.append(
            {
                "world": world,
                "frames": len(drive),
                "drive_ms": round(statistics.mean(drive), 1),
                "drive_frames_per_second": round(1000 / statistics.mean(drive), 1),
                "view_ms": round(statistics.mean(views), 1),
            }
        )
        print(rows[-1])
    record("rendering", rows)


def _times(items: Iterator[object]) -> Iterator[float]:
    """Yield the CPU ms of each item but the first, which may compile."""
    next(items)
    start = time.process_time()
    for _ in items:
        yield 1000 * (time.process_time() - start)
        start = time.process_time()


if __name__ == "__main__":
    main()
