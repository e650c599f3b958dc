from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry.curve import arc_length
from lanelight.geometry.simplify import simplify

coordinate = st.floats(-2000, 2000)
polylines = st.lists(st.tuples(coordinate, coordinate), max_size=40).map(lambda rows: np.array(rows).reshape(-1, 2))


def distance(point: np.ndarray, line: np.ndarray) -> float:
    """Return the distance of a point from a polyline, px, by trying a thousand places of each piece."""
    share = np.linspace(0, 1, 1001)[:, None]
    pieces = [a + share * (b - a) for a, b in pairwise(line)] or [line]
    return min(float(np.linalg.norm(piece - point, axis=1).min()) for piece in pieces)


@given(polylines, st.floats(0.1, 50))
def test_every_point_left_out_lies_within_the_tolerance_of_the_rest(points: np.ndarray, tolerance: float) -> None:
    few = simplify(points, tolerance)
    grain = 4000 * np.sqrt(2) / 1000  # of the oracle
    assert all(distance(point, few) <= tolerance + grain for point in points)


@given(polylines, st.floats(0, 50))
def test_points_are_kept_as_they_are_in_order_with_both_ends(points: np.ndarray, tolerance: float) -> None:
    few = simplify(points, tolerance).tolist()
    rest = iter(points.tolist())
    assert all(point in rest for point in few)
    assert (few[:1], few[-1:]) == (points[:1].tolist(), points[-1:].tolist())


def test_a_straight_line_keeps_its_ends_and_a_corner_stays() -> None:
    along = np.linspace(0, 100, 101)
    straight = np.stack([along, 2 * along], axis=1)
    assert simplify(straight, 0.01).tolist() == [[0, 0], [100, 200]]
    bent = np.concatenate([straight, straight[-1] + np.stack([along, -along], axis=1)[1:]])
    assert simplify(bent, 0.01).tolist() == [[0, 0], [100, 200], [200, 100]]


def test_a_lane_of_a_hundred_points_becomes_one_of_a_few() -> None:
    y = np.linspace(719, 300, 100)
    curve = np.stack([640 + 2e-3 * (719 - y) ** 2, y], axis=1)
    few = simplify(curve, 1.5)
    assert 4 <= len(few) <= 12
    assert arc_length(few)[-1] == pytest.approx(arc_length(curve)[-1], rel=1e-3)


def test_a_closed_line_has_no_direction_and_is_kept_all_the_same() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], float)
    assert simplify(square, 1).tolist() == square.tolist()


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(LanelightError, match="tolerance of 0 px or more"):
        simplify(np.zeros((3, 2)), -1)
