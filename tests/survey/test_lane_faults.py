from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lanelight.geometry import Lane, Scene
from lanelight.survey.lanes import CROSSING, OUTSIDE, SAME_PX, lane_faults

SIZE = (1000, 400)
ROWS = np.arange(399.0, 100.0, -10.0)


def straight(bottom: float, top: float) -> Lane:
    """Return a lane from x `bottom` at row 399 to x `top` at row 109."""
    return Lane(np.stack([np.linspace(bottom, top, len(ROWS)), ROWS], axis=1))


def along(points: list[tuple[float, float]]) -> Lane:
    return Lane(np.array(points))


def kinds(*lanes: Lane, ordered: bool = True) -> list[str]:
    return [fault.kind for fault in lane_faults(Scene(SIZE, lanes), ordered=ordered)]


def test_points_may_lie_a_twentieth_of_the_frame_outside() -> None:
    inside = [(300.0, 399.0), (200.0, 300.0)]
    edge = -0.5 - OUTSIDE * SIZE[0]
    assert kinds(along([*inside, (edge, 200.0)])) == []
    assert kinds(along([*inside, (edge - 0.1, 200.0)])) == ["outside_frame"]


def test_a_lane_without_a_point_inside_is_a_fault_however_near() -> None:
    assert kinds(straight(500, 500), along([(-1.0, 399.0), (-2.0, 300.0)])) == ["outside_frame"]


def test_lanes_cross_from_one_hundredth_of_the_width_on() -> None:
    limit = CROSSING * SIZE[0]
    assert kinds(straight(400, 500 + limit - 0.5), straight(600, 500)) == []
    assert kinds(straight(400, 500 + limit + 4.0), straight(600, 500)) == ["crossing_lanes"]


def test_markings_across_the_road_cross_others_by_nature() -> None:
    across = Lane(straight(300, 700).points, attributes={"laneDirection": "vertical"})
    walk = Lane(straight(310, 720).points, attributes={"laneTypes": "crosswalk"})
    assert kinds(straight(700, 300), across, walk, ordered=False) == []


def test_lanes_are_the_same_up_to_two_px() -> None:
    assert kinds(straight(400, 500), straight(400 + SAME_PX, 500 + SAME_PX)) == ["duplicate_lane"]
    assert kinds(straight(400, 500), straight(400 + SAME_PX + 0.1, 500 + SAME_PX + 0.1)) == []


def test_a_short_lane_beside_a_long_one_is_not_the_same() -> None:
    lane = straight(400, 500)
    assert kinds(lane, Lane(lane.points[:10] + 0.5)) == []


def test_order_is_asked_for_only_where_the_format_has_one() -> None:
    points = straight(400, 500).points[[0, 1, 3, 2, 4]]
    assert kinds(Lane(points)) == ["unsorted_points"]
    assert kinds(Lane(points), ordered=False) == []
    assert kinds(Lane(points[::-1])) == ["unsorted_points"]


def test_a_closed_outline_repeats_its_first_point_without_fault() -> None:
    ring = [(100.0, 300.0), (200.0, 300.0), (200.0, 350.0), (100.0, 350.0), (100.0, 300.0)]
    assert kinds(along(ring), ordered=False) == []
    assert kinds(along([*ring[:3], ring[1], *ring[3:]]), ordered=False) == ["repeated_point"]


def test_two_lanes_in_one_slot_are_a_fault() -> None:
    lanes = [Lane(straight(bottom, bottom).points, slot=1) for bottom in (200, 600)]
    assert kinds(*lanes) == ["slot_twice"]


@given(arrays(np.float64, st.tuples(st.integers(0, 6), st.just(2)), elements=st.floats(width=64)), st.booleans())
def test_any_numbers_are_taken(points: np.ndarray, ordered: bool) -> None:
    lanes = (Lane(points), straight(400, 500), Lane(points[::-1]))
    for fault in lane_faults(Scene(SIZE, lanes), ordered=ordered):
        assert fault.lane is None or 0 <= fault.lane < 3
        assert np.isfinite(np.array(fault.points)).all()
