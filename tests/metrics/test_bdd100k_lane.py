from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene
from lanelight.metrics import BDD100KLane
from lanelight.metrics.bdd100k import LaneCounts, count_lane_pixels, draw_lanes, widen

Mask = NDArray[np.bool_]
SIZE = (40, 30)

masks = arrays(np.bool_, (4, 5))
pairs = st.lists(st.tuples(masks, masks), max_size=8)


def row(*columns: int) -> Mask:
    mask = np.zeros((3, 10), np.bool_)
    mask[1, list(columns)] = True
    return mask


def test_accuracy_is_the_recall_of_lane_pixels_and_iou_counts_false_ones_too() -> None:
    metric = BDD100KLane()
    metric.add_masks(row(0, 1, 2, 3, 4, 5), row(4, 5, 6, 7))
    assert metric.compute() == {
        "accuracy": 0.5,
        "iou": 0.25,
        "frames": 1,
        "pooled": {"recall": 0.5, "precision": 2 / 6, "iou": 0.25},
    }


def test_frames_without_lanes_contribute_zero_to_the_means_and_nothing_to_the_pool() -> None:
    metric = BDD100KLane()
    metric.add_masks(row(1, 2), row(1, 2))
    metric.add_masks(row(), row())
    assert metric.compute() == {
        "accuracy": 0.5,
        "iou": 0.5,
        "frames": 2,
        "pooled": {"recall": 1.0, "precision": 1.0, "iou": 1.0},
    }
    metric.add_masks(row(3), row())
    assert metric.compute()["accuracy"] == pytest.approx(1 / 3)
    assert metric.compute()["pooled"]["precision"] == 2 / 3


def test_ratios_of_nothing_are_none() -> None:
    nothing = {"accuracy": 0.0, "iou": 0.0, "pooled": {"recall": None, "precision": None, "iou": None}}
    metric = BDD100KLane()
    assert metric.compute() == {**nothing, "frames": 0}
    metric.add_masks(row(), row())
    assert metric.compute() == {**nothing, "frames": 1}
    metric.add_masks(row(1), row(1))
    metric.reset()
    assert metric.compute() == {**nothing, "frames": 0}


@given(pairs, st.integers(0, 8), st.randoms(use_true_random=False))
def test_neither_order_nor_merges_change_a_bit(frames: list[tuple[Mask, Mask]], cut: int, random: Random) -> None:
    together, parts = BDD100KLane(), [BDD100KLane(), BDD100KLane()]
    for pred, gold in frames:
        together.add_masks(pred, gold)
    for index, (pred, gold) in enumerate(random.sample(frames, len(frames))):
        parts[index < cut].add_masks(pred, gold)
    parts[0].merge(parts[1])
    assert parts[0].compute() == together.compute()
    assert parts[0].frames == len(frames)


@given(pairs.filter(bool))
def test_the_figures_are_those_of_the_rule_written_out(frames: list[tuple[Mask, Mask]]) -> None:
    metric, accuracy, iou = BDD100KLane(), Fraction(0), Fraction(0)
    for pred, gold in frames:
        metric.add_masks(pred, gold)
        found = [(y, x) for y in range(4) for x in range(5) if pred[y, x] and gold[y, x]]
        either = [(y, x) for y in range(4) for x in range(5) if pred[y, x] or gold[y, x]]
        true = sum(map(int, gold.ravel()))
        accuracy += Fraction(len(found), true) if true else 0
        iou += Fraction(len(found), len(either)) if either else 0
    figures = metric.compute()
    assert figures["accuracy"] == pytest.approx(float(accuracy / len(frames)), abs=1e-15)
    assert figures["iou"] == pytest.approx(float(iou / len(frames)), abs=1e-15)


@given(masks.filter(lambda mask: bool(mask.any())), masks)
def test_a_copy_scores_one_and_more_false_lane_never_raises_iou(gold: Mask, more: Mask) -> None:
    assert count_lane_pixels(gold, gold).iou == count_lane_pixels(gold, gold).accuracy == 1.0
    assert count_lane_pixels(gold | more, gold).iou <= 1.0
    half = gold & more
    assert count_lane_pixels(half | (more & ~gold), gold).iou <= count_lane_pixels(half, gold).iou


