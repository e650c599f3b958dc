"""What two ways of running a network find is compared frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from lanelight.geometry import Lane, Scene
from lanelight.runtime.differences import lane_distance, scene_difference

SIZE = (820, 590)


def lane(x: float, slot: int | None = None) -> Lane:
    return Lane(np.array([[x, 580.0], [x, 300.0]]), slot=slot)


def test_lanes_without_slots_are_compared_with_the_nearest() -> None:
    first = Scene(SIZE, [lane(100), lane(200, 1), lane(700)])
    assert lane_distance(first, Scene(SIZE, [lane(100), lane(203, 1), lane(700)])) == pytest.approx(3)
    assert lane_distance(first, Scene(SIZE, [lane(101), lane(200, 1), lane(705)])) == pytest.approx(5)
    assert lane_distance(first, Scene(SIZE, [lane(20), lane(101), lane(200, 1), lane(705)])) == pytest.approx(5)
    assert lane_distance(first, Scene(SIZE, [lane(600, 2)])) == 0


def test_a_lane_too_many_costs_score_and_no_distance() -> None:
    gold = [Scene(SIZE, [lane(200, 0), lane(500, 1)]), Scene(SIZE)]
    pred = [Scene(SIZE, [lane(202, 0), lane(500, 1), lane(700, 2)]), Scene(SIZE)]
    found = scene_difference(gold, pred)
    assert (found.frames, found.lanes, found.same_lanes, found.other_class) == (2, 2, 1, None)
    assert (found.lane_px, found.mean_px) == (2.0, 1.0)
    assert found.f1 == pytest.approx(0.8)


def test_lines_are_as_wide_as_the_frame_asks_for() -> None:
    gold, pred = [Scene(SIZE, [lane(200, 0)])], [Scene(SIZE, [lane(208, 0)])]
    assert scene_difference(gold, pred).f1 == 0.0  # of 15 px lines 8 px apart a third is shared, of 30 px lines half


def test_nothing_in_both_is_no_difference() -> None:
    classes = np.zeros(SIZE[::-1], np.uint8)
    other = classes.copy()
    other[:59] = 1
    found = scene_difference([Scene(SIZE, (), classes)], [Scene(SIZE, (), other)])
    assert (found.lane_px, found.mean_px, found.f1, found.same_lanes) == (None, None, None, 1)
    assert found.other_class == pytest.approx(0.1)
