"""`lanelight score`: the benchmarks' own figures from prediction files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive, thresholds
from lanelight.cli.datasets import check_folders, check_picture
from lanelight.cli.folders import numbered
from lanelight.cli.progress import Progress
from lanelight.errors import FormatError, OutputError, unknown_name

if TYPE_CHECKING:
    from lanelight.metrics.base import Figures
    from lanelight.score.base import BenchmarkScore, Watch

USAGE = 2
WORST = Path("worst.png")
KINDS = ("auto", "binary", "bitmask")
LANES = ("all", "ego")
# option: (value where it is not given, data sets that it belongs to)
SPECIAL: dict[str, tuple[Any, tuple[str, ...]]] = {
    "list": (None, ("culane", "bdd100k")),
    "iou": (None, ("culane",)),
    "lanes": ("all", ("culane", "tusimple")),
    "width": (None, ("culane", "bdd100k")),
    "size": (None, ("culane",)),
    "masks": ("auto", ("bdd100k",)),
}


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("dataset", metavar="DATASET", help=f"one of: {', '.join(DATASETS)}")
    parser.add_argument("--gold", required=True, metavar="PATH", help="true lanes or labels: folder, or label file")
    parser.add_argument("--pred", required=True, metavar="PATH", help="predictions: folder, or prediction file")
    parser.add_argument("--list", metavar="FILE", help="list of frames, or a folder of them (culane: the categories)")
    parser.add_argument("--iou", nargs="+", type=str, metavar="F", help="culane: thresholds, or start:stop:step (0.5)")
    parser.add_argument("--lanes", choices=LANES, default="all", help="ego: only the two lines beside the vehicle")
    parser.add_argument(
        "--width", type=positive, metavar="N",
        help="culane: width of the lines, px (30); bdd100k: also compare with true lanes widened by N px",
    )  # fmt: skip
    parser.add_argument("--size", nargs=2, type=positive, metavar=("W", "H"), help="culane: frame size (1640 590)")
    parser.add_argument("--masks", choices=KINDS, default="auto", help="bdd100k: what the pixels mean")
    parser.add_argument("--threads", type=positive, metavar="N", help="number of threads (all processors)")
    parser.add_argument("--per-image", metavar="FILE", help="write the figures of every frame as JSON lines")
    parser.add_argument(
        "--strict", action="store_true", help="list everything odd in the files; warnings end with exit code 1"
    )
    parser.add_argument("--worst", type=positive, metavar="N", help="draw the N worst frames as one picture")
    parser.add_argument("--images", metavar="DIR", help="folder of the frames, for --worst")
    parser.add_argument("--sheet", metavar="FILE", help="picture that --worst writes (a new worst.png)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")


def run(args: Any) -> int:
    """Score, print the table and return 0; with --strict 1 where anything was odd."""
    from lanelight.formats.text import write_json

    if args.dataset not in DATASETS:
        raise FormatError(unknown_name("data set", args.dataset, DATASETS))
    if fault := _misplaced(args):
        print(f"error: {fault}", file=sys.stderr)
        return USAGE
    _check_outputs(args)
    score_files, lines_of = DATASETS[args.dataset]
    with Progress(args.dataset, None) as progress:
        score = score_files(args, progress.update)
    print("\n".join(lines_of(score.figures)))
    if args.json:
        write_json(args.json, score.figures)
    if args.per_image:
        _write_per_image(Path(args.per_image), score)
    faults = [f"warning: {warning}" for warning in score.warnings]
    if args.strict:
        faults += score.oddities()
    if args.worst:
        faults += _write_worst(args, score)
    for fault in faults:
        print(fault, file=sys.stderr)
    if args.strict and faults:
        print(f"error: {len(faults)} oddities; without --strict they are scored as the benchmark does", file=sys.stderr)
        return 1
    return 0


def _check_outputs(args: Any) -> None:
    """Find what cannot be written before the long run, not after it."""
    paths = [path for path in (args.json, args.per_image, args.sheet) if path]
    check_folders(*paths)
    check_picture(args.sheet)
    for path in paths:
        if Path(path).is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; give the name of a file")
    if len({Path(path).absolute() for path in paths}) < len(paths):
        raise OutputError("--json, --per-image and --sheet: expected different files, got one name twice")


def _misplaced(args: Any) -> str | None:
    """Return what is wrong with the choice of options, or None."""
    for option, (absent, owners) in SPECIAL.items():
        if getattr(args, option) != absent and args.dataset not in owners:
            return f"--{option} is for {' and '.join(owners)}, not for {args.dataset}"
    if (args.images or args.sheet) and not args.worst:
        return "--images and --sheet go with --worst N"
    return None


def _culane(args: Any, watch: Watch) -> BenchmarkScore:
    from lanelight.formats.culane import SIZE
    from lanelight.metrics.culane import LINE_PX
    from lanelight.score.culane import score

    with compile_notice():
        return score(
            Path(args.gold),
            Path(args.pred),
            names=Path(args.list) if args.list else None,
            thresholds=thresholds(args.iou or ["0.5"]),
            size=(args.size[0], args.size[1]) if args.size else SIZE,
            line_px=args.width or LINE_PX,
            lanes=args.lanes,
            threads=args.threads,
            watch=watch,
        )


def _tusimple(args: Any, watch: Watch) -> BenchmarkScore:
    from lanelight.score.tusimple import score

    return score(Path(args.gold), Path(args.pred), lanes=args.lanes, threads=args.threads, watch=watch)


def _cityscapes(args: Any, watch: Watch) -> BenchmarkScore:
    from lanelight.score.cityscapes import score

    with compile_notice():
        return score(Path(args.gold), Path(args.pred), threads=args.threads, watch=watch)


def _bdd100k(args: Any, watch: Watch) -> BenchmarkScore:
    from lanelight.score.bdd100k import score

    names = Path(args.list) if args.list else None
    return score(
        Path(args.gold),
        Path(args.pred),
        names=names,
        kind=args.masks,
        dilate=args.width,
        threads=args.threads,
        watch=watch,
    )


@contextmanager
def compile_notice() -> Iterator[None]:
    """Say so where the scorer is compiled inside the block: at its first use on a machine."""
    from lanelight.compiled import when_compiling

    def say() -> None:
        print("compiling the scorer for this machine, about 15 s, once ...", file=sys.stderr, flush=True)

    with when_compiling(say):
        yield


def culane_lines(figures: Figures) -> Iterator[str]:
    """Yield the lines of the table of CULane figures."""
    keys = [key for key in figures if key.startswith("iou_")]
    yield f"{'IoU':>12}{'TP':>10}{'FP':>10}{'FN':>10}{'precision':>12}{'recall':>12}{'F1':>12}"
    for key in keys:
        row = figures[key]
        counts = "".join(f"{row[name]:>10}" for name in ("tp", "fp", "fn"))
        yield f"{key[4:]:>12}{counts}" + "".join(f"{row[name]:>12.6f}" for name in ("precision", "recall", "f1"))
    if len(keys) > 1:
        yield f"{'mean F1':>12}{'':>54}{figures['mf1']:>12.6f}"
    if "categories" in figures:
        yield f"\n{'category':>12}" + "".join(f"{'F1 ' + key[4:]:>12}" for key in keys)
        for name, rows in figures["categories"].items():
            cells = (f"{row['f1']:.6f}" if "f1" in (row := rows[key]) else f"FP {row['fp']}" for key in keys)
            yield f"{name:>12}" + "".join(f"{cell:>12}" for cell in cells)
    yield f"{figures['frames']} frames"


def _tusimple_lines(figures: Figures) -> Iterator[str]:
    yield f"{'accuracy':>14}{'FP':>14}{'FN':>14}{'frames':>10}"
    cells = "".join(f"{figures[name]:>14.10f}" for name in ("accuracy", "fp", "fn"))
    yield f"{cells}{figures['frames']:>10}"


def cityscapes_lines(figures: Figures) -> Iterator[str]:
    """Yield the lines of the table of Cityscapes figures."""
    yield f"{'':>16}{'IoU':>10}{'iIoU':>10}"
    for kind in ("class", "category"):
        for name, iou in figures[f"per_{kind}"].items():
            weighted = figures[f"per_{kind}_instance"].get(name)
            if iou is not None:
                yield f"{name:>16}{cell(iou)}{cell(weighted)}"
        yield f"{'mean ' + kind:>16}{cell(figures[f'{kind}_miou'])}{cell(figures[f'{kind}_iiou'])}\n"
    yield f"{'pixel accuracy':>16}{cell(figures['pixel_accuracy'])}  (void left out)"
    yield f"{'':>16}{cell(figures['pixel_accuracy_with_void'])}  (void counted)"


def bdd100k_lines(figures: Figures) -> Iterator[str]:
    """Yield the lines of the table of BDD100K figures."""
    yield f"{'':>16}{'accuracy':>12}{'IoU':>12}"
    yield f"{'official':>16}{figures['accuracy']:>12.6f}{figures['iou']:>12.6f}"
    if wide := figures.get("matched_width"):
        yield f"{'widened ' + str(wide['dilate_px']) + ' px':>16}{wide['accuracy']:>12.6f}{wide['iou']:>12.6f}"
    yield f"{figures['frames']} frames"


def cell(value: float | None) -> str:
    """Return a figure in ten places, ``-`` where there is none."""
    return f"{'-':>10}" if value is None else f"{value:>10.4f}"


DATASETS: dict[str, tuple[Callable[[Any, Watch], BenchmarkScore], Callable[[Figures], Iterator[str]]]] = {
    "culane": (_culane, culane_lines),
    "tusimple": (_tusimple, _tusimple_lines),
    "bdd100k": (_bdd100k, bdd100k_lines),
    "cityscapes": (_cityscapes, cityscapes_lines),
}


def _write_per_image(path: Path, score: BenchmarkScore) -> None:
    from lanelight.formats.text import replacing

    with replacing(path) as file:
        for index, name in enumerate(score.names):
            file.write(json.dumps({"name": name, **score.frame(index)}) + "\n")


def _write_worst(args: Any, score: BenchmarkScore) -> Sequence[str]:
    from lanelight.score.worst import write_worst

    path = Path(args.sheet) if args.sheet else numbered(WORST.with_suffix(""), WORST.suffix)
    missing = write_worst(score, args.worst, path, images=Path(args.images) if args.images else None)
    print(f"worst frames: {path} (green: true, orange: predicted)")
    return [f"warning: {fault}" for fault in missing]
