"""Overlays: lanes lie where the scene has them, and the frame stays as it was."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene
from lanelight.render import draw_lanes, lane_color
from lanelight.render.palette import SLOT_COLORS

SIZE = (320, 180)


def frame(brightness: int = 90) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((SIZE[1], SIZE[0], 3), brightness, np.uint8)


def upright(x: float, slot: int | None, top: float = 60.0) -> Lane:
    return Lane(np.array([[x, 170.0], [x, top]]), slot=slot)


def test_a_lane_has_its_slot_s_colour_along_its_points_and_nowhere_else() -> None:
    drawn = draw_lanes(frame(), Scene(SIZE, [upright(100, 0)]))
    assert (drawn[61:169, 100] == SLOT_COLORS[0]).all()
    assert (drawn[:50] == 90).all()
    assert (drawn[:, 110:] == 90).all()
    assert (drawn[:, :90] == 90).all()


def test_the_frame_itself_is_not_changed() -> None:
    given_frame = frame()
    draw_lanes(given_frame, Scene(SIZE, [upright(100, 1), upright(200, 2)]), text="hello", legend=True)
    assert (given_frame == 90).all()


def test_the_ego_lane_is_tinted_between_its_lines_over_their_common_rows() -> None:
    scene = Scene(SIZE, [upright(100, 1, top=80.0), upright(200, 2, top=60.0)])
    drawn = draw_lanes(frame(), scene).astype(int)
    inside, above, beside = drawn[90:160, 150], drawn[:75, 150], drawn[90:160, 250]
    assert (inside[:, 1] > 100).all()
    assert (inside[:, 0] < 80).all()
    assert (above == 90).all()
    assert (beside == 90).all()
    assert (draw_lanes(frame(), scene, fill=False)[90:160, 150] == 90).all()


def test_one_ego_line_alone_or_crossed_ones_tint_nothing() -> None:
    for lanes in ([upright(100, 1)], [upright(200, 1), upright(100, 2)]):
        assert (draw_lanes(frame(), Scene(SIZE, lanes))[90:160, 150] == 90).all()


def test_the_classes_of_a_scene_without_lanes_are_tinted_and_unknown_pixels_are_not() -> None:
    classes = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    classes[100:120, 50:90] = 1
    classes[:20] = 255
    scene = Scene(SIZE, classes=classes)
    drawn = draw_lanes(frame(), scene)
    assert (np.abs(drawn[100:120, 50:90].astype(int) - 90).max(axis=2) > 40).all()
    assert (drawn[classes != 1] == 90).all()
    assert (draw_lanes(frame(), scene, fill=False) == 90).all()
    with_lane = draw_lanes(frame(), Scene(SIZE, [upright(200, 0)], classes))
    assert (with_lane[100:120, 50:90] == 90).all()  # classes beside lanes are something else, such as the road


def test_a_scene_of_another_size_is_refused() -> None:
    with pytest.raises(LanelightError, match="got 640x480"):
        draw_lanes(frame(), Scene((640, 480)))


points = st.lists(st.tuples(*2 * (st.floats(-1e9, 1e9) | st.just(float("nan")),)), max_size=6)


@given(st.lists(st.tuples(points, st.sampled_from([None, 0, 1, 2, 3, 17])), max_size=5))
def test_any_lane_can_be_drawn(lanes: list[tuple[list[tuple[float, float]], int | None]]) -> None:
    scene = Scene(SIZE, [Lane(np.array(path), slot=slot) for path, slot in lanes])
    assert draw_lanes(frame(), scene, text="x", legend=True).shape == frame().shape


def test_slots_have_colours_that_differ_in_brightness_or_hue() -> None:
    colors = np.array([lane_color(upright(0, slot)) for slot in range(6)], dtype=int)
    gaps = np.abs(colors[:, None] - colors[None]).sum(axis=2)[np.triu_indices(6, 1)]
    assert gaps.min() > 80
    assert lane_color(Lane(np.empty((0, 2)), track=3)) == SLOT_COLORS[3]
    assert lane_color(Lane(np.empty((0, 2))), place=2) == SLOT_COLORS[2]


def test_text_and_legend_stand_in_the_top_left_corner() -> None:
    drawn = draw_lanes(frame(), Scene(SIZE, [upright(300, 3)]), text="12.5 frames/s", legend=True)
    assert (drawn[:60, :120] != 90).any()
    assert (drawn[:60, 200:280] == 90).all()


def test_drawing_a_hd_frame_takes_a_few_milliseconds() -> None:
    big = np.full((720, 1280, 3), 90, np.uint8)
    lanes = [Lane(np.stack([np.linspace(x, 640, 60), np.linspace(719, 400, 60)], 1), slot=k)
             for k, x in enumerate((-200, 300, 1000, 1500))]  # fmt: skip
    durations = []
    for _ in range(15):
        start = time.thread_time()
        draw_lanes(big, Scene((1280, 720), lanes))
        durations.append(time.thread_time() - start)
    assert min(durations) < 0.010  # about 1 ms on an idle machine
