"""The lists of frames that CULane is scored on.

Names are kept as they stand and blank lines count, as in the benchmark's tool; `formats.culane_lists` reads the same
files for training, where neither is wanted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lanelight.errors import FormatError
from lanelight.formats.text import read_text, relative_name
from lanelight.formats.tree import files_below

LINES = ".lines.txt"
CATEGORY = re.compile(r"test\d_(\w+)")  # test0_normal.txt ... test8_night.txt
COLUMNS = re.compile(r"(.+?\.\w+)[ \t]+(/\S.*|[01])(\s|$)")  # picture, then mask and existence flags, as for training


@dataclass(frozen=True)
class Part:
    """One list of frames.

    Attributes:
        name: of the category, or of the file.
        names: entries in the order of the list; a blank one is a frame without lanes, as in the benchmark's tool.
        columns: whether further columns behind the pictures were left out.
    """

    name: str
    names: tuple[str, ...]
    columns: bool = False


def read_parts(names: Path | None, gold: Path) -> list[Part]:
    """Return the lists to be scored.

    Args:
        names: list file, or folder of list files; None takes every lane file below `gold`.
        gold: folder of the true lanes.

    Raises:
        FormatError: there is no list, or no frame, or a name leads out of its folder.
    """
    if names is None:
        files = sorted(file.relative_to(gold).as_posix() for file in files_below(gold) if file.name.endswith(LINES))
        if not files:
            raise FormatError(f"{gold}: expected lane files (*{LINES}) below the folder, found none")
        return [Part("all", tuple(f"/{file.removesuffix(LINES)}.jpg" for file in files))]
    if not names.is_dir():
        return [_read(names)]
    lists = sorted(names.glob("*.txt"))
    if not lists:
        raise FormatError(f"{names}: expected list files (test0_normal.txt, ...) in the folder, found none")
    return [_read(file) for file in lists]


def _read(file: Path) -> Part:
    text = read_text(file).removeprefix("\ufeff")  # which editors write; no frame's name begins so
    if not text.strip():
        raise FormatError(f"{file}: expected a list of frames (/driver_.../00000.jpg), one a line, found an empty file")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    found = [COLUMNS.match(line) for line in lines]
    category = CATEGORY.fullmatch(file.stem)
    entries = tuple(match[1] if match else line.rstrip() for match, line in zip(found, lines, strict=True))
    for number, name in enumerate(entries, start=1):
        if name.strip():
            relative_name(name, f"{file} line {number}")
    return Part(category[1] if category else file.stem, entries, columns=any(found))
