from __future__ import annotations

import time

import numpy as np
import pytest

from lanelight.errors import LanelightError
from lanelight.formats.cityscapes import TRAIN_NAMES
from lanelight.geometry import Lane, Scene
from lanelight.render import class_colors, color_map, draw_lanes, draw_triptych
from lanelight.render.classes import classes_in, draw_legend
from lanelight.render.palette import CLASS_COLORS, EGO_FILL, SHADE, SLOT_COLORS

SIZE = (320, 180)
NAMES = ("other", "road", "marking")
CITY = TRAIN_NAMES

Map = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def frame() -> Map:
    return np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def road() -> Map:
    classes = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    classes[100:, 50:270] = 1
    classes[:20] = 255
    return classes


def lane(x: float, slot: int) -> Lane:
    return Lane(np.array([[x, 170.0], [x, 60.0]]), slot=slot)


def test_classes_have_the_colours_of_the_data_set_and_background_none() -> None:
    assert class_colors(CITY) == tuple(CLASS_COLORS[name] for name in CITY)
    assert class_colors(NAMES) == (None, EGO_FILL, SLOT_COLORS[2])
    assert class_colors(("road", "grass")) == (CLASS_COLORS["road"], SLOT_COLORS[1])


def test_a_map_becomes_colours_and_the_unknown_is_dark() -> None:
    classes = np.array([[0, 13, 255, 19]], np.uint8)
    assert color_map(classes, CITY).tolist() == [[list(CLASS_COLORS["road"]), [0, 0, 142], list(SHADE), list(SHADE)]]


def test_the_road_is_tinted_and_nothing_else() -> None:
    drawn = draw_lanes(frame(), Scene(SIZE, classes=road()), class_names=NAMES)
    expected = 0.45 * 90 + 0.55 * np.array(EGO_FILL)
    assert np.abs(drawn[100:, 50:270] - expected).max() <= 1
    assert (drawn[road() != 1] == 90).all()


def test_lanes_and_classes_are_drawn_together() -> None:
    scene = Scene(SIZE, [lane(100, 1), lane(200, 2)], road())
    both = draw_lanes(frame(), scene, class_names=NAMES)
    alone = draw_lanes(frame(), Scene(SIZE, classes=road()), class_names=NAMES)
    assert (both[62:168, 100] == SLOT_COLORS[1]).all()
    between = (slice(110, 170), slice(110, 190))
    assert np.array_equal(both[between], alone[between])  # the tint of the ego lane does not hide the class
    assert (draw_lanes(frame(), scene, class_names=NAMES, fill=False)[between] == 90).all()


def test_the_legend_names_what_is_there_and_stands_below_the_text() -> None:
    entries = classes_in(road(), NAMES)
    assert entries == [("road", EGO_FILL)]
    drawn = draw_lanes(frame(), Scene(SIZE, classes=road()), class_names=NAMES, legend=True, text="hello")
    plain = draw_lanes(frame(), Scene(SIZE, classes=road()), class_names=NAMES, text="hello")
    rows = np.flatnonzero((drawn != plain).any(axis=(1, 2)))
    assert rows[0] >= 14
    assert rows[-1] < 40
    assert (drawn[rows[0] : rows[-1]] == EGO_FILL).all(axis=2).sum() >= 40


def test_a_legend_larger_than_the_picture_is_cut_off() -> None:
    small = np.full((30, 20, 3), 200, np.uint8)
    draw_legend(small, [(name, CLASS_COLORS[name]) for name in CITY])
    assert (small < 200).any()
    untouched = small.copy()
    draw_legend(small, [])
    draw_legend(small, [("road", EGO_FILL)], below=40)
    assert np.array_equal(small, untouched)


def test_a_triptych_has_its_parts_side_by_side_and_a_legend_below() -> None:
    classes = road()
    pred, gold = Scene(SIZE, classes=classes), Scene(SIZE, classes=np.zeros_like(classes))
    three, two = draw_triptych(frame(), pred, gold, NAMES), draw_triptych(frame(), pred, None, NAMES)
    assert three.shape[0] == two.shape[0]
    assert three.shape[1] - two.shape[1] == 326
    assert (three[28 + 150, 6 + 160] == 90).all()
    assert tuple(three[28 + 150, 6 + 326 + 160]) == SHADE
    assert tuple(three[28 + 150, 6 + 2 * 326 + 160]) == EGO_FILL
    assert (three[-20:] == EGO_FILL).all(axis=2).any()
    many = draw_triptych(
        frame(), Scene(SIZE, classes=np.arange(180 * 320).reshape(180, 320).astype(np.uint8)), None, CITY
    )
    assert many.shape[0] > two.shape[0]  # the legend takes several rows


def test_scenes_of_another_size_are_refused() -> None:
    with pytest.raises(LanelightError, match="prediction without"):
        draw_triptych(frame(), Scene((10, 10), classes=np.zeros((10, 10), np.uint8)), None, NAMES)


def test_a_frame_of_cityscapes_is_drawn_in_tens_of_milliseconds() -> None:
    big = np.full((1024, 2048, 3), 90, np.uint8)
    scene = Scene((2048, 1024), classes=np.repeat(np.arange(1024) // 54, 2048).reshape(1024, 2048).astype(np.uint8))
    durations = []
    for _ in range(5):
        start = time.thread_time()
        draw_lanes(big, scene, class_names=CITY, legend=True)
        durations.append(time.thread_time() - start)
    assert min(durations) < 0.06  # about 10 ms on an idle machine
