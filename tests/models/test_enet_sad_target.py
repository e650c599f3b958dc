from __future__ import annotations

import numpy as np

from lanelight.datasets.augment import Augment
from lanelight.datasets.placement import Window
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.models import MODELS

SIZE = (128, 56)


def test_a_lane_of_two_points_that_a_crop_cuts_on_both_sides_still_exists() -> None:
    lane = Lane(np.array([[40.0, 111.0], [200.0, 0.0]]), slot=1)
    frame, scene = np.zeros((112, 256, 3), np.uint8), Scene((256, 112), [lane])
    middle = Augment(window=Window(scale=(2.0, 2.0), x=(0.5, 0.5), y=(0.5, 0.5)))
    _, seen = middle.apply(frame, scene, SIZE, np.random.default_rng(0))
    target = MODELS["enet_sad"](size=SIZE).target(seen, Viewport.whole(SIZE))
    assert target["exist"].tolist() == [0, 1, 0, 0]
    assert (target["lanes"] == 2).any()


def test_a_lane_beside_the_frame_does_not_exist() -> None:
    lane = Lane(np.array([[-3.0, 50.0], [-3.0, 0.0]]), slot=1)
    target = MODELS["enet_sad"](size=SIZE).target(Scene(SIZE, [lane]), Viewport.whole(SIZE))
    assert target["exist"].tolist() == [0, 0, 0, 0]
