"""Label Studio's JSON: https://labelstud.io/guide/task_format; "JSON" exports, and tasks with predictions to correct.

Vectors (``VectorLabels``) and open polygons are lines, closed ones areas; key points with the same label are one line,
in the order in which they were set. Points are percent of the picture.
``Choices``, ``Number`` and ``TextArea`` answers for a region are attributes under the name of their control. Of several
annotations of a task the first that was not cancelled counts, without one the first prediction; tasks without either
are not labelled and passed over.

The pictures of a project have an address, not a file name. Its last part is taken, or what follows ``?d=`` for local
storage; `uploaded_name` is the name before Label Studio put its eight letters before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np

from lanelight.formats.drawing import (
    Drawing,
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
from lanelight.formats.text import json_items, relative_name, replacing
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import FloatArray, Lane, Scene

EXPECTED = "tasks with data and annotations, as Label Studio exports them in its form JSON (not JSON-MIN)"
UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
LINE_TYPES, AREA_TYPES = ("vector", "polyline"), ("polygon",)
CONTROL = "lane"  # name of the VectorLabels control in the labelling interface
LOCAL = "/data/local-files/?d="  # how Label Studio names files of its local storage
IMAGE = "image"  # name of the Image object, and of its value in the data of a task


class Sink(Protocol):
    """Takes pictures one by one."""

    def __call__(self, address: str, scene: Scene, /) -> None:
        """Take the next picture."""
        ...


def read(path: str | Path) -> Iterator[tuple[str, Scene]]:
    """Yield the name and the lanes of each labelled picture.

    Raises:
        FormatError: as `drawings` does, or a task does not say the size of its picture, as those without regions.
    """
    for drawing in drawings(path):
        yield drawing.name, to_scene(drawing)


def drawings(path: str | Path) -> Iterator[Drawing]:
    """Yield what was drawn on each labelled picture.

    Raises:
        FormatError: the file cannot be read, is damaged or not Label Studio's; the message names the task.
    """
    for where, task in json_items(check_file(path)):
        with reading(where, EXPECTED):
            results = _results(task)
            if results is not None:
                yield _drawing(_name(task["data"], where), results, where)


def uploaded_name(name: str) -> str:
    """Return the name that a picture had before it was uploaded: without the eight letters put before it."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + UPLOADED.sub("", last, count=1)


def address(name: str, prefix: str = LOCAL) -> str:
    """Return the address of a picture in a task: by default that of a file in local storage."""
    return prefix + quote(name)


