from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.geometry import Lane, Scene
from lanelight.geometry.ego import ego_indices, ego_pair, left_to_right, slotted, x_at_bottom

SIZE = (200, 101)  # bottom row 100, middle 99.5


def to(bottom_x: float, *, top_x: float = 100.0, slot: int | None = None) -> Lane:
    return Lane(np.array([[bottom_x, 100.0], [top_x, 20.0]]), slot=slot)


def test_the_nearest_lane_on_either_side_is_chosen_left_first() -> None:
    lanes = [to(180), to(20), to(140), to(60)]
    assert ego_indices(lanes, SIZE) == (3, 2)
    assert ego_pair(lanes, SIZE) == (lanes[3], lanes[2])


def test_a_side_without_lanes_gives_none() -> None:
    assert ego_indices([to(20), to(60)], SIZE) == (1,)
    assert ego_indices([to(120)], SIZE) == (0,)
    assert ego_indices([], SIZE) == ()


def test_the_middle_of_the_frame_belongs_to_the_right() -> None:
    assert ego_indices([to(99.5), to(99.4), to(101)], SIZE) == (1, 0)


def test_a_lane_that_ends_early_is_continued_along_its_lowest_fifth() -> None:
    bend = [[150.0, 0.0], [150.0, 40.0], [145.0, 45.0], [140.0, 50.0]]  # 50 rows: the lowest 10 head for x = 90
    assert ego_indices([Lane(np.array(bend)), to(80), to(120)], SIZE) == (0, 2)
    assert ego_indices([Lane(np.array(bend[::-1])), to(80), to(120)], SIZE) == (0, 2)


def test_a_lane_with_one_point_in_its_lowest_fifth_takes_the_next_one_too() -> None:
    far = Lane(np.array([[110.0, 50.0], [130.0, 30.0], [30.0, 10.0]]))  # the lowest two head for x = 60
    assert ego_indices([far, to(50), to(140)], SIZE) == (0, 2)


def test_lanes_that_go_on_below_the_frame_are_taken_where_they_leave_it() -> None:
    assert ego_indices([Lane(np.array([[0.0, 200.0], [100.0, 0.0]])), to(40), to(160)], SIZE) == (0, 2)  # x = 50


def test_a_level_lane_keeps_its_x() -> None:
    assert ego_indices([Lane(np.array([[80.0, 50.0], [90.0, 50.0]])), to(60)], SIZE) == (0,)


@pytest.mark.parametrize("slot", [None, 1])
def test_lanes_with_fewer_than_two_distinct_points_are_never_chosen(slot: int | None) -> None:
    nothing = [np.empty((0, 2)), np.array([[90.0, 100.0]]), np.array([[90.0, 100.0]] * 2), np.full((3, 2), np.nan)]
    half = np.array([[90.0, 100.0], [np.nan, 20.0]])
    assert ego_indices([Lane(points, slot=slot) for points in (*nothing, half)], SIZE) == ()


def test_slots_go_before_geometry_when_every_lane_has_one() -> None:
    lanes = [to(120, slot=2), to(20, slot=1), to(60, slot=0), to(130, slot=3)]
    assert ego_indices(lanes, SIZE) == (1, 0)
    assert ego_indices(lanes[1:], SIZE) == (0,)
    assert ego_indices([*lanes, to(150)], SIZE) == (2, 0)  # one lane without a slot: geometry
    assert ego_indices([to(10, slot=1), to(90, slot=1)], SIZE) == (0,)


@given(st.lists(st.floats(-50, 250), unique=True, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_lanes_does_not_matter(bottoms: list[float], random: Random) -> None:
    lanes = [to(x) for x in bottoms]
    shuffled = random.sample(lanes, len(lanes))
    assert ego_pair(shuffled, SIZE) == ego_pair(lanes, SIZE)
    chosen = [float(lane.points[0, 0]) for lane in ego_pair(lanes, SIZE)]
    assert chosen == [*sorted(x for x in bottoms if x < 99.5)[-1:], *sorted(x for x in bottoms if x >= 99.5)[:1]]


def test_slots_are_counted_from_the_vehicle() -> None:
    dot = Lane(np.array([[5.0, 5.0]]))
    scene = slotted(Scene(SIZE, [to(180), to(20), to(140), dot, to(60), to(5), to(199)]))
    assert [lane.slot for lane in scene.lanes] == [3, 0, 2, None, 1, None, None]


def test_slots_that_are_there_stay() -> None:
    scene = Scene(SIZE, [to(180, slot=0), to(20)])
    assert slotted(scene) is scene


def test_lanes_stand_from_left_to_right_where_they_would_meet_the_bottom_row() -> None:
    outer = Lane(np.array([[0.0, 60.0], [90.0, 20.0]]))  # leaves the frame at its left side, above the others' feet
    lanes = [to(180), to(5), Lane(np.empty((0, 2))), outer, Lane(np.array([[100.0, 40.0]]))]
    assert left_to_right(lanes, SIZE) == [outer, lanes[1], lanes[4], lanes[0], lanes[2]]
    assert x_at_bottom(outer, 100.0) == pytest.approx(-90.0)


def test_lanes_stand_in_the_order_of_their_slots_where_each_has_its_own() -> None:
    lanes = [to(20, slot=2), to(180, slot=0), to(100, slot=1)]
    assert left_to_right(lanes, SIZE) == [lanes[1], lanes[2], lanes[0]]
    without = to(60)
    assert left_to_right([*lanes, without], SIZE) == [lanes[0], without, lanes[2], lanes[1]]
