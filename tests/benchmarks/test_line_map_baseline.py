from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from line_maps import LineMapDecoder

from lanelight.datasets import TuSimple
from lanelight.frames import read_image
from lanelight.metrics import TuSimpleAccuracy

FEET, MEETING = (-300, 180, 470, 900), (320, 140)


def _map(*, dashes: bool = False) -> np.ndarray:
    line = np.zeros((360, 640), np.uint8)
    for foot in FEET:
        cv2.line(line, (foot, 359), MEETING, 200, 5)
    line[:150] = 0
    if dashes:
        line[(np.arange(360) // 24) % 2 == 1] = 0
    return line


@pytest.mark.parametrize("dashes", [False, True])
def test_lines_of_a_map_become_lanes_in_slots(dashes: bool) -> None:
    scene = LineMapDecoder()(_map(dashes=dashes), (1280, 720))
    assert [lane.slot for lane in scene.lanes] == [0, 1, 2, 3]
    for lane, foot in zip(scene.lanes, FEET, strict=True):
        x = MEETING[0] + (foot - MEETING[0]) * (260 - MEETING[1]) / (359 - MEETING[1])
        assert lane.x_at([520.5])[0] == pytest.approx(2 * x + 0.5, abs=6)


def test_a_line_is_led_down_to_the_bottom() -> None:
    line = _map()
    line[220:] = 0
    scene = LineMapDecoder()(line, (640, 360))
    assert [round(float(lane.points[0, 1])) for lane in scene.lanes] == [359] * 4
    assert [float(lane.points[0, 0]) for lane in scene.lanes] == pytest.approx(FEET, abs=12)


def test_specks_and_level_lines_are_no_lanes() -> None:
    line = np.zeros((360, 640), np.uint8)
    line[200:203, 100:500] = 255
    line[300:303, 320:324] = 255
    assert LineMapDecoder()(line, (640, 360)).lanes == ()
    assert LineMapDecoder()(np.zeros_like(line), (640, 360)).lanes == ()


def test_the_maps_of_another_network_do_better_than_its_plain_decoding(shared: Path) -> None:
    data = TuSimple(shared / "data/tusimple", shared / "data/tusimple/label_data_pool.json")
    metric, decode = TuSimpleAccuracy(), LineMapDecoder()
    for index, key in enumerate(data.keys):
        file = (shared / "data/twinlitenet_outputs/tusimple" / key).with_suffix(".png")
        pred = decode(np.ascontiguousarray(read_image(file)[..., 0]), (1280, 720))
        rows = data.entries[index].rows
        assert rows is not None
        metric.update(pred, data.scene(index, (1280, 720)), rows=rows)
    figures = metric.compute()
    assert figures["accuracy"] > 0.70  # a plain decoding has 0.68, 0.47 and 0.53
    assert figures["fp"] < 0.42
    assert figures["fn"] < 0.50
