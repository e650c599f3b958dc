"""`FrameDataset`: what every data set is; `LabelledPictures`: a data set whose frames are picture files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError, SourceError
from lanelight.formats.text import read_text
from lanelight.frames import read_image, read_map
from lanelight.frames.image import Image
from lanelight.geometry import Scene

ListFile = str | Path | Sequence[str | Path]  # one list or label file, or several whose frames follow each other


class FrameDataset(Protocol):
    """Frames with what is known about them, by index."""

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return one frame.

        Returns:
            Its name in the data set, (H, W, 3) uint8 RGB, and its Scene in px of that frame.

        Raises:
            IndexError: there is no such frame.
            SourceError: the picture is missing or damaged; the message names the file.
        """
        ...


class LabelledPictures(ABC):
    """A `FrameDataset` of picture files. Names are read at once, pictures and labels when they are asked for.

    Attributes:
        root: folder of the data.
        keys: name of each frame in the data set, with forward slashes.
        class_names: what the ids 0, 1, ... of `Scene.classes` mean; empty where frames have no classes.

    Args:
        root: folder of the data.
        keys: name of each frame.
        class_names: what the ids of the class maps mean.
    """

    def __init__(self, root: str | Path, keys: Sequence[str], class_names: Sequence[str] = ()) -> None:
        self.root = Path(root)
        self.keys = keys
        self.class_names = tuple(class_names)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.keys)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene).

        Raises:
            IndexError: there is no such frame.
            SourceError: the picture is missing or damaged; the message names the file.
            FormatError: its labels are missing or damaged; the message names the file.
        """
        frame = read_image(self.picture(index))
        return self.keys[index], frame, self.scene(index, (frame.shape[1], frame.shape[0]))

    @abstractmethod
    def picture(self, index: int) -> Path:
        """Return the file of a frame; whether it is there shows when it is read."""

    @abstractmethod
    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return what is known about a frame, its picture not being read.

        Args:
            index: of the frame.
            size: (width, height) of its picture, px.

        Raises:
            FormatError: the labels are missing or damaged.
        """


def check_root(root: str | Path, what: str) -> Path:
    """Return the folder of a data set.

    Raises:
        SourceError: it is no folder; `what` says which one is expected.
    """
    root = Path(root)
    if not root.is_dir():
        raise SourceError(f"{root}: expected {what}, found no folder")
    return root


def list_files(root: Path, list_file: ListFile) -> list[Path]:
    """Return list files as the user named them; relative names that are not found are looked for in the root."""
    given = [list_file] if isinstance(list_file, str | Path) else list_file
    return [root / path if not Path(path).exists() and (root / path).exists() else Path(path) for path in given]


def list_lines(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Return where each line of some list files stands (``"FILE line N"``) and the line; blank lines are skipped.

    Raises:
        FormatError: a file cannot be read, or none names a frame.
    """
    paths = list(paths)
    lines = [
        (f"{path} line {number}", line.strip())
        for path in paths
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    ]
    if not lines:
        raise FormatError(f"{', '.join(map(str, paths))}: expected one frame a line, found an empty file")
    return lines


def read_classes(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a map of class ids, (H, W) uint8.

    Args:
        path: the file.
        size: (width, height) of the frame it belongs to, px.

    Raises:
        FormatError: it is of another size or of 16 bits.
        SourceError: it is missing or damaged.
    """
    values = read_map(path)
    if values.shape != (size[1], size[0]) or values.dtype != np.uint8:
        got = f"{values.shape[1]} x {values.shape[0]}, {values.dtype}"
        raise FormatError(f"{path}: expected class ids of 8 bits in the frame's size {size}, got {got}")
    return np.asarray(values, dtype=np.uint8)


def selected(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a file name fits one of some patterns, such as ``0001TP_*``, in which capitals count."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def check_ids(path: Path, ids: NDArray[np.uint8], count: int, what: str) -> None:
    """Make sure that a class map holds known ids alone.

    Args:
        path: its file, for the message.
        ids: (H, W) uint8.
        count: ids 0 to `count` - 1 are known.
        what: how they are called, and perhaps what to do about others.

    Raises:
        FormatError: an id is not among them.
    """
    if not ids.size or ids.max() < count:
        return
    strange = [value for value in np.unique(ids).tolist() if value >= count]
    shown = ", ".join(map(str, strange[:5])) + (", ..." if len(strange) > 5 else "")
    name, _, advice = what.partition("; ")
    raise FormatError(f"{path}: expected {name} 0 to {count - 1}, got {shown}{'; ' if advice else ''}{advice}")
