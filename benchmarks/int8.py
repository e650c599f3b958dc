"""What 8 bits cost and gain: on the frames that ranges were taken from, and on others.

python benchmarks/int8.py default --calibration clips/ --held-out drive.mp4 [--limit 0.02]

MODEL is a bundled name or an exported .onnx.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from record import record

from lanelight.export.calibration import MOST, calibration_of
from lanelight.export.int8 import DROP, export_int8
from lanelight.export.int8_loss import loss
from lanelight.frames import find_sources
from lanelight.runtime import BACKENDS, Manifest, find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibration", nargs="+", required=True)
    parser.add_argument("--held-out", nargs="+", required=True)
    parser.add_argument("--limit", type=float, default=DROP)
    parser.add_argument("--frames", type=int, default=MOST)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    source = find_model(args.model)
    manifest = Manifest.load(source)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "int8.onnx"
        report = export_int8(
            args.model,
            out,
            calibration=args.calibration,
            limit=args.limit,
            most=args.frames,
            threads=args.threads,
            rounds=args.rounds,
        )
        others = calibration_of(find_sources(args.held_out), manifest, most=args.frames)
        truth = others.scenes(source, manifest, backend="onnxruntime", threads=args.threads)
        found = [
            loss(
                truth,
                others.scenes(out, manifest, backend=backend, threads=args.threads),
                manifest.classes,
                backend=backend,
            )
            for backend in BACKENDS
        ]
    kept = report.attempts[-1]
    row = {
        "model": manifest.name,
        "measure": kept.losses[0].measure,
        "steps": "shifted" if kept.shifted else "signed",
        "convolutions": kept.convolutions,
        "in_float": kept.in_float,
        "threads": args.threads,
        "frames": report.frames,
        "drop": round(kept.drop, 4),
        "other_frames": len(others),
        "drop_there": round(max(each.drop for each in found), 4),
        "float_MB": round(report.float_mb, 2),
        "int8_MB": round(report.int8_mb, 2),
    }
    for backend, speed in report.speed.items():
        row[f"{backend}_float_cpu_ms"] = round(speed.float_cpu_ms, 1)
        row[f"{backend}_int8_cpu_ms"] = round(speed.int8_cpu_ms, 1)
        row[f"{backend}_times_faster"] = round(speed.times_faster, 2)
    for attempt in report.attempts:
        print(attempt.to_dict())
    for each in found:
        print(each.to_dict())
    print(row)
    print(record("int8", [row]))


if __name__ == "__main__":
    main()
