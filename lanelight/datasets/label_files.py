"""The label files of people's own pictures: which tool wrote them, and what they say of each picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanelight.errors import FormatError, SourceError, unknown_name
from lanelight.formats import bdd100k_labels, bdd100k_shapes, coco, cvat, label_studio, labelme
from lanelight.formats.drawing import Drawing, Meaning, check_file, to_scene
from lanelight.formats.text import json_items, read_bytes
from lanelight.frames.source import natural_key
from lanelight.geometry import Scene

FIRST_ELEMENT = re.compile(rb"<([A-Za-z_][^\s/>]*)")
HEAD_BYTES = 1 << 16  # of an XML file, enough for its first elements
SUFFIXES = (".json", ".xml")

LabelRow = tuple[str, str, str]  # kind of the shape, its label, what it becomes ("" where it is passed over)


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a label file says of one picture.

    Attributes:
        name: of the picture, as the file has it.
        size: (width, height) px, None where the file does not say it.
        where: file and place.
        scene: gives the lanes and classes for the picture's (width, height).
        labels: how many shapes there are of each kind, label and meaning.
    """

    name: str
    size: tuple[int, int] | None
    where: str
    scene: Callable[[tuple[int, int]], Scene]
    labels: Counter[LabelRow]


def find_label_files(source: str | Path) -> list[Path]:
    """Return a label file itself, or the JSON and XML files of a folder and those below it.

    Raises:
        SourceError: there is no such file or folder, or it holds no such file.
    """
    source = Path(source)
    if source.is_file():
        if source.suffix.lower() == ".zip":
            raise SourceError(f"{source}: expected label files, found an archive; unzip it and name the folder")
        return [source]
    if not source.is_dir():
        raise SourceError(f"{source}: expected a label file or a folder of label files, found neither")
    files = [
        path
        for path in source.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
    ]
    if not files:
        raise SourceError(f"{source}: expected label files ({', '.join(SUFFIXES)}), found none")
    return sorted(files, key=natural_key)


def format_of(path: Path) -> str | None:
    """Return which of `READERS` reads a file, None for a whole JSON or XML file of another kind.

    Raises:
        FormatError: the file cannot be read or is damaged.
    """
    check_file(path)
    if path.suffix.lower() == ".xml":
        first = FIRST_ELEMENT.search(read_bytes(path)[:HEAD_BYTES].replace(b"\0", b""))  # UTF-16 too
        if first is None:
            raise FormatError(f"{path}: expected XML, found no element in it")
        return "cvat" if first[1] == b"annotations" else None
    _, item = next(json_items(path), (None, None))
    if isinstance(item, dict):
        return next((name for name, (_, signs) in READERS.items() if any(sign <= item.keys() for sign in signs)), None)
    return None


def read_labels(path: Path, name: str, meaning: Meaning) -> Iterator[Labelled]:
    """Yield what a label file says of each picture.

    Args:
        path: the file.
        name: of its format, one of `READERS`.
        meaning: what labels stand for; BDD100K has its own.

    Raises:
        FormatError: the format is unknown, or the file is damaged.
    """
    if name not in READERS:
        raise FormatError(unknown_name("label format", name, READERS))
    for item in READERS[name][0](path):
        yield _of_frame(item) if isinstance(item, bdd100k_labels.LabelledFrame) else _of_drawing(item, meaning)


# format: (reader, keys of its JSON objects: any of these sets)
Reader = Callable[[Path], Iterator[Any]]
READERS: Mapping[str, tuple[Reader, tuple[frozenset[str], ...]]] = {
    "cvat": (cvat.drawings, ()),
    "labelme": (labelme.drawings, (frozenset({"shapes", "imagePath"}),)),
    "label_studio": (
        label_studio.drawings,
        tuple(frozenset({"data", kind}) for kind in ("annotations", "predictions")),
    ),
    "coco": (coco.drawings, (frozenset({"images", "annotations"}),)),
    "bdd100k": (bdd100k_labels.read, (frozenset({"name", "labels"}), frozenset({"frames"}))),
}


def _of_drawing(drawing: Drawing, meaning: Meaning) -> Labelled:
    labels: Counter[LabelRow] = Counter((shape.kind, shape.label, meaning.role(shape)) for shape in drawing.shapes)
    labels.update(("other", other, "") for other in drawing.others)
    return Labelled(drawing.name, drawing.size, drawing.where, lambda size: to_scene(drawing, size, meaning), labels)


def _of_frame(frame: bdd100k_labels.LabelledFrame) -> Labelled:
    rows = [(shape.kind, dict(shape.attributes or {})) for shape in frame.shapes]
    labels = Counter(
        ("line", facts.get("laneTypes", "lane"), "lane")
        if kind == "lane"
        else ("area", facts.get("areaType", "drivable area"), "class")
        for kind, facts in rows
    )
    return Labelled(frame.name, frame.size, frame.where, lambda size: bdd100k_shapes.to_scene(frame, size), labels)
