"""`lanelight eval`: run a network over a data set and score it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive, thresholds
from lanelight.cli.datasets import check_folders
from lanelight.cli.detectors import HELP, add_runtime_options, open_detector, runtime_of
from lanelight.cli.folders import numbered
from lanelight.cli.progress import Progress
from lanelight.cli.score import (
    LANES,
    USAGE,
    WORST,
    bdd100k_lines,
    cell,
    cityscapes_lines,
    compile_notice,
    culane_lines,
)
from lanelight.errors import FormatError, unknown_name

if TYPE_CHECKING:
    from lanelight.metrics.base import Figures
    from lanelight.runtime.evaluate import Evaluation
    from lanelight.runtime.scoring import ScoringRule
    from lanelight.runtime.scoring_lines import LineCounts

MAX_RUN_TIME_MS = 200.0  # above it the TuSimple scorer counts a frame as lost
ALL = "all"  # in place of a split: everything there is
DEFAULT_SPLIT, SPLITS = "test", {"cityscapes": "val"}  # labels of Cityscapes' test split are not published
COMPILED = ("culane", "native", "cityscapes")  # the other scores are not compiled
# option: (value where it is not given, data sets that it belongs to)
SPECIAL: dict[str, tuple[Any, tuple[str, ...]]] = {
    "iou": (None, ("culane", "native")),
    "lanes": ("all", ("culane", "native")),
    "width": (None, ("culane", "native", "bdd100k")),
}


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("model", metavar="MODEL", help=HELP)
    parser.add_argument("--data", required=True, metavar="DATASET", help=f"one of: {', '.join(DATASETS)}")
    parser.add_argument("--root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--split", metavar="NAME",
        help=f"part of the data set, where no --list is given; or {ALL} ({DEFAULT_SPLIT}; cityscapes: val)",
    )  # fmt: skip
    parser.add_argument(
        "--list", metavar="FILE", help="list, label or task file, or folder of list files (culane: the categories)"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N frames")
    parser.add_argument(
        "--iou", nargs="+", type=str, metavar="F", help="culane, native: thresholds, or start:stop:step (0.5)"
    )
    parser.add_argument("--lanes", choices=LANES, default="all", help="ego: only the two lines beside the vehicle")
    parser.add_argument(
        "--width", type=positive, metavar="N",
        help="culane, native: width of the lines, px (30 in 1640x590, in other frames scaled with the width); "
        "bdd100k: also compare with true lanes widened by N px",
    )  # fmt: skip
    add_runtime_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    parser.add_argument(
        "--save", metavar="PATH",
        help="write the predictions in the data set's own form: a file (tusimple, native) or a new folder",
    )  # fmt: skip
    parser.add_argument("--worst", type=positive, metavar="N", help="draw the N worst frames as one picture")
    parser.add_argument("--sheet", metavar="FILE", help="picture that --worst writes (a new worst.png)")


def run(args: Any) -> int:
    """Evaluate, print the table and return 0, or 1 where frames could not be read."""
    from lanelight.formats.text import write_json
    from lanelight.runtime.evaluate import write_worst

    if args.data not in DATASETS:
        raise FormatError(unknown_name("data set", args.data, DATASETS))
    if fault := _misplaced(args):
        print(f"error: {fault}", file=sys.stderr)
        return USAGE
    check_folders(args.json, args.save, args.sheet)
    rule_for, lines_of = DATASETS[args.data]
    rule = rule_for(args)
    done = _evaluate(args, rule)
    if done.frames:
        print("\n".join(lines_of(done.scores)))
        what = "classes" if args.data in CLASSES else "lanes"
        print(f"{done.latency_ms:.2f} ms a frame from picture to {what} (median)")
        for note in done.notes:
            print(f"note: {note}")
        slow = sum(latency > MAX_RUN_TIME_MS for latency in done.latencies_ms)
        if slow and args.data == "tusimple":
            print(f"{slow} frames took over {MAX_RUN_TIME_MS:.0f} ms: the benchmark's own script counts those as lost")
        if args.json:
            write_json(args.json, done.scores | {"latency_ms": round(done.latency_ms, 3), "frames": done.frames})
    if args.worst and done.worst:
        sheet = Path(args.sheet) if args.sheet else numbered(WORST.with_suffix(""), WORST.suffix)
        write_worst(sheet, rule.data, done.worst)
        print(f"worst frames: {sheet} (green: true, orange: predicted)")
    return _report_unreadable(done)


def _evaluate(args: Any, rule: ScoringRule) -> Evaluation:
    from lanelight.runtime.evaluate import evaluate

    frames = min(len(rule.data), args.limit or len(rule.data))
    with open_detector(
        args.model, backend=args.backend, threads=args.threads, precision=args.precision, size=args.size
    ) as detector:
        print(f"{args.model} on {args.data}: {frames} frames, {runtime_of(detector)}, {detector.threads} threads")
        with _notice(args.data), Progress(args.data, frames) as progress:
            return evaluate(
                detector,
                rule,
                limit=args.limit,
                save=Path(args.save) if args.save else None,
                worst=args.worst or 0,
                watch=progress.update,
            )


def _notice(data: str) -> AbstractContextManager[None]:
    return compile_notice() if data in COMPILED else nullcontext()


def _report_unreadable(done: Evaluation) -> int:
    for message in done.unreadable:
        print(f"error: {message}", file=sys.stderr)
    if done.unreadable:
        total = done.frames + len(done.unreadable)
        print(f"error: {len(done.unreadable)} of {total} frames could not be read and are not scored", file=sys.stderr)
    return 1 if done.unreadable else 0


def _misplaced(args: Any) -> str | None:
    """Return what is wrong with the choice of options, or None."""
    for option, (absent, owners) in SPECIAL.items():
        if getattr(args, option) != absent and args.data not in owners:
            return f"--{option} is for {' and '.join(owners)}, not for {args.data}"
    return "--sheet goes with --worst N" if args.sheet and not args.worst else None


def _split(args: Any) -> str | None:
    split = args.split or SPLITS.get(args.data, DEFAULT_SPLIT)
    return None if split == ALL or args.list else str(split)


def _culane(args: Any) -> ScoringRule:
    from lanelight.datasets import CULane
    from lanelight.runtime.scoring_lines import CULaneRule

    split = _split(args)
    return CULaneRule(CULane.open(args.root, split, args.list), _line_counts(args), categories=split == "test")


def _native(args: Any) -> ScoringRule:
    from lanelight.datasets import Native
    from lanelight.runtime.scoring_lines import NativeRule

    split, lists = _split(args), Path(args.root) / "list"
    known = [path.stem for path in sorted(lists.glob("*.txt"))]
    if split is not None and split not in known and Path(args.root).is_dir():
        raise FormatError(
            unknown_name("split", split, [*known, ALL])
            + f"; a split is a file {lists / 'NAME.txt'}, or name a list file with --list"
        )
    return NativeRule(Native.open(args.root, split, args.list), _line_counts(args))


def _line_counts(args: Any) -> LineCounts:
    from lanelight.runtime.scoring_lines import LineCounts

    return LineCounts(thresholds(args.iou or ["0.5"]), line_px=args.width, lanes=args.lanes)


def _tusimple(args: Any) -> ScoringRule:
    from lanelight.datasets import TuSimple
    from lanelight.runtime.scoring import TuSimpleRule

    return TuSimpleRule(TuSimple.open(args.root, _split(args), args.list))


def _bdd100k(args: Any) -> ScoringRule:
    from lanelight.datasets import BDD100K
    from lanelight.runtime.scoring import BDD100KRule

    return BDD100KRule(BDD100K.open(args.root, _split(args), args.list), dilate=args.width)


def _cityscapes(args: Any) -> ScoringRule:
    from lanelight.datasets import Cityscapes
    from lanelight.runtime.scoring_classes import ClassRule

    return ClassRule(Cityscapes.open(args.root, _split(args), args.list))


def _camvid(args: Any) -> ScoringRule:
    from lanelight.datasets import CamVid
    from lanelight.runtime.scoring_classes import ClassRule

    return ClassRule(CamVid.open(args.root, _split(args), args.list))


def _tusimple_lines(figures: Figures) -> Iterator[str]:
    yield f"{'accuracy':>10}{'FP':>10}{'FN':>10}{'frames':>10}"
    yield f"{figures['accuracy']:>10.4f}{figures['fp']:>10.4f}{figures['fn']:>10.4f}{figures['frames']:>10}"


def _class_lines(figures: Figures) -> Iterator[str]:
    yield f"{'':>16}{'IoU':>10}"
    for name, iou in figures["per_class"].items():
        yield f"{name:>16}{cell(iou)}"
    yield f"{'mean class':>16}{cell(figures['class_miou'])}\n"
    yield f"{'pixel accuracy':>16}{cell(figures['pixel_accuracy'])}  (void left out)"


DATASETS: dict[str, tuple[Callable[[Any], ScoringRule], Callable[[Figures], Iterator[str]]]] = {
    "culane": (_culane, culane_lines),
    "tusimple": (_tusimple, _tusimple_lines),
    "bdd100k": (_bdd100k, bdd100k_lines),
    "native": (_native, culane_lines),
    "cityscapes": (_cityscapes, cityscapes_lines),
    "camvid": (_camvid, _class_lines),
}
CLASSES = ("cityscapes", "camvid")
