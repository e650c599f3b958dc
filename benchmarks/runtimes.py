"""ONNX Runtime against OpenVINO: the network alone, batch 1, the two taking turns on real frames.

python benchmarks/runtimes.py VIDEO [--model default] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time

from record import record

from lanelight.frames import find_sources
from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.bundled import find_model
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import network_input


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video")
    parser.add_argument("--model", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    path = find_model(args.model)
    manifest = Manifest.load(path)
    frames = [frame.image for frame, _ in zip(find_sources([args.video])[0].frames(), range(args.frames), strict=False)]
    view = manifest.viewport.view((frames[0].shape[1], frames[0].shape[0]))
    images = [network_input(frame, view) for frame in frames]
    sessions = {name: open_session(path, name, threads=args.threads) for name in BACKENDS}
    wall: dict[str, list[float]] = {name: [] for name in sessions}
    cpu: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(args.rounds + 1):
        for name, session in sessions.items():
            start, used = time.perf_counter(), time.process_time()
            for image in images:
                session(image)
            if turn:  # the first turn warms up
                wall[name].append(1000 * (time.perf_counter() - start) / len(images))
                cpu[name].append(1000 * (time.process_time() - used) / len(images))
    base = statistics.median(wall["onnxruntime"])
    rows = [
        {
            "model": manifest.name,
            "backend": name,
            "threads": args.threads,
            "input": "x".join(map(str, manifest.viewport.target)),
            "frames": len(images),
            "rounds": args.rounds,
            "wall_ms_p50": round(statistics.median(wall[name]), 2),
            "cpu_ms_p50": round(statistics.median(cpu[name]), 2),
            "speedup_over_onnxruntime": round(base / statistics.median(wall[name]), 2),
        }
        for name in sessions
    ]
    for row in rows:
        print(row)
    print(record("runtimes", rows))


if __name__ == "__main__":
    main()
