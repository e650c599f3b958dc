"""What people draw in labelling tools, and what of it becomes a Scene. CVAT, LabelMe, Label Studio and COCO share it.

- Lines are lanes; with `Meaning.lanes` only lines of those labels. Areas are passed over unless `Meaning` says more:
  the label of an area may stand for a class of `Scene.classes`, or for markings drawn by their outline, whose middle
  line is the lane.
- The slot of a lane is its attribute ``slot``, else the number in a label such as ``lane_1``, ``slot 1`` or ``line1``:
  places from the left, the ego pair 1 and 2 of 0..3. Where people count from 1, `Meaning.first_slot` is 1. The
  attributes ``score`` and ``track`` (whole number) are those of `Lane`; all others are kept as text. A label that says
  more than ``lane`` is kept as the attribute ``label``.
- Tools measure from the outer corner of the first pixel, we from its centre: their 0.5 is our 0.
- Lanes run from the vehicle outwards (the end lower in the frame comes first) and stand from left to right.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lanelight.errors import FormatError, LanelightError
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.ego import left_to_right
from lanelight.geometry.simplify import simplify

Kind = Literal["line", "area"]

CORNER_PX = 0.5  # from the outer corner of a pixel to its centre
ROUNDED = 6  # decimals of a pixel, so that taking a half away and adding it again, or percent, change nothing
LIMIT_PX = 1e6  # beyond it a number is no coordinate
MOST_POINTS = 100_000  # of one shape
LARGEST_SIDE, LARGEST_AREA = 65_535, 2**28  # px of a picture: that of JPEG, and 256 MB for its class map
LARGEST_FILE = 2**30  # bytes: label files are read into memory
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError, LanelightError)
NUMBERED = re.compile(r"(?:lane|line|slot)(?:[ _-]?(\d{1,2}))?", re.IGNORECASE)
UNSET = frozenset({"", "-", "none", "null", "nan", "__undefined__"})  # how tools write an attribute nobody has set
POINT_DECIMALS, SCORE_DECIMALS = 2, 3  # of lanes to be corrected
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates
MIDDLE_POINTS, MIDDLE_TOLERANCE_PX = 64, 0.25


@dataclass(frozen=True, eq=False)
class Shape:
    """One line or area somebody drew.

    Attributes:
        kind: line or area.
        label: its label in the tool.
        points: (P, 2) px, half-pixel centres; an area does not repeat its first point.
        attributes: further facts as text.
    """

    kind: Kind
    label: str
    points: FloatArray
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Drawing:
    """The shapes of one picture.

    Attributes:
        name: of the picture, with forward slashes, as the file has it.
        size: (width, height) px, None where the file does not say it.
        shapes: in the order in which they cover each other.
        where: file and place it was read from.
        others: what else was drawn and is neither line nor area, for example ``"box car"``.
    """

    name: str
    size: tuple[int, int] | None
    shapes: tuple[Shape, ...]
    where: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meaning:
    """What labels stand for.

    Attributes:
        lanes: labels whose lines are lanes; None takes every line.
        outlines: labels whose areas are outlines of lane markings.
        classes: label -> id of the class that its areas show.
        first_slot: number of the leftmost slot in the labels, 0 or 1.
    """

    lanes: frozenset[str] | None = None
    outlines: frozenset[str] = frozenset()
    classes: Mapping[str, int] = field(default_factory=dict)
    first_slot: int = 0

    def role(self, shape: Shape) -> str:
        """Return ``"lane"``, ``"class 3"``, or ``""`` for a shape that is passed over."""
        if shape.kind == "line":
            return "lane" if self.lanes is None or shape.label in self.lanes else ""
        if shape.label in self.classes:
            return f"class {self.classes[shape.label]}"
        return "lane" if shape.label in self.outlines else ""


EVERY_LINE = Meaning()


def to_scene(drawing: Drawing, size: tuple[int, int] | None = None, meaning: Meaning = EVERY_LINE) -> Scene:
    """Return the lanes of a drawing, and its classes where `meaning` names some.

    Args:
        drawing: from a label file.
        size: (width, height) of the picture in px, where the file does not say it.
        meaning: what its labels stand for.

    Raises:
        FormatError: the size is not known, or a slot, score or track is none.
    """
    size = drawing.size or size
    if size is None:
        raise FormatError(f"{drawing.where}: the size of {drawing.name} is not in the file; read it from the picture")
    with reading(drawing.where, "attributes slot, score and track that are numbers"):
        lanes = [_lane(shape, meaning.first_slot) for shape in drawing.shapes if meaning.role(shape) == "lane"]
    return Scene(size, left_to_right(lanes, size), _classes(drawing.shapes, size, meaning) if meaning.classes else None)


def lane_label(lane: Lane) -> str:
    """Return the label under which a lane is written."""
    return lane.attributes.get("label", "lane")


def lane_facts(lane: Lane) -> dict[str, str]:
    """Return what a lane is written with beside its label: attributes, and slot, score and track where it has them."""
    facts = {key: value for key, value in lane.attributes.items() if key != "label"}
    facts |= {} if lane.slot is None else {"slot": str(lane.slot)}
    facts |= {} if lane.score == 1.0 else {"score": repr(float(lane.score))}
    return facts | ({} if lane.track is None else {"track": str(lane.track)})


def corner_points(lane: Lane) -> list[list[float]]:
    """Return the points of a lane as tools measure them; points with missing coordinates are left out."""
    finite = lane.known_points
    return [[float(x), float(y)] for x, y in finite + CORNER_PX]


def few_points(scene: Scene, tolerance_px: float) -> Scene:
    """Return lanes with so few points that a person can correct them, in numbers that a person can read.

    Args:
        scene: lanes with many points.
        tolerance_px: largest distance between a lane and the line through its few points, px.
    """
    lanes = []
    for lane in scene.lanes:
        finite = lane.known_points
        points = np.round(simplify(finite, tolerance_px), POINT_DECIMALS)
        lanes.append(replace(lane, points=points, score=round(lane.score, SCORE_DECIMALS)))
    return Scene(scene.size, lanes, scene.classes)


def our_points(given: ArrayLike) -> FloatArray:
    """Return a tool's points as (P, 2) px with half-pixel centres, to a millionth of a pixel.

    Raises:
        ValueError: they are no rows of two finite numbers, or too many or too large.
    """
    points = np.array(given, dtype=np.float64)
    points = points.reshape(0, 2) if points.size == 0 else points
    if points.ndim != 2 or points.shape[1] != 2 or len(points) > MOST_POINTS:
        raise ValueError(f"points: expected up to {MOST_POINTS} rows of x and y, found shape {points.shape}")
    if not (np.abs(points) <= LIMIT_PX).all():  # NaN is not
        raise ValueError(f"points: expected px, found {points[~(np.abs(points) <= LIMIT_PX)][0]}")
    return np.round(points - CORNER_PX, ROUNDED)


def picture_size(width: Any, height: Any) -> tuple[int, int]:
    """Return (width, height) px of a picture.

    Raises:
        ValueError: they are no whole numbers of px.
    """
    sides = [float(side) for side in (width, height)]
    if not all(1 <= side <= LARGEST_SIDE and side.is_integer() for side in sides) or math.prod(sides) > LARGEST_AREA:
        raise ValueError(f"size: expected whole numbers of px, found {str(width)[:20]} x {str(height)[:20]}")
    return int(sides[0]), int(sides[1])


def attribute_text(value: Any) -> str:
    """Return the value of an attribute as text."""
    return value if isinstance(value, str) else json.dumps(value)


def check_file(path: str | Path) -> Path:
    """Return the path of a label file.

    Raises:
        FormatError: it is missing or larger than `LARGEST_FILE`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error
    if size > LARGEST_FILE:
        raise FormatError(f"{path}: expected a label file of at most {LARGEST_FILE} bytes, found {size}; export parts")
    return path


