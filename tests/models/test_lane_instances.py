from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lanelight.datasets.augment import AUGMENTS, Augment
from lanelight.datasets.placement import Affine
from lanelight.errors import ModelError
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.losses.class_map import class_cross_entropy
from lanelight.losses.discriminative import discriminative
from lanelight.models.lane_instances import (
    REFERENCE,
    InstanceLoss,
    check_instances,
    instance_target,
    instance_terms,
)
from lanelight.models.slot_masks import MaskLoss, mask_target
from lanelight.train.recipe import Recipe

SIZE = (128, 64)
WHOLE = Viewport.whole(SIZE)


def _upright(x: float, slot: int | None = None, rows: tuple[float, float] = (63.0, 20.0)) -> Lane:
    return Lane(np.array([[x, rows[0]], [x, rows[1]]]), slot=slot)


def _target(*lanes: Lane, room: int = 8, width_px: int = 5, classes: Any = None) -> dict[str, NDArray[Any]]:
    return instance_target(Scene(SIZE, lanes, classes), WHOLE, width_px=width_px, lanes=room)


def test_both_maps_have_the_same_lanes_at_the_same_width() -> None:
    target = _target(_upright(20), _upright(60), _upright(100))
    assert list(target) == ["mask", "instances"]
    assert all(array.shape == (64, 128) and array.dtype == np.int64 for array in target.values())
    assert np.array_equal(target["mask"] == 1, target["instances"] > 0)
    row = target["instances"][40]
    for number, x in enumerate((20, 60, 100), start=1):
        assert (row[x - 2 : x + 3] == number).all()
        assert not row[[x - 4, x + 4]].any()
    thin = _target(_upright(20), width_px=1)
    assert np.flatnonzero(thin["mask"][40]).tolist() == [20]


def test_the_mask_is_that_of_lane_or_not() -> None:
    scene = Scene((256, 128), [Lane(np.array([[30.0, 127.0], [90.3, 40.0], [200.0, 35.0]])), _upright(140.2)])
    view = Viewport((256, 128), (10, 8, 250, 128), (120, 60))
    want = mask_target(scene, view, channels=1, width_px=4)["lanes"]
    assert np.array_equal(instance_target(scene, view, width_px=4, lanes=8)["mask"], want)


def test_lanes_are_numbered_from_left_to_right_whatever_their_order() -> None:
    target = _target(_upright(100), _upright(20), Lane(np.array([[2.0, 30.0], [40.0, 20.0]])), _upright(60))
    row = target["instances"][40]
    assert (row[20], row[60], row[100]) == (2, 3, 4)
    assert target["instances"][20, 40] == 1


def test_parts_of_one_slot_are_one_lane() -> None:
    target = _target(_upright(30, 1, (63.0, 45.0)), _upright(90, 2), _upright(34, 1, (30.0, 20.0)))
    assert (target["instances"][55, 30], target["instances"][25, 34], target["instances"][40, 90]) == (1, 1, 2)


def test_a_lane_without_a_slot_is_its_own() -> None:
    assert set(np.unique(_target(_upright(30), _upright(60), _upright(90, 1))["instances"])) == {0, 1, 2, 3}


def test_any_number_of_lanes_is_told_apart() -> None:
    assert set(np.unique(_target(*(_upright(4 + 10 * i) for i in range(12)), room=50)["instances"])) == {*range(13)}


def test_without_room_the_lanes_nearest_the_vehicle_are_told_apart_and_the_others_are_lane_pixels_all_the_same() -> (
    None
):
    target = _target(*(_upright(x) for x in (10, 40, 70, 120)), room=2)
    row = target["instances"][40]
    assert (row[10], row[40], row[70], row[120]) == (255, 1, 2, 255)
    assert (target["mask"][40, [10, 40, 70, 120]] == 1).all()


def test_lanes_outside_the_view_take_no_room() -> None:
    beside = Lane(np.array([[64.0, 200.0], [64.0, 100.0]]))
    target = _target(beside, _upright(10), _upright(120), room=2)
    assert (target["instances"][40, 10], target["instances"][40, 120]) == (1, 2)


def test_where_lines_meet_a_pixel_belongs_to_the_lane_whose_middle_is_near() -> None:
    for first, second in ((_upright(50), _upright(53)), (_upright(53), _upright(50))):
        row = _target(first, second, width_px=6)["instances"][40]
        assert row[48:56].tolist() in ([1, 1, 1, 1, 2, 2, 2, 2], [1, 1, 1, 2, 2, 2, 2, 2])


def test_an_empty_scene_and_lanes_without_points_have_no_pixels() -> None:
    missing = Lane(np.array([[np.nan, 3.0], [4.0, np.nan]]))
    for target in (_target(), _target(Lane(np.zeros((0, 2))), missing)):
        assert not target["mask"].any()
        assert not target["instances"].any()


def test_unknown_pixels_teach_nothing_but_a_lane_over_them_is_known() -> None:
    classes = np.zeros((64, 128), np.uint8)
    classes[:30] = 255
    target = _target(_upright(40), classes=classes)
    assert (target["mask"][25, 40], target["instances"][25, 40]) == (1, 1)
    for array in target.values():
        assert (array[25, 80], array[10, 40], array[50, 80]) == (255, 255, 0)


