"""CVAT's XML: "CVAT for images 1.1" and "CVAT for video 1.1"; https://docs.cvat.ai/docs/other/xml_format.

Polylines and sets of points are lines, polygons are areas, each with its ``attribute`` elements. A track is one lane
through a video: its id becomes the attribute ``track``, and its frames are named ``frame_000012`` as CVAT names the
frames of a video. Exports hold a track's shape in every frame, so nothing is interpolated here.

Writing gives the "for images" form, which CVAT also loads into the task of a video. `write_labels` writes the label
set that the task must have, to be pasted into the "Raw" tab of CVAT's label constructor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from lanelight.errors import FormatError, OutputError
from lanelight.formats.drawing import (
    Drawing,
    Kind,
    Shape,
    attribute_text,
    check_file,
    corner_points,
    lane_facts,
    lane_label,
    our_points,
    picture_size,
    reading,
    to_scene,
)
from lanelight.formats.text import read_bytes, relative_name, replacing, write_json
from lanelight.geometry import Scene

KINDS: dict[str, Kind] = {"polyline": "line", "points": "line", "polygon": "area"}
OTHERS = frozenset({"box", "cuboid", "ellipse", "mask", "skeleton"})
DEEPEST = 32  # levels of elements; CVAT has fewer than ten
CHUNK = 1 << 14  # bytes
EXPECTED = "images or tracks with shapes, as CVAT 1.1 exports them"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters that XML cannot hold
SLOTS = ("none", *map(str, range(10)))

Sink = Callable[[int, str, Scene], None]  # number of the frame, name of its picture, lanes


def read(path: str | Path) -> Iterator[tuple[str, Scene]]:
    """Yield the name and the lanes of each picture.

    Raises:
        FormatError: as `drawings` does, or a file of a video does not say the size of its frames.
    """
    for drawing in drawings(path):
        yield drawing.name, to_scene(drawing)


def drawings(path: str | Path) -> Iterator[Drawing]:
    """Yield what was drawn on each picture, those of a video after all of the file is read.

    Raises:
        FormatError: the file cannot be read, is damaged, has a document type or entities, or is not CVAT's.
    """
    size: tuple[int, int] | None = None
    frames: dict[int, list[Shape | str]] = {}
    found = False
    for number, element in enumerate(_elements(check_file(path)), start=1):
        where = f"{path}: element {number} ({element.tag})"
        with reading(where, EXPECTED):
            if element.tag == "meta":
                size = _original_size(element)
            elif element.tag == "image":
                found = True
                yield _image(element, where)
            elif element.tag == "track":
                found = True
                _add_track(element, frames)
    for frame, shapes in sorted(frames.items()):
        yield _drawing(f"frame_{frame:06d}", size, shapes, f"{path}: frame {frame}")
    if not found:
        raise FormatError(f"{path}: expected {EXPECTED}, found neither; export the task again")


@contextmanager
def writing(path: str | Path) -> Iterator[Sink]:
    """Open an "images 1.1" file that is written picture by picture and appears whole or not at all.

    Lanes of fewer than two points are left out, since CVAT refuses them.

    Raises:
        OutputError: the file cannot be written, or a text has characters that XML does not have.
    """
    with replacing(path) as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')

        def write(number: int, name: str, scene: Scene) -> None:
            file.write("".join(_image_lines(number, name, scene, path)))

        yield write
        file.write("</annotations>\n")


def write(path: str | Path, pictures: Iterable[tuple[str, Scene]]) -> None:
    """Write the lanes of named pictures; see `writing`."""
    with writing(path) as sink:
        for number, (name, scene) in enumerate(pictures):
            sink(number, name, scene)


def write_labels(path: str | Path, labels: Iterable[str] = ("lane",), attributes: Iterable[str] = ()) -> None:
    """Write a label set for CVAT: each label a polyline with the attributes slot, score, track and those given.

    Raises:
        OutputError: the file cannot be written.
    """
    choice: dict[str, Any] = {
        "name": "slot", "mutable": True, "input_type": "select", "default_value": "none", "values": list(SLOTS)
    }  # fmt: skip
    texts = [
        {"name": name, "mutable": True, "input_type": "text", "default_value": "", "values": [""]}
        for name in dict.fromkeys(("score", "track", *attributes))
        if name != "slot"
    ]
    write_json(path, [{"name": name, "type": "polyline", "attributes": [choice, *texts]} for name in labels])


class _Parts:
    """Takes the events of the parser and collects the elements below the root, one by one."""

    def __init__(self, path: Path) -> None:
        self.done: list[ElementTree.Element] = []
        self._path = path
        self._depth = 0
        self._builder = ElementTree.TreeBuilder()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag != "annotations":
            raise FormatError(f"{self._path}: expected CVAT's <annotations>, found <{tag[:40]}>")
        if self._depth > DEEPEST:
            raise FormatError(f"{self._path}: expected a label file of CVAT, found elements {DEEPEST} levels deep")
        if self._depth > 1:
            self._builder.start(tag, attributes)

    def data(self, text: str) -> None:
        if self._depth > 1:
            self._builder.data(text)

    def end(self, tag: str) -> None:
        if self._depth > 1:
            self._builder.end(tag)
        if self._depth == 2:
            self.done.append(self._builder.close())
            self._builder = ElementTree.TreeBuilder()
        self._depth -= 1

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        # Document types declare entities: names for files to read, or for texts that grow without end.
        raise FormatError(f"{self._path}: expected no document type, found <!DOCTYPE {name[:40]}>; CVAT writes none")

    def close(self) -> None:
        """Needed by the parser."""


def _elements(path: Path) -> Iterator[ElementTree.Element]:
    """Yield the elements below the root; each is gone from memory when the next one is asked for."""
    content = read_bytes(path)
    parts = _Parts(path)
    parser = ElementTree.XMLParser(target=parts)
    try:
        for start in range(0, len(content), CHUNK):
            parser.feed(content[start : start + CHUNK])
            yield from parts.done
            parts.done.clear()
        parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two for unknown encodings
        raise FormatError(f"{path}: expected the XML of CVAT, found damage: {str(error)[:200]}") from error


def _original_size(meta: ElementTree.Element) -> tuple[int, int] | None:
    found = next(meta.iter("original_size"), None)
    return None if found is None else picture_size(found.findtext("width"), found.findtext("height"))


def _image(element: ElementTree.Element, where: str) -> Drawing:
    name = str(relative_name(element.attrib["name"], where))
    where = f"{where} {name}"
    size = picture_size(element.attrib["width"], element.attrib["height"])
    children = sorted(element, key=lambda child: int(child.get("z_order", 0)))
    return _drawing(name, size, [shape for child in children if (shape := _shape(child)) is not None], where)


def _drawing(name: str, size: tuple[int, int] | None, shapes: list[Shape | str], where: str) -> Drawing:
    drawn = tuple(shape for shape in shapes if isinstance(shape, Shape))
    return Drawing(name, size, drawn, where, tuple(shape for shape in shapes if isinstance(shape, str)))


def _add_track(track: ElementTree.Element, frames: dict[int, list[Shape | str]]) -> None:
    """Add the shapes of a track to its frames; a frame on which it is outside is known to be without it."""
    label, facts = track.get("label", ""), {"track": track.attrib["id"]}
    for child in track:
        if child.tag not in KINDS and child.tag not in OTHERS:
            continue
        number = int(child.attrib["frame"])
        if number < 0:
            raise ValueError(f"frame: expected 0 or more, found {number}")
        shapes = frames.setdefault(number, [])
        facts |= _attributes(child)  # what never changes stands in the first shape only
        shape = _shape(child, label, facts)
        if shape is not None and child.get("outside", "0") != "1":
            shapes.append(shape)


def _shape(element: ElementTree.Element, label: str = "", facts: dict[str, str] | None = None) -> Shape | str | None:
    """Return a line or area, the name of another kind of shape, or None for what is no shape, a tag for example."""
    label = element.get("label", label)
    if element.tag in OTHERS:
        return f"{element.tag} {label}"
    if element.tag not in KINDS:
        return None
    text = element.attrib["points"]
    points = our_points([[float(n) for n in point.split(",")] for point in text.split(";")] if text.strip() else [])
    return Shape(KINDS[element.tag], label, points, (facts or {}) | _attributes(element))


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {child.attrib["name"]: attribute_text(child.text or "") for child in element.iter("attribute")}


def _image_lines(number: int, name: str, scene: Scene, path: str | Path) -> Iterator[str]:
    width, height = scene.size
    yield f'  <image id="{number}" name={_quoted(name, path)} width="{width}" height="{height}">\n'
    for lane in scene.lanes:
        points = ";".join(f"{x!r},{y!r}" for x, y in corner_points(lane))
        if ";" not in points:
            continue
        label = _quoted(lane_label(lane), path)
        yield f'    <polyline label={label} source="auto" occluded="0" points="{points}" z_order="0">\n'
        for key, value in lane_facts(lane).items():
            yield f"      <attribute name={_quoted(key, path)}>{_text(value, path)}</attribute>\n"
        yield "    </polyline>\n"
    yield "  </image>\n"


def _quoted(text: str, path: str | Path) -> str:
    return quoteattr(_checked(text, path))


def _text(text: str, path: str | Path) -> str:
    return escape(_checked(text, path), {"\r": "&#13;"})


def _checked(text: str, path: str | Path) -> str:
    if FORBIDDEN.search(text):
        raise OutputError(f"{path}: {text[:40]!r} has characters that XML does not have; rename it")
    return text
