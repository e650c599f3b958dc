from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fakes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError
from lanelight.formats import bdd100k_labels, bdd100k_shapes, drivable
from lanelight.formats.bdd100k_labels import Shape
from lanelight.formats.bdd100k_shapes import centre_lines, polyline, to_scene
from lanelight.geometry import Lane, Scene

SIZE = (1280, 720)


def read_one(tmp_path: Path, content: object) -> bdd100k_labels.LabelledFrame:
    (tmp_path / "labels.json").write_text(json.dumps(content))
    [frame] = bdd100k_labels.read(tmp_path / "labels.json")
    return frame


def same(a: bdd100k_labels.LabelledFrame, b: bdd100k_labels.LabelledFrame) -> bool:
    return a.name == b.name and [_facts(shape) for shape in a.shapes] == [_facts(shape) for shape in b.shapes]


def _facts(shape: Shape) -> tuple[object, ...]:
    return shape.kind, shape.vertices.tolist(), shape.types, shape.closed, dict(shape.attributes or {})


def test_the_three_forms_of_the_labels_say_the_same(tmp_path: Path) -> None:
    usual = fakes.bdd100k_frame("a.jpg")
    scalabel = {**usual, "labels": [_as_scalabel(label) for label in usual["labels"]]}
    first = {"name": "a", "frames": [{"timestamp": 10000, "objects": [_as_first(label) for label in usual["labels"]]}]}
    frame = read_one(tmp_path, usual)
    assert len(frame.shapes) == 5
    for other in ([usual], scalabel, {"frames": [scalabel], "config": None}, first):
        assert same(frame, read_one(tmp_path, other))


def _as_scalabel(label: dict[str, Any]) -> dict[str, Any]:
    attributes = dict(label["attributes"])
    category = attributes.pop("laneTypes", None) or attributes.pop("areaType", None) or label["category"]
    return {**label, "category": category, "attributes": attributes or None}


def _as_first(label: dict[str, Any]) -> dict[str, Any]:
    attributes = dict(label["attributes"])
    if "poly2d" not in label:
        return label
    [outline] = label["poly2d"]
    rows = [[x, y, letter] for (x, y), letter in zip(outline["vertices"], outline["types"], strict=True)]
    if label["category"] == "lane":
        facts = {"direction": attributes["laneDirection"], "style": attributes["laneStyle"]}
        return {"category": f"lane/{attributes['laneTypes']}", "attributes": facts, "poly2d": rows}
    return {
        "category": f"area/{attributes['areaType'].replace('direct', 'drivable')}",
        "attributes": {},
        "poly2d": rows,
    }


def test_labels_come_back_as_they_were_written(tmp_path: Path) -> None:
    frame = read_one(tmp_path, fakes.bdd100k_frame("a.jpg"))
    bdd100k_labels.write(tmp_path / "again.json", [frame, frame])
    again = list(bdd100k_labels.read(tmp_path / "again.json"))
    assert len(again) == 2
    assert same(frame, again[1])
    bdd100k_labels.write(tmp_path / "none.json", [])
    assert list(bdd100k_labels.read(tmp_path / "none.json")) == []


def test_the_real_label_file_comes_back_as_it_was_written(shared: Path, tmp_path: Path) -> None:
    [frame] = bdd100k_labels.read(shared / "data/bdd_sample/example.json")
    assert (frame.name, len(frame.shapes)) == ("010b0600-ae1f7be5.jpg", 8)
    assert sorted(shape.types for shape in frame.shapes) == ["CCCL"] * 3 + ["LL"] * 5
    bdd100k_labels.write(tmp_path / "again.json", [frame])
    [again] = bdd100k_labels.read(tmp_path / "again.json")
    assert same(frame, again)


def test_lanes_with_slots_tracks_and_scores_come_back(tmp_path: Path) -> None:
    lane = Lane(np.array([[10.25, 700.0], [300.0, 1 / 3]]), 0.25, 2, 9, {"laneTypes": "single white", "own": "true"})
    bdd100k_labels.write(tmp_path / "a.json", [bdd100k_labels.from_lanes("a.jpg", [lane], SIZE)])
    [frame] = bdd100k_labels.read(tmp_path / "a.json")
    assert frame.size == SIZE
    [back] = to_scene(frame, SIZE).lanes
    assert back.points.tobytes() == lane.points.tobytes()
    assert (back.score, back.slot, back.track, dict(back.attributes)) == (0.25, 2, 9, dict(lane.attributes))


coordinate = st.floats(-2000, 2000)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=4, max_size=4))
def test_a_curve_becomes_a_polyline_within_a_twentieth_of_a_pixel(control: list[tuple[float, float]]) -> None:
    points = np.array(control)
    line = polyline(Shape("lane", points, "LCCL"))
    assert line[0].tolist() == points[0].tolist()
    assert line[-1].tolist() == points[3].tolist()
    t = np.linspace(0, 1, 257)[:, None]
    a, b, c, d = points
    exact = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d  # Bernstein's form
    nearest = bdd100k_shapes._nearest(exact, line) if len(line) > 1 else np.repeat(line, len(exact), axis=0)
    assert np.linalg.norm(exact - nearest, axis=1).max() <= bdd100k_shapes.TOLERANCE_PX + 1e-6


