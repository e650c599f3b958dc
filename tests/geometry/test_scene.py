from __future__ import annotations

import numpy as np
import pytest

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene


def test_a_scene_without_lanes_and_classes_is_a_valid_answer() -> None:
    scene = Scene((1280, 720))
    assert scene.lanes == ()
    assert scene.classes is None
    assert scene.in_slot(1) is None


def test_lanes_are_found_by_slot() -> None:
    left, right = (Lane(np.zeros((2, 2)), slot=slot) for slot in (1, 2))
    scene = Scene((8, 4), [Lane(np.zeros((2, 2))), right, left], np.zeros((4, 8), np.uint8))
    assert scene.in_slot(1) is left
    assert scene.in_slot(2) is right
    assert scene.in_slot(0) is None
    assert isinstance(scene.lanes, tuple)


@pytest.mark.parametrize("size", [(0, 5), (5, -1)])
def test_a_size_that_is_not_positive_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(LanelightError, match=r"positive \(width, height\)"):
        Scene(size)


def test_a_class_map_of_another_shape_is_refused() -> None:
    with pytest.raises(LanelightError, match=r"expected shape \(4, 8\)"):
        Scene((8, 4), classes=np.zeros((8, 4), np.uint8))
