from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import LanelightError
from lanelight.formats.cityscapes import TRAIN_NAMES, to_label_ids
from lanelight.geometry import Scene
from lanelight.metrics import CityscapesIoU, ClassIoU

NAMES = ("sky", "road", "car")


def scene(*rows: list[int]) -> Scene:
    classes = np.array(rows, np.uint8)
    return Scene((classes.shape[1], classes.shape[0]), classes=classes)


def test_iou_is_hits_over_union_of_pixels_that_count() -> None:
    metric = ClassIoU(NAMES)
    metric.update(scene([0, 0, 1, 1], [0, 255, 1, 1]), scene([0, 1, 1, 1], [0, 0, 255, 1]))
    found = metric.compute()
    # sky: 2 hits, 1 predicted wrongly, 1 missed by a prediction of nothing; road: 3 hits and 1 missed.
    assert found["per_class"] == {"sky": 2 / 4, "road": 3 / 4, "car": None}
    assert found["class_miou"] == pytest.approx(0.625)
    assert found["pixel_accuracy"] == 5 / 7
    assert metric.frames == 1


def test_without_a_pixel_that_counts_there_are_no_figures() -> None:
    metric = ClassIoU(NAMES)
    metric.update(scene([0, 1]), scene([255, 255]))
    assert metric.compute() == {
        "class_miou": None,
        "pixel_accuracy": None,
        "per_class": dict.fromkeys(NAMES),
    }


@given(st.integers(0, 2**32 - 1))
def test_the_classes_of_cityscapes_count_as_in_the_benchmark(seed: int) -> None:
    rng = np.random.default_rng(seed)
    metric, benchmark = ClassIoU(TRAIN_NAMES), CityscapesIoU()
    for _ in range(2):
        gold, pred = (rng.choice([*range(0, 19, 4), 255], (6, 8)).astype(np.uint8) for _ in range(2))
        metric.update(Scene((8, 6), classes=pred), Scene((8, 6), classes=gold))
        benchmark.update(Scene((8, 6), classes=to_label_ids(pred)), Scene((8, 6), classes=to_label_ids(gold)))
    found, want = metric.compute(), benchmark.compute()
    assert (found["class_miou"], found["pixel_accuracy"]) == (want["class_miou"], want["pixel_accuracy"])
    assert found["per_class"] == {name: want["per_class"][name] for name in found["per_class"]}


def test_parts_are_added() -> None:
    one, other, both = ClassIoU(NAMES), ClassIoU(NAMES), ClassIoU(NAMES)
    first, second = (scene([0, 1, 2]), scene([0, 1, 1])), (scene([2, 2, 2]), scene([2, 0, 2]))
    one.update(*first)
    other.update(*second)
    one.merge(other)
    both.update(*first)
    both.update(*second)
    assert one.compute() == both.compute()
    assert one.frames == 2


@pytest.mark.parametrize(
    ("pred", "gold", "message"),
    [
        (scene([0, 3]), scene([0, 1]), r"predicted ids 0 to 2 \(sky to car\) or 255, got 3"),
        (scene([0, 1]), scene([7, 9]), "true ids 0 to 2 .* got 7, 9"),
        (scene([0, 1]), scene([0], [1]), "in the size of the true one"),
        (Scene((2, 1)), scene([0, 1]), "the predicted scene has None"),
    ],
)
def test_maps_that_cannot_be_compared_are_refused(pred: Scene, gold: Scene, message: str) -> None:
    metric = ClassIoU(NAMES)
    with pytest.raises(LanelightError, match=message):
        metric.update(pred, gold)
    assert metric.frames == 0
