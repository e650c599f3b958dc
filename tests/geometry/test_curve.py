from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray
from lanelight.geometry.curve import arc_length, clip_to_frame, resample

SIZE = (640, 360)
polylines = st.integers(2, 8).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.integers(-300, 900)))


def distance(point: FloatArray, line: FloatArray) -> float:
    """Return how far a point lies from a polyline, px."""
    a, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((point - a) * step).sum(axis=1) / length, 0, 1)
    return float(np.linalg.norm(a + share[:, None] * step - point, axis=1).min())


@given(polylines)
def test_what_is_left_after_clipping_lies_in_the_frame_and_on_the_line(points: FloatArray) -> None:
    inside = clip_to_frame(points, SIZE)
    assert (inside >= -0.5 - 1e-6).all()
    assert (inside <= np.array(SIZE) - 0.5 + 1e-6).all()
    assert all(distance(point, points) < 1e-6 for point in inside)


@given(polylines)
def test_no_point_inside_the_frame_is_on_a_longer_part_than_the_one_kept(points: FloatArray) -> None:
    kept = arc_length(clip_to_frame(points, SIZE))
    dense = resample(points, 1.0)
    steps = np.append(0.0, np.diff(arc_length(dense)))
    longest = run = 0.0
    for (x, y), step in zip(dense, steps, strict=True):
        inside = -0.5 < x < SIZE[0] - 0.5 and -0.5 < y < SIZE[1] - 0.5
        run = run + float(step) if inside else 0.0
        longest = max(longest, run)
    assert (kept[-1] if len(kept) else 0.0) >= longest - 2.0


@given(polylines)
def test_a_line_inside_the_frame_is_left_as_it_is(points: FloatArray) -> None:
    points = np.abs(points) % 300
    moves = (np.diff(points, axis=0) != 0).any(axis=1)
    moving: FloatArray = points[np.append([True], moves)]
    if len(moving) > 1:
        np.testing.assert_allclose(clip_to_frame(moving, SIZE), moving, atol=1e-9)


def test_a_line_through_the_frame_ends_on_its_edges() -> None:
    np.testing.assert_allclose(clip_to_frame(np.array([[-100.0, 50], [800, 50]]), SIZE), [[-0.5, 50], [639.5, 50]])


def test_lines_outside_the_frame_and_single_points_leave_nothing() -> None:
    outside: list[list[list[float]]] = [[[-5, 0], [-1, 300]], [[0, 400], [600, 361]], [[5, 5]]]
    for line in outside:
        assert clip_to_frame(np.array(line, dtype=np.float64), SIZE).shape == (0, 2)
    assert clip_to_frame(np.empty((0, 2)), SIZE).shape == (0, 2)


def test_of_two_parts_inside_the_longer_one_is_kept() -> None:
    out_and_in = np.array([[10.0, 10], [10, -50], [300, -50], [300, 200]])
    np.testing.assert_allclose(clip_to_frame(out_and_in, SIZE), [[300.0, -0.5], [300.0, 200.0]])


def test_resampled_points_are_evenly_spaced_along_the_line() -> None:
    bent = np.array([[0.0, 0], [3, 4], [3, 10]])
    assert resample(bent, 2.5).tolist() == [[0, 0], [1.5, 2], [3, 4], [3, 6.5], [3, 9], [3, 10]]


def test_lines_without_length_are_left_as_they_are() -> None:
    assert resample(np.array([[1.0, 2]]), 1).tolist() == [[1, 2]]
    assert resample(np.array([[1.0, 2], [1, 2]]), 1).tolist() == [[1, 2], [1, 2]]
    assert resample(np.empty((0, 2)), 1).shape == (0, 2)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan")])
def test_a_step_that_goes_nowhere_is_refused(step: float) -> None:
    with pytest.raises(LanelightError, match="positive step"):
        resample(np.zeros((2, 2)), step)
