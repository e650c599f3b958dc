from __future__ import annotations

import numpy as np
import pytest

from lanelight.geometry import Lane, Scene
from lanelight.metrics import TuSimpleAccuracy
from lanelight.metrics.any_size import count_any_size


def _scene(size: tuple[int, int], *columns: float, slots: bool = True) -> Scene:
    rows = np.arange(0.0, size[1])
    lanes = [
        Lane(np.stack([np.full_like(rows, x), rows], axis=1), slot=k if slots else None) for k, x in enumerate(columns)
    ]
    return Scene(size, lanes)


@pytest.mark.parametrize(("apart_px", "hit"), [(7.5, 1.0), (8.5, 0.0)])
def test_the_tolerance_grows_and_shrinks_with_the_frame(apart_px: float, hit: float) -> None:
    metric = TuSimpleAccuracy()
    count_any_size(metric, _scene((512, 224), 100 + apart_px), _scene((512, 224), 100))  # 20 px of 1280 are 8 of 512
    assert metric.compute()["accuracy"] == hit


def test_lanes_without_a_slot_do_not_count_and_a_frame_without_others_is_left_out() -> None:
    metric = TuSimpleAccuracy()
    count_any_size(metric, _scene((512, 224)), _scene((512, 224), 100, slots=False))
    assert metric.frames == 0
