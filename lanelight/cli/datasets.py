"""What the verbs about data sets share: the options that name one, checks of outputs, errors of many files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive
from lanelight.errors import OutputError

if TYPE_CHECKING:
    from lanelight.datasets import LabelledPictures

MOST_PRINTED = 10  # errors of files; a folder of pictures that is missing gives one a frame
FORMATS = "native, culane, tusimple, bdd100k, cityscapes, camvid"


def add_dataset(parser: Any, *, several: bool = False) -> None:
    """Declare format, root, split and lists; `several` lets there be more than one split."""
    number: dict[str, Any] = {"nargs": "+"} if several else {}
    parser.add_argument("dataset", metavar="DATASET", help=f"one of: {FORMATS}")
    parser.add_argument("--root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--split", metavar="NAME", help="part of the data set (all there is)", **number)
    parser.add_argument("--list", metavar="FILE", nargs="+", help="list or label files, in place of a split")


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


def check_picture(path: str | None) -> None:
    """Make sure that a picture can be written under a name, before a long run and not after it.

    Raises:
        OutputError: its suffix is no picture's.
    """
    from lanelight.frames.image import SUFFIXES

    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted(suffix.lstrip(".") for suffix in SUFFIXES))
        raise OutputError(f"{path}: expected a picture suffix ({known}), got {Path(path).suffix or 'none'!r}")


def check_apart(parts: Iterable[LabelledPictures], args: Any, *paths: str | None) -> None:
    """Make sure that no output would replace a picture, label or list of the data set.

    Raises:
        OutputError: one would.
    """
    from lanelight.survey.labels import belongs

    lists = args.list or ()
    for data in parts:
        for path in filter(None, paths):
            if belongs(data, Path(path), [data.root / name for name in lists] + [Path(name) for name in lists]):
                raise OutputError(f"{path}: the output would replace this file of the data set; choose another name")


def print_errors(messages: Sequence[str], summary: str = "") -> None:
    """Print the errors of single files, the first of many, and a last line that sums them up."""
    for message in messages[:MOST_PRINTED]:
        print(f"error: {message}", file=sys.stderr)
    if len(messages) > MOST_PRINTED:
        print(f"error: ... and {len(messages) - MOST_PRINTED} more of the kind", file=sys.stderr)
    if messages and summary:
        print(f"error: {summary}", file=sys.stderr)


@contextmanager
def telling_what_is_left(out: str) -> Iterator[None]:
    """Say after Ctrl-C that an output folder holds only a part."""
    try:
        yield
    except KeyboardInterrupt:
        begun = Path(out).is_dir() and any(Path(out).iterdir())
        left = f"{out} holds only a part of the frames; remove it before you start again"
        print(f"interrupted; {left if begun else 'nothing was written'}", file=sys.stderr)
        raise
