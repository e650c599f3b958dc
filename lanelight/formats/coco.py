"""COCO's JSON with lanes as key points or polygons: https://cocodataset.org/#format-data.

The key points of an annotation that are labelled (visibility above 0) are one line in their order, its polygons are
areas; the label is the name of the category. ``attributes`` and ``track_id`` of an annotation, as several tools write
them, are attributes. Run-length masks and bare boxes are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lanelight.formats.drawing import (
    Drawing,
    Shape,
    attribute_text,
    check_file,
    our_points,
    picture_size,
    reading,
    to_scene,
)
from lanelight.formats.text import json_items, relative_name
from lanelight.geometry import Scene

EXPECTED = "images, annotations and categories, as COCO has them"


def read(path: str | Path) -> Iterator[tuple[str, Scene]]:
    """Yield the name and the lanes of each picture.

    Raises:
        FormatError: as `drawings` does, or an image does not say its size.
    """
    for drawing in drawings(path):
        yield drawing.name, to_scene(drawing)


def drawings(path: str | Path) -> Iterator[Drawing]:
    """Yield what was drawn on each picture, in the order of ``images``.

    Raises:
        FormatError: the file cannot be read, is damaged or not COCO's; the message names the image or annotation.
    """
    for where, item in json_items(check_file(path)):
        with reading(where, EXPECTED):
            yield from _drawings(item, where)


def _drawings(item: Mapping[str, Any], where: str) -> Iterator[Drawing]:
    names = {entry["id"]: attribute_text(entry["name"]) for entry in item.get("categories") or ()}
    shapes: dict[Any, list[Shape | str]] = {entry["id"]: [] for entry in item["images"]}
    for number, entry in enumerate(item["annotations"], start=1):
        place = f"{where}: annotation {number}"
        with reading(place, "the image_id and category_id of an image and a category, and lists of numbers"):
            shapes[entry["image_id"]] += _shapes(entry, names[entry["category_id"]])
    for number, entry in enumerate(item["images"], start=1):
        place = f"{where}: image {number}"
        with reading(place, "id, file_name, width and height"):
            yield _drawing(entry, shapes[entry["id"]], place)


def _drawing(entry: Mapping[str, Any], shapes: list[Shape | str], where: str) -> Drawing:
    name = entry["file_name"]
    if not isinstance(name, str):
        raise TypeError(f"file_name: expected text, found {str(name)[:40]}")
    sides = entry.get("width"), entry.get("height")
    drawn = tuple(shape for shape in shapes if isinstance(shape, Shape))
    others = tuple(shape for shape in shapes if isinstance(shape, str))
    size = None if None in sides else picture_size(*sides)
    return Drawing(str(relative_name(name.replace("\\", "/"), where)), size, drawn, where, others)


def _shapes(entry: Mapping[str, Any], label: str) -> Iterator[Shape | str]:
    facts = {key: attribute_text(value) for key, value in (entry.get("attributes") or {}).items() if value is not None}
    if "track_id" in facts:
        facts["track"] = facts.pop("track_id")
    if entry.get("track_id") is not None:
        facts["track"] = attribute_text(entry["track_id"])
    keypoints, polygons = entry.get("keypoints") or [], entry.get("segmentation") or []
    if keypoints:
        rows = np.array(keypoints, dtype=np.float64).reshape(-1, 3)
        yield Shape("line", label, our_points(rows[rows[:, 2] > 0, :2]), facts)
    if isinstance(polygons, dict):
        yield f"mask {label}"
    else:
        for polygon in polygons:
            yield Shape("area", label, our_points(np.array(polygon, dtype=np.float64).reshape(-1, 2)), facts)
    if not keypoints and not polygons:
        yield f"box {label}"
