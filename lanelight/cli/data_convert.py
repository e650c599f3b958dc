"""`lanelight data convert`: turn a data set of lanes into one of another format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.datasets import FORMATS, check_folders, print_errors, telling_what_is_left
from lanelight.cli.progress import Progress

if TYPE_CHECKING:
    from lanelight.datasets import LabelledPictures
    from lanelight.datasets.conversion import Report

LANE_FORMATS = "native, culane, tusimple, bdd100k"


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("source", metavar="FROM", help="folder of the data set")
    parser.add_argument("target", metavar="TO", help="folder of the new one; it must be new or empty")
    parser.add_argument("--to-format", required=True, metavar="FORMAT", help=f"one of: {LANE_FORMATS}")
    parser.add_argument("--from-format", metavar="FORMAT", help=f"one of: {FORMATS} (by the files in FROM)")
    parser.add_argument("--split", metavar="NAME", help="part of the data set to convert (all there is)")
    parser.add_argument("--list", metavar="FILE", nargs="+", help="list or label files, in place of a split")
    parser.add_argument(
        "--images", choices=("link", "copy", "none"), default="link",
        help="what becomes of the pictures: links to where they are, copies, or nothing: labels only",
    )  # fmt: skip
    parser.add_argument(
        "--to-split",
        choices=("train", "val", "test"),
        metavar="NAME",
        help="name of the new split (as --split, or train)",
    )
    parser.add_argument(
        "--centre-lines",
        action="store_true",
        help="of bdd100k: join the two border lines of a marking to one in its middle",
    )
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")


def run(args: Any) -> int:
    """Convert, print what could not be held, and return 0, or 1 where frames could not be read."""
    from lanelight.datasets.conversion import convert
    from lanelight.formats.text import write_json

    check_folders(args.json)
    data = _opened(args)
    split = args.to_split or (args.split if args.split in ("train", "val", "test") else "train")
    with telling_what_is_left(args.target), Progress("convert", len(data)) as progress:
        report = convert(data, args.to_format, args.target, split=split, images=args.images, watch=progress.update)
    if args.json:
        write_json(args.json, report.as_json())
    _print(report, args)
    return 1 if report.failed else 0


def _opened(args: Any) -> LabelledPictures:
    from lanelight.datasets import BDD100K, open_dataset
    from lanelight.datasets.layout import guess_format
    from lanelight.errors import FormatError

    name = args.from_format or guess_format(args.source)
    if args.from_format is None:
        print(f"{args.source}: read as {name}", file=sys.stderr)
    data = open_dataset(name, args.source, args.split, args.list)
    if args.centre_lines:
        if not isinstance(data, BDD100K):
            raise FormatError(f"--centre-lines: expected bdd100k with JSON labels, got {name}; leave the option out")
        data.centred = True
    return data


def _print(report: Report, args: Any) -> None:
    if report.frames:
        print(f"{Path(args.target)}: {report.frames} frames with {report.lanes} lanes as {args.to_format}")
        if args.images == "none":
            print("labels only; --images link or copy brings the pictures")
        if all(loss.noted for loss in report.losses.values()):
            print("everything was held")
    else:
        print("no frame, nothing was written")
    for what, loss in report.losses.items():
        frames = "1 frame" if loss.frames == 1 else f"{loss.frames} frames"
        print(f"{'held' if loss.noted else 'not held'}: {loss.count} {what}, in {frames}: {', '.join(loss.examples)}")
    total = report.frames + len(report.failed)
    print_errors(report.failed, f"{len(report.failed)} of {total} frames could not be read and were left out")
