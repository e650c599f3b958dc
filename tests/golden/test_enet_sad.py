"""ENet-SAD against the reference implementation: outputs, losses, gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden.reference import golden, meta, state
from torch import Tensor

from lanelight.losses.attention import compare_attention
from lanelight.losses.mask import existence_bce, mask_cross_entropy, soft_iou
from lanelight.models import checkpoints
from lanelight.models.enet_sad import EnetSad
from lanelight.models.layouts.enet_sad import enet_sad_name
from lanelight.nn.taps import tapped

NAMES = ["enet_sad_800x288", "enet_sad_640x360", "enet_sad_bdd_sad_640x368"]
PAIRS = [("encoder1", "encoder2"), ("encoder2", "encoder3"), ("encoder3", "encoder4")]


def _reference(name: str, folder: Path) -> tuple[Any, EnetSad, Tensor]:
    z = golden(name)
    file = folder / "reference.pth"
    torch.save({"net": state(z), "epoch": 1}, file)
    shape = meta(z)["input"]
    model = checkpoints.load(file, "enet_sad", size=(shape[3], shape[2])).eval()
    assert isinstance(model, EnetSad)
    model.normalize = torch.nn.Identity()
    images = np.random.default_rng(meta(z)["input_seed"]).normal(size=shape).astype(np.float32)
    return z, model, torch.from_numpy(images)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_reference(name: str, tmp_path: Path) -> None:
    z, model, images = _reference(name, tmp_path)
    with torch.no_grad():
        outputs = model(images)
    for theirs, ours in (("seg", outputs["lanes"]), ("exist", outputs["exist"].sigmoid())):
        have, want = ours.numpy().reshape(-1)[:: int(z[f"{theirs}__step"])], z[f"{theirs}__sub"]
        close = np.abs(have - want) <= 1e-4 * np.abs(want).max()
        assert close.mean() >= 0.999  # a pooling tie may move single pixels


@pytest.mark.parametrize("name", NAMES)
def test_losses_and_gradients_are_those_of_the_reference(name: str, tmp_path: Path) -> None:
    z, model, images = _reference(name, tmp_path)
    with_sad = bool(meta(z)["ctor"]["sad"])
    rng = np.random.default_rng(1)
    classes = 2 if model.channels == 1 else model.channels
    labels = torch.from_numpy(rng.integers(0, classes, (2, *images.shape[2:])).astype(np.int64))
    flags = torch.from_numpy(rng.integers(0, 2, (2, 4)).astype(np.float32))
    with tapped(model, [f"encoder{i}" for i in range(1, 5)]) as features:
        outputs = model(images)
    background = 1.0 if model.channels == 1 else 0.4  # the reference weighs nothing on BDD100K
    seg = mask_cross_entropy(outputs["lanes"], labels, background=background)
    exist = existence_bce(outputs["exist"], flags)
    total = seg + 0.1 * exist
    assert seg.item() == pytest.approx(float(z["loss_seg"]), rel=1e-4)
    assert exist.item() == pytest.approx(float(z["loss_exist"]), rel=1e-4)
    if with_sad:
        iou = soft_iou(outputs["lanes"], labels, form="reference")
        if model.channels > 1:
            assert iou.item() == pytest.approx(float(z["iou_loss"]), rel=1e-4)
        terms = [compare_attention(features[a], features[b], form="reference").loss for a, b in PAIRS]
        for term, key in zip(terms, ("sad_loss_2", "sad_loss_3", "sad_loss_4"), strict=True):
            assert term.item() == pytest.approx(float(z[key]), rel=1e-4)
        total = total + 0.1 * iou + 0.1 * torch.stack(terms).sum()
    assert total.item() == pytest.approx(float(z["loss_total"]), rel=1e-4)
    total.backward()  # type: ignore[no-untyped-call]
    # The gradient of a PReLU's single slope sums a million terms that cancel: float64 is 1.3e-4 away from the golden.
    # In the golden's own order of summation (two threads) it holds too.
    slopes, others = _gradient_errors(z, model)
    assert others.max() < 1e-4
    assert slopes.max() < 5e-4


def _gradient_errors(z: Any, model: EnetSad) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the relative errors of the gradient norms of single slopes, and of all other parameters."""
    own = dict(model.named_parameters())
    slopes: list[float] = []
    others: list[float] = []
    for key, norm in zip(z["grad_keys"], z["grad_norms"], strict=True):
        parameter = own[enet_sad_name(str(key))]
        have = 0.0 if parameter.grad is None else float(parameter.grad.double().norm())
        (slopes if parameter.numel() == 1 else others).append(abs(have - float(norm)) / max(float(norm), 1e-6))
    return np.array(slopes), np.array(others)
