"""BDD100K lane masks and the list files of the SAD release.

Two kinds of mask are in use, one 8-bit PNG a frame, and the same value means opposite things in them:

- binary: 0 is background, anything else lane. The labels of the SAD release (0 and 255) and most predictions.
- bitmask: BDD100K's own. Bits 0 to 2 hold the category of the lane marking, 4 its style, 5 its direction; bit 3 marks
  background, written as 255. So 0 is a lane marking of category 0.

A line of a list file has six words: path of the picture, path of the label, four flags (in the SAD release always 1,
so they tell nothing).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError, SourceError
from lanelight.formats.text import read_text, relative_name
from lanelight.frames import read_image, read_map, write_image

Kind = Literal["binary", "bitmask"]
Mask = NDArray[np.bool_]

BACKGROUND_BIT = 8
FLAGS = 4


@dataclass(frozen=True)
class Listed:
    """One line of a list file.

    Attributes:
        image: path of the picture below the root of the data.
        label: path of the label below the root of the data.
        flags: whether each of the four lanes next to the vehicle exists.
        where: file and line it was read from.
    """

    image: PurePosixPath
    label: PurePosixPath
    flags: tuple[bool, ...]
    where: str


def read_list(path: str | Path) -> list[Listed]:
    """Read a list file; blank lines are skipped.

    Raises:
        FormatError: the file cannot be read, names no frame, or a line has not six words; the message names the line.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    listed = [_listed(f"{path} line {number}", line) for number, line in lines if line.strip()]
    if not listed:
        raise FormatError(f"{path}: expected one frame a line (picture, label, four flags), found an empty file")
    return listed


def read_lanes(path: Path, kind: Kind, *, checked: bool = False) -> Mask:
    """Read the lane pixels of a mask.

    Args:
        path: the file.
        kind: of the mask.
        checked: whether a mask that looks like the other kind (see `kind_of`) is an error.

    Returns:
        (H, W) bool, True on lanes.

    Raises:
        FormatError: the mask looks like the other kind.
        SourceError: the file cannot be read.
    """
    values = _values(path)
    seen = kind_of(values)
    if checked and seen not in (kind, None):
        raise FormatError(
            f"{path}: expected a {kind} mask like those before it in the folder, found most pixels "
            f"{_background(seen)}, as in a {seen} mask; separate the files or give the kind"
        )
    return np.asarray(values != 0 if kind == "binary" else (values & BACKGROUND_BIT) == 0)


def write_mask(path: str | Path, mask: Mask) -> None:
    """Write lane pixels as a binary mask, 0 and 255, as labels and predictions of the SAD protocol are.

    Raises:
        OutputError: the file cannot be written.
    """
    write_image(path, np.where(mask, np.uint8(255), np.uint8(0)))


def find_kind(paths: Iterable[Path]) -> Kind:
    """Return the kind of the masks of a folder: that of the first one that shows its kind (see `kind_of`).

    Raises:
        FormatError: no mask shows its kind.
        SourceError: a file cannot be read.
    """
    last = None
    for path in paths:
        last = path
        kind = kind_of(_values(path))
        if kind is not None:
            return kind
    if last is None:
        raise FormatError("expected lane masks, found none")
    raise FormatError(
        f"{last.parent}: expected masks that are mostly background (0 in binary masks, 255 in bitmasks), found "
        "neither; give the kind"
    )


def kind_of(values: NDArray[np.generic]) -> Kind | None:
    """Return the kind of mask whose background covers over half of the frame, as it does in every real one.

    Args:
        values: (H, W) of a mask.

    Returns:
        The kind, or None where neither background covers over half.
    """
    if 2 * np.count_nonzero(values == 0) > values.size:
        return "binary"
    if 2 * np.count_nonzero(values == 255) > values.size:
        return "bitmask"
    return None


def _values(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Read the values of a mask; of three equal channels, as some programs write grey pictures, one."""
    try:
        return read_map(path)
    except SourceError:
        colours = read_image(path)
        if not (colours == colours[..., :1]).all():
            raise
        return colours[..., 0]


def _background(kind: Kind | None) -> int:
    return 0 if kind == "binary" else 255


def _listed(where: str, line: str) -> Listed:
    words = line.split()
    flags = words[2:]
    if len(flags) != FLAGS or not set(flags) <= {"0", "1"}:
        raise FormatError(
            f"{where}: expected picture, label and four flags (0 or 1), found {line.strip()[:80]!r}; "
            "give a list file of the SAD release or write one like it"
        )
    image, label = (PurePosixPath(relative_name(word, where)) for word in words[:2])
    return Listed(image, label, tuple(flag == "1" for flag in flags), where)