@contextmanager
def writing(path: str | Path, *, model: str) -> Iterator[Sink]:
    """Open a file of tasks with predictions, one JSON list, which appears whole or not at all.

    The labelling interface must have ``<Image name="image" value="$image"/>`` and
    ``<VectorLabels name="lane" toName="image">`` with the labels ``lane``, ``lane_0``, ``lane_1``, ... Lanes of fewer
    than two points are left out. Attributes of a lane stand in the notes of its region, as JSON.

    Args:
        path: the file to write.
        model: name of the network, which Label Studio shows beside its predictions.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as file:
        count = 0

        def write(place: str, scene: Scene) -> None:
            nonlocal count
            regions = [_region(lane, number, scene.size) for number, lane in enumerate(scene.lanes)]
            whole = [region for region in regions if len(region["value"]["vertices"]) > 1]
            file.write("[\n" if count == 0 else ",\n")
            json.dump({"data": {IMAGE: place}, "predictions": [{"model_version": model, "result": whole}]}, file)
            count += 1

        yield write
        file.write("\n]\n" if count else "[]\n")


def write(path: str | Path, pictures: Iterable[tuple[str, Scene]], *, model: str) -> None:
    """Write the lanes of named pictures as predictions; see `writing` and `address`."""
    with writing(path, model=model) as sink:
        for name, scene in pictures:
            sink(address(name), scene)


def _results(task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """Return the results of the annotation or prediction that counts, None for a task that is not labelled."""
    annotations = [entry for entry in task.get("annotations") or () if not entry.get("was_cancelled")]
    if not annotations and "annotations" not in task and "predictions" not in task:
        raise KeyError("annotations")
    chosen = next(iter([*annotations, *(task.get("predictions") or ())]), None)
    return None if chosen is None else list(chosen["result"])


def _name(data: Mapping[str, Any], where: str) -> str:
    values = [data[IMAGE]] if IMAGE in data else list(data.values())
    for value in values:
        parts = urlsplit(value) if isinstance(value, str) else None
        if parts is None:
            continue
        given = parse_qs(parts.query).get("d")
        name = given[0] if given else unquote(parts.path).rpartition("/")[2]
        if IMAGE in data or Path(name).suffix.lower() in SUFFIXES:
            return str(relative_name(name, where))
    raise ValueError(f"data: expected the address of a picture, found {str(data)[:80]}")


def _drawing(name: str, results: Sequence[Mapping[str, Any]], where: str) -> Drawing:
    answers: dict[str, dict[str, str]] = {}
    for result in results:
        answers.setdefault(str(result.get("id")), {}).update(_answer(result))
    shapes: list[Shape | str] = []
    keypoints: dict[str, Shape] = {}
    size: tuple[int, int] | None = None
    for result in results:
        if result.get("original_width") is None or not _regional(result):
            continue
        size = picture_size(result["original_width"], result["original_height"])
        if result.get("image_rotation"):
            raise ValueError("image_rotation: expected pictures as they are, found one turned by hand; turn the file")
        facts = answers[str(result.get("id"))] | _notes(result)
        shape = _shape(result, size, facts)
        if isinstance(shape, Shape) and str(result["type"]).startswith("keypoint"):
            before = keypoints.get(shape.label)
            joined = shape.points if before is None else np.concatenate([before.points, shape.points])
            keypoints[shape.label] = Shape("line", shape.label, joined, shape.attributes)
        else:
            shapes.append(shape)
    drawn = (*(shape for shape in shapes if isinstance(shape, Shape)), *keypoints.values())
    return Drawing(name, size, drawn, where, tuple(shape for shape in shapes if isinstance(shape, str)))


def _regional(result: Mapping[str, Any]) -> bool:
    """Tell whether a result has a place in the picture; the others answer questions about it."""
    return not {"choices", "number", "textarea", "rating"} & {str(result["type"])}


def _answer(result: Mapping[str, Any]) -> dict[str, str]:
    """Return what a result says about its region beside its place."""
    value = result["value"]
    for kind in ("choices", "number", "text"):
        given = value.get(kind)
        if given is not None and not _regional(result):
            answer = given[0] if isinstance(given, list) and given else given
            return {str(result["from_name"]): attribute_text(answer)}
    return {}


def _notes(result: Mapping[str, Any]) -> dict[str, str]:
    """Return score, and the attributes that `writing` put into the notes of a region."""
    facts = {} if result.get("score") is None else {"score": attribute_text(result["score"])}
    notes = (result.get("meta") or {}).get("text") or ()
    for note in [notes] if isinstance(notes, str) else notes:
        if isinstance(note, str) and note.startswith("{"):
            facts |= {key: attribute_text(value) for key, value in json.loads(note).items()}
    return facts


def _shape(result: Mapping[str, Any], size: tuple[int, int], facts: Mapping[str, str]) -> Shape | str:
    """Return a line or area, or the name of another kind of region."""
    kind, value = str(result["type"]), result["value"]
    room = kind.removesuffix("labels")
    labels = value.get(f"{room}labels") or value.get("labels") or [""]
    label = attribute_text(labels[0])
    if room == "keypoint":
        return Shape("line", label, _points([[value["x"], value["y"]]], size), facts)
    if room not in (*LINE_TYPES, *AREA_TYPES):
        return f"{room[:40]} {label}"
    given = value.get("vertices") or value.get("shape") or value.get("points") or []
    rows = [[row["x"], row["y"]] if isinstance(row, dict) else row for row in given]
    closed = value.get("closed", room in AREA_TYPES)
    return Shape("area" if closed else "line", label, _points(rows, size), facts)


def _points(percent: Sequence[Sequence[float]], size: tuple[int, int]) -> FloatArray:
    """Return px of points in percent of the picture."""
    if len(percent) == 0:
        return our_points([])
    given = np.array(percent, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"points: expected rows of x and y, found shape {given.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        return our_points(given / 100 * np.array(size))


def _region(lane: Lane, number: int, size: tuple[int, int]) -> dict[str, Any]:
    facts = lane_facts(lane)
    facts.pop("score", None)
    label = lane_label(lane)
    if "label" not in lane.attributes and lane.slot is not None:
        label = f"lane_{facts.pop('slot')}"
    width, height = size
    vertices = [
        {
            "id": f"{number}-{place}",
            "prevPointId": f"{number}-{place - 1}" if place else None,
            "x": x * 100 / width,
            "y": y * 100 / height,
            "isBezier": False,
        }
        for place, (x, y) in enumerate(corner_points(lane))
    ]
    return {
        "id": f"lane{number}",
        "from_name": CONTROL,
        "to_name": IMAGE,
        "type": "vectorlabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": lane.score,
        "value": {"vertices": vertices, "closed": False, "vectorlabels": [label]},
        **({"meta": {"text": [json.dumps(facts, ensure_ascii=False)]}} if facts else {}),
    }
