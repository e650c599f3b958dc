"""Checks that every network in the table passes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lanelight.cli.models import ARCHITECTURES
from lanelight.errors import ModelError
from lanelight.geometry import Lane, Scene, ViewportPolicy
from lanelight.models import MODELS, LaneModel
from lanelight.models.clrnet import ClrNet
from lanelight.models.enet_sad import EnetSad
from lanelight.models.enet_semantic import EnetSemantic
from lanelight.models.fast_scnn import FastScnn
from lanelight.models.lane_priors import PriorLoss
from lanelight.models.slot_masks import MaskLoss
from lanelight.nn.taps import tapped

SIZE, PRIORS_SIZE = (256, 112), (256, 128)
POLICY = ViewportPolicy(target=SIZE)
FRAME = (1280, 720)
HEAVY = {"scnn": (128, 56), "scnn_sad": (128, 56)}  # where the network runs: twenty million weights take their time
PRIORS = sorted(name for name in MODELS if name.startswith("clr"))
INSTANCES = ["enet_instance", "segnet_instance"]  # networks with an embedding, whose decoder counts slots itself
CLASSES = ["enet_semantic", "fast_scnn"]  # networks with one class per pixel, which know no lanes

names = pytest.mark.parametrize("name", sorted(MODELS))


def _size(name: str) -> tuple[int, int]:
    """Return a small size that a network can have."""
    return (128, 64) if name in PRIORS or name in INSTANCES else HEAVY.get(name, SIZE)


def _perfect(model: LaneModel, target: dict[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    """Return the outputs of a network that says exactly what it should."""
    if isinstance(model, ClrNet):
        rows = np.zeros((1, 192, 78), np.float32)
        rows[..., 0] = 6
        rows[0, 7 : 7 + len(target["lanes"])] = np.nan_to_num(target["lanes"], nan=-1)
        rows[..., :2] *= 6
        return {"priors": torch.from_numpy(rows)}
    if "instances" in target:
        mask = np.stack([target["mask"] != 1, target["mask"] == 1]).astype(np.float32) * 12
        embedding = np.stack([target["instances"] * 9.0, *np.zeros((4, *target["mask"].shape))]).astype(np.float32)
        return {"mask": torch.from_numpy(mask)[None], "embedding": torch.from_numpy(embedding)[None]}
    if isinstance(model, FastScnn | EnetSemantic):
        classes = np.stack([(target["classes"] == k) * 12.0 for k in range(model.classes)]).astype(np.float32)
        return {"classes": torch.from_numpy(classes)[None]}
    lanes = np.stack([(target["lanes"] == k) * 12.0 for k in range(5)]).astype(np.float32)
    return {"lanes": torch.from_numpy(lanes)[None], "exist": torch.from_numpy(target["exist"] * 12 - 6)[None]}


def _scene(count: int) -> Scene:
    """Return a Scene with straight lanes that meet at (640, 300)."""
    bottoms = (-600.0, 300.0, 1000.0, 1900.0)[:count] if count < 4 else (-600.0, 300.0, 1000.0, 1900.0)
    rows = np.arange(717.0, 340.0, -6.0)
    lanes = []
    for slot, bottom in enumerate(bottoms):
        x = 640 + (bottom - 640) * (rows - 300) / 420
        lanes.append(Lane(np.stack([x, rows], axis=1), slot=slot))
    return Scene(FRAME, lanes)


def _classes(count: int) -> Scene:
    """Return a Scene with a class everywhere and areas of so many others."""
    classes = np.zeros(FRAME[::-1], np.uint8)
    for k in range(count):
        classes[200 + 120 * k : 300 + 120 * k, 150 * k : 500 + 250 * k] = k + 1
    return Scene(FRAME, classes=classes)


def test_the_table_without_torch_names_the_same_networks() -> None:
    assert sorted(ARCHITECTURES) == sorted(MODELS)


@names
def test_outputs_are_named_finite_and_the_same_one_by_one(name: str) -> None:
    size = _size(name)
    model = MODELS[name](size=size).eval()
    images = torch.rand(2, 3, size[1], size[0], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        both, first = model(images), model(images[:1])
    assert tuple(both) == model.OUTPUTS
    for key in model.OUTPUTS:
        assert torch.isfinite(both[key]).all()
        assert torch.allclose(both[key][:1], first[key], atol=1e-5)


@names
def test_normalize_is_the_first_submodule_and_taps_exist(name: str) -> None:
    size = _size(name)
    model = MODELS[name](size=size)
    assert next(iter(model.named_children()))[0] == "normalize"
    with tapped(model, model.TAPS) as features:
        model.eval()(torch.rand(1, 3, size[1], size[0]))
    assert tuple(features) == model.TAPS


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(CLASSES)))
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_decoding_the_target_gives_the_scene_back(name: str, count: int) -> None:
    counts_itself = name in PRIORS or name in INSTANCES
    size = PRIORS_SIZE if counts_itself else SIZE
    model = MODELS[name](size=size, width_px=4)
    view, scene = ViewportPolicy(target=size).view(FRAME), _scene(count)
    (back,) = model.decode(_perfect(model, model.target(scene, view)), [view])
    if not counts_itself:  # they count slots from the vehicle: a lane alone is beside it
        assert [lane.slot for lane in back.lanes] == [lane.slot for lane in scene.lanes]
    for lane, drawn in zip(back.lanes, scene.lanes, strict=True):
        points = lane.points[2:-2]  # the round ends of a drawn line pull the first and last rows inwards
        inside = (points[:, 0] > 20) & (points[:, 0] < 1260)
        wanted = drawn.x_at(points[inside, 1])
        assert np.isfinite(wanted).sum() > 5
        # Half a mask pixel is 2.5 px of this frame; a shallow lane crosses several columns a row.
        slope = abs(np.diff(drawn.points[:2, 0])[0] / 6)
        assert np.nanmax(np.abs(wanted - points[inside, 0])) < 2.5 * (1.5 + slope)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_decoding_the_target_gives_the_classes_back(name: str, count: int) -> None:
    model, view, scene = MODELS[name](size=SIZE), POLICY.view(FRAME), _classes(count)
    (back,) = model.decode(_perfect(model, model.target(scene, view)), [view])
    assert back.lanes == ()
    assert back.classes is not None
    assert scene.classes is not None
    x0, y0, x1, y1 = view.crop
    assert (np.delete(back.classes, range(y0, y1), axis=0) == 255).all()
    assert (x0, x1) == (0, FRAME[0])
    have, want = back.classes[y0:y1], scene.classes[y0:y1]
    # A pixel of the mask is 5x5 px of this frame, so that a border may move by 2 px.
    near = np.ones((5, 5), np.uint8)
    even = cv2.dilate(want, near) == cv2.erode(want, near)
    assert even.mean() > 0.95
    assert np.array_equal(have[even], want[even])


@names
def test_one_step_lowers_the_loss_and_every_weight_has_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    size = _size(name)
    model = MODELS[name](size=size, width_px=4).train()
    scene = _classes(4) if name in CLASSES else _scene(4)
    target = model.target(scene, ViewportPolicy(target=size).view(FRAME))
    targets = {key: torch.from_numpy(array)[None] for key, array in target.items()}
    images = torch.rand(1, 3, size[1], size[0])
    slow = name in PRIORS or name == "segnet_instance"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002 if slow else 0.05)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        terms = model.loss(model(images), targets)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def test_unknown_pixels_make_missing_lanes_unknown() -> None:
    model = MODELS["enet_sad"](size=SIZE)
    scene = _scene(2)
    classes = np.zeros((720, 1280), np.uint8)
    classes[500:, 900:] = 255
    target = model.target(Scene(FRAME, scene.lanes[1:2], classes), POLICY.view(FRAME))
    assert np.array_equal(target["exist"], [np.nan, 1, np.nan, np.nan], equal_nan=True)
    assert set(np.unique(target["lanes"])) == {0, 2, 255}


def test_lanes_without_points_or_slots_are_left_out_of_the_target() -> None:
    model = MODELS["enet_sad"](size=SIZE)
    lanes = [Lane(np.empty((0, 2)), slot=1), Lane(np.array([[600.0, 700.0], [640.0, 400.0]]))]
    target = model.target(Scene(FRAME, lanes), POLICY.view(FRAME))
    assert not target["exist"].any()
    assert not target["lanes"].any()


@pytest.mark.parametrize(
    ("size", "channels", "shared", "count"),
    [
        ((800, 288), 5, True, 817_331),
        ((800, 288), 5, False, 1_106_423),
        ((640, 368), 5, True, 830_131),
        ((640, 360), 1, True, 803_955),
        ((640, 360), 1, False, 1_093_047),
        ((976, 208), 5, True, 748_851),
    ],
)
def test_enet_sad_has_the_reference_number_of_parameters(
    size: tuple[int, int], channels: int, shared: bool, count: int
) -> None:
    model = EnetSad(size, channels=channels, shared_stages=shared)
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.mark.parametrize(
    ("name", "size", "lanes", "count"),
    [
        ("clrnet_r18", (800, 320), 5, 11_774_387),
        ("clrnet_r18", (800, 320), 7, 11_774_773),  # TuSimple's auxiliary mask has seven classes
        ("clrnet_r34", (800, 320), 5, 21_882_547),
        ("clrnet_r50", (800, 320), 5, 24_277_939),
        ("clrnet_r101", (800, 320), 5, 43_270_067),
        ("clrnet_dla34", (800, 320), 5, 15_868_707 - 41_728),  # without two projections that nothing reads
        ("clrkdnet_r18", (384, 160), 5, 11_481_203),
        ("clrkdnet_dla34", (800, 320), 5, 15_575_523 - 41_728),
    ],
)
def test_the_clr_family_has_the_reference_number_of_parameters(
    name: str, size: tuple[int, int], lanes: int, count: int
) -> None:
    with torch.device("meta"):
        model = MODELS[name](size=size, classes=lanes)
    assert sum(p.numel() for p in model.parameters()) == count


def test_wrong_sizes_lanes_and_losses_of_the_clr_family_are_refused() -> None:
    with pytest.raises(ModelError, match="clrnet: expected a size in multiples of 32, got 800x300"):
        MODELS["clrkdnet_r18"](size=(800, 300))
    with pytest.raises(ModelError, match="clrnet: expected at least one lane and two classes, got 0 and 5"):
        MODELS["clrkdnet_r18"](size=(128, 64), lanes=0)
    with pytest.raises(ModelError, match="clrnet: expected normalize to be one of"):
        MODELS["clrkdnet_r18"](size=(128, 64), normalize="other")
    with pytest.raises(ModelError, match="clrnet: expected the loss of priors"):
        MODELS["clrkdnet_r18"](size=(128, 64), loss_terms=MaskLoss())
    with pytest.raises(ModelError, match="enet_sad: expected the loss of masks"):
        MODELS["enet_sad"](size=SIZE, loss_terms=PriorLoss())


def test_published_weights_get_pictures_with_blue_first() -> None:
    model = MODELS["clrkdnet_r18"](size=(128, 64), normalize="bgr")
    images = torch.rand(1, 3, 64, 128)
    assert torch.equal(model.normalize(images), images[:, [2, 1, 0]])
    assert not torch.equal(MODELS["clrkdnet_r18"](size=(128, 64)).normalize(images), images[:, [2, 1, 0]])


def test_the_table_of_priors_is_the_only_place_where_they_are() -> None:
    model = MODELS["clrnet_r18"](size=(128, 64)).eval()
    images = torch.rand(1, 3, 64, 128)
    with torch.no_grad():
        before = model(images)["priors"]
        model.get_parameter("table").add_(0.05)
        after = model(images)["priors"]
    assert not torch.allclose(before[..., 2:5], after[..., 2:5], atol=1e-2)
    assert {name.rpartition(".")[2] for name, _ in model.named_buffers()} <= {
        "mean", "std", "running_mean", "running_var", "num_batches_tracked",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["enet_sad", "scnn"])
def test_wrong_sizes_and_channels_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name}: expected a size in multiples of 8"):
        MODELS[name](size=(100, 50))
    with pytest.raises(ModelError, match=f"{name}: expected 5 channels"):
        MODELS[name](size=SIZE, channels=7)


def test_pretrained_weights_of_a_backbone_that_has_none_are_refused() -> None:
    with pytest.raises(ModelError, match="no backbone weights exist"):
        MODELS["enet_sad"](size=SIZE, pretrained_backbone=True)