def test_pixels_of_lanes_that_nobody_told_apart_teach_the_mask_alone() -> None:
    classes = np.zeros((64, 128), np.uint8)
    classes[:, 90:94] = 1
    target = _target(_upright(40), classes=classes)
    assert (target["mask"][40, 91], target["instances"][40, 91]) == (1, 255)
    assert (target["mask"][40, 40], target["instances"][40, 40]) == (1, 1)


def test_what_an_augmentation_shows_beside_the_frame_is_ignored_where_classes_are_known() -> None:
    frame = np.full((64, 128, 3), 90, np.uint8)
    turned = Augment(affine=Affine(degrees=(20.0, 20.0)))
    scene = Scene(SIZE, [_upright(60)], np.zeros((64, 128), np.uint8))
    _, seen = turned.apply(frame, scene, SIZE, np.random.default_rng(0))
    target = instance_target(seen, WHOLE, width_px=5, lanes=8)
    corners = target["mask"][[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.tolist() == [255] * 4
    assert set(np.unique(target["instances"])) == {0, 1, 255}
    _, mirrored = AUGMENTS["road"].apply(frame, scene, SIZE, np.random.default_rng(1))
    assert instance_target(mirrored, WHOLE, width_px=5, lanes=8)["mask"].max() == 1


def _batch() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return outputs and targets of two pictures, the second without lanes."""
    rng = torch.Generator().manual_seed(0)
    outputs = {
        "mask": torch.randn(2, 2, 64, 128, generator=rng),
        "embedding": torch.randn(2, 5, 64, 128, generator=rng),
    }
    pictures = [_target(_upright(20), _upright(80)), _target()]
    targets = {name: torch.from_numpy(np.stack([one[name] for one in pictures])) for name in pictures[0]}
    return outputs, targets


def test_terms_come_weighted() -> None:
    outputs, targets = _batch()
    form = InstanceLoss(mask=0.5, mask_weights=(1.0, 4.0), pull=2.0, push=3.0, centre=0.1, pull_margin=0.2)
    terms = instance_terms(outputs, targets, form)
    apart = discriminative(outputs["embedding"], targets["instances"], pull_margin=0.2)
    mask = class_cross_entropy(outputs["mask"], targets["mask"], weights=(1.0, 4.0))
    want = {"mask": 0.5 * mask, "pull": 2 * apart.pull, "push": 3 * apart.push, "centre": 0.1 * apart.centre}
    assert list(terms) == list(want)
    for name, term in want.items():
        assert float(terms[name]) == pytest.approx(float(term), rel=1e-6)


def test_the_reference_is_a_plain_mean_over_all_pixels_and_five_lanes_a_picture() -> None:
    outputs, targets = _batch()
    terms = instance_terms(outputs, targets, REFERENCE)
    plain = torch.nn.functional.cross_entropy(outputs["mask"], targets["mask"])
    assert float(terms["mask"]) == pytest.approx(float(plain), rel=1e-6)
    apart = discriminative(
        outputs["embedding"], targets["instances"], pull_margin=0.1, push_margin=0.6, form="reference", clusters=5
    )
    assert float(terms["push"]) == float(apart.push) > 0


def test_pictures_without_lanes_train_the_mask_alone() -> None:
    outputs, targets = _batch()
    outputs = {name: tensor[1:].requires_grad_() for name, tensor in outputs.items()}
    terms = instance_terms(outputs, {name: tensor[1:] for name, tensor in targets.items()}, InstanceLoss())
    assert [float(terms[name].detach()) for name in ("pull", "push", "centre")] == [0, 0, 0]
    torch.autograd.backward(torch.stack(list(terms.values())).sum())
    assert outputs["mask"].grad is not None
    assert outputs["embedding"].grad is not None
    assert outputs["mask"].grad.any()
    assert not outputs["embedding"].grad.any()


@pytest.mark.parametrize("form", [InstanceLoss(), REFERENCE, InstanceLoss(mask_weights=(0.4, 1.0))])
def test_a_saved_recipe_has_the_loss_of_its_network(form: InstanceLoss) -> None:
    recipe = Recipe(name="one", network="enet_instance", loss=form)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.override(["loss.pull_margin=0.3"]).loss.pull_margin == 0.3  # type: ignore[union-attr]


def test_a_loss_says_whether_it_trains_both_heads() -> None:
    assert InstanceLoss().trains_all
    assert not InstanceLoss(mask=0).trains_all
    assert not InstanceLoss(pull=0, push=0, centre=0).trains_all


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"mask_weights": (1.0, -2.0)}, "expected mask_weights of background and lane"),
        ({"mask_weights": (0.0, 0.0)}, "expected mask_weights of background and lane"),
        ({"mask_weights": (1.0, 1.0, 1.0)}, "expected mask_weights of background and lane"),
        (
            {"pull": -1.0, "pull_margin": float("nan")},
            r"weights and margins of 0 and more, got pull -1\.0, pull_margin",
        ),
        ({"clusters": 0}, "expected clusters from 1 to 254, or null, got 0"),
    ],
)
def test_an_instance_loss_that_cannot_be_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        InstanceLoss(**wrong)


def test_a_network_refuses_another_loss_and_lanes_that_cannot_be_told_apart() -> None:
    check_instances("net", 8, None)
    check_instances("net", 254, InstanceLoss())
    with pytest.raises(ModelError, match="net: expected the loss of lane instances"):
        check_instances("net", 8, MaskLoss())
    with pytest.raises(ModelError, match="net: expected from 1 to 254 lanes, got 255"):
        check_instances("net", 255, None)
