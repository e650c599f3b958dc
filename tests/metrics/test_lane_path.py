"""From points to whole pixels, as the CULane tool goes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oracles.natural_spline import natural_spline

from lanelight.metrics.lane_path import LOWEST, lane_path


def path_of(*points: tuple[float, float]) -> list[list[int]]:
    path: list[list[int]] = lane_path(np.array(points, dtype=np.float32)).tolist()
    return path


@given(st.lists(st.tuples(st.integers(-200, 1800), st.integers(-100, 700)), min_size=3, max_size=12, unique=True))
def test_the_path_follows_the_natural_spline(points: list[tuple[int, int]]) -> None:
    exact = np.array(points, dtype=np.float64)
    wanted = np.rint(natural_spline(exact, 50))
    path = lane_path(exact.astype(np.float32))
    changes = np.concatenate([[True], (np.diff(wanted, axis=0) != 0).any(axis=1)])
    merged = wanted[changes]
    if len(path) == len(merged):
        assert np.abs(path - merged).max() <= 1  # a sample on a half is rounded either way
    assert path[0].tolist() == list(points[0])
    assert path[-1].tolist() == list(points[-1])
    steps = np.diff(path, axis=0)
    assert (steps != 0).any(axis=1).all()


def test_two_points_are_one_straight_line_and_equal_ones_a_dot() -> None:
    assert path_of((10.4, 20.6), (300, 100)) == [[10, 21], [300, 100]]
    assert path_of((10, 20), (10.2, 20.2)) == [[10, 20]]


def test_halves_are_rounded_to_even() -> None:
    assert path_of((0.5, 1.5), (2.5, 103.5)) == [[0, 2], [2, 104]]


def test_a_point_given_twice_in_a_row_leaves_a_line_from_nowhere_to_the_last_point() -> None:
    assert path_of((10, 500), (10, 500), (30, 400), (50, 300)) == [[LOWEST, LOWEST], [50, 300]]


def test_what_no_32_bit_integer_holds_becomes_the_lowest_one() -> None:
    assert path_of((3e9, 5), (-3e9, 7)) == [[LOWEST, 5], [LOWEST, 7]]
    assert path_of((float("inf"), 5), (8, 7)) == [[LOWEST, 5], [8, 7]]


def test_chord_lengths_are_formed_in_double() -> None:
    """In float32 the first path would have a step more, and the squares of the second one's would be infinite.

    The official tool widens the float32 differences; both paths are as a C++ program has them that does so.
    """
    ordinary = path_of((275.2, 590), (250.1, 570), (278.5, 550), (275.8, 530))
    assert len(ordinary) == 96
    assert [254, 578] not in ordinary
    far = path_of((1e20, 500), (100, 580), (90, 560))
    assert far[:2] == [[LOWEST, 500], [LOWEST, LOWEST]]
    assert far[-2:] == [[90, 561], [90, 560]]
    assert len(far) == 33
