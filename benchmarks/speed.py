"""All networks against the way their reference implementations compute: table and figure of docs/benchmarks.md.

python benchmarks/speed.py SOURCE [--networks scnn ...] [--checkpoints FOLDER] [--weights fast_scnn=FILE ...]

SOURCE: video, folder, glob or picture of real roads. Each network runs in turns on the same frames, every way in a
process of its own: the reference's formulation (`reference_form.py`) in eager PyTorch, once with threads of OpenMP that
spin between calls and once with resting ones; ours in torch; the exported graph in ONNX Runtime and OpenVINO, in
OpenVINO also in bfloat16 where the processor computes it. Ratios are to the better of the first two, by each clock.

What was measured stays in --out, network by network: after an interruption the same command goes on with the next one,
and a network whose folder is removed is measured again. `speed_networks.py` says where the weights come from.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import tables
from record import RESULTS, newest, record
from reference_form import load_in_torch
from speed_figure import figure
from speed_networks import NETWORKS, Prepared, check, prepare

from lanelight.formats.text import write_json
from lanelight.frames import find_sources, write_image
from lanelight.runtime import Detector
from lanelight.runtime.bench import Contestant, measure
from lanelight.runtime.bench_frames import Shown, real_frames
from lanelight.runtime.bench_rows import rows_of
from lanelight.runtime.openvino import computes_bf16
from lanelight.train.cost import trained_cost

FIGURE = RESULTS.parent.parent / "docs" / "images" / "speed.png"
REFERENCES = ("reference, spinning", "reference, resting")
LOW = "openvino bf16"
OURS = ("torch", "onnxruntime", "openvino", LOW)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--checkpoints", type=Path, help="folder of published checkpoints")
    parser.add_argument("--weights", nargs="+", default=[], metavar="NAME=FILE", help="trained weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/speed"))
    args = parser.parse_args()
    trained = {name: Path(file) for name, file in (each.split("=", 1) for each in args.weights)}
    shown = real_frames(find_sources([args.source]), args.frames)
    for name in args.networks:
        kept = args.out / name / "rows.json"
        if not kept.is_file():
            ready = prepare(name, shown.frames, kept.parent, trained=trained.get(name), published=args.checkpoints)
            check(ready, shown.frames)
            rows = measured(name, ready, shown, args)
            record("speed_runtimes", rows)
            record("speed", [summary(rows)])
            write_json(kept, rows)
        print(summary(json.loads(kept.read_text())), flush=True)
    write_image(FIGURE, figure(newest("speed")))
    tables.main()


def measured(name: str, ready: Prepared, shown: Shown, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each way to run a network."""
    found = measure(contestants(name, ready, args.threads), shown.frames, rounds=args.rounds)
    rows = rows_of(found, source=shown.source)
    cost = {key: rows[0][key] for key in ("parameters", "gflop")}
    told = {"network": name, "weights": ready.told}
    left_out = ("model", "backend", "precision", "device")  # the way says the same
    return [
        {**told, "way": way_of(each.contestant), **{k: v for k, v in row.items() if k not in left_out}, **cost}
        for each, row in zip(found, rows, strict=True)
    ]


def contestants(name: str, ready: Prepared, threads: int) -> list[Contestant]:
    """Return the ways to run a network, the reference's first; the first of them also counts what it costs."""
    in_torch = partial(load_in_torch, ready.weights, threads=threads)
    exported = partial(Detector.load, ready.exported, threads=threads)
    spinning, resting = REFERENCES
    found = [
        Contestant(name, spinning, partial(in_torch, reference=True), partial(trained_cost, ready.weights), spins=True),
        Contestant(name, resting, partial(in_torch, reference=True), no_cost),
        Contestant(name, "torch", partial(in_torch, reference=False), no_cost),
        Contestant(name, "onnxruntime", partial(exported, backend="onnxruntime"), no_cost),
        Contestant(name, "openvino", partial(exported, backend="openvino"), no_cost),
    ]
    if computes_bf16():
        low = partial(exported, backend="openvino", precision="bf16")
        found.append(Contestant(name, "openvino", low, no_cost, precision="bf16"))
    return found


def way_of(contestant: Contestant) -> str:
    """Return what a way to run a network is called in the results."""
    named = contestant.backend
    return named if contestant.precision == "float32" else f"{named} {contestant.precision}"


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one row for a network: how many times faster each way is than the reference's better one, by each clock.

    ``*_x`` are ratios of wall time, ``*_cpu_x`` of the CPU time of all threads.
    """
    ways = {row["way"]: row for row in rows}
    first = rows[0]
    kept = ("network", "input", "weights", "parameters", "gflop", "threads", "source", "frames", "rounds")
    told = {key: first[key] for key in kept}
    faster: dict[str, Any] = {}
    for clock, ending in (("network_cpu_ms_p50", "cpu_x"), ("network_ms_p50", "x")):
        best = min(ways[way][clock] for way in REFERENCES)
        told[f"reference_{clock.removeprefix('network_').removesuffix('_p50')}"] = best
        faster |= {f"{way}_{ending}".replace(" ", "_"): ratio(best, ways.get(way), clock) for way in OURS}
    low = ways.get(LOW, {})
    apart = {f"bf16_{key}": low.get(key) for key in ("lane_px", "mean_px", "f1", "other_class")}
    return {**told, **faster, **apart}


def ratio(best: float, row: dict[str, Any] | None, clock: str) -> float | None:
    """Return how many times faster a way is; None where it was not measured."""
    return None if row is None else round(best / row[clock], 2)


def no_cost() -> None:
    """Count nothing."""


if __name__ == "__main__":
    main()
