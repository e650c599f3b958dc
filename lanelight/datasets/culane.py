"""CULane: pictures with a lane file (``*.lines.txt``) beside each; targets are drawn from the lanes, masks not read.

Any list file of the benchmark will do. Where it has existence flags, they give the lanes their slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from lanelight.datasets.base import LabelledPictures, ListFile, check_root, list_files
from lanelight.errors import FormatError, unknown_name
from lanelight.formats import culane
from lanelight.formats.culane_lists import CATEGORIES, SPLITS, Listed, read_list, slotted
from lanelight.formats.text import inside, relative_name
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import Scene

EXPECTED = "the CULane folder that holds driver_*/ and list/"
LINES = ".lines.txt"


class CULane(LabelledPictures):
    """The frames of a CULane folder.

    Attributes:
        root: folder that holds ``driver_*/`` and ``list/``.
        listed: the lines of the list files, one for each frame.

    Args:
        root: folder that holds ``driver_*/`` and ``list/``.
        list_file: list file or several, or a folder of them, for example the one of the test categories; a relative
            name that is not found is looked for in the root. None takes every picture with a lane file below the root.

    Raises:
        SourceError: the root is no folder.
        FormatError: a list file is missing, empty, or names a file out of the root; without a list, nothing is found.
    """

    def __init__(self, root: str | Path, list_file: ListFile | None = None) -> None:
        root = check_root(root, EXPECTED)
        self.listed = _all_below(root) if list_file is None else _read_lists(list_files(root, list_file))
        super().__init__(root, [listed.image for listed in self.listed])

    @classmethod
    def open(cls, root: str | Path, split: str | None = None, list_file: ListFile | None = None) -> Self:
        """Open a split or a test category of the benchmark, given list files, or everything.

        Args:
            root: folder that holds ``driver_*/`` and ``list/``.
            split: ``train``, ``val``, ``test``, or a category: ``normal``, ``crowd``, ``hlight``, ``shadow``,
                ``noline``, ``arrow``, ``curve``, ``cross``, ``night``. None takes all splits whose lists are there;
                without any, every picture with a lane file.
            list_file: list files, in place of a split.

        Raises:
            SourceError: the root is no folder.
            FormatError: the split is unknown, or its list is missing or damaged.
        """
        if list_file is not None:
            return cls(root, list_file)
        root = check_root(root, EXPECTED)
        if split in CATEGORIES:
            return cls(root, root / CATEGORIES[split])
        if split is not None and split not in SPLITS:
            raise FormatError(unknown_name("CULane split", split, [*SPLITS, *CATEGORIES]) + "; or name a list file")
        chosen = [_first(root, SPLITS[name]) for name in SPLITS if split in (None, name)]
        if split is not None:
            return cls(root, chosen)
        return cls(root, [path for path in chosen if path.is_file()] or None)

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        return inside(self.root, self.keys[index], self.listed[index].where)

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the lanes of a frame, with slots where the list has flags for as many lanes.

        Raises:
            FormatError: the lane file is missing.
        """
        path = inside(self.root, culane.lines_name(self.keys[index]), self.listed[index].where)
        lanes = culane.read_lanes(path, size).lanes
        return Scene(size, slotted(lanes, self.listed[index].exists))


def _read_lists(paths: Sequence[Path]) -> list[Listed]:
    files = [file for path in paths for file in (sorted(path.glob("*.txt")) if path.is_dir() else [path])]
    if not files:
        raise FormatError(f"{', '.join(map(str, paths))}: expected list files *.txt, found none")
    return [listed for file in files for listed in read_list(file)]


def _first(root: Path, names: Sequence[str]) -> Path:
    """Return the first list that is there, or the first of all for the message."""
    return next((root / name for name in names if (root / name).is_file()), root / names[0])


def _all_below(root: Path) -> list[Listed]:
    """Return every picture with a lane file, in the order of the names."""
    listed = [_beside(root, path) for path in sorted(root.rglob(f"*{LINES}"))]
    found = [one for one in listed if one is not None]
    if not found:
        raise FormatError(
            f"{root}: expected pictures with lane files *{LINES} beside them, found none; name a list file"
        )
    return found


def _beside(root: Path, path: Path) -> Listed | None:
    """Return the picture of a lane file, or None where there is none."""
    stem = path.name.removesuffix(LINES)
    names: Iterator[str] = (stem + suffix for suffix in (".jpg", *sorted(SUFFIXES - {".jpg"})))
    picture = next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)
    where = str(path)
    return None if picture is None else Listed(relative_name(picture.relative_to(root).as_posix(), where), where=where)
