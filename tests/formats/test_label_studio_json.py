from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import drawn_scenes
import numpy as np
import pytest
from hypothesis import given

from lanelight.errors import FormatError
from lanelight.formats import label_studio
from lanelight.geometry import Scene


def region(kind: str, value: dict[str, Any], label: str = "lane", **more: Any) -> dict[str, Any]:
    """Return a result in a picture of 1000 x 500 px."""
    return {
        "id": "r1", "from_name": "lane", "to_name": "image", "type": f"{kind}labels", "original_width": 1000,
        "original_height": 500, "image_rotation": 0, "value": value | {f"{kind}labels": [label]}, **more,
    }  # fmt: skip


def vector(*points: tuple[float, float], **more: Any) -> dict[str, Any]:
    vertices = [{"id": str(k), "x": x, "y": y, "isBezier": False} for k, (x, y) in enumerate(points)]
    return region("vector", {"vertices": vertices, "closed": False}, **more)


def task(*results: dict[str, Any], image: str = "/data/upload/1/0a1b2c3d-a.jpg", **more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "data": {"image": image},
        "annotations": [{"id": 9, "was_cancelled": False, "result": results}],
    } | more


def written(folder: Path, value: object) -> Path:
    path = folder / "export.json"
    path.write_text(json.dumps(value))
    return path


def test_percent_become_pixels(tmp_path: Path) -> None:
    [(name, scene)] = label_studio.read(written(tmp_path, [task(vector((50, 20), (10, 100)))]))
    assert (name, scene.size) == ("0a1b2c3d-a.jpg", (1000, 500))
    assert scene.lanes[0].points.tolist() == [[99.5, 499.5], [499.5, 99.5]]


def test_answers_for_a_region_are_attributes(tmp_path: Path) -> None:
    answers = [
        {"id": "r1", "from_name": "color", "type": "choices", "value": {"choices": ["white"]}},
        {"id": "r1", "from_name": "slot", "type": "number", "value": {"number": 2}},
        {"id": "r1", "from_name": "note", "type": "textarea", "value": {"text": ["worn"]}},
        {"id": "other", "from_name": "color", "type": "choices", "value": {"choices": ["red"]}},
    ]
    [(_, scene)] = label_studio.read(written(tmp_path, [task(vector((50, 20), (10, 100)), *answers)]))
    assert scene.lanes[0].slot == 2
    assert dict(scene.lanes[0].attributes) == {"color": "white", "note": "worn"}


def test_open_polygons_are_lines_closed_ones_areas_and_key_points_of_a_label_one_line(tmp_path: Path) -> None:
    corners = [[10, 20], [30, 40], [20, 90]]
    results = [
        region("polygon", {"points": corners, "closed": False}),
        region("polygon", {"points": corners}, label="road"),
        region("keypoint", {"x": 20.0, "y": 90.0, "width": 0.5}, label="lane_3"),
        region("keypoint", {"x": 30.0, "y": 50.0, "width": 0.5}, label="lane_3"),
        region("rectangle", {"x": 1, "y": 2, "width": 3, "height": 4}, label="car"),
    ]
    [drawing] = label_studio.drawings(written(tmp_path, [task(*results)]))
    assert [(shape.kind, shape.label, len(shape.points)) for shape in drawing.shapes] == [
        ("line", "lane", 3), ("area", "road", 3), ("line", "lane_3", 2),
    ]  # fmt: skip
    assert drawing.others == ("rectangle car",)


def test_the_annotation_that_was_not_cancelled_counts_before_any_prediction(tmp_path: Path) -> None:
    good, bad = vector((50, 20), (10, 100)), vector((1, 2), (3, 4))
    cancelled = {"was_cancelled": True, "result": [bad]}
    whole = task(predictions=[{"result": [bad]}])
    whole["annotations"] = [cancelled, {"was_cancelled": False, "result": [good]}]
    only_predicted = {"data": {"image": "b.jpg"}, "predictions": [{"result": [good]}]}
    nothing = {"data": {"image": "c.jpg"}, "annotations": [cancelled], "predictions": []}
    found = list(label_studio.read(written(tmp_path, [whole, only_predicted, nothing])))
    assert [name for name, _ in found] == ["0a1b2c3d-a.jpg", "b.jpg"]
    assert all(scene.lanes[0].points[1].tolist() == [499.5, 99.5] for _, scene in found)


