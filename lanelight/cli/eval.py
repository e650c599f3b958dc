"""`lanelight eval`: run a network over a data set and score it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive
from lanelight.cli.progress import Progress
from lanelight.errors import FormatError, OutputError, unknown_name

if TYPE_CHECKING:
    from lanelight.runtime.evaluate import Evaluation

BACKENDS = ("auto", "onnxruntime", "openvino", "torch")
MAX_RUN_TIME_MS = 200.0  # above it the TuSimple scorer counts a frame as lost
TUSIMPLE_SPLITS = {"test": "test_label.json", "val": "label_data_0531.json"}


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("model", metavar="MODEL", help="bundled name or exported file (.onnx, .xml)")
    parser.add_argument("--data", required=True, metavar="DATASET", help=f"one of: {', '.join(DATASETS)}")
    parser.add_argument("--root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--split", default="test", help="part of the data set, where no --list is given")
    parser.add_argument("--list", metavar="FILE", help="label or task file; its frames are relative to the root")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N frames")
    parser.add_argument(
        "--backend", choices=BACKENDS, default="auto", help="runtime; auto takes the model's faster one"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="threads of the network (all processors)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--save", metavar="FILE", help="write the predictions in the data set's own form")


def run(args: Any) -> int:
    """Evaluate, print the table and return 0, or 1 where frames could not be read."""
    from lanelight.formats.text import write_json

    if args.data not in DATASETS:
        raise FormatError(unknown_name("data set", args.data, DATASETS))
    for path in filter(None, (args.json, args.save)):  # before the long run, not after it
        if not Path(path).absolute().parent.is_dir():
            raise OutputError(f"cannot write {path}: its folder is missing; make it first")
    done = DATASETS[args.data](args)
    if args.json:
        figures = {**done.scores, "latency_ms": round(done.latency_ms, 3), "frames": done.frames}
        write_json(args.json, figures)
    for message in done.unreadable:
        print(f"error: {message}", file=sys.stderr)
    if done.unreadable:
        total = done.frames + len(done.unreadable)
        print(f"error: {len(done.unreadable)} of {total} frames could not be read and are not scored", file=sys.stderr)
    return 1 if done.unreadable else 0


def _tusimple(args: Any) -> Evaluation:
    from lanelight.datasets import TuSimple
    from lanelight.formats import tusimple
    from lanelight.runtime import Detector
    from lanelight.runtime.evaluate import evaluate_tusimple

    data = TuSimple(args.root, args.list or _list_of_split(args.root, args.split))
    frames = min(len(data), args.limit or len(data))
    with Detector.load(args.model, backend=args.backend, threads=args.threads) as detector:
        print(f"{args.model} on tusimple: {frames} frames, {detector.backend}, {detector.threads} threads")
        with Progress("tusimple", frames) as progress:
            done = evaluate_tusimple(detector, data, limit=args.limit, watch=progress.update)
    if args.save:
        tusimple.write(args.save, done.entries)
    print(f"{'accuracy':>10}{'FP':>10}{'FN':>10}{'ms/frame':>10}{'frames':>10}")
    figures = done.scores
    print(
        f"{figures['accuracy']:>10.4f}{figures['fp']:>10.4f}{figures['fn']:>10.4f}"
        f"{done.latency_ms:>10.2f}{done.frames:>10}"
    )
    slow = sum(entry["run_time"] > MAX_RUN_TIME_MS for entry in done.entries)
    if slow:
        print(f"{slow} frames took over {MAX_RUN_TIME_MS:.0f} ms: the benchmark's own script counts those as lost")
    return done


DATASETS: dict[str, Callable[[Any], Evaluation]] = {"tusimple": _tusimple}


def _list_of_split(root: str, split: str) -> Path:
    if split not in TUSIMPLE_SPLITS:
        raise FormatError(unknown_name("split", split, TUSIMPLE_SPLITS) + "; or name a label file with --list")
    return Path(root) / TUSIMPLE_SPLITS[split]
