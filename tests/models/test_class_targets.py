from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lanelight.errors import LanelightError, ModelError
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.losses.class_map import class_cross_entropy, class_soft_iou
from lanelight.models.class_maps import TRAMAC, ClassLoss, class_names, class_target, class_terms
from lanelight.train.recipe import Recipe

NAMES = ("sky", "road", "car")


def _scene(classes: NDArray[np.integer]) -> Scene:
    return Scene((classes.shape[1], classes.shape[0]), classes=classes.astype(np.uint8))


def test_the_target_is_the_class_map_as_the_network_sees_it() -> None:
    classes = np.random.default_rng(0).integers(0, 3, (40, 60))
    classes[10:20, 30:] = 255
    whole = class_target(_scene(classes), Viewport.whole((60, 40)), NAMES)["classes"]
    assert whole.dtype == np.int64
    assert np.array_equal(whole, classes)
    third = class_target(_scene(classes), Viewport((60, 40), (0, 10, 60, 40), (20, 10)), NAMES)["classes"]
    assert np.array_equal(third, classes[11::3, 1::3])  # the middle one of each three, in both directions
    large = class_target(_scene(classes), Viewport.whole((60, 40), (120, 80)), NAMES)["classes"]
    assert np.array_equal(large, classes.repeat(2, axis=0).repeat(2, axis=1))


def test_lanes_beside_classes_change_nothing() -> None:
    classes = np.ones((10, 20), np.uint8)
    lane = Lane(np.array([[3.0, 9.0], [5.0, 1.0]]), slot=1)
    view = Viewport.whole((20, 10))
    assert (class_target(Scene((20, 10), [lane], classes), view, NAMES)["classes"] == 1).all()


def test_an_empty_map_teaches_nothing_and_is_no_error() -> None:
    target = class_target(_scene(np.full((10, 20), 255)), Viewport.whole((20, 10)), NAMES)
    assert (target["classes"] == 255).all()


def test_ids_outside_the_table_are_named() -> None:
    classes = np.array([[0, 2, 9], [7, 255, 9]])
    with pytest.raises(ModelError, match=re.escape("ids 0 to 2 (sky to car) or 255 for ignored pixels, got 7, 9;")):
        class_target(_scene(classes), Viewport.whole((3, 2)), NAMES)


def test_a_scene_without_classes_or_of_another_size_is_refused() -> None:
    with pytest.raises(ModelError, match="expected a Scene with classes to train on, got one without"):
        class_target(Scene((20, 10)), Viewport.whole((20, 10)), NAMES)
    with pytest.raises(ModelError, match="expected classes of 20x10 px like the frame, got 18x10"):
        class_target(_scene(np.zeros((10, 18), np.uint8)), Viewport.whole((20, 10)), NAMES)
    with pytest.raises(LanelightError, match=r"expected shape \(10, 20\) for size \(20, 10\), got \(10, 18\)"):
        Scene((20, 10), classes=np.zeros((10, 18), np.uint8))


def test_auxiliary_heads_are_compared_at_their_own_size_with_the_corners_aligned() -> None:
    labels = torch.arange(9).repeat(9, 1).unsqueeze(0) % 3
    logits = torch.randn(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    small = torch.randn(1, 3, 3, 5, generator=torch.Generator().manual_seed(1))
    form = ClassLoss(auxiliary=0.25, weights=(1.0, 2.0, 3.0))
    terms = class_terms({"classes": logits, "auxiliary_skip": small}, {"classes": labels}, form)
    assert float(terms["classes"]) == float(class_cross_entropy(logits, labels, weights=(1, 2, 3)))
    want = 0.25 * class_cross_entropy(small, labels[:, [0, 4, 8]][:, :, [0, 2, 4, 6, 8]], weights=(1, 2, 3))
    assert float(terms["auxiliary"]) == pytest.approx(float(want), rel=1e-6)
    both = class_terms({"classes": logits, "auxiliary_a": small, "auxiliary_b": small}, {"classes": labels}, form)
    assert float(both["auxiliary"]) == pytest.approx(2 * float(want), rel=1e-6)


def test_the_soft_iou_is_a_term_of_its_own_and_looks_at_every_second_pixel() -> None:
    rng = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(2, 3, 6, 8, generator=rng), torch.randint(0, 3, (2, 6, 8), generator=rng)
    terms = class_terms({"classes": logits}, {"classes": labels}, ClassLoss(iou=0.5))
    want = 0.5 * class_soft_iou(logits[..., ::2, ::2], labels[..., ::2, ::2])
    assert float(terms["iou"]) == pytest.approx(float(want), rel=1e-6)
    assert set(terms) == {"classes", "iou"}


def test_without_heads_or_weight_there_is_one_term() -> None:
    outputs = {"classes": torch.zeros(1, 3, 4, 4), "auxiliary_skip": torch.zeros(1, 3, 2, 2)}
    targets = {"classes": torch.zeros(1, 4, 4, dtype=torch.int64)}
    assert set(class_terms(outputs, targets, ClassLoss(auxiliary=0))) == {"classes"}
    del outputs["auxiliary_skip"]
    assert set(class_terms(outputs, targets, ClassLoss())) == {"classes"}
    assert ClassLoss().trains_all
    assert not ClassLoss(auxiliary=0).trains_all


def test_classes_are_named_after_the_data_set_that_has_so_many() -> None:
    assert class_names("net", 19, None)[:2] == ("road", "sidewalk")
    assert class_names("net", 11, None)[-1] == "cyclist"
    assert class_names("net", 3, None) == ("class 0", "class 1", "class 2")
    assert class_names("net", 2, ["no road", "road"]) == ("no road", "road")
    with pytest.raises(ModelError, match=r"net: expected 3 names of classes, got 2; set parts\.classes=2"):
        class_names("net", 3, ["no road", "road"])


@pytest.mark.parametrize("form", [ClassLoss(), TRAMAC, ClassLoss(label_smoothing=0.1, auxiliary=0)])
def test_a_saved_recipe_has_its_loss(form: ClassLoss) -> None:
    recipe = Recipe(name="one", network="fast_scnn", loss=form)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.override(["loss.auxiliary=0.5"]).loss.auxiliary == 0.5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"auxiliary": -1}, "expected weights of 0 and more"),
        ({"iou": -1}, "expected weights of 0 and more"),
        ({"weights": (1.0, -2.0)}, "expected weights of 0 and more"),
        ({"weights": ()}, "expected weights of 0 and more"),
        ({"ohem_threshold": 70.0}, "expected ohem_threshold between 0 and 1"),
        ({"ohem_threshold": 0.7, "ohem_min_kept": -1}, "expected ohem_threshold between 0 and 1"),
        ({"label_smoothing": 1.0}, "expected label_smoothing between 0 and 1"),
    ],
)
def test_a_loss_that_cannot_be_is_refused(wrong: dict[str, float], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        ClassLoss(**wrong)  # type: ignore[arg-type]
