from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane, Scene, Viewport
from lanelight.geometry.curve import arc_length
from lanelight.geometry.warp import (
    IGNORE,
    SHORTEST_PX,
    Warp,
    cornered,
    flip,
    mirrored,
    scaled,
    shifted,
    turned,
)

SIZE = (320, 180)
TARGET = (240, 160)
THICK_PX = 5
LINE_PX = 6  # 2 px and more in every target


def painted(a: tuple[int, int], b: tuple[int, int]) -> tuple[NDArray[np.uint8], Scene]:
    """Return a black frame with one white line from a to b, and the Scene that says so."""
    frame = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    cv2.line(frame, a, b, (255, 255, 255), THICK_PX)
    lane = Lane(np.array([a, b], dtype=np.float64), 0.5, slot=1, track=4, attributes={"color": "white"})
    return frame, Scene(SIZE, (lane,), np.minimum(frame[..., 0], 1))


def brightness(frame: NDArray[np.uint8], lane: Lane) -> FloatArray:
    """Return the pixel values under a lane, inside the frame and away from its ends."""
    x, y = np.round(lane.resample(3.0).points[1:-1]).astype(int).T
    inside = (x >= 3) & (x < frame.shape[1] - 3) & (y >= 3) & (y < frame.shape[0] - 3)
    return np.asarray(frame[y[inside], x[inside], 0], dtype=np.float64)


def drawn(lanes: list[Lane], size: tuple[int, int], width_px: float, supersampled: int = 8) -> NDArray[np.bool_]:
    """Return which pixels are covered by half and more when lines are drawn `width_px` wide."""
    canvas = np.zeros((size[1] * supersampled, size[0] * supersampled), np.uint8)
    for lane in lanes:
        fine = (lane.points + 0.5) * supersampled - 0.5
        fixed = np.round(np.clip(fine, -1e5, 1e5) * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [fixed], False, 255, round(width_px * supersampled), cv2.LINE_8, 4)
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA) > 127)


