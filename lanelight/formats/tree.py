"""The files below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lanelight.errors import FormatError


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, hidden ones left out; links to folders are followed, each folder once.

    Raises:
        FormatError: there is no such folder.
    """
    if not folder.is_dir():
        raise FormatError(f"{folder}: expected a folder, got {'a file' if folder.exists() else 'nothing there'}")
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(root, name) for name in names if not name.startswith("."))
