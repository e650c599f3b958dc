"""The options that say which data set a verb works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive
from lanelight.errors import OutputError

if TYPE_CHECKING:
    from lanelight.datasets import LabelledPictures

FORMATS = "native, culane, tusimple, bdd100k, cityscapes, camvid"


def add_dataset(parser: Any, *, several: bool = False) -> None:
    """Declare format, root, split and list; `several` lets split and list have more than one value."""
    number: dict[str, Any] = {"nargs": "+"} if several else {}
    parser.add_argument("dataset", metavar="DATASET", help=f"one of: {FORMATS}")
    parser.add_argument("--root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--split", metavar="NAME", help="part of the data set (all there is)", **number)
    parser.add_argument("--list", metavar="FILE", help="list or label file, in place of a split", **number)


def add_threads(parser: Any) -> None:
    """Declare the number of threads."""
    parser.add_argument("--threads", type=positive, metavar="N", help="threads that read pictures (all processors)")


def opened(args: Any) -> LabelledPictures:
    """Open the data set that the options name.

    Raises:
        LanelightError: it is unknown, missing or damaged.
    """
    from lanelight.datasets import open_dataset

    return open_dataset(args.dataset, args.root, args.split, args.list)


def check_folders(*paths: str | None) -> None:
    """Make sure that output files can be written, before a long run and not after it.

    Raises:
        OutputError: a folder is missing.
    """
    for path in filter(None, paths):
        if not Path(path).absolute().parent.is_dir():
            raise OutputError(f"cannot write {path}: its folder is missing; make it first")
