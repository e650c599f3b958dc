from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from accuracy import COLUMNS, WORLDS, join
from finders import median_lanes
from numpy.typing import NDArray
from trials import interval

from lanelight.datasets.synthetic import WORLDS as RENDERED
from lanelight.geometry import Lane, Scene

SIZE = (640, 360)


def _upright(*places: float, low: float = 350.0) -> Scene:
    rows = np.arange(low, 200.0, -5.0)
    return Scene(SIZE, [Lane(np.stack([np.full_like(rows, x), rows], axis=1)) for x in places])


def test_constant_lanes_are_medians_slot_by_slot() -> None:
    scene = median_lanes([_upright(100, 400), _upright(110, 430), _upright(180, 410), _upright(20, 120)])
    assert {lane.slot: float(np.median(lane.points[:, 0])) for lane in scene.lanes} == {1: 115.0, 2: 410.0}
    assert (np.diff(scene.lanes[0].points[:, 1]) < 0).all()


def test_rows_and_slots_that_most_labels_lack_have_no_constant_lane() -> None:
    scene = median_lanes([_upright(100, low=300), _upright(100, low=300), _upright(100, 400, low=350)])
    assert [lane.slot for lane in scene.lanes] == [1]
    assert scene.lanes[0].points[:, 1].max() == 300.0


def test_an_interval_holds_the_figure_and_is_the_same_again() -> None:
    values = np.random.default_rng(3).normal(0.7, 0.1, 400)

    def mean(chosen: Sequence[int]) -> float:
        return float(values[list(chosen)].mean())

    low, high = interval(mean, len(values))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.3)
    assert interval(mean, len(values)) == (low, high)


def test_frames_that_resemble_their_neighbours_widen_the_interval() -> None:
    runs = np.repeat(np.random.default_rng(4).normal(0.7, 0.1, 40), 10)
    alone = np.random.default_rng(5).permutation(runs)

    def width(values: NDArray[np.float64]) -> float:
        low, high = interval(lambda chosen: float(values[list(chosen)].mean()), len(values))
        return high - low

    assert width(runs) > 1.5 * width(alone)


def test_every_rendered_world_has_its_column() -> None:
    assert set(WORLDS) == set(RENDERED)
    rows = {"a": {"method": "a"}}
    join(rows, {"a": {f"rendered_{world}": 1.0 for world in WORLDS}})
    assert set(rows["a"]) <= set(COLUMNS)
    with pytest.raises(KeyError, match="unheard"):
        join(rows, {"a": {"unheard": 1.0}})
