from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lanelight.losses.mask import existence_bce, mask_cross_entropy, soft_iou


def _labels(*values: int) -> Tensor:
    """Return labels (1, 4, len(values)): one column a value."""
    return torch.tensor(values).repeat(4, 1).unsqueeze(0)


def _certain(labels: Tensor, channels: int = 5) -> Tensor:
    return 100.0 * F.one_hot(labels, channels).permute(0, 3, 1, 2).float()


def test_cross_entropy_equals_torchs_weighted_mean() -> None:
    logits = torch.randn(2, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 5, (2, 6, 8), generator=torch.Generator().manual_seed(1))
    expected = F.cross_entropy(logits, labels, weight=torch.tensor([0.4, 1, 1, 1, 1]))
    assert float(mask_cross_entropy(logits, labels)) == pytest.approx(float(expected), rel=1e-5)


def test_ignored_pixels_change_neither_loss() -> None:
    labels = _labels(0, 1, 2, 255)
    logits = torch.randn(1, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    other = logits.clone()
    other[..., 3] += 7 * torch.arange(5).view(1, 5, 1)
    for loss in (mask_cross_entropy, soft_iou):
        assert float(loss(logits, labels)) == pytest.approx(float(loss(other, labels)), abs=1e-6)


def test_a_picture_without_known_pixels_costs_nothing() -> None:
    labels = torch.full((1, 4, 4), 255)
    assert float(mask_cross_entropy(torch.randn(1, 5, 4, 4), labels)) == 0


def test_a_perfect_mask_has_no_iou_loss_and_absent_lanes_do_not_count() -> None:
    labels = _labels(0, 1, 0, 3)
    assert float(soft_iou(_certain(labels), labels)) == pytest.approx(0, abs=1e-4)
    assert float(soft_iou(_certain(_labels(0, 0, 0, 0)), _labels(0, 0, 0, 0))) == 0


def test_the_iou_gradient_reaches_every_lane_channel_but_in_the_reference_form_only_through_the_first() -> None:
    labels = _labels(1, 2, 3, 4)
    logits = torch.zeros(1, 5, 4, 4, requires_grad=True)
    soft_iou(logits, labels).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    own = [float(logits.grad[0, k, :, k - 1].abs().sum()) for k in range(1, 5)]
    assert min(own) > 0
    other = torch.zeros(1, 5, 4, 4, requires_grad=True)
    soft_iou(other, labels, form="reference").backward()  # type: ignore[no-untyped-call]
    assert other.grad is not None
    assert float(other.grad[0, 1].abs().sum()) == pytest.approx(3 * float(other.grad[0, 4].abs().sum()), rel=0.9)


def test_one_channel_has_a_gradient_only_in_our_form() -> None:
    labels = _labels(0, 1, 1, 0)
    for form, moves in (("present", True), ("reference", False)):
        logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
        loss = soft_iou(logits, labels, form=form)  # type: ignore[arg-type]
        assert loss.requires_grad is moves


def test_unknown_existence_flags_do_not_count() -> None:
    logits = torch.tensor([[3.0, -2.0, 0.5, 9.0]])
    known = existence_bce(logits[:, :3], torch.tensor([[1.0, 0.0, 1.0]]))
    assert float(existence_bce(logits, torch.tensor([[1.0, 0.0, 1.0, float("nan")]]))) == pytest.approx(float(known))
