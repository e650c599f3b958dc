"""Where the labels of a frame stand, and what only their text shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from lanelight.datasets import BDD100KMasks, CamVid, Cityscapes, CULane, LabelledPictures, Native, TuSimple
from lanelight.datasets.culane import LINES
from lanelight.datasets.layout import holds_labels
from lanelight.datasets.native import LANES
from lanelight.errors import LanelightError
from lanelight.formats import culane
from lanelight.formats.text import inside, read_bytes
from lanelight.survey.lanes import LaneFault

DATA_FOLDERS = frozenset({"list", "labels", "images", "frames", "classes", "clips", "gtFine", "leftImg8bit"})


@dataclass(frozen=True)
class LabelPlace:
    """The label of one frame.

    Attributes:
        file: the file it stands in.
        line: its line there, from 1; None where the file is the frame's own or the line is not known.
        lane_lines: whether each lane has a line of its own.
        ordered: whether the format says that rows run one way along a lane.
    """

    file: str
    line: int | None = None
    lane_lines: bool = False
    ordered: bool = False

    def line_of(self, lane: int | None) -> int | None:
        """Return the line of a lane, counted from 0, or that of the frame."""
        return lane + 1 if self.lane_lines and lane is not None else self.line


def label_place(data: LabelledPictures, index: int) -> LabelPlace:
    """Return where the label of a frame stands; its picture where many files may hold labels, as in BDD100K.

    Raises:
        FormatError: the frame's name leads out of the root.
    """
    match data:
        case CULane():
            file = inside(data.root, culane.lines_name(data.keys[index]), data.listed[index].where)
            return LabelPlace(str(file), lane_lines=True, ordered=True)
        case TuSimple():
            name, _, line = data.entries[index].where.rpartition(" line ")
            return LabelPlace(name, int(line) if line.isdigit() else None)  # rows have an order: `text_faults`
        case Native():
            return LabelPlace(f"{data.root / 'lanes.jsonl'} frame {data.records[index].frame}")
        case Cityscapes():
            return LabelPlace(str(data.label(index)))
        case CamVid() | BDD100KMasks():
            return LabelPlace(str(data.root / data.listed[index].label))
        case _:
            return LabelPlace(str(data.picture(index)))


def list_place(data: LabelledPictures, index: int) -> tuple[str, int | None]:
    """Return list file and line of a frame, from 1, as far as its format has lists; else ``("", None)``."""
    match data:
        case TuSimple():
            where = data.entries[index].where
        case CULane() | CamVid() | BDD100KMasks():
            where = data.listed[index].where
        case _:
            return "", None
    name, _, line = where.rpartition(" line ")
    return (name, int(line)) if name and line.isdigit() else ("", None)


def belongs(data: LabelledPictures, path: Path, lists: Collection[Path] = ()) -> bool:
    """Tell whether an existing file is a picture, a label file or a list of a data set.

    Args:
        data: the data set.
        path: the file.
        lists: list files that the user named.
    """
    if not path.exists():
        return False
    place, root = path.resolve(), data.root.resolve()
    folders = place.relative_to(root).parts[:-1] if root in place.parents else ()
    if DATA_FOLDERS & set(folders) or place.name == LANES or place.name.endswith(LINES):
        return True
    if place.suffix.lower() == ".json" and holds_labels(place):
        return True
    files = {Path(list_place(data, index)[0]) for index in range(len(data))} | set(lists)
    pictures = (Path(data.root, key) for key in data.keys)
    return any(file.name == place.name and file.resolve() == place for file in chain(files, pictures))


def text_faults(data: LabelledPictures, index: int, known: Collection[int]) -> Iterator[LaneFault]:
    """Yield what is lost when the label is read.

    Args:
        data: the data set.
        index: of the frame.
        known: places of lanes that something is known to be wrong with, from 0; their lines are left out.
    """
    if isinstance(data, TuSimple):
        yield from _row_faults(data, index)
    elif isinstance(data, CULane):
        try:
            content = read_bytes(label_place(data, index).file)
        except LanelightError:
            return  # reported where the lanes are read
        for line, message in culane.oddities(content):
            if line - 1 not in known:
                yield LaneFault("label_text", message, line - 1)


def _row_faults(data: TuSimple, index: int) -> Iterator[LaneFault]:
    """Yield what is wrong with the rows, by which the lanes are sorted when they are read."""
    rows = data.entries[index].rows
    if rows is None or len(rows) < 2:
        return
    steps = np.diff(rows)
    if (steps == 0).any():
        yield LaneFault("repeated_point", f"row {rows[:-1][steps == 0][0]:g} is given twice in h_samples", None)
    wrong = np.flatnonzero(steps * (np.sign(rows[-1] - rows[0]) or 1.0) < 0)
    if len(wrong):
        row, before = rows[wrong[0] + 1], rows[wrong[0]]
        yield LaneFault("unsorted_points", f"row {row:g} follows row {before:g} in h_samples", None)
