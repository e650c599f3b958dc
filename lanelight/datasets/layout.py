"""Which format a folder has, by the files that lie in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from lanelight.datasets.camvid import ANNOTATED, LIST
from lanelight.datasets.cityscapes import GOLD, IMAGES
from lanelight.datasets.culane import LINES
from lanelight.datasets.native import LANES
from lanelight.errors import FormatError, SourceError

HEAD_BYTES = 1 << 16  # of a JSON file, enough to tell what it is
OF_FRAMES = re.compile(r'"(labels|frames)"\s*:\s*(\[|null)')


def guess_format(root: str | Path) -> str:
    """Return the name in `DATASETS` of the format that a folder has.

    Raises:
        SourceError: there is no such folder.
        FormatError: it looks like none, or like several; the message says what was looked for.
    """
    root = Path(root)
    if not root.is_dir():
        raise SourceError(f"{root}: expected the folder of a data set, found no folder")
    found = [name for name, (_, looks) in LAYOUTS.items() if looks(root)]
    if len(found) == 1:
        return found[0]
    if found:
        raise FormatError(f"{root}: it could be {' or '.join(found)} by its files; name the format")
    signs = "; ".join(f"{name}: {sign}" for name, (sign, _) in LAYOUTS.items())
    raise FormatError(f"{root}: expected the files of a known format ({signs}), found none of them; name the format")


def holds_labels(path: Path) -> bool:
    """Tell whether a JSON file begins as labels of TuSimple or BDD100K do."""
    head = _head(path)
    return '"raw_file"' in head.partition("\n")[0] or ('"name"' in head and OF_FRAMES.search(head) is not None)


def _is_native(root: Path) -> bool:
    return (root / LANES).is_file()


def _is_culane(root: Path) -> bool:
    return next(root.rglob(f"*{LINES}"), None) is not None


def _is_tusimple(root: Path) -> bool:
    return any('"raw_file"' in _head(path).partition("\n")[0] for path in sorted(root.glob("*.json")))


def _is_bdd100k(root: Path) -> bool:
    if (root / "labels").is_dir() and (root / "images").is_dir() and any((root / "labels").rglob("*.json")):
        return True
    heads = (_head(path) for path in sorted(root.glob("*.json")))
    return any('"name"' in head and OF_FRAMES.search(head) for head in heads)


def _is_cityscapes(root: Path) -> bool:
    return (root / IMAGES).is_dir() and (root / GOLD).is_dir()


def _is_camvid(root: Path) -> bool:
    return (root / f"train{ANNOTATED}").is_dir() or ((root / LIST).is_file() and (root / "labels").is_dir())


def _head(path: Path) -> str:
    """Return the beginning of a file; one that cannot be read says nothing."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


# format: (what to look for, whether a folder has it)
LAYOUTS: dict[str, tuple[str, Callable[[Path], bool]]] = {
    "native": (LANES, _is_native),
    "culane": (f"*{LINES}", _is_culane),
    "tusimple": ("*.json of lines with raw_file", _is_tusimple),
    "bdd100k": ("images/ and labels/, or *.json with name and labels", _is_bdd100k),
    "cityscapes": (f"{IMAGES}/ and {GOLD}/", _is_cityscapes),
    "camvid": (f"train{ANNOTATED}/, or {LIST} and labels/", _is_camvid),
}