def test_scenes_with_classes_have_lanes_where_the_class_is_lane() -> None:
    classes = np.zeros((30, 40), np.uint8)
    classes[:, 10:12] = 3
    classes[:, 20:30] = 1
    gold = Scene(SIZE, classes=classes)
    metric = BDD100KLane(lane_class=3)
    metric.update(Scene(SIZE, (Lane(np.array([[10.5, -5.0], [10.5, 40.0]])),)), gold)
    assert metric.compute()["pooled"] == {"recall": 1.0, "precision": 0.25, "iou": 0.25}  # 8 px against 2 px
    metric.reset()
    metric.update(gold, gold)
    assert metric.compute()["iou"] == 1.0


def test_scenes_without_classes_are_drawn_two_and_eight_pixels_wide() -> None:
    scene = Scene(SIZE, (Lane(np.array([[20.0, -5.0], [20.0, 40.0]])),))
    metric = BDD100KLane()
    metric.update(scene, scene)
    assert metric.compute()["pooled"] == {"recall": 1.0, "precision": 0.25, "iou": 0.25}
    matched = BDD100KLane(pred_width_px=2)
    matched.update(scene, scene)
    assert matched.compute()["iou"] == 1.0


@pytest.mark.parametrize("x", [20.0, 20.3, 20.5])
@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_upright_and_level_lines_are_as_wide_as_they_should_be(x: float, width: int) -> None:
    upright = draw_lanes([Lane(np.array([[x, -50.0], [x, 50.0]]))], SIZE, width)
    assert upright.sum(axis=1).tolist() == [width] * 30
    level = draw_lanes([Lane(np.array([[-50.0, x], [90.0, x]]))], SIZE, width)
    assert level.sum(axis=0).tolist() == [width] * 40


@given(st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 50)), min_size=2, max_size=4), st.floats(0.5, 12))
def test_a_drawn_lane_is_all_pixels_near_it(points: list[tuple[float, float]], width: float) -> None:
    drawn = draw_lanes([Lane(np.array(points))], SIZE, width)
    near, far = np.zeros((30, 40), np.bool_), np.ones((30, 40), np.bool_)
    y, x = np.mgrid[:30, :40].astype(float)
    for (ax, ay), (bx, by) in pairwise(points):
        steps = np.linspace(0, 1, 400)[:, None, None]  # neighbours are at most 0.2 px apart
        distance = np.hypot(x - (ax + steps * (bx - ax)), y - (ay + steps * (by - ay))).min(axis=0)
        near |= distance < width / 2 - 1e-3
        far &= distance > width / 2 + 0.2
    assert drawn[near].all()
    assert not drawn[far].any()


def test_lanes_of_fewer_than_two_finite_points_and_lanes_outside_draw_nothing() -> None:
    lanes = [np.empty((0, 2)), [[5, 5]], [[5, 5], [np.nan, 6]], [[-500, 5], [-400, 6]], [[0, 1e9], [40, 2e9]]]
    assert not draw_lanes([Lane(np.array(points, dtype=np.float64)) for points in lanes], SIZE, 8).any()


def test_widening_sets_a_square_about_every_pixel() -> None:
    mask = np.zeros((20, 20), np.bool_)
    mask[10, 10] = True
    for side in (1, 2, 3, 8):
        wide = widen(mask, side)
        rows, columns = np.nonzero(wide)
        assert wide.sum() == side * side
        assert (rows.min(), rows.max()) == (columns.min(), columns.max()) == (10 - (side - 1) // 2, 10 + side // 2)
    with pytest.raises(LanelightError, match="at least 1 px, got 0"):
        widen(mask, 0)


def test_masks_and_scenes_of_different_sizes_are_refused() -> None:
    with pytest.raises(LanelightError, match=r"\(3, 10\) bool.*\(2, 10\) bool"):
        BDD100KLane().add_masks(row(), np.zeros((2, 10), np.bool_))
    with pytest.raises(LanelightError, match="uint8"):
        count_lane_pixels(row(), row().astype(np.uint8))
    with pytest.raises(LanelightError, match=r"\(40, 30\), got \(30, 40\)"):
        BDD100KLane().update(Scene((30, 40)), Scene(SIZE))


def test_counts_of_a_frame_give_its_ratios() -> None:
    assert (LaneCounts(1, 4, 3).accuracy, LaneCounts(1, 4, 3).iou) == (0.25, 1 / 6)
    assert (LaneCounts(0, 0, 0).accuracy, LaneCounts(0, 0, 0).iou) == (0.0, 0.0)
