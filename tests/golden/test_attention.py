"""Self attention distillation against the reference implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from golden.reference import golden

from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.losses.attention import compare_attention


@pytest.mark.parametrize(
    ("case", "seed", "first"), [("a", 10, (2, 64, 72, 100)), ("b", 11, (2, 128, 36, 50))]
)  # b reuses the second map of a as its first
def test_attention_loss_and_gradients_are_those_of_the_reference(case: str, seed: int, first: tuple[int, ...]) -> None:
    z = golden("loss_sad_attention")
    student, teacher = (
        torch.from_numpy((np.random.default_rng(s).normal(size=shape) * 0.3).astype(np.float32)).requires_grad_()
        for s, shape in ((seed, first), (seed + 1, (2, 128, 36, 50)))
    )
    loss = compare_attention(student, teacher, form="reference").loss
    loss.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert teacher.grad is not None
    assert loss.item() == pytest.approx(float(z[f"loss_{case}"]), rel=1e-4)
    assert float(student.grad.norm()) == pytest.approx(float(z[f"grad_first_norm_{case}"]), rel=1e-4)
    assert float(teacher.grad.norm()) == pytest.approx(float(z[f"grad_second_norm_{case}"]), rel=1e-4)


@pytest.mark.parametrize(("case", "seed", "first"), [("a", 10, (2, 64, 72, 100)), ("b", 11, (2, 128, 36, 50))])
def test_distillation_in_the_reference_form_has_the_reference_s_numbers(
    case: str, seed: int, first: tuple[int, ...]
) -> None:
    z = golden("loss_sad_attention")
    features = {
        name: torch.from_numpy((np.random.default_rng(s).normal(size=shape) * 0.3).astype(np.float32)).requires_grad_()
        for name, s, shape in (("early", seed, first), ("deep", seed + 1, (2, 128, 36, 50)))
    }
    sad = SelfAttentionDistillation(pairs=(("early", "deep"),), weight=0.1, form="reference")
    found = sad(features)
    (10 * found.loss).backward()  # type: ignore[no-untyped-call]
    assert found.loss.item() == pytest.approx(0.1 * float(z[f"loss_{case}"]), rel=1e-4)
    assert 0 < found.peak.item() <= 1
    for name, key in (("early", "first"), ("deep", "second")):
        grad = features[name].grad
        assert grad is not None
        assert float(grad.norm()) == pytest.approx(float(z[f"grad_{key}_norm_{case}"]), rel=1e-4)
