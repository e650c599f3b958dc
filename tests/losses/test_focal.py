"""Focal loss and focal cost."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from lanelight.losses.focal import focal_cost, softmax_focal


def _logits(seed: int) -> torch.Tensor:
    return 3 * torch.randn(5, 7, 2, generator=torch.Generator().manual_seed(seed))


def test_without_gamma_it_is_a_quarter_of_the_cross_entropy() -> None:
    logits = _logits(0)
    labels = torch.randint(0, 2, (5, 7), generator=torch.Generator().manual_seed(1))
    plain = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(5, 7)
    assert torch.allclose(softmax_focal(logits, labels, gamma=0, eps=0), 0.25 * plain, rtol=1e-5, atol=1e-6)


def test_what_is_already_right_weighs_little() -> None:
    sure, unsure = torch.tensor([0.0, math.log(9)]), torch.tensor([0.0, 0.0])  # p = 0.9 and 0.5
    label = torch.tensor(1)
    assert float(softmax_focal(sure, label)) == pytest.approx(0.25 * 0.1**2 * -math.log(0.9), rel=1e-3)
    assert float(softmax_focal(unsure, label)) == pytest.approx(0.25 * 0.5**2 * math.log(2), rel=1e-3)


def test_the_cost_is_that_of_a_positive_less_that_of_a_negative() -> None:
    assert float(focal_cost(torch.tensor(0.0))) == pytest.approx(0.25 * (0.25 - 0.75) * math.log(2), abs=1e-6)
    costs = focal_cost(torch.linspace(-9, 9, 50))
    assert bool((costs.diff() < 0).all())  # the likelier, the cheaper


@pytest.mark.parametrize("size", [20.0, 1e4, 3e38])
def test_big_logits_give_finite_losses_costs_and_gradients(size: float) -> None:
    logits = torch.tensor([[-size, size], [size, -size]], requires_grad=True)
    for label in (0, 1):
        loss = softmax_focal(logits, torch.full((2,), label)).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        assert bool(torch.isfinite(loss))
        assert bool(torch.isfinite(gradient).all())
    assert bool(torch.isfinite(focal_cost(logits)).all())
