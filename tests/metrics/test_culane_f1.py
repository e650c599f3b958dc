"""CULane F1 over Scenes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene
from lanelight.metrics import CULaneF1

SIZE = (1640, 590)
TEN = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))


def straight(bottom: float, top: float) -> Lane:
    y = np.arange(590.0, 260.0, -30.0)
    return Lane(np.stack([bottom + (590 - y) / 330 * (top - bottom), y], axis=1))


def scene(*xs: tuple[float, float]) -> Scene:
    return Scene(SIZE, [straight(*x) for x in xs])


LANES = st.lists(st.tuples(st.integers(-200, 1800), st.integers(500, 1100)), max_size=5)


def f1(pred: Scene, gold: Scene, threshold: float = 0.5) -> float:
    metric = CULaneF1((threshold,))
    metric.update(pred, gold)
    return float(metric.compute()[f"iou_{threshold!r}"]["f1"])


def test_a_perfect_prediction_scores_one_at_every_threshold() -> None:
    metric = CULaneF1(TEN)
    truth = scene((300, 700), (900, 820), (1500, 950))
    metric.update(truth, truth)
    figures = metric.compute()
    assert figures["mf1"] == 1.0
    assert figures["iou_0.95"] == {"tp": 3, "fp": 0, "fn": 0, "precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_a_shift_by_half_the_width_is_right_at_03_and_wrong_at_05() -> None:
    metric = CULaneF1((0.3, 0.5))
    metric.update(scene((815, 815)), scene((800, 800)))
    figures = metric.compute()
    assert [figures[key]["tp"] for key in ("iou_0.3", "iou_0.5")] == [1, 0]


def test_ratios_of_nothing_are_minus_one_and_f1_is_zero() -> None:
    metric = CULaneF1()
    assert metric.compute() == {
        "iou_0.5": {"tp": 0, "fp": 0, "fn": 0, "precision": -1.0, "recall": -1.0, "f1": 0.0},
        "mf1": 0.0,
    }
    metric.update(scene((800, 800)), scene())
    assert metric.compute()["iou_0.5"] == {"tp": 0, "fp": 1, "fn": 0, "precision": 0.0, "recall": -1.0, "f1": 0.0}


@given(LANES, LANES, st.tuples(st.integers(-200, 1800), st.integers(500, 1100)))
def test_an_extra_false_lane_never_raises_the_score(
    pred: list[tuple[int, int]], gold: list[tuple[int, int]], extra: tuple[int, int]
) -> None:
    false = Lane(np.array([(20.0, 40.0), (1600.0, 40.0)]))  # across the sky, where no true lane is
    with_false = Scene(SIZE, [*scene(*pred).lanes, false])
    assert f1(with_false, scene(*gold)) <= f1(scene(*pred), scene(*gold))


@given(st.lists(st.tuples(LANES, LANES), max_size=6), st.randoms(use_true_random=False))
def test_neither_the_order_of_frames_nor_that_of_merges_changes_anything(
    frames: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]], random: object
) -> None:
    def counted(order: list[int]) -> CULaneF1:
        metric = CULaneF1(TEN)
        for index in order:
            metric.update(scene(*frames[index][0]), scene(*frames[index][1]))
        return metric

    half = len(frames) // 2
    order = list(range(len(frames)))
    whole = counted(order).compute()
    assert counted(order[::-1]).compute() == whole
    first, second = counted(order[:half]), counted(order[half:])
    second.merge(first)
    assert second.compute() == whole


@given(st.lists(st.integers(0, 8), min_size=1, max_size=5, unique=True), st.permutations(range(5)))
def test_lanes_in_another_order_score_the_same_where_none_are_alike(places: list[int], order: list[int]) -> None:
    gold = [(200 * place, 700 + 20 * place) for place in places]
    pred = [(x + 4, top) for x, top in gold]
    moved = [pred[index] for index in order if index < len(pred)]
    assert f1(scene(*moved), scene(*gold)) == f1(scene(*pred), scene(*gold)) == 1.0


def test_the_order_of_lanes_counts_where_the_benchmarks_own_rule_lets_it() -> None:
    """Of two lanes within the matching's slack of 0.01 the first is taken, here the one below the threshold."""
    whole, below, above = (Lane(np.array([(800.0, -100.0), (800.0, y)])) for y in (700.0, 281.0, 285.0))
    gold = Scene(SIZE, [whole])
    assert f1(Scene(SIZE, [above]), gold) == 1.0
    assert f1(Scene(SIZE, [below]), gold) == 0.0
    assert f1(Scene(SIZE, [above, below]), gold) == 2 / 3
    assert f1(Scene(SIZE, [below, above]), gold) == 0.0


def test_ego_lanes_are_those_beside_the_vehicle() -> None:
    metric = CULaneF1(lanes="ego")
    metric.update(scene((700, 800), (1000, 850)), scene((100, 700), (700, 800), (1000, 850), (1600, 900)))
    assert metric.compute()["iou_0.5"]["f1"] == 1.0


def test_impossible_settings_are_refused() -> None:
    for thresholds in ((), (0.5, 0.5), (1.0,), (-0.1,)):
        with pytest.raises(LanelightError, match="thresholds"):
            CULaneF1(thresholds)
    with pytest.raises(LanelightError, match="2 to 32767 px"):
        CULaneF1(line_px=1)
    with pytest.raises(LanelightError, match="frame of"):
        CULaneF1().update(Scene((800, 288)), Scene(SIZE))
    with pytest.raises(LanelightError, match="merge"):
        CULaneF1((0.5,)).merge(CULaneF1((0.3,)))
