from __future__ import annotations

import cv2
import numpy as np
import pytest
from hough import HoughLanes

from lanelight.datasets.synthetic import WORLDS, SyntheticRoads
from lanelight.geometry import Scene
from lanelight.geometry.ego import slotted
from lanelight.runtime.scoring_lines import LineCounts

MEETING, FEET = (320, 150), (-60, 200, 440, 700)


def _drawn(size: tuple[int, int] = (640, 360)) -> np.ndarray:
    frame = np.full((360, 640, 3), 90, np.uint8)
    for foot in FEET:
        cv2.line(frame, (foot, 359), MEETING, (230, 230, 230), 4, cv2.LINE_AA)
    frame[:150] = 160
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (320, 180)])
def test_straight_lines_are_found_at_any_size(size: tuple[int, int]) -> None:
    scene = HoughLanes()(_drawn(size))
    assert [lane.slot for lane in scene.lanes] == [0, 1, 2, 3]
    scale = size[0] / 640
    for lane, foot in zip(scene.lanes, FEET, strict=True):
        row = 250.0
        true = MEETING[0] + (foot - MEETING[0]) * (row - MEETING[1]) / (359 - MEETING[1])
        assert lane.x_at([row * scale])[0] == pytest.approx(true * scale, abs=5 * scale)


@pytest.mark.parametrize("frame", [np.full((360, 640, 3), 90, np.uint8), np.zeros((2, 640, 3), np.uint8)])
def test_a_frame_without_edges_has_no_lanes(frame: np.ndarray) -> None:
    assert HoughLanes()(frame).lanes == ()


def test_lines_of_one_side_alone_meet_nowhere() -> None:
    frame = np.full((360, 640, 3), 90, np.uint8)
    cv2.line(frame, (100, 359), (300, 150), (230, 230, 230), 5, cv2.LINE_AA)
    assert HoughLanes()(frame).lanes == ()


def test_the_lines_of_plain_rendered_roads_are_found() -> None:
    roads = SyntheticRoads(WORLDS["plain"], seed=5, length=30)
    counts = LineCounts()
    for index in range(len(roads)):
        _, frame, gold = roads[index]
        wanted = [lane for lane in slotted(gold).lanes if lane.slot in range(4)]
        counts.add(index, HoughLanes()(frame), Scene(gold.size, wanted))
    assert counts.figures()["iou_0.5"]["f1"] > 0.5