@pytest.mark.parametrize(
    ("address", "name", "before_upload"),
    [
        ("/data/upload/1/0a1b2c3d-a.jpg", "0a1b2c3d-a.jpg", "a.jpg"),
        ("/data/local-files/?d=day%201/a.jpg", "day 1/a.jpg", "day 1/a.jpg"),
        ("https://example.com/x/a%20b.png?token=1", "a b.png", "a b.png"),
        ("s3://bucket/road/a.jpg", "a.jpg", "a.jpg"),
    ],
)
def test_the_name_of_a_picture_is_found_in_its_address(
    tmp_path: Path, address: str, name: str, before_upload: str
) -> None:
    [drawing] = label_studio.drawings(written(tmp_path, [task(image=address)]))
    assert (drawing.name, drawing.size) == (name, None)
    assert label_studio.uploaded_name(name) == before_upload


@given(drawn_scenes.scenes)
def test_reading_what_was_written_and_writing_it_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, scene: Scene
) -> None:
    path = tmp_path_factory.mktemp("studio") / "tasks.json"
    label_studio.write(path, [("a b.jpg", scene)], model="default")
    [drawing] = label_studio.drawings(path)
    assert (drawing.name, len(drawing.shapes)) == ("a b.jpg", len(scene.lanes))
    if not scene.lanes:
        return
    [(_, once)] = label_studio.read(path)
    label_studio.write(path, [("a b.jpg", once)], model="default")
    [(_, twice)] = label_studio.read(path)
    assert drawn_scenes.same(once, twice)
    before = sorted(str(drawn_scenes.facts(lane)[1:]) for lane in scene.lanes)
    assert sorted(str(drawn_scenes.facts(lane)[1:]) for lane in once.lanes) == before


def test_the_lanes_of_a_road_come_back_as_they_were(tmp_path: Path) -> None:
    label_studio.write(tmp_path / "tasks.json", [("a.jpg", drawn_scenes.road())], model="default")
    [(_, back)] = label_studio.read(tmp_path / "tasks.json")
    assert drawn_scenes.same(back, drawn_scenes.road())
    [entry] = json.loads((tmp_path / "tasks.json").read_text())
    assert entry["data"] == {"image": "/data/local-files/?d=a.jpg"}
    assert entry["predictions"][0]["model_version"] == "default"
    assert all(
        0 <= vertex["x"] <= 100 for one in entry["predictions"][0]["result"] for vertex in one["value"]["vertices"]
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "item 1: expected tasks"),
        ([{"image": "a.jpg", "label": []}], "annotations"),
        ([task(image="")], "name of a file"),
        ([task(image="/data/local-files/?d=../../etc/passwd")], "below the root"),
        ([task() | {"data": {"text": "no picture"}}], "address of a picture"),
        ([task(vector((np.nan, 2), (3, 4)))], "expected px"),
        ([task(vector((1e308, 2), (3, 4)))], "expected px"),
        ([task(region("polygon", {"points": [[1, 2], [3]]}))], "inhomogeneous"),
        ([task(region("polygon", {"points": 7}))], "TypeError"),
        ([task(vector((1, 2), (3, 4), original_width=0))], "whole numbers of px"),
        ([task(vector((1, 2), (3, 4), image_rotation=90))], "image_rotation"),
        ([task(vector((1, 2), (3, 4), score="high"))], "attribute score"),
        ([task({"type": "vectorlabels"})], "item 1: expected tasks|KeyError"),
    ],
)
def test_a_damaged_task_is_named(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        list(label_studio.read(written(tmp_path, value)))
    assert "export.json" in str(caught.value)
