from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.warp import IGNORE, affine, flip

SIZE = (320, 180)


def painted(a: tuple[int, int], b: tuple[int, int]) -> tuple[NDArray[np.uint8], Scene]:
    """Return a black frame with one white line from a to b, and the Scene that says so."""
    frame = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    cv2.line(frame, a, b, (255, 255, 255), 5)
    lane = Lane(np.array([a, b], dtype=np.float64), 0.5, slot=1, track=4, attributes={"color": "white"})
    return frame, Scene(SIZE, (lane,), np.minimum(frame[..., 0], 1))


def brightness(frame: NDArray[np.uint8], lane: Lane) -> FloatArray:
    """Return the pixel values under a lane, inside the frame and away from its ends."""
    x, y = np.round(lane.resample(3.0).points[1:-1]).astype(int).T
    inside = (x >= 3) & (x < frame.shape[1] - 3) & (y >= 3) & (y < frame.shape[0] - 3)
    return np.asarray(frame[y[inside], x[inside], 0], dtype=np.float64)


ends = st.tuples(st.integers(20, 299), st.integers(20, 159))


@given(ends, ends, st.integers(0, 3))
def test_a_flipped_line_stays_under_its_lane(a: tuple[int, int], b: tuple[int, int], slot: int) -> None:
    frame, scene = painted(a, b)
    mirrored, there = flip(frame, scene)
    assert (brightness(mirrored, there.lanes[0]) > 200).all()
    np.testing.assert_array_equal(mirrored[:, ::-1], frame)
    assert there.lanes[0].slot == 2
    assert there.classes is not None
    np.testing.assert_array_equal(there.classes, np.minimum(mirrored[..., 0], 1))


@given(st.lists(st.tuples(ends, ends), max_size=4))
def test_flipped_twice_is_as_before(lines: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    lanes = tuple(Lane(np.array(line, dtype=np.float64), slot=k % 4, track=k) for k, line in enumerate(lines))
    frame = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    scene = Scene(SIZE, lanes, frame[..., 1].copy())
    back_frame, back = flip(*flip(frame, scene))
    np.testing.assert_array_equal(back_frame, frame)
    np.testing.assert_array_equal(np.asarray(back.classes), np.asarray(scene.classes))
    for lane, again in zip(scene.lanes, back.lanes, strict=True):
        np.testing.assert_array_equal(lane.points, again.points)
        assert (lane.slot, lane.track) == (again.slot, again.track)


def test_slots_are_mirrored_and_lanes_keep_their_order_from_the_left() -> None:
    lanes = tuple(Lane(np.array([[x, 0.0], [x, 9.0]]), slot=slot) for slot, x in enumerate((10.0, 50.0, 90.0, 130.0)))
    _, there = flip(np.zeros((180, 320, 3), np.uint8), Scene(SIZE, lanes))
    assert [lane.slot for lane in there.lanes] == [0, 1, 2, 3]
    assert [lane.points[0, 0] for lane in there.lanes] == [189, 229, 269, 309]
    some = Scene(SIZE, (Lane(np.zeros((2, 2)), slot=0), Lane(np.zeros((2, 2)))))
    _, other = flip(np.zeros((180, 320, 3), np.uint8), some, slots=6)
    assert [lane.slot for lane in other.lanes] == [None, 5]
    assert other.classes is None


@given(ends, ends, st.floats(-20, 20), st.floats(0.6, 1.6), st.tuples(st.floats(-40, 40), st.floats(-40, 40)))
def test_a_line_stays_under_its_lane_when_the_frame_is_turned_scaled_and_moved(
    a: tuple[int, int], b: tuple[int, int], degrees: float, scale: float, shift_px: tuple[float, float]
) -> None:
    frame, scene = painted(a, b)
    matrix = np.asarray(cv2.getRotationMatrix2D((160.0, 90.0), degrees, scale), dtype=np.float64)
    matrix[:, 2] += shift_px
    moved, there = affine(frame, scene, matrix, (400, 240))
    assert moved.shape == (240, 400, 3)
    assert there.size == (400, 240)
    assert (brightness(moved, there.lanes[0]) > 150).all()
    lane = there.lanes[0]
    assert (lane.score, lane.slot, lane.track, dict(lane.attributes)) == (0.5, 1, 4, {"color": "white"})


def test_pixels_from_outside_the_frame_have_no_class() -> None:
    frame, scene = painted((20, 20), (100, 100))
    right_by_100 = np.array([[1.0, 0.0, 100.0], [0.0, 1.0, 0.0]])
    moved, there = affine(frame, scene, right_by_100, SIZE)
    assert there.classes is not None
    assert (there.classes[:, :100] == IGNORE).all()
    np.testing.assert_array_equal(there.classes[:, 100:], np.asarray(scene.classes)[:, :220])
    np.testing.assert_array_equal(moved[:, 100:], frame[:, :220])
