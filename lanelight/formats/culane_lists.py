"""CULane list files: one frame a line, as a bare path or with mask path and four existence flags.

The two forms of the benchmark's ``list/`` folder::

    /driver_37_30frame/05181432_0203.MP4/00000.jpg
    /driver_23_30frame/05151640_0419.MP4/00000.jpg /laneseg_label_w16/driver_23_30frame/.../00000.png 1 1 1 1

The flags tell which of the four slots, counted from the left, hold a lane. A leading slash means the root of the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lanelight.errors import FormatError
from lanelight.formats.text import read_text, relative_name
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import Lane, Scene

SLOTS = 4
MASKS = "laneseg_label_w16"
# split: list files below the root, the first one that is there counts
SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("list/train_gt.txt", "list/train.txt"),
    "val": ("list/val_gt.txt", "list/val.txt"),
    "test": ("list/test_gt.txt", "list/test.txt"),
}
CATEGORIES: dict[str, str] = {
    "normal": "list/test_split/test0_normal.txt",
    "crowd": "list/test_split/test1_crowd.txt",
    "hlight": "list/test_split/test2_hlight.txt",
    "shadow": "list/test_split/test3_shadow.txt",
    "noline": "list/test_split/test4_noline.txt",
    "arrow": "list/test_split/test5_arrow.txt",
    "curve": "list/test_split/test6_curve.txt",
    "cross": "list/test_split/test7_cross.txt",
    "night": "list/test_split/test8_night.txt",
}


@dataclass(frozen=True)
class Listed:
    """One line of a list file.

    Attributes:
        image: path of the picture below the root of the data.
        mask: path of the mask below the root, None where the line names none.
        exists: whether each of the four slots holds a lane; empty where the line does not say.
        where: file and line it was read from.
    """

    image: str
    mask: str | None = None
    exists: tuple[bool, ...] = ()
    where: str = ""


def read_list(path: str | Path) -> list[Listed]:
    """Read a list file; blank lines are skipped. Names may hold blanks.

    Raises:
        FormatError: the file cannot be read, names no frame, or a name leads out of the root.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    listed = [_listed(f"{path} line {number}", line) for number, line in lines if line.strip()]
    if not listed:
        raise FormatError(f"{path}: expected the path of one picture a line, found an empty file")
    return listed


def list_line(image: str, flags: Sequence[bool] | None = None) -> str:
    """Return the line of a picture, with its mask's name and flags where flags are given."""
    if flags is None:
        return f"/{image}\n"
    mask = PurePosixPath(image).with_suffix(".png")
    return f"/{image} /{MASKS}/{mask} {' '.join('1' if flag else '0' for flag in flags)}\n"


def slotted(lanes: Iterable[Lane], exists: Sequence[bool]) -> tuple[Lane, ...]:
    """Return the lanes of a file in the slots that exist, in order, where both are as many; else as they are."""
    lanes, slots = tuple(lanes), [slot for slot, flag in enumerate(exists) if flag]
    if len(lanes) != len(slots):
        return lanes
    pairs = zip(lanes, slots, strict=True)
    return tuple(Lane(lane.points, lane.score, slot, lane.track, lane.attributes) for lane, slot in pairs)


def slot_flags(scene: Scene) -> tuple[bool, ...] | None:
    """Return which slots hold a lane; None where flags cannot say it: a lane out of order or without a slot of 0..3."""
    slots = [lane.slot for lane in scene.lanes]
    known = [slot for slot in slots if slot is not None]
    if known != slots or known != sorted(set(known)) or not set(known) <= set(range(SLOTS)):
        return None
    return tuple(slot in known for slot in range(SLOTS))


def _listed(where: str, line: str) -> Listed:
    text, flags = line.strip(), line.split()[-SLOTS:]
    if len(flags) < SLOTS or not set(flags) <= {"0", "1"}:
        return Listed(relative_name(text, where), where=where)
    exists = tuple(flag == "1" for flag in flags)
    names = text.rsplit(maxsplit=SLOTS)[0]
    image, mask = [*names.rsplit(maxsplit=1), ""][:2]
    if not mask or PurePosixPath(image).suffix.lower() not in SUFFIXES:  # a single name, which may hold blanks
        return Listed(relative_name(names, where), None, exists, where)
    return Listed(relative_name(image, where), relative_name(mask, where), exists, where)
