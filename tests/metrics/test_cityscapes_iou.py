"""The Cityscapes score follows its rules on any maps, in any order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracles.cityscapes import Frame, slow_figures

from lanelight.errors import LanelightError
from lanelight.formats.cityscapes import CATEGORIES, LABELS
from lanelight.geometry import Scene
from lanelight.metrics import CityscapesIoU
from lanelight.metrics.cityscapes import count_frame

ROAD, PERSON, RIDER, CAR, BUS, CARAVAN = 7, 24, 25, 26, 28, 29


def ids(*values: int) -> NDArray[np.uint8]:
    return np.array([values], np.uint8)


def scene(classes: NDArray[np.uint8]) -> Scene:
    return Scene((classes.shape[1], classes.shape[0]), classes=classes)


def score(*frames: tuple[Any, ...]) -> dict[str, Any]:
    metric = CityscapesIoU()
    for frame in frames:
        metric.add(count_frame(*frame))
    return metric.compute()


def random_frame(seed: int) -> Frame:
    """Return maps with runs of equal ids, as real ones have them, of any size, few or many ids."""
    rng = np.random.default_rng(seed)
    height, width, run = rng.integers(1, [7, 40, 20])
    known = rng.choice(34, rng.integers(1, 35), replace=False)
    gold = np.repeat(rng.choice(known, (height, width)), run, axis=1).astype(np.uint8)
    noise = rng.random(gold.shape) < rng.choice([0.0, 0.05, 0.5])
    pred = np.where(noise, rng.choice(known, gold.shape), gold).astype(np.uint8)
    numbers = np.repeat(rng.integers(0, 3, (height, width)), run, axis=1)
    single = (gold >= PERSON) & (np.repeat(rng.random((height, width)), run, axis=1) < 0.8)
    return pred, gold, np.where(single, gold * 1000.0 + numbers, gold).astype(np.uint16)


frames = st.integers(0, 2**32).map(random_frame)


@given(st.lists(frames, min_size=1, max_size=3))
def test_the_figures_are_those_of_the_rules(seen: list[Frame]) -> None:
    got = score(*seen)
    for table, values in slow_figures(seen).items():
        with_nan = {name: math.nan if value is None else value for name, value in got[table].items()}
        assert with_nan == pytest.approx(values, rel=1e-12, abs=1e-12, nan_ok=True), table


@given(frames)
def test_the_counts_are_those_of_a_count_pixel_by_pixel(frame: Frame) -> None:
    pred, gold, instances = frame
    counts = count_frame(*frame)
    slow = np.zeros((34, 34), int)
    for i, j in zip(gold.ravel(), pred.ravel(), strict=True):
        slow[i, j] += 1
    assert np.array_equal(counts.confusion, slow)
    assert counts.instances is not None
    sizes = [[int(n) // 1000, (instances == n).sum()] for n in np.unique(instances[instances > 1000])]
    assert counts.instances[:, :2].tolist() == [row for row in sizes if not LABELS[row[0]].ignored]


@given(frames)
def test_a_perfect_prediction_scores_one(frame: Frame) -> None:
    _, gold, instances = frame
    got = score((gold, gold, instances))
    for name in ("class_miou", "class_iiou", "category_miou", "category_iiou", "pixel_accuracy"):
        assert got[name] in (1.0, None)
    assert got["pixel_accuracy_with_void"] == 1.0
    assert (got["class_miou"] is None) == all(LABELS[label].ignored for label in gold.ravel())


@given(st.lists(frames, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_neither_the_order_of_frames_nor_that_of_parts_changes_a_bit(seen: list[Frame], random: Any) -> None:
    shuffled = random.sample(seen, len(seen))
    parts = [CityscapesIoU(), CityscapesIoU(), CityscapesIoU()]
    for frame in shuffled:
        random.choice(parts).add(count_frame(*frame))
    random.shuffle(parts)
    parts[0].merge(parts[1])
    parts[2].merge(parts[0])
    assert parts[2].frames == len(seen)
    assert parts[2].compute() == score(*seen)


@given(frames)
def test_what_is_predicted_on_void_never_matters(frame: Frame) -> None:
    pred, gold, instances = frame
    ignored = np.isin(gold, [label.id for label in LABELS if label.ignored])
    got, other = score(frame), score((np.where(ignored, np.uint8(ROAD), pred), gold, instances))
    del got["pixel_accuracy_with_void"], other["pixel_accuracy_with_void"]
    assert got == other


def test_maps_may_be_views_and_begin_anywhere() -> None:
    memory = np.arange(5000, dtype=np.int64).astype(np.uint8) % 34
    for start in range(9):
        pred, gold = memory[start : start + 1000].reshape(10, 100), memory[2000:4000].reshape(20, 100)[::2]
        expected = np.zeros((34, 34), int)
        np.add.at(expected, (gold, pred), 1)
        assert np.array_equal(count_frame(pred, gold).confusion, expected)


def test_a_predicted_ignored_class_is_a_miss_and_void_gold_is_no_false_positive() -> None:
    got = score((ids(ROAD, ROAD, 0, ROAD), ids(ROAD, 0, ROAD, 9)))
    assert got["per_class"]["road"] == 1 / 2  # one hit, one miss; roads on void and on parking do not count
    assert got["per_class"]["unlabeled"] is None
    assert got["pixel_accuracy"] == 1 / 2
    assert got["pixel_accuracy_with_void"] == 1 / 4


def test_classes_of_one_category_are_right_for_each_other_in_its_score() -> None:
    got = score((ids(CAR, BUS), ids(BUS, BUS)))
    assert got["per_category"]["vehicle"] == 1.0
    assert got["per_class"]["bus"] == 1 / 2
    assert got["per_class"]["car"] == 0.0


def test_a_caravan_hits_a_car_in_the_instance_score_of_vehicles_only() -> None:
    got = score((ids(CARAVAN), ids(CAR), np.array([[26001]], np.uint16)))
    assert got["per_category"]["vehicle"] == 0.0
    assert got["per_category_instance"]["vehicle"] == 1.0
    assert got["per_class_instance"]["car"] == 0.0


def test_every_instance_weighs_the_same_whatever_its_size() -> None:
    gold = ids(*[PERSON] * 10)
    pred = ids(*[PERSON] * 9, ROAD)
    got = score((pred, gold, np.array([[24000] * 9 + [24001]], np.uint16)))
    assert got["per_class"]["person"] == 9 / 10
    assert got["per_class_instance"]["person"] == pytest.approx(1 / 2, rel=1e-12)


def test_groups_are_no_instances_and_ids_up_to_1000_neither() -> None:
    assert score((ids(RIDER), ids(RIDER), np.array([[25]], np.uint16)))["class_iiou"] is None
    counts = count_frame(ids(0, 1), ids(0, 1), np.array([[1000, 999]], np.uint16))
    assert counts.instances is not None
    assert len(counts.instances) == 0


def test_averages_of_nothing_are_none() -> None:
    for got in (CityscapesIoU().compute(), score((ids(0, 3), ids(0, 3)))):
        for name in ("class_miou", "class_iiou", "category_miou", "category_iiou", "pixel_accuracy"):
            assert got[name] is None
        assert got["per_class"] == dict.fromkeys(label.name for label in LABELS)
        assert got["per_category_instance"] == dict.fromkeys(CATEGORIES)


def test_instance_scores_need_the_instances_of_every_frame() -> None:
    whole = (ids(CAR), ids(CAR), np.array([[26000]], np.uint16))
    assert score(whole)["class_iiou"] == 1.0
    assert score(whole, (ids(CAR), ids(CAR)))["class_iiou"] is None
    assert score(whole, (ids(CAR), ids(CAR)))["class_miou"] == 1.0


def test_scenes_are_counted_and_forgotten() -> None:
    metric = CityscapesIoU()
    metric.update(scene(ids(CAR, ROAD)), scene(ids(CAR, CAR)), instances=np.array([[26000, 26000]], np.uint16))
    assert metric.compute()["class_iiou"] == pytest.approx(1 / 2)
    metric.reset()
    assert metric.compute() == CityscapesIoU().compute()


@pytest.mark.parametrize(("pred", "gold"), [(34, 7), (7, 34), (255, 7), (7, 255), (64 + 7, 7)])
def test_an_id_above_33_is_an_error_of_its_side(pred: int, gold: int) -> None:
    side, value = ("predicted", pred) if pred > gold else ("true", gold)
    with pytest.raises(LanelightError, match=f"expected {side} label ids 0 to 33, got {value}; .*trainIds"):
        count_frame(ids(ROAD, pred), ids(ROAD, gold))


def test_maps_of_different_size_are_an_error_naming_both() -> None:
    with pytest.raises(LanelightError, match=r"predicted map .* shape \(2, 1\), got \(1, 2\)"):
        count_frame(ids(ROAD, ROAD), ids(ROAD, ROAD).T)
    with pytest.raises(LanelightError, match=r"instance ids .* shape \(1, 1\), got \(1, 2\)"):
        count_frame(ids(ROAD), ids(ROAD), np.array([[7, 7]], np.uint16))


def test_an_instance_id_of_no_class_is_an_error() -> None:
    with pytest.raises(LanelightError, match=r"below 34000.* got 34000"):
        count_frame(ids(ROAD), ids(ROAD), np.array([[34000]], np.uint16))


def test_a_scene_without_classes_is_an_error_of_its_side() -> None:
    for pred, gold, side in ((Scene((1, 1)), scene(ids(7)), "predicted"), (scene(ids(7)), Scene((1, 1)), "true")):
        with pytest.raises(LanelightError, match=f"the {side} scene has None"):
            CityscapesIoU().update(pred, gold)
