"""LabelMe's JSON, one file for each picture: https://github.com/wkentaro/labelme.

``linestrip`` and ``line`` are lines, ``polygon`` is an area. The attributes of a shape are its ``flags`` (``true`` or
``false``), and those in its ``description`` where that is a JSON object (as written here) or ``key=value; key=value``
(as people type it); any other description is the attribute ``description``. ``group_id`` is the track. The flags of
the whole picture are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

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
from lanelight.formats.text import NOT_JSON, json_items, relative_name, write_json
from lanelight.geometry import Lane, Scene

VERSION = "5.5.0"  # of LabelMe, whose files have these fields; newer ones read them too
KINDS: dict[str, Kind] = {"linestrip": "line", "line": "line", "polygon": "area"}
EXPECTED = "imagePath, imageWidth, imageHeight and shapes, as LabelMe writes them"
FLAGS = {"true": True, "false": False}


def read(path: str | Path) -> Iterator[tuple[str, Scene]]:
    """Yield the name and the lanes of the one picture of a file.

    Raises:
        FormatError: as `drawings` does, or the file does not say the size of the picture.
    """
    for drawing in drawings(path):
        yield drawing.name, to_scene(drawing)


def drawings(path: str | Path) -> Iterator[Drawing]:
    """Yield what was drawn on the one picture of a file.

    Raises:
        FormatError: the file cannot be read, is damaged or not LabelMe's.
    """
    for where, item in json_items(check_file(path)):
        with reading(where, EXPECTED):
            yield _drawing(item, where)


def write(path: str | Path, picture: str, scene: Scene) -> None:
    """Write the lanes of a picture; lanes of fewer than two points are left out, since LabelMe has none.

    Args:
        path: the file, beside its picture.
        picture: file name of the picture.
        scene: its lanes.

    Raises:
        OutputError: the file cannot be written.
    """
    shapes = [_entry(lane) for lane in scene.lanes]
    write_json(
        path,
        {
            "version": VERSION,
            "flags": {},
            "shapes": [shape for shape in shapes if len(shape["points"]) > 1],
            "imagePath": picture,
            "imageData": None,  # LabelMe then opens the picture beside the file
            "imageHeight": scene.size[1],
            "imageWidth": scene.size[0],
        },
    )


def _drawing(item: Mapping[str, Any], where: str) -> Drawing:
    if not isinstance(item["imagePath"], str):
        raise TypeError(f"imagePath: expected text, found {str(item['imagePath'])[:40]}")
    # The picture lies beside the file or, where the path leads elsewhere, in the folder that the user names.
    given = item["imagePath"]
    name = (PureWindowsPath(given) if "\\" in given else PurePosixPath(given)).name
    sides = item.get("imageWidth"), item.get("imageHeight")
    size = None if None in sides else picture_size(*sides)
    shapes = [_shape(entry) for entry in item["shapes"]]
    drawn = tuple(shape for shape in shapes if isinstance(shape, Shape))
    others = tuple(shape for shape in shapes if isinstance(shape, str))
    return Drawing(str(relative_name(name, where)), size, drawn, where, others)


def _shape(entry: Mapping[str, Any]) -> Shape | str:
    """Return a line or area, or the name of another kind of shape."""
    label = entry["label"]
    if not isinstance(label, str):
        raise TypeError(f"label: expected text, found {str(label)[:40]}")
    kind = entry.get("shape_type") or "polygon"  # the first releases had polygons only
    if kind not in KINDS:
        return f"{attribute_text(kind)[:40]} {label}"
    group = entry.get("group_id")
    facts = {key: attribute_text(value) for key, value in (entry.get("flags") or {}).items()}
    facts |= _described(entry.get("description") or "") | ({} if group is None else {"track": attribute_text(group)})
    return Shape(KINDS[kind], label, our_points(entry["points"]), facts)


def _described(text: str) -> dict[str, str]:
    """Return the attributes in the description of a shape."""
    if not text.strip():
        return {}
    if text.lstrip().startswith("{"):
        try:
            return {key: attribute_text(value) for key, value in json.loads(text).items()}
        except NOT_JSON:
            return {"description": text}
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    if all(key.strip() and sign for key, sign, _ in pairs):
        return {key.strip(): value.strip() for key, _, value in pairs}
    return {"description": text}


def _entry(lane: Lane) -> dict[str, Any]:
    facts = lane_facts(lane)
    facts.pop("track", None)
    label = lane_label(lane)
    if "label" not in lane.attributes and lane.slot is not None:
        label = f"lane_{facts.pop('slot')}"  # what a person sees in the picture and can change
    flags = {key: FLAGS[value] for key, value in facts.items() if value in FLAGS}
    texts = {key: value for key, value in facts.items() if value not in FLAGS}
    return {
        "label": label,
        "points": corner_points(lane),
        "group_id": lane.track,
        "description": json.dumps(texts, ensure_ascii=False) if texts else "",
        "shape_type": "linestrip",
        "flags": flags,
        "mask": None,
    }
