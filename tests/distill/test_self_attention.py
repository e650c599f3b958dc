from __future__ import annotations

import torch

from lanelight.distill.self_attention import SelfAttentionDistillation


def test_the_term_starts_at_its_step_and_names_each_tap_once() -> None:
    sad = SelfAttentionDistillation(start_step=100)
    assert sad.taps == ("encoder2", "encoder3", "encoder4")
    assert not sad.active(99)
    assert sad.active(100)
    assert not SelfAttentionDistillation(weight=0).active(100)


def test_equal_maps_cost_nothing_and_the_weight_scales_the_rest() -> None:
    same, other = torch.rand(2, 8, 4, 6), torch.rand(2, 8, 4, 6)
    sad = SelfAttentionDistillation(weight=0.5)
    assert float(sad.loss({"encoder2": same, "encoder3": same, "encoder4": same})) == 0
    features = {"encoder2": same, "encoder3": other, "encoder4": same}
    assert torch.isclose(sad.loss(features), 5 * SelfAttentionDistillation(weight=0.1).loss(features))
