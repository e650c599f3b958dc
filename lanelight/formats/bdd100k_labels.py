"""BDD100K labels as JSON: lane markings as polylines with Bezier parts, drivable areas as polygons.

Three forms are in use, and all are read:

- a frame with ``name`` and ``labels``; a label's ``poly2d`` is a list of ``{"vertices", "types", "closed"}``. A file
  holds one such frame, a list of them, or (Scalabel) an object whose ``frames`` is that list;
- the first release's file for each picture: ``frames[0].objects``, a label's ``poly2d`` being a list of
  ``[x, y, type]``;
- categories either ``lane`` with the marking in ``laneTypes`` and ``drivable area`` with ``areaType``, or (Scalabel)
  the marking itself (``single white``), ``direct`` and ``alternative``.

``types`` has a letter for each vertex: from the vertex before, L is reached by a straight line; C and the vertex
behind it are the control points of a cubic Bezier curve to the next vertex, whatever its letter. The first letter says
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np

from lanelight.errors import FormatError, LanelightError
from lanelight.formats.drawing import LIMIT_PX
from lanelight.formats.text import json_items, replacing
from lanelight.geometry import FloatArray, Lane

LANE_TYPES = (
    "crosswalk", "double other", "double white", "double yellow", "road curb", "single other", "single white",
    "single yellow",
)  # fmt: skip
AREAS = ("direct", "alternative")
CLASS_NAMES = ("background", *AREAS)  # ids of `Scene.classes`
RENAMED = {"laneType": "laneTypes", "direction": "laneDirection", "style": "laneStyle"}  # in earlier releases
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError)

Kind = Literal["lane", "area"]


@dataclass(frozen=True, eq=False)
class Shape:
    """One polyline or polygon of a frame.

    Attributes:
        kind: lane marking or drivable area.
        vertices: (V, 2) float64 px as they stand in the file.
        types: a letter L or C for each vertex.
        closed: whether the last vertex is joined to the first.
        attributes: ``laneDirection``, ``laneStyle``, ``laneTypes``, ``areaType`` and others, as text.
        score: confidence in [0, 1].
        slot: place of a lane counted from the left; our own entry among the attributes.
        track: identity of a lane over the frames of a video; our own entry too.
    """

    kind: Kind
    vertices: FloatArray
    types: str
    closed: bool = False
    attributes: Mapping[str, str] | None = None
    score: float = 1.0
    slot: int | None = None
    track: int | None = None


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """The lane markings and drivable areas of one frame.

    Attributes:
        name: of the picture.
        shapes: in the order of the file.
        size: (width, height) px, where the file says it.
        where: file and item it was read from.
    """

    name: str
    shapes: tuple[Shape, ...]
    size: tuple[int, int] | None = None
    where: str = ""


class FrameSink(Protocol):
    """Takes frames one by one."""

    def __call__(self, frame: LabelledFrame, /) -> None:
        """Take the next frame."""
        ...


def read(path: str | Path) -> Iterator[LabelledFrame]:
    """Yield the frames of a label file, however large; labels that are neither lane nor drivable area are passed over.

    Raises:
        FormatError: the file cannot be read or is damaged; the message names the frame.
    """
    for where, item in json_items(path):
        try:
            yield from _frames(item, where)
        except LanelightError as error:
            raise FormatError(f"{where}: {error}") from error
        except DAMAGED as error:
            raise FormatError(
                f"{where}: expected a frame with name and labels, as BDD100K has them ({error!r})"
            ) from error


@contextmanager
def writing(path: str | Path) -> Iterator[FrameSink]:
    """Open a label file (a list of frames) that is written frame by frame and appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as file:
        count = 0

        def write(frame: LabelledFrame) -> None:
            nonlocal count
            file.write("[\n" if count == 0 else ",\n")
            json.dump(to_entry(frame), file)
            count += 1

        yield write
        file.write("\n]\n" if count else "[]\n")


def write(path: str | Path, frames: Iterable[LabelledFrame]) -> None:
    """Write a label file; it appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with writing(path) as sink:
        for frame in frames:
            sink(frame)


def to_entry(frame: LabelledFrame) -> dict[str, Any]:
    """Return a frame as it stands in a label file."""
    size = {} if frame.size is None else {"size": {"width": frame.size[0], "height": frame.size[1]}}
    return {"name": frame.name, **size, "labels": [_label(shape, k) for k, shape in enumerate(frame.shapes)]}


def from_lanes(name: str, lanes: Iterable[Lane], size: tuple[int, int]) -> LabelledFrame:
    """Return lanes as a frame; points with missing coordinates are left out."""
    shapes = []
    for lane in lanes:
        points = lane.known_points
        facts = (lane.score, lane.slot, lane.track)
        shapes.append(Shape("lane", points, "L" * len(points), False, dict(lane.attributes), *facts))
    return LabelledFrame(name, tuple(shapes), size)


def _frames(item: Any, where: str) -> Iterator[LabelledFrame]:
    """Yield the frames of one item: itself, those in it, or the first release's single one."""
    if "frames" not in item:
        yield _frame(item, item.get("labels"), where)
    elif "name" in item:  # the first release; a file stands for one picture, or its frames for one video
        objects = [label for frame in item["frames"] for label in frame.get("objects") or ()]
        yield _frame(item, objects, where)
    else:
        for number, frame in enumerate(item["frames"], start=1):
            yield _frame(frame, frame.get("labels"), f"{where} frame {number}")


