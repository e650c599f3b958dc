from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.errors import LanelightError
from lanelight.losses.attention import compare_attention
from lanelight.models.enet_sad import EnetSad
from lanelight.nn.taps import tapped


def _features(seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {f"encoder{i}": torch.randn(2, 8, 4, 6, generator=random) for i in (2, 3, 4)}


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


def test_after_its_start_the_weight_rises_over_the_ramp() -> None:
    sad = SelfAttentionDistillation(weight=0.2, start_step=10, ramp_steps=4)
    weights = [sad.weight_at(step) for step in (9, 10, 11, 12, 13, 14, 1000)]
    assert weights == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    features = _features()
    assert torch.isclose(sad.loss(features, 10), sad.loss(features) / 4)
    at_once = replace(sad, ramp_steps=0)
    assert [at_once.weight_at(step) for step in (9, 10, 11)] == [0, 0.2, 0.2]


def test_options_reach_the_maps_of_every_pair() -> None:
    features = _features()
    sad = SelfAttentionDistillation(weight=1.0, function="max", power=3.0, temperature=2.0)
    terms = [
        compare_attention(features[a], features[b], function="max", power=3.0, temperature=2.0) for a, b in sad.pairs
    ]
    found = sad(features)
    assert torch.isclose(found.loss, terms[0].loss + terms[1].loss)
    assert float(found.peak) == max(float(term.peak) for term in terms)
    assert not torch.isclose(found.loss, SelfAttentionDistillation(weight=1.0).loss(features))


def test_any_taps_of_a_network_can_be_paired_whatever_their_sizes() -> None:
    model = EnetSad((128, 72))
    sad = SelfAttentionDistillation(pairs=(("encoder1", "encoder4"), ("encoder4", "encoder1")), detach=False)
    with tapped(model, sad.taps) as features:
        model(torch.rand(2, 3, 72, 128, generator=torch.Generator().manual_seed(0)))
    assert features["encoder1"].shape[-2:] != features["encoder4"].shape[-2:]
    sad.loss(features).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in model.encoder4.parameters())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("pairs", (), "at least one pair"),
        ("weight", -0.1, r"distillation\.weight: expected at least 0"),
        ("start_step", -1, r"start_step: expected at least 0"),
        ("ramp_steps", -1, r"ramp_steps: expected at least 0"),
        ("power", 0.5, r"power: expected at least 1"),
        ("power", float("nan"), r"power: expected at least 1"),
        ("temperature", 0.0, r"temperature: expected more than 0"),
    ],
)
def test_values_without_sense_are_refused(name: str, value: object, says: str) -> None:
    with pytest.raises(LanelightError, match=says):
        replace(SelfAttentionDistillation(), **{name: value})  # type: ignore[arg-type]
