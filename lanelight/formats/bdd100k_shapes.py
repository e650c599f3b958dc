"""What the shapes of BDD100K mean: curves as polylines, border lines as centre lines, areas as classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.formats.bdd100k_labels import AREAS, LabelledFrame, Shape
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.curve import arc_length, resample
from lanelight.geometry.ego import left_to_right

TOLERANCE_PX = 0.05  # between a curve and the polyline in its place
MAX_PIECES = 1000  # of one curve, for curves far larger than any frame
SAMPLES = 32  # along the shorter of two lines
MAX_GAP_PX, MAX_GAP_SHARE = 40.0, 0.2  # between the borders of one marking: px, and as a share of the shorter one
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


def to_scene(frame: LabelledFrame, size: tuple[int, int], *, centred: bool = False) -> Scene:
    """Return the lanes of a frame from left to right, and its drivable areas as classes.

    Classes: 0 neither, 1 the vehicle's own lane or area (``direct``), 2 other drivable area (``alternative``); None
    where no area is labelled.

    Args:
        frame: from a label file.
        size: (width, height) of its picture, px.
        centred: whether the two border lines of a marking become its centre line, see `centre_lines`.
    """
    lanes = [_lane(shape) for shape in frame.shapes if shape.kind == "lane"]
    lanes = left_to_right(centre_lines(lanes) if centred else lanes, size)
    return Scene(size, lanes, _classes(frame.shapes, size))


def polyline(shape: Shape) -> FloatArray:
    """Return a shape with its Bezier parts as straight pieces, at most `TOLERANCE_PX` from the curve.

    Control points without an end, which real files hardly have, are taken as corners.

    Returns:
        (P, 2) px; every end of a piece of the file is among them. A closed shape does not repeat its first point.
    """
    vertices, types = shape.vertices, shape.types
    if "C" not in types[1:]:
        return vertices
    if shape.closed:
        vertices = np.concatenate([vertices, vertices[:1]])
        types += "L"
    points, at = [vertices[:1]], 1
    while at < len(vertices):
        if types[at] == "C" and at + 2 < len(vertices):
            points.append(_bezier(vertices[at - 1 : at + 3])[1:])
            at += 3
        else:
            points.append(vertices[at : at + 1])
            at += 1
    joined = np.concatenate(points)
    return joined[:-1] if shape.closed else joined


def centre_lines(lanes: Sequence[Lane]) -> list[Lane]:
    """Return one line in the middle of each marking, whose two borders BDD100K labels.

    Two lines with the same attributes belong together where the shorter one runs beside the other: on average at most
    40 px and a fifth of its length away, and at least half as long. The nearest pairs are joined first; points along
    the shorter line are averaged with the nearest ones of the other. A line without a partner is kept as it is.

    Source: Hou et al. 2019 (the labels of the SAD release: the mean of corresponding points of neighbouring lines).
    """
    middles = [
        (*_middle(lanes[i].points, lanes[j].points), i, j)
        for i in range(len(lanes))
        for j in range(i + 1, len(lanes))
        if dict(lanes[i].attributes) == dict(lanes[j].attributes)
    ]
    centres: dict[int, FloatArray] = {}
    joined: set[int] = set()
    for gap, middle, i, j in sorted(middles, key=lambda found: found[0]):
        if gap < math.inf and not {i, j} & joined:
            joined |= {i, j}
            centres[i] = middle
    kept = (i for i in range(len(lanes)) if i in centres or i not in joined)
    return [lanes[i].with_points(centres[i]) if i in centres else lanes[i] for i in kept]


def _lane(shape: Shape) -> Lane:
    points = polyline(shape)
    if shape.closed and len(points):
        points = np.concatenate([points, points[:1]])
    elif len(points) > 1 and points[0, 1] < points[-1, 1]:
        points = points[::-1]  # from the vehicle outwards
    return Lane(points, shape.score, shape.slot, shape.track, dict(shape.attributes or {}))


def _bezier(control: FloatArray) -> FloatArray:
    """Return a cubic Bezier curve as a polyline, both ends included."""
    bend = np.linalg.norm(np.diff(control, n=2, axis=0), axis=1).max()
    # Wang's bound for a cubic: n equal pieces lie within 6/8 * bend / n^2 of the curve.
    pieces = min(MAX_PIECES, max(1, math.ceil(math.sqrt(0.75 * bend / TOLERANCE_PX))))
    t = np.linspace(0.0, 1.0, pieces + 1)[:, None]
    a, b, c, d = control
    curve = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    curve[0], curve[-1] = a, d
    return np.asarray(curve, dtype=np.float64)


def _middle(a: FloatArray, b: FloatArray) -> tuple[float, FloatArray]:
    """Return how far apart two lines run, px, and the line between them; infinity where they are no pair."""
    lengths = [float(arc_length(points)[-1]) if len(points) > 1 else 0.0 for points in (a, b)]
    short, long = (a, b) if lengths[0] <= lengths[1] else (b, a)
    if min(lengths) < 0.5 * max(lengths) or min(lengths) == 0:
        return math.inf, short
    along = resample(short, min(lengths) / SAMPLES)
    partners = _nearest(along, long)
    gap = float(np.linalg.norm(along - partners, axis=1).mean())
    middle = (along + partners) / 2
    return (gap, middle) if gap <= min(MAX_GAP_PX, MAX_GAP_SHARE * min(lengths)) else (math.inf, middle)


def _nearest(points: FloatArray, line: FloatArray) -> FloatArray:
    """Return the nearest place on a polyline to each point, (P, 2)."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    lengths = np.maximum((steps**2).sum(axis=1), 1e-12)
    share = np.clip(((points[:, None] - starts) * steps).sum(axis=2) / lengths, 0.0, 1.0)  # (P, pieces)
    places = starts + share[..., None] * steps
    best = np.linalg.norm(places - points[:, None], axis=2).argmin(axis=1)
    return np.asarray(places[np.arange(len(points)), best], dtype=np.float64)


def _classes(shapes: Sequence[Shape], size: tuple[int, int]) -> NDArray[np.uint8] | None:
    areas = [shape for shape in shapes if shape.kind == "area"]
    if not areas:
        return None
    classes = np.zeros((size[1], size[0]), np.uint8)
    for value in (2, 1):  # the vehicle's own lane over others
        for shape in areas:
            if (shape.attributes or {}).get("areaType") == AREAS[value - 1] and len(shape.vertices):
                corners = np.round(polyline(shape) * 2**SHIFT).astype(np.int32)
                cv2.fillPoly(classes, [corners], value, shift=SHIFT)
    return classes