def _frame(entry: Mapping[str, Any], labels: Iterable[Mapping[str, Any]] | None, where: str) -> LabelledFrame:
    name, size = entry["name"], entry.get("size")
    if not isinstance(name, str):
        raise TypeError(f"name: expected text, found {name!r}")
    if not PurePosixPath(name).suffix:
        name += ".jpg"  # the first release names pictures without it
    shapes = tuple(shape for label in labels or () for shape in _shapes(label))
    return LabelledFrame(name, shapes, None if size is None else (int(size["width"]), int(size["height"])), where)


def _shapes(label: Mapping[str, Any]) -> Iterator[Shape]:
    known = _kind_of(label["category"], dict(label.get("attributes") or {}))
    if known is None:
        return
    kind, given = known
    slot, track = (given.pop(key, None) for key in ("slot", "track"))
    if not {type(slot), type(track)} <= {int, type(None)}:
        raise TypeError(f"slot and track: expected whole numbers, found {slot!r}, {track!r}")
    score = 1.0 if label.get("score") is None else float(label["score"])
    if not 0.0 <= score <= 1.0:
        raise ValueError(f"score: expected a number from 0 to 1, found {score}")
    attributes = {RENAMED.get(key, key): _as_text(value) for key, value in given.items()}
    for vertices, types, closed in _outlines(label.get("poly2d") or ()):
        yield Shape(kind, vertices, types, closed or kind == "area", attributes, score, slot, track)


def _kind_of(category: Any, attributes: dict[str, Any]) -> tuple[Kind, dict[str, Any]] | None:
    """Return the kind of a label and its attributes, or None for boxes and the like."""
    room, _, word = str(category).rpartition("/")
    if word in LANE_TYPES and room in ("", "lane"):
        return "lane", {"laneTypes": word} | attributes
    if word == "lane" and not room:
        return "lane", attributes
    if word == "drivable area" and not room:
        return "area", attributes
    if (word in AREAS and not room) or (word in ("drivable", "alternative") and room == "area"):
        return "area", {"areaType": "direct" if word == "drivable" else word} | attributes
    return None


def _outlines(given: Any) -> Iterator[tuple[FloatArray, str, bool]]:
    """Yield vertices, types and whether it is closed, for each part of a ``poly2d`` of either form."""
    if given and isinstance(given[0], list):  # [x, y, type]
        types = "".join(str(letter) for _, _, letter in given)
        yield _vertices([[x, y] for x, y, _ in given], types), types, False
        return
    for part in given:
        types = part.get("types") or "L" * len(part["vertices"])
        yield _vertices(part["vertices"], types), types, bool(part.get("closed", False))


def _vertices(given: Any, types: str) -> FloatArray:
    vertices = (
        np.array(given, dtype=np.float64).reshape(-1, 2) if len(given) == 0 else np.array(given, dtype=np.float64)
    )
    if vertices.ndim != 2 or vertices.shape[1] != 2:
        raise ValueError(f"vertices: expected rows of x and y, found shape {vertices.shape}")
    if not np.isfinite(vertices).all() or (np.abs(vertices) > LIMIT_PX).any():
        raise ValueError(f"vertices: expected px, found {np.abs(vertices).max()}")
    if len(types) != len(vertices) or not set(types) <= {"L", "C"}:
        raise ValueError(f"types: expected {len(vertices)} letters L or C, found {types[:40]!r}")
    return vertices


def _label(shape: Shape, number: int) -> dict[str, Any]:
    attributes: dict[str, Any] = dict(shape.attributes or {})
    attributes |= {} if shape.slot is None else {"slot": shape.slot}
    attributes |= {} if shape.track is None else {"track": shape.track}
    outline = {"vertices": shape.vertices.tolist(), "types": shape.types, "closed": shape.closed}
    entry: dict[str, Any] = {"id": str(number), "category": "lane" if shape.kind == "lane" else "drivable area"}
    entry |= {"attributes": attributes, "poly2d": [outline]}
    return entry | ({} if shape.score == 1.0 else {"score": shape.score})


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
