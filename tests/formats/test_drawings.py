"""What the labels of all tools stand for, and that damaged files of all tools are refused in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import drawn_scenes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lanelight.errors import FormatError, LanelightError
from lanelight.formats import coco, cvat, label_studio, labelme
from lanelight.formats.drawing import Drawing, Kind, Meaning, Shape, few_points, middle_line, our_points, to_scene
from lanelight.geometry import FloatArray, Lane, Scene

SIZE = (1280, 720)
READERS: dict[str, Callable[[Path], Iterator[Drawing]]] = {
    "cvat": cvat.drawings, "labelme": labelme.drawings, "label_studio": label_studio.drawings, "coco": coco.drawings,
}  # fmt: skip


def line(label: str, foot: float, top: float = 640, y: tuple[float, float] = (719, 400), **facts: str) -> Shape:
    return Shape("line", label, np.array([[foot, y[0]], [top, y[1]]]), facts)


def scene_of(*shapes: Shape, meaning: Meaning | None = None) -> Scene:
    return to_scene(Drawing("a.jpg", SIZE, shapes, "a.xml"), meaning=meaning or Meaning())


@pytest.mark.parametrize(
    ("label", "slot", "kept"),
    [
        ("lane", None, None), ("lane_1", 1, None), ("Lane 2", 2, None), ("slot-0", 0, None), ("line3", 3, None),
        ("lane_1 left", None, "lane_1 left"), ("solid", None, "solid"), ("lane_100", None, "lane_100"),
    ],
)  # fmt: skip
def test_a_slot_is_the_number_in_a_label(label: str, slot: int | None, kept: str | None) -> None:
    [lane] = scene_of(line(label, 100)).lanes
    assert (lane.slot, lane.attributes.get("label")) == (slot, kept)


def test_the_attribute_slot_counts_before_the_label_and_people_may_count_from_one() -> None:
    [lane] = scene_of(line("lane_1", 100, slot="3")).lanes
    assert lane.slot == 3
    [lane] = scene_of(line("lane_1", 100), meaning=Meaning(first_slot=1)).lanes
    assert lane.slot == 0
    with pytest.raises(FormatError, match="expected 1 or more, found 0"):
        scene_of(line("lane_0", 100), meaning=Meaning(first_slot=1))


def test_lanes_without_slots_stand_from_left_to_right_where_they_meet_the_bottom() -> None:
    # The outer two leave the frame at its sides, above the foot of the others.
    lanes = [line("c", 900), line("e", 1279, y=(600, 400)), line("a", 0, y=(600, 400)), line("b", 300)]
    assert [lane.attributes["label"] for lane in scene_of(*lanes).lanes] == ["a", "b", "c", "e"]


def test_lanes_with_slots_stand_in_the_order_of_their_slots() -> None:
    assert [lane.slot for lane in scene_of(line("lane_2", 100), line("lane_0", 900)).lanes] == [0, 2]


def test_only_named_labels_are_lanes_where_some_are_named() -> None:
    meaning = Meaning(lanes=frozenset({"lane"}))
    assert len(scene_of(line("lane", 100), line("stop line", 200), meaning=meaning).lanes) == 1


def test_classes_cover_each_other_in_the_order_of_the_drawing() -> None:
    square = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], float)
    shapes = [Shape("area", "road", square), Shape("area", "car", square + 50)]
    classes = scene_of(*shapes, meaning=Meaning(classes={"road": 1, "car": 2})).classes
    assert classes is not None
    assert classes[[90, 120, 170, 220], [90, 120, 170, 220]].tolist() == [0, 1, 2, 2]
    assert classes[:, 100].sum() == 101
    assert scene_of(*shapes).classes is None


@given(st.floats(4, 40), st.floats(-1.5, 1.5), st.floats(0, 2e-3))
def test_the_middle_of_a_painted_marking_is_found_row_by_row(width: float, slope: float, bend: float) -> None:
    y = np.linspace(710, 400, 30)
    x = 600 + slope * (710 - y) + bend * (710 - y) ** 2
    wide = width * (y - 380) / 330 / 2
    outline = np.concatenate([np.stack([x - wide, y], axis=1), np.stack([x + wide, y], axis=1)[::-1]])
    middle = Lane(middle_line(np.roll(outline, 7, axis=0)))
    assert np.abs(middle.x_at(y) - x).max() < 1.5
    sideways = Lane(middle_line(outline[:, ::-1])[:, ::-1])
    assert np.abs(sideways.x_at(y[1:-1]) - x[1:-1]).max() < 1.5 or abs(x[-1] - x[0]) > 100


def test_lanes_to_correct_have_few_points_near_the_old_ones() -> None:
    y = np.linspace(719, 300, 80)
    points = np.stack([640 + 1e-3 * (719 - y) ** 2, y], axis=1)
    points[5] = np.nan
    [few] = few_points(Scene(SIZE, [Lane(points, slot=2)]), 1.5).lanes
    assert 3 <= len(few.points) <= 10
    assert few.slot == 2
    assert np.nanmax(np.abs(few.x_at(points[:, 1]) - points[:, 0])) < 1.6
    assert (few.points == np.round(few.points, 2)).all()


# -- damaged files -----------------------------------------------------------------------------------------------------

numbers = st.sampled_from([0, -1, 1.5, 1e308, -1e308, 10**400, float("nan"), float("inf")])
plain = (
    st.none()
    | st.booleans()
    | numbers
    | st.text(max_size=5)
    | st.sampled_from(["../x", "/etc/passwd", "a\0b", "\ud800"])
)
values = st.recursive(plain, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3))


def whole_files(folder: Path) -> dict[str, Path]:
    """Write a healthy file for each tool."""
    files = {name: folder / f"{name}.{'xml' if name == 'cvat' else 'json'}" for name in READERS}
    lanes = drawn_scenes.road().lanes
    scene = Scene(SIZE, [lanes[0], Lane(lanes[1].points, 0.5, 1, 7, {"color": "white", "worn": "true"})])
    cvat.write(files["cvat"], [("a.jpg", scene), ("b.jpg", scene)])
    labelme.write(files["labelme"], "a.jpg", scene)
    label_studio.write(files["label_studio"], [("a.jpg", scene), ("b.jpg", scene)], model="m")
    annotation = {
        "image_id": 1, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 2], "segmentation": [[1, 2, 3, 4, 5, 6]],
        "attributes": {"slot": "1"}, "track_id": 3,
    }  # fmt: skip
    image = {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}
    document = {"images": [image], "annotations": [annotation], "categories": [{"id": 1, "name": "lane"}]}
    files["coco"].write_text(json.dumps(document))
    return files


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    files = whole_files(tmp_path_factory.mktemp("healthy"))
    for name, path in files.items():
        assert sum(len(drawing.shapes) for drawing in READERS[name](path)) >= 2
    return {name: path.read_bytes() for name, path in files.items()}


def read_all(name: str, path: Path) -> None:
    """Read a file in every way; whatever stands in it, nothing but a `LanelightError` comes out."""
    told = path.name
    try:
        for drawing in READERS[name](path):
            assert not Path(drawing.name).is_absolute()
            assert ".." not in Path(drawing.name).parts
            everything = Meaning(classes={"lane": 1}, outlines=frozenset({"road"}))
            scene = to_scene(drawing, SIZE, everything)
            assert all(np.isfinite(lane.points).all() for lane in scene.lanes)
    except LanelightError as error:
        told = str(error)
    assert path.name in told


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=80)
def test_files_cut_off_or_with_wrong_bytes_are_refused_by_name(
    healthy: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = healthy[name]
    start = data.draw(st.integers(0, len(content)))
    inserted = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"-", b"e999", b"nan", b"NaN", b"<", b"[", b"../", b"\0"])
    )
    stop = data.draw(st.integers(start, min(len(content), start + 20)) | st.just(len(content)))
    path = tmp_path_factory.mktemp("fuzz") / f"a{'.xml' if name == 'cvat' else '.json'}"
    path.write_bytes(content[:start] + inserted + content[stop:])
    read_all(name, path)


@pytest.mark.parametrize("name", ["labelme", "label_studio", "coco"])
@given(data=st.data())
@settings(max_examples=150)
def test_json_with_one_wrong_value_is_read_or_refused_by_name(
    healthy: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    document = json.loads(healthy[name])
    holder, key = data.draw(st.sampled_from(list(places(document))))
    holder[key] = data.draw(values)
    path = tmp_path_factory.mktemp("fuzz") / "a.json"
    path.write_text(json.dumps(document))
    read_all(name, path)


@pytest.mark.parametrize("name", READERS)
@given(value=values)
@example(value=[[[[]]]])
def test_any_json_value_is_refused_by_name_or_empty(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.json"
    path.write_text(json.dumps(value))
    read_all(name, path)


@pytest.mark.parametrize("name", READERS)
def test_lists_in_lists_without_end_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(FormatError, match=r"a\.json"):
        list(READERS[name](path))


@pytest.mark.parametrize("name", READERS)
def test_missing_and_far_too_large_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="cannot read"):
        list(READERS[name](tmp_path / "missing.json"))
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(2**31)  # a hole: it takes no space
    with pytest.raises(FormatError, match="at most"):
        list(READERS[name](huge))


def test_one_shape_cannot_have_points_without_end() -> None:
    kind: Kind = "line"
    many: FloatArray = np.zeros((5, 2))
    assert len(scene_of(Shape(kind, "lane", many)).lanes[0].points) == 5
    with pytest.raises(ValueError, match="up to 100000 rows"):
        our_points(np.zeros((100_001, 2)))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (list or object, place in it) of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from places(inner)