@contextmanager
def reading(where: str, expected: str) -> Iterator[None]:
    """Turn what damaged values raise into a `FormatError` that names their place."""
    try:
        yield
    except FormatError:
        raise
    except DAMAGED as error:
        # A sentence of ours says enough; what Python says of a damaged file is clearer with the kind of the error.
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise FormatError(f"{where}: expected {expected} ({kind}{str(error)[:200]})") from error


def middle_line(outline: FloatArray) -> FloatArray:
    """Return the line in the middle of a long thin area: halfway between its sides, row by row.

    An area over twice as wide as high is taken column by column.

    Args:
        outline: (P, 2) px, the corners of the area in order.

    Returns:
        (Q, 2) px, one end to the other.
    """
    if len(outline) < 3:
        return outline
    spread = np.ptp(outline, axis=0)
    axis = 1 if 2 * spread[1] >= spread[0] else 0
    along, across = outline[:, axis], outline[:, 1 - axis]
    at = np.linspace(along.max(), along.min(), MIDDLE_POINTS)[:, None]
    a0, a1, c0, c1 = along, np.roll(along, -1), across, np.roll(across, -1)
    meets = (at >= np.minimum(a0, a1)) & (at <= np.maximum(a0, a1))  # (MIDDLE_POINTS, P)
    share = np.divide(at - a0, a1 - a0, out=np.zeros(meets.shape), where=a1 != a0)
    place = c0 + share * (c1 - c0)
    # An edge that lies in the row itself counts with both ends.
    low = np.where(meets, np.minimum(place, np.where(a1 == a0, c1, place)), np.inf).min(axis=1)
    high = np.where(meets, np.maximum(place, np.where(a1 == a0, c1, place)), -np.inf).max(axis=1)
    line = np.empty((MIDDLE_POINTS, 2))
    line[:, axis], line[:, 1 - axis] = at[:, 0], (low + high) / 2
    return simplify(line[np.isfinite(line).all(axis=1)], MIDDLE_TOLERANCE_PX)


