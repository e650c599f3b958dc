from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import drawn_scenes
import numpy as np
import pytest
from hypothesis import given

from lanelight.errors import FormatError
from lanelight.formats import labelme
from lanelight.geometry import Lane, Scene


def document(**changes: Any) -> dict[str, Any]:
    """Return a file as LabelMe 5 writes it, with some changes."""
    shape: dict[str, Any] = {
        "label": "lane_2", "points": [[900.5, 400.5], [880.5, 719.5]], "group_id": None, "description": "",
        "shape_type": "linestrip", "flags": {}, "mask": None,
    }  # fmt: skip
    whole: dict[str, Any] = {
        "version": "5.5.0", "flags": {"night": True}, "shapes": [shape], "imagePath": "a.jpg", "imageData": None,
        "imageHeight": 720, "imageWidth": 1280,
    }  # fmt: skip
    for key, value in changes.items():
        (shape if key in shape else whole)[key] = value
    return whole


def read(folder: Path, value: object) -> tuple[str, Scene]:
    path = folder / "a.json"
    path.write_text(json.dumps(value))
    [found] = labelme.read(path)
    return found


def test_a_lane_is_read_with_its_slot_from_the_label(tmp_path: Path) -> None:
    name, scene = read(tmp_path, document())
    [lane] = scene.lanes
    assert (name, scene.size, lane.slot, lane.track, dict(lane.attributes)) == ("a.jpg", (1280, 720), 2, None, {})
    assert lane.points.tolist() == [[880, 719], [900, 400]]


@pytest.mark.parametrize(
    ("description", "attributes"),
    [
        ("color=white; style = dashed", {"color": "white", "style": "dashed"}),
        ('{"color": "white", "width_cm": 12}', {"color": "white", "width_cm": "12"}),
        ("behind the lorry", {"description": "behind the lorry"}),
        ("{not json", {"description": "{not json"}),
        ("slot=1", {}),
        (None, {}),
    ],
)
def test_facts_are_read_from_the_description(
    tmp_path: Path, description: str | None, attributes: dict[str, str]
) -> None:
    _, scene = read(tmp_path, document(description=description, label="lane"))
    assert dict(scene.lanes[0].attributes) == attributes
    assert scene.lanes[0].slot == (1 if description == "slot=1" else None)


def test_flags_and_the_group_are_facts_too(tmp_path: Path) -> None:
    _, scene = read(tmp_path, document(flags={"worn": True, "hidden": False}, group_id=7, label="kerb"))
    [lane] = scene.lanes
    assert (lane.track, dict(lane.attributes)) == (7, {"worn": "true", "hidden": "false", "label": "kerb"})


@pytest.mark.parametrize(
    "path", ["../pictures/a.jpg", "..\\pictures\\a.jpg", "C:\\road\\a.jpg", "/home/x/a.jpg", "a.jpg"]
)
def test_only_the_last_part_of_the_picture_s_path_counts(tmp_path: Path, path: str) -> None:
    assert read(tmp_path, document(imagePath=path))[0] == "a.jpg"


def test_other_shapes_are_told_and_missing_sizes_are_left_open(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document(shape_type="circle", imageWidth=None)))
    [drawing] = labelme.drawings(tmp_path / "a.json")
    assert (drawing.size, drawing.shapes, drawing.others) == (None, (), ("circle lane_2",))


@given(drawn_scenes.scenes)
def test_reading_what_was_written_and_writing_it_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, scene: Scene
) -> None:
    path = tmp_path_factory.mktemp("labelme") / "a.json"
    labelme.write(path, "a.jpg", scene)
    [(_, once)] = labelme.read(path)
    labelme.write(path, "a.jpg", once)
    [(name, twice)] = labelme.read(path)
    assert name == "a.jpg"
    assert drawn_scenes.same(once, twice)
    before = sorted(str(drawn_scenes.facts(lane)[1:4]) for lane in scene.lanes)
    assert sorted(str(drawn_scenes.facts(lane)[1:4]) for lane in once.lanes) == before


def test_the_lanes_of_a_road_come_back_as_they_were_under_labels_a_person_sees(tmp_path: Path) -> None:
    labelme.write(tmp_path / "a.json", "a.jpg", drawn_scenes.road())
    [(_, back)] = labelme.read(tmp_path / "a.json")
    assert drawn_scenes.same(back, drawn_scenes.road())
    shapes = json.loads((tmp_path / "a.json").read_text())["shapes"]
    assert [shape["label"] for shape in shapes] == ["lane_0", "lane_1", "lane_2", "lane_3"]
    assert {shape["shape_type"] for shape in shapes} == {"linestrip"}


def test_the_file_has_the_fields_of_labelme(tmp_path: Path) -> None:
    lane = Lane(np.array([[9.5, 19.5], [np.nan, 5.0], [12.25, 3.0]]), 0.5, attributes={"worn": "true", "color": "blue"})
    labelme.write(tmp_path / "a.json", "a.jpg", Scene((64, 48), [lane, Lane(np.zeros((1, 2)))]))
    file = json.loads((tmp_path / "a.json").read_text())
    assert file.keys() == document().keys()
    [shape] = file["shapes"]
    assert shape.keys() == document()["shapes"][0].keys()
    assert (shape["points"], shape["flags"]) == ([[10.0, 20.0], [12.75, 3.5]], {"worn": True})
    assert json.loads(shape["description"]) == {"color": "blue", "score": "0.5"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "no attribute|KeyError|TypeError"),
        ({}, "imagePath"),
        (document(imagePath=3), "imagePath: expected text"),
        (document(imagePath="../.."), "expected a name below the root|name of a file"),
        (document(imagePath=""), "name of a file"),
        (document(imageWidth="wide"), "could not convert"),
        (document(imageWidth=10**400), "OverflowError"),
        (document(shapes=None), "TypeError"),
        (document(label=5), "label: expected text"),
        (document(points=[[1, float("nan")], [2, 3]]), "expected px"),
        (document(points=[[1, 2], [3]]), "inhomogeneous"),
        (document(points=[[1, 2, 3]]), "rows of x and y"),
        (document(points="12"), "rows of x and y"),
        (document(group_id="x"), "attribute track: expected a number"),
        (document(group_id=1.5), "attribute track: expected a whole number"),
        (document(description='{"score": 7}'), "score"),
        (document(flags=[1]), "no attribute"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, value: object, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value) if value != [] else "[1]")
    with pytest.raises(FormatError, match=message) as caught:
        list(labelme.read(path))
    assert "a.json" in str(caught.value)
