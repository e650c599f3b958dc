"""`lanelight data import`: labels that people drew in a tool -> a native data set."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.datasets import check_folders, print_errors, telling_what_is_left
from lanelight.cli.progress import Progress

if TYPE_CHECKING:
    from lanelight.datasets.conversion import Report
    from lanelight.datasets.drawn import Found

FORMATS = ("auto", "cvat", "labelme", "label_studio", "coco", "bdd100k")
LARGEST_ID = 255


def labels(text: str | Sequence[str]) -> tuple[str, ...]:
    """Read LABEL,LABEL,..."""
    words = text.split(",") if isinstance(text, str) else text
    return tuple(word.strip() for word in words if word.strip())


def class_ids(text: str | dict[str, int]) -> dict[str, int]:
    """Read LABEL=ID,LABEL=ID,... with ids from 0 to 255."""
    if isinstance(text, dict):
        return text
    classes = {}
    for part in labels(text):
        label, _, number = part.rpartition("=")
        if not label or not number.isdecimal() or int(number) > LARGEST_ID:
            raise ArgumentTypeError(f"expected LABEL=ID with an id from 0 to {LARGEST_ID}, got {part!r}")
        classes[label.strip()] = int(number)
    return classes


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("source", metavar="SOURCE", help="label file, or a folder of label files")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the data set; it must be new or empty")
    parser.add_argument("--images", metavar="DIR|VIDEO", help="the pictures, or the video (pictures beside the labels)")
    parser.add_argument("--format", choices=FORMATS, default="auto", help="of the labels; auto tells by the content")
    parser.add_argument("--lanes", type=labels, metavar="LABEL,...", help="labels whose lines are lanes (all)")
    parser.add_argument(
        "--outlines", type=labels, metavar="LABEL,...",
        help="labels of areas drawn around lane markings: their middle line becomes the lane",
    )  # fmt: skip
    parser.add_argument(
        "--classes", type=class_ids, metavar="LABEL=ID,...",
        help="areas that become class maps, for example road=1,car=2; 0 is the background",
    )  # fmt: skip
    parser.add_argument(
        "--first-slot", type=int, choices=(0, 1), default=0, help="number of the leftmost lane in the labels"
    )
    parser.add_argument("--skip-empty", action="store_true", help="leave out pictures on which nothing is drawn")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train", help="name of the list written")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")


def run(args: Any) -> int:
    """Import, print what became of the labels and return 0, or 1 where something could not be taken."""
    from lanelight.datasets.drawn import import_labels
    from lanelight.formats.drawing import Meaning
    from lanelight.formats.text import write_json

    check_folders(args.json)
    meaning = Meaning(
        None if args.lanes is None else frozenset(args.lanes),
        frozenset(args.outlines or ()),
        args.classes or {},
        args.first_slot,
    )
    with telling_what_is_left(args.out), Progress("import", None) as progress:
        found, report = import_labels(
            args.source,
            args.images,
            args.out,
            kind=args.format,
            meaning=meaning,
            split=args.split,
            unlabelled=not args.skip_empty,
            watch=progress.update,
        )
    failed = [*found.failed, *report.failed]
    if args.json:
        rows = [
            {"kind": kind, "label": label, "becomes": role or None, "count": count}
            for (kind, label, role), count in found.labels.items()
        ]
        write_json(args.json, {**report.as_json(), "failed": failed, "empty": found.unlabelled, "labels": rows})
    _print(found, report, args)
    print_errors(failed, f"{len(failed)} label files or pictures could not be taken and were left out")
    return 1 if failed else 0


def _print(found: Found, report: Report, args: Any) -> None:
    print(f"{'drawn as':<10}{'label':<24}{'number':>8}  becomes")
    for (kind, label, role), count in sorted(found.labels.items()):
        print(f"{kind:<10}{label[:23]:<24}{count:>8}  {role or 'nothing (passed over)'}")
    if found.unlabelled:
        then = "left out" if args.skip_empty else "taken as without lanes; --skip-empty leaves them out"
        print(f"{found.unlabelled} pictures on which nothing is drawn ({then})")
    if any(kind == "area" and not role for kind, _, role in found.labels):
        print("areas become lanes with --outlines LABEL, or class maps with --classes LABEL=ID")
    for path in found.passed:
        print(f"passed over: {path} (no labels of a known tool)")
    print(f"{Path(args.out)}: {report.frames} frames with {report.lanes} lanes as native ({args.split})")