def _lane(shape: Shape, first_slot: int) -> Lane:
    points = middle_line(shape.points) if shape.kind == "area" else shape.points
    if len(points) > 1 and points[0, 1] < points[-1, 1]:
        points = points[::-1]
    facts = dict(shape.attributes)
    slot, track, score = (_number(facts.pop(key, ""), key) for key in ("slot", "track", "score"))
    numbered = NUMBERED.fullmatch(shape.label.strip())
    if slot is None and numbered is not None and numbered[1]:
        slot = float(numbered[1])
    if numbered is None and shape.label:
        facts["label"] = shape.label
    place = None if slot is None else _whole(slot, "slot") - first_slot
    if place is not None and place < 0:
        raise ValueError(f"slot: expected {first_slot} or more, found {slot:g}; see whether slots are counted from 0")
    return Lane(
        points, 1.0 if score is None else score, place, None if track is None else _whole(track, "track"), facts
    )


def _number(text: str, key: str) -> float | None:
    """Return the value of a numeric attribute, None where nobody has set it."""
    if text.strip().lower() in UNSET:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"attribute {key}: expected a number, found {text[:40]!r}") from error


def _whole(value: float, key: str) -> int:
    if not (abs(value) < 2**53 and value.is_integer()):
        raise ValueError(f"attribute {key}: expected a whole number, found {value}")
    return int(value)


def _classes(shapes: Sequence[Shape], size: tuple[int, int], meaning: Meaning) -> NDArray[np.uint8]:
    classes = np.zeros((size[1], size[0]), np.uint8)
    for shape in shapes:
        if shape.kind == "area" and shape.label in meaning.classes and len(shape.points):
            corners = np.round(shape.points * 2**SHIFT).astype(np.int32)
            cv2.fillPoly(classes, [corners], meaning.classes[shape.label], shift=SHIFT)
    return classes
