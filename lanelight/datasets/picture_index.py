"""Find the picture that a label file means, in a folder where it may have other folders around it or another suffix."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lanelight.errors import FormatError, SourceError
from lanelight.formats.label_studio import uploaded_name
from lanelight.frames.image import SUFFIXES

FRAME = re.compile(r"frame_(\d{1,18})|(\d{6,18})")  # frames of a video: of CVAT, and of `lanelight predict`


class PictureIndex:
    """The pictures of a folder and all folders below it, by name.

    Args:
        root: the folder.

    Raises:
        SourceError: it is no folder, or holds no picture.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise SourceError(f"{root}: expected the folder of the pictures, found no folder")
        names = sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file()
        )
        if not names:
            raise SourceError(f"{root}: expected a folder of pictures, found none; name it with --images")
        self._names = frozenset(names)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_number: dict[int, list[str]] = defaultdict(list)
        for name in names:
            path = PurePosixPath(name)
            self._by_name[path.name].append(name)
            self._by_stem[path.stem].append(name)
            number = frame_number(name)
            if number is not None:
                self._by_number[number].append(name)

    def find(self, name: str, where: str, folder: str = "") -> str:
        """Return the picture of a name, relative to the root.

        It is looked for as it stands, below `folder`, then at the end of longer and of shorter paths, without its
        suffix where it has none, without what Label Studio puts before it, and by its number where it is a frame.

        Args:
            name: as the label file has it.
            where: the place in the label file, for the message.
            folder: of the label file, relative to the folder the user named.

        Raises:
            FormatError: there is no such picture, or there are several.
        """
        for exact in (str(PurePosixPath(folder, name)), name):
            if exact in self._names:
                return exact
        for candidates in (self._ending(name), self._ending(uploaded_name(name)), self._numbered(name)):
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                raise FormatError(
                    f"{where}: expected one picture {name} in {self.root}, found {len(candidates)}: "
                    f"{', '.join(candidates[:3])}; keep their folders in the names"
                )
        raise FormatError(f"{where}: expected the picture {name} in {self.root}, found none; name its folder")

    def _ending(self, name: str) -> list[str]:
        path = PurePosixPath(name)
        found: Iterable[str] = self._by_name.get(path.name, [])
        if path.suffix.lower() not in SUFFIXES:
            found = [*found, *self._by_stem.get(path.name, [])]
            name = str(path)
            return [one for one in found if _agree(str(PurePosixPath(one).with_suffix("")), name)]
        return [one for one in found if _agree(one, name)]

    def _numbered(self, name: str) -> list[str]:
        number = frame_number(name)
        return [] if number is None else self._by_number.get(number, [])


def frame_number(name: str) -> int | None:
    """Return the number of a frame of a video: of ``frame_12``, ``000012.jpg`` and the like; else None."""
    path = PurePosixPath(name)
    found = FRAME.fullmatch(path.stem if path.suffix.lower() in SUFFIXES else path.name)
    return None if found is None else int(found[1] or found[2])


def _agree(one: str, other: str) -> bool:
    """Tell whether one path is the end of the other."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")