def test_types_are_read_as_the_benchmarks_own_drawing_does() -> None:
    corners = np.array([[0, 0], [1, 5], [3, 5], [4, 0], [9, 0]], float)
    for types in ("CCCLL", "LCCLL", "LCCCL"):  # the first letter and that of a curve's end say nothing
        line = polyline(Shape("lane", corners, types))
        assert line[-2:].tolist() == [[4, 0], [9, 0]]
        assert len(line) > 10
    assert polyline(Shape("lane", corners, "LLLLL")) is corners
    closed = polyline(Shape("area", corners[:3], "LCC", closed=True))  # the curve ends where the area began
    assert np.linalg.norm(closed[-1] - corners[0]) < 2
    assert closed[-1].tolist() != closed[0].tolist()


def test_lanes_stand_from_left_to_right_also_where_they_leave_the_frame_at_its_side() -> None:
    def lane(*ends: tuple[float, float]) -> Shape:
        return Shape("lane", np.array(ends), "LL", closed=False)

    side = lane((10, 500), (600, 400))  # heads for the left, far below the frame
    feet = [lane((900, 719), (640, 400)), lane((5, 719), (630, 400))]
    scene = to_scene(bdd100k_labels.LabelledFrame("a.jpg", (*feet, side)), SIZE)
    assert [lane.points[0].tolist() for lane in scene.lanes] == [[10, 500], [5, 719], [900, 719]]


def test_borders_of_one_marking_become_the_line_between_them() -> None:
    left = Lane(np.array([[400.0, 700.0], [600.0, 300.0]]))
    right = Lane(np.array([[606.0, 300.0], [420.0, 700.0]]))  # drawn the other way round
    far = Lane(np.array([[900.0, 700.0], [700.0, 300.0]]))
    centre, alone = centre_lines([left, right, far])
    assert alone is far
    rows = np.arange(320, 690, 10)
    middle = (left.x_at(rows) + right.x_at(rows)) / 2
    np.testing.assert_allclose(centre.x_at(rows), middle, atol=2)  # partners are the nearest points, not those of a row
    other = Lane(right.points, attributes={"laneTypes": "road curb"})
    assert centre_lines([left, other]) == [left, other]


def test_three_near_lines_make_one_pair_of_the_nearest_two() -> None:
    lines = [Lane(np.array([[x, 700.0], [x, 300.0]])) for x in (100.0, 130.0, 140.0)]
    first, pair = centre_lines(lines)
    assert first is lines[0]
    np.testing.assert_allclose(pair.points[:, 0], 135)


def test_the_real_frame_has_centre_lines_between_its_borders(shared: Path) -> None:
    [frame] = bdd100k_labels.read(shared / "data/bdd_sample/example.json")
    lanes = to_scene(frame, SIZE, centred=True).lanes
    assert len(lanes) == 5  # three painted lines with two borders each, two kerbs with one
    kerbs = [lane for lane in lanes if lane.attributes["laneTypes"] == "road curb"]
    assert len(kerbs) == 2


def test_masks_of_drivable_area_come_back(tmp_path: Path) -> None:
    from lanelight.frames import read_map

    classes = np.array([[0, 1, 2, 255]], np.uint8)
    drivable.write_mask(tmp_path / "a.png", classes)
    values = read_map(tmp_path / "a.png")
    assert values.tolist() == [[2, 0, 1, 255]]
    assert drivable.from_mask(np.asarray(values, np.uint8), "a.png").tolist() == classes.tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([{"category": "lane", "poly2d": [{"vertices": [[1, 2, 3]], "types": "L"}]}], "rows of x and y"),
        ([{"category": "lane", "poly2d": [{"vertices": [[1, 2]], "types": "LL"}]}], "expected 1 letters L or C"),
        ([{"category": "lane", "poly2d": [{"vertices": [[1e300, 2]], "types": "L"}]}], "expected px, found 1e"),
        ([{"category": "lane", "score": 7, "poly2d": []}], "from 0 to 1, found 7"),
        ([{"category": "lane", "attributes": {"slot": "x"}, "poly2d": []}], "expected whole numbers"),
        ([{"poly2d": []}], "KeyError"),
    ],
)
def test_damaged_labels_are_named_by_file_and_frame(tmp_path: Path, labels: object, message: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps([{"name": "a.jpg"}, {"name": "b.jpg", "labels": labels}]))
    with pytest.raises(FormatError, match=rf"labels\.json item 2: .*{message}"):
        list(bdd100k_labels.read(path))


def test_a_frame_without_areas_has_no_classes(tmp_path: Path) -> None:
    frame = read_one(tmp_path, {"name": "a.jpg", "labels": None})
    scene = to_scene(frame, SIZE)
    assert isinstance(scene, Scene)
    assert scene.classes is None
    assert scene.lanes == ()
