from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.formats import tusimple
from lanelight.formats.tusimple_labels import label_rows, rows, to_label
from lanelight.geometry import Lane, Scene

SIZE = (1280, 720)
USUAL = tusimple.ROWS


def lane(*points: tuple[float, float]) -> Lane:
    return Lane(np.array(points, dtype=np.float64))


def test_rows_are_the_benchmarks_in_its_frame_and_whole_in_others() -> None:
    assert rows(720).tolist() == USUAL.tolist()
    assert rows(1080).tolist() == np.round((USUAL + 0.5) * 1.5 - 0.5).tolist()
    assert len(rows(40)) == len(set(rows(40).tolist()))


def test_a_lane_of_few_points_is_interpolated_between_them() -> None:
    label = to_label(Scene(SIZE, [lane((400, 700), (500, 600))]), "a.jpg", USUAL)
    assert [x for x in label["lanes"][0] if x >= 0] == list(range(500, 399, -10))
    assert list(label) == ["lanes", "h_samples", "raw_file"]
    assert all(type(value) is int for value in label["h_samples"])


def test_gaps_of_a_lane_that_was_sampled_on_the_rows_stay_gaps() -> None:
    sampled = lane(*((400 + 0.3 * y, y) for y in range(700, 300, -10) if not 500 <= y <= 540))
    [back] = back_from(Scene(SIZE, [sampled])).lanes
    assert back.points.tobytes() == sampled.points.tobytes()


def test_lanes_without_a_point_are_kept() -> None:
    scene = back_from(Scene(SIZE, [Lane(np.empty((0, 2))), lane((1, 700), (2, 690))]))
    assert [len(one.points) for one in scene.lanes] == [0, 2]


def test_rows_of_another_benchmark_are_taken_where_all_points_lie_on_them() -> None:
    culane = Scene((1640, 590), [lane(*((300.125 + y, float(y)) for y in range(590, 300, -10)))])
    assert label_rows(culane).tolist() == list(range(310, 600, 10))
    assert back_from(culane).lanes[0].points.tobytes() == culane.lanes[0].points.tobytes()
    sparse = Scene((1640, 590), [lane((1, 590), (2, 300)), *culane.lanes])
    assert label_rows(sparse).tolist() == rows(590).tolist()
    assert label_rows(Scene(SIZE, [lane((1, 700.5), (2, 690.5))])).tolist() == USUAL.tolist()
    assert label_rows(Scene(SIZE)).tolist() == USUAL.tolist()


row = st.sampled_from(USUAL.tolist())
some_lanes = st.lists(st.dictionaries(row, st.floats(0, 1279), max_size=56), max_size=5)


@given(some_lanes)
def test_what_is_read_is_written_so_that_it_is_read_the_same(lanes: list[dict[float, float]]) -> None:
    given_lanes = [lane(*((x, y) for y, x in sorted(points.items(), reverse=True))) for points in lanes]
    once = back_from(Scene(SIZE, [Lane(one.points.reshape(-1, 2)) for one in given_lanes]))
    twice = back_from(once)
    assert [one.points.tolist() for one in once.lanes] == [one.points.tolist() for one in twice.lanes]


@pytest.mark.parametrize(
    "name", ["label_data_0313.json", "label_data_0531.json", "label_data_0601.json", "test_label.json"]
)
def test_every_real_label_is_read_and_written_and_read_the_same(shared: Path, name: str) -> None:
    different = 0
    for entry in tusimple.read_labels(shared / "data/tusimple_eval" / name):
        scene = tusimple.to_scene(entry)
        again = back_from(scene)
        different += [one.points.tolist() for one in scene.lanes] != [one.points.tolist() for one in again.lanes]
    assert different == 0


def back_from(scene: Scene) -> Scene:
    label = to_label(scene, "a.jpg", label_rows(scene))
    lanes = tuple(np.array(x, dtype=np.float64) for x in json.loads(json.dumps(label))["lanes"])
    entry = tusimple.Entry(
        "a.jpg", tuple(np.where(x < 0, np.nan, x) for x in lanes), np.array(label["h_samples"], float)
    )
    return tusimple.to_scene(entry, scene.size)
