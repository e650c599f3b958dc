"""CamVid with 11 classes and void: the names of its ids, its list files, its maps.

The labels are 8-bit PNG of ids 0..11, as SegNet's release has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError, OutputError
from lanelight.formats.text import read_text, relative_name
from lanelight.frames import write_image

CLASS_NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "cyclist", "void",
)  # fmt: skip
VOID = CLASS_NAMES.index("void")
TRAIN_NAMES = CLASS_NAMES[:VOID]  # without void
IGNORE = 255  # what void may become for training, and becomes void again in a file


@dataclass(frozen=True)
class Listed:
    """One line of a list file.

    Attributes:
        image: path of the picture as the list has it, without a leading slash.
        label: path of the map of ids, likewise.
        split: of the frame where the line says it as its last word, else empty.
        where: file and line it was read from.
    """

    image: PurePosixPath
    label: PurePosixPath
    split: str
    where: str


def read_list(path: str | Path) -> list[Listed]:
    """Read a list file: picture and map, then perhaps the drive, then perhaps the split; blank lines are skipped.

    Raises:
        FormatError: the file cannot be read, names no frame, or a line has fewer than two words.
    """
    listed = list(_lines(Path(path)))
    if not listed:
        raise FormatError(f"{path}: expected one frame a line (picture and map of ids), found an empty file")
    return listed


def write_classes(path: str | Path, classes: NDArray[np.uint8]) -> None:
    """Write a map of ids, label or prediction; 255 becomes void.

    Raises:
        OutputError: an id is none of the 12, or the file cannot be written.
    """
    ids = np.where(classes == IGNORE, VOID, classes).astype(np.uint8)
    if ids.size and ids.max() > VOID:
        raise OutputError(f"{path}: expected class ids 0 to {VOID} or 255, got {ids.max()}")
    write_image(path, ids)


def _lines(path: Path) -> Iterator[Listed]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        words, where = line.split(), f"{path} line {number}"
        if not words:
            continue
        if len(words) < 2:
            raise FormatError(f"{where}: expected picture and map of ids, found {line.strip()[:80]!r}")
        image, label = (PurePosixPath(relative_name(word, where)) for word in words[:2])
        yield Listed(image, label, words[3] if len(words) > 3 else "", where)
