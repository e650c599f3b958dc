"""Native: pictures in ``frames/``, their lanes in ``lanes.jsonl``, class maps as PNG in ``classes/``.

Each line of ``lanes.jsonl`` names its picture: below ``frames/`` where it is there, else below the root, so that a
folder of pictures becomes a data set by a ``lanes.jsonl`` put into it. The class map of a frame is the file that its
line names, or else ``classes/NAME.png``. A split is a text file ``list/SPLIT.txt`` with the names of its pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from lanelight.datasets.base import LabelledPictures, ListFile, check_root, list_files, list_lines, read_classes
from lanelight.errors import FormatError, unknown_name
from lanelight.formats import native
from lanelight.formats.text import inside, relative_name
from lanelight.geometry import Scene

LANES, FRAMES, CLASSES = "lanes.jsonl", "frames", "classes"
NO_LISTS = "expected a list SPLIT.txt, found none; without a split everything is taken"


class Native(LabelledPictures):
    """The frames of a native data set.

    Attributes:
        records: the lines of ``lanes.jsonl``, one for each frame.

    Args:
        root: folder that holds ``lanes.jsonl``.
        list_file: text file with the name of one picture a line, or several; None takes every frame.

    Raises:
        SourceError: the root is no folder.
        FormatError: ``lanes.jsonl`` or the list is missing, damaged or empty, or a line names no picture.
    """

    def __init__(self, root: str | Path, list_file: ListFile | None = None) -> None:
        root = check_root(root, f"a native data set, which holds {LANES}")
        path = root / LANES
        header, records = native.read(path)
        if not records:
            raise FormatError(f"{path}: expected a line for each frame, found none behind the header")
        for record in records:
            if record.name is None:
                raise FormatError(
                    f"{path}: expected a name in the line of every frame, frame {record.frame} has none; the lanes of "
                    "a video are no data set before its frames are saved as pictures"
                )
        names = [relative_name(record.name or "", f"{path} frame {record.frame}") for record in records]
        if list_file is not None:
            place = {name: index for index, name in enumerate(names)}
            chosen = [_place(place, line, where) for where, line in list_lines(list_files(root, list_file))]
            records, names = [records[index] for index in chosen], [names[index] for index in chosen]
        super().__init__(root, names, header.class_names)
        self.records = records

    @classmethod
    def open(cls, root: str | Path, split: str | None = None, list_file: ListFile | None = None) -> Self:
        """Open a data set, or the part of it that ``list/SPLIT.txt`` names.

        Raises:
            SourceError: the root is no folder.
            FormatError: a file is missing or damaged.
        """
        if split is None or list_file is not None:
            return cls(root, list_file)
        lists = Path(root) / "list"
        known = [path.stem for path in lists.glob("*.txt")]
        if split not in known and Path(root).is_dir():
            raise FormatError(f"{lists}: {unknown_name('split', split, known) if known else NO_LISTS}")
        return cls(root, lists / f"{split}.txt")

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        framed = inside(self.root / FRAMES, self.keys[index], LANES)
        return framed if framed.is_file() else inside(self.root, self.keys[index], LANES)

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the lanes and classes of a frame.

        Raises:
            FormatError: the picture or the class map has another size than the lanes were made for.
        """
        record = self.records[index]
        if record.scene.size != size:
            raise FormatError(
                f"{self.root / LANES} frame {record.frame}: expected a picture of {record.scene.size}, which its lanes "
                f"were made for, got {size} in {self.keys[index]}"
            )
        path = self._class_map(index)
        return Scene(size, record.scene.lanes, None if path is None else read_classes(path, size))

    def _class_map(self, index: int) -> Path | None:
        named = self.records[index].classes
        if named is not None:
            return inside(self.root, named, f"{self.root / LANES} frame {self.records[index].frame}")
        beside = inside(self.root / CLASSES, str(class_map_name(self.keys[index])), LANES)
        return beside if beside.is_file() else None


def class_map_name(key: str) -> str:
    """Return the name of the class map of a picture below ``classes/``: the suffix becomes ``.png``."""
    stem = key.removeprefix(f"{FRAMES}/")
    return str(Path(stem).with_suffix(".png").as_posix())


def _place(places: dict[str, int], name: str, where: str) -> int:
    key = relative_name(name, where)
    if key not in places:
        raise FormatError(
            f"{where}: expected a picture of {LANES}: {unknown_name('name', key, list(places)[:1000])[:300]}"
        )
    return places[key]
