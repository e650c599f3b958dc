from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane

px = st.floats(-2000, 2000)


@st.composite
def descending(draw: st.DrawFn) -> FloatArray:
    """Draw points from the vehicle outwards, no two on one row."""
    y = sorted(draw(st.lists(st.integers(0, 800), min_size=2, max_size=12, unique=True)), reverse=True)
    x = draw(st.lists(px, min_size=len(y), max_size=len(y)))
    return np.array([x, y], dtype=np.float64).T


@given(descending(), st.lists(st.floats(-100, 900), max_size=8))
def test_x_between_points_is_linear_and_nan_outside(points: FloatArray, rows: list[float]) -> None:
    wanted = np.interp(rows, points[::-1, 1], points[::-1, 0], left=np.nan, right=np.nan)
    np.testing.assert_allclose(Lane(points).x_at(rows), wanted, atol=1e-6)


@given(descending())
def test_x_at_the_rows_of_its_points_is_theirs_in_any_order_of_points(points: FloatArray) -> None:
    np.testing.assert_allclose(Lane(points).x_at(points[:, 1]), points[:, 0], atol=1e-9)
    np.testing.assert_allclose(Lane(points[::-1]).x_at(points[:, 1]), points[:, 0], atol=1e-9)


def test_the_first_meeting_with_a_row_counts() -> None:
    there_and_back = Lane(np.array([[0.0, 100.0], [10.0, 50.0], [20.0, 100.0]]))
    assert there_and_back.x_at([75]).tolist() == [5.0]
    level = Lane(np.array([[3.0, 100.0], [9.0, 100.0]]))
    assert level.x_at([100]).tolist() == [3.0]


def test_points_that_are_not_finite_are_passed_over() -> None:
    lane = Lane(np.array([[0.0, 100.0], [np.nan, 90.0], [20.0, 80.0]]))
    assert lane.x_at([90]).tolist() == [10.0]


def test_lanes_of_one_and_of_no_point() -> None:
    assert np.isnan(Lane(np.empty((0, 2))).x_at([1, 2])).all()
    np.testing.assert_array_equal(Lane(np.array([[5.0, 7.0]])).x_at([6, 7]), [np.nan, 5.0])
    assert Lane(np.array([])).points.shape == (0, 2)
    assert Lane(np.array([[5.0, 7.0]])).x_at([]).shape == (0,)


def test_the_callers_array_may_change_later_and_the_lanes_may_not() -> None:
    points = np.zeros((2, 2))
    lane = Lane(points)
    points[:] = 5
    assert lane.points.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match="read-only"):
        lane.points[0, 0] = 1


@pytest.mark.parametrize("points", [np.zeros((2, 3)), np.zeros(4), np.zeros((1, 2, 2))])
def test_points_that_are_no_pairs_are_refused(points: FloatArray) -> None:
    with pytest.raises(LanelightError, match=r"expected shape \(P, 2\)"):
        Lane(points)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_outside_its_range_is_refused(score: float) -> None:
    with pytest.raises(LanelightError, match=r"value in \[0, 1\]"):
        Lane(np.zeros((2, 2)), score)


@given(descending(), st.floats(0.5, 200))
def test_resampling_keeps_ends_spacing_and_what_is_known(points: FloatArray, step_px: float) -> None:
    lane = Lane(points, 0.5, slot=1, track=7, attributes={"style": "dashed"})
    dense = lane.resample(step_px)
    np.testing.assert_allclose(dense.points[[0, -1]], points[[0, -1]], atol=1e-9)
    assert (np.linalg.norm(np.diff(dense.points, axis=0), axis=1) <= step_px * (1 + 1e-9)).all()
    x, y = dense.points.T
    np.testing.assert_allclose(lane.x_at(y), x, atol=1e-5 * (1 + np.abs(points).max()))
    assert (dense.score, dense.slot, dense.track, dict(dense.attributes)) == (0.5, 1, 7, {"style": "dashed"})


def test_known_points_are_those_with_both_coordinates() -> None:
    lane = Lane(np.array([[1.0, 9.0], [np.nan, 8.0], [3.0, np.inf], [4.0, 6.0]]))
    assert lane.known_points.tolist() == [[1.0, 9.0], [4.0, 6.0]]
    assert Lane(np.empty((0, 2))).known_points.shape == (0, 2)