def apart_px(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the largest distance from a pixel of `mask` to the nearest of `other`, px."""
    if not mask.any():
        return 0.0
    if not other.any():
        return float("inf")
    far = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(far[mask].max())


ends = st.tuples(st.integers(20, 299), st.integers(20, 159))
anywhere = st.tuples(st.integers(-60, 380), st.integers(-60, 240))


@st.composite
def similarities(draw: st.DrawFn) -> tuple[Warp, float]:
    """Draw resize, flip, turn and shift that scale all lengths alike, and the scale."""
    scale = draw(st.floats(0.5, 1.5))
    target = (round(SIZE[0] * 0.75), round(SIZE[1] * 0.75))
    matrix = turned(draw(st.floats(-25, 25)), target, scale) @ scaled(0.75, 0.75)
    if draw(st.booleans()):
        matrix = mirrored(target[0]) @ matrix
    return Warp(SIZE, target, shifted(draw(st.floats(-40, 40)), draw(st.floats(-30, 30))) @ matrix), 0.75 * scale


@st.composite
def warps(draw: st.DrawFn) -> Warp:
    """Draw resize, crop, flip, turn, scale, shift and perspective, in one matrix."""
    matrix = scaled(TARGET[0] / SIZE[0], TARGET[1] / SIZE[1])
    if draw(st.booleans()):
        matrix = mirrored(TARGET[0]) @ matrix
    matrix = turned(draw(st.floats(-25, 25)), TARGET, draw(st.floats(0.7, 1.5))) @ matrix
    matrix = shifted(draw(st.floats(-40, 40)), draw(st.floats(-30, 30))) @ matrix
    if draw(st.booleans()):
        moves = np.array(draw(st.lists(st.floats(-16, 16), min_size=8, max_size=8))).reshape(4, 2)
        matrix = cornered(TARGET, moves) @ matrix
    return Warp(SIZE, TARGET, matrix)


@given(ends, ends, st.integers(0, 3))
def test_a_flipped_line_stays_under_its_lane(a: tuple[int, int], b: tuple[int, int], slot: int) -> None:
    frame, scene = painted(a, b)
    other, there = flip(frame, scene)
    assert (brightness(other, there.lanes[0]) > 200).all()
    np.testing.assert_array_equal(other[:, ::-1], frame)
    assert there.lanes[0].slot == 2
    assert there.classes is not None
    np.testing.assert_array_equal(there.classes, np.minimum(other[..., 0], 1))


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


def test_a_warp_that_mirrors_does_what_flip_does() -> None:
    frame, scene = painted((30, 170), (200, 20))
    warp = Warp(SIZE, SIZE, mirrored(SIZE[0]))
    there, (image, again) = warp.scene(scene), flip(frame, scene)
    np.testing.assert_array_equal(warp.image(frame), image)
    np.testing.assert_array_equal(np.asarray(there.classes), np.asarray(again.classes))
    np.testing.assert_allclose(there.lanes[0].points, again.lanes[0].points)
    assert there.lanes[0].slot == again.lanes[0].slot == 2


@given(ends, ends, warps())
def test_a_line_stays_under_its_lane_whatever_the_warp(a: tuple[int, int], b: tuple[int, int], warp: Warp) -> None:
    frame, scene = painted(a, b)
    image, there = warp.image(frame), warp.scene(scene)
    assert image.shape == (TARGET[1], TARGET[0], 3)
    assert there.size == TARGET
    for lane in there.lanes:
        assert (brightness(image, lane) > 100).all()
        assert (lane.score, lane.slot, lane.track, dict(lane.attributes)) == (
            0.5,
            2 if warp.mirrors else 1,
            4,
            {"color": "white"},
        )


@given(st.lists(anywhere, min_size=2, max_size=5, unique=True), similarities())
def test_a_warped_raster_and_the_raster_of_the_warped_lane_differ_by_at_most_one_px(
    points: list[tuple[int, int]], similarity: tuple[Warp, float]
) -> None:
    warp, scale = similarity
    scene = Scene(SIZE, (Lane(np.array(points, dtype=np.float64)),))
    moved = warp.classes(drawn(list(scene.lanes), SIZE, LINE_PX).astype(np.uint8))
    ours = drawn(list(warp.scene(scene).lanes), warp.target, LINE_PX * scale)
    # A line that runs beside the frame, cut there, may reach in by half its width.
    rim = 2 * math.ceil(LINE_PX * scale) + 1
    known = cv2.copyMakeBorder((moved != IGNORE).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    clear = cv2.erode(known, np.ones((rim, rim), np.uint8))[1:-1, 1:-1] == 1
    assert apart_px((moved == 1) & clear, ours) <= 1.0
    assert apart_px(ours & clear, moved == 1) <= 1.0


@given(ends, ends, warps())
def test_the_middle_of_a_line_is_where_its_lane_is_under_perspective_too(
    a: tuple[int, int], b: tuple[int, int], warp: Warp
) -> None:
    frame, scene = painted(a, b)
    image, there = warp.image(frame)[..., 0].astype(np.float64), warp.scene(scene)
    for lane in there.lanes:
        (x0, y0), (x1, y1) = lane.points[0], lane.points[-1]
        if abs(y1 - y0) < 1.5 * abs(x1 - x0):
            continue
        rows = np.arange(math.ceil(min(y0, y1)) + 12, math.floor(max(y0, y1)) - 12)
        x = lane.x_at(rows)
        clear = (x > 16) & (x < TARGET[0] - 16) & (rows > 4) & (rows < TARGET[1] - 4)
        weights = image[rows[clear]]
        middle = (weights * np.arange(TARGET[0])).sum(axis=1) / weights.sum(axis=1)
        assert np.abs(middle - x[clear]).max(initial=0) <= 1.0


@given(st.lists(anywhere, min_size=2, max_size=6), warps())
def test_a_lane_that_leaves_either_frame_ends_on_its_border(points: list[tuple[int, int]], warp: Warp) -> None:
    given_points = np.array(points, dtype=np.float64)
    there = warp.scene(Scene(SIZE, (Lane(given_points),)))
    back = np.linalg.inv(warp.matrix)
    for lane in there.lanes:
        inside = np.minimum(lane.points + 0.5, np.array(TARGET) - 0.5 - lane.points).min(axis=1)
        assert inside.min() > -1e-6
        assert arc_length(lane.points)[-1] >= SHORTEST_PX
        for end, own_end in ((0, 0), (-1, -1)):
            seen = np.append(lane.points[end], 1.0) @ back.T
            source = seen[:2] / seen[2]
            to_border = min(*(source + 0.5), *(np.array(SIZE) - 0.5 - source))
            is_own_end = np.linalg.norm(source - given_points[own_end]) < 1e-6
            assert is_own_end or abs(inside[end]) < 1.0 or abs(to_border) < 1.0


def test_a_lane_that_comes_back_into_the_frame_becomes_two_in_the_order_of_its_points() -> None:
    out_and_in = Lane(np.array([[10.0, 170], [10, 100], [-200, 90], [10, 80], [10, 20]]), slot=1, track=7)
    there = Warp(SIZE, SIZE, np.eye(3)).scene(Scene(SIZE, (out_and_in,)))
    assert [(lane.slot, lane.track) for lane in there.lanes] == [(1, 7), (1, 7)]
    np.testing.assert_allclose(there.lanes[0].points[[0, -1], 0], [10, -0.5])
    np.testing.assert_allclose(there.lanes[1].points[[0, -1], 0], [-0.5, 10])
    assert there.lanes[0].points[0, 1] > there.lanes[1].points[-1, 1]


def test_what_lies_behind_the_plane_at_infinity_is_cut() -> None:
    # Depth falls from 1 at x = 0 to 0 at x = 200.
    warp = Warp(SIZE, (100, 180), np.array([[1.0, 0, 0], [0, 1, 0], [-1 / 200, 0, 1]]))
    there = warp.scene(Scene(SIZE, (Lane(np.array([[20.0, 50], [319, 50]])),)))
    assert len(there.lanes) == 1
    x = there.lanes[0].points[:, 0]
    np.testing.assert_allclose(x, [20 / 0.9, 99.5])


def test_points_that_are_no_numbers_are_left_out() -> None:
    lane = Lane(np.array([[10.0, 100], [np.nan, 80], [10, 60]]))
    there = Warp(SIZE, SIZE, np.eye(3)).scene(Scene(SIZE, (lane, Lane(np.empty((0, 2))), Lane(np.array([[3.0, 3]])))))
    assert [len(kept.points) for kept in there.lanes] == [2]


def test_pixels_from_outside_the_frame_have_no_class() -> None:
    frame, scene = painted((20, 20), (100, 100))
    right_by_100 = Warp(SIZE, SIZE, shifted(100, 0))
    moved, there = right_by_100.image(frame, (9, 8, 7)), right_by_100.scene(scene)
    assert there.classes is not None
    assert (there.classes[:, :100] == IGNORE).all()
    np.testing.assert_array_equal(there.classes[:, 100:], np.asarray(scene.classes)[:, :220])
    np.testing.assert_array_equal(moved[:, 100:], frame[:, :220])
    assert (moved[:, :99] == (9, 8, 7)).all()


@given(warps())
def test_the_outside_is_filled_where_there_is_no_class_and_nowhere_else(warp: Warp) -> None:
    image = np.full((TARGET[1], TARGET[0], 3), 200, np.uint8)
    filled = warp.fill_outside(image.copy(), (1, 2, 3))
    outside = warp.classes(np.zeros((SIZE[1], SIZE[0]), np.uint8)) == IGNORE
    inner, outer = (cv2.erode(part.astype(np.uint8), np.ones((3, 3), np.uint8)) == 1 for part in (~outside, outside))
    assert (filled[inner] == 200).all()
    assert (filled[outer] == (1, 2, 3)).all()


@given(st.integers(0, 100), st.integers(0, 60), st.integers(8, 220), st.integers(8, 120), st.booleans())
def test_the_warp_of_a_viewport_gives_the_viewports_own_pixels_and_points(
    x0: int, y0: int, width: int, height: int, mirror: bool
) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    view = Viewport(SIZE, (x0, y0, x0 + width, y0 + height), (96, 48))
    warp = Warp.of(view)
    assert warp.view == view
    np.testing.assert_array_equal(warp.image(frame), view.apply(frame))
    points = np.array([[3.5, 7.25], [100.0, 90.0]])
    np.testing.assert_allclose(warp.to_target(points), view.to_target(points), atol=1e-9)
    if mirror:
        other = Warp(SIZE, view.target, mirrored(96) @ warp.matrix)
        np.testing.assert_array_equal(other.image(frame), view.apply(frame)[:, ::-1])


def test_a_turn_leaves_the_middle_alone_and_goes_counter_clockwise() -> None:
    middle = np.array([[159.5, 89.5], [169.5, 89.5]])
    moved = Warp(SIZE, SIZE, turned(90.0, SIZE, 2.0)).to_target(middle)
    np.testing.assert_allclose(moved, [[159.5, 89.5], [159.5, 69.5]], atol=1e-9)


def test_fine_stripes_do_not_alias_where_a_turned_frame_is_shrunk() -> None:
    frame = np.zeros((512, 512, 3), np.uint8)
    frame[:, ::2] = 255
    image = Warp((512, 512), (128, 128), turned(0.01, (128, 128)) @ scaled(0.25, 0.25)).image(frame)
    assert np.abs(image[4:-4, 4:-4].astype(int) - 127).max() <= 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Warp(SIZE, SIZE, np.zeros((3, 3))), "invertible"),
        (lambda: Warp(SIZE, SIZE, np.eye(2)), "invertible"),
        (lambda: Warp(SIZE, SIZE, np.eye(3)).image(np.zeros((4, 4, 3), np.uint8)), "expected a frame of 320x180"),
        (lambda: Warp(SIZE, SIZE, np.eye(3)).scene(Scene((4, 4))), "expected a scene of 320x180"),
        (lambda: Warp(SIZE, SIZE, mirrored(320)).scene(Scene(SIZE, [Lane(np.eye(2), slot=5)])), "slots in 0..3"),
    ],
)
def test_a_mistake_is_named(call: object, says: str) -> None:
    assert callable(call)
    with pytest.raises(LanelightError, match=says):
        call()
