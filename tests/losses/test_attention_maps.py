from __future__ import annotations

import pytest
import torch

from lanelight.losses.attention import attention_distillation, attention_map


def _spike(row: int, column: int) -> torch.Tensor:
    features = torch.zeros(1, 2, 6, 8)
    features[0, :, row, column] = 50.0
    return features


def test_the_reference_form_of_disjoint_one_hot_maps_is_two_over_the_positions() -> None:
    loss = attention_distillation(_spike(1, 1), _spike(4, 6), form="reference")
    assert float(loss) == pytest.approx(2 / 48, rel=1e-6)
    assert float(attention_distillation(_spike(1, 1), _spike(1, 1), form="reference")) == 0


def test_the_normalised_form_does_not_depend_on_the_scale_of_features() -> None:
    features = torch.randn(2, 16, 6, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(attention_map(features), attention_map(30 * features), atol=1e-6)
    saturated = attention_map(30 * features, form="reference")
    assert float(saturated.max(dim=1).values.min()) > 0.99  # why the reference form teaches nothing


def test_no_gradient_reaches_the_teacher_unless_the_reference_form_is_asked_for() -> None:
    for form, reaches in (("normalized", False), ("reference", True)):
        student = (0.3 * torch.randn(1, 4, 12, 16)).requires_grad_()
        teacher = (0.3 * torch.randn(1, 8, 6, 8)).requires_grad_()
        attention_distillation(student, teacher, form=form).backward()  # type: ignore[arg-type, no-untyped-call]
        assert student.grad is not None
        assert float(student.grad.abs().sum()) > 0
        assert (teacher.grad is not None) is reaches


def test_maps_of_half_the_size_are_enlarged_before_the_softmax() -> None:
    features = torch.rand(1, 3, 6, 8)
    big = attention_map(features, double=True)
    assert big.shape == (1, 4 * 48)
    assert float(big.sum()) == pytest.approx(1, abs=1e-5)
