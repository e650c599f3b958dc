"""Distillation from a teacher against the reference implementation of CLRKDNet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from golden.reference import golden, meta, state
from torch import Tensor, nn

from lanelight.distill.teacher import REFERENCE_TERMS
from lanelight.losses.transfer import attention_transfer, feature_distance, line_distance, unit_attention
from lanelight.models import MODELS
from lanelight.models.layouts import LAYOUTS
from lanelight.nn.taps import tapped

MAPS = ((2, 64, 80, 200), (2, 128, 40, 100), (2, 256, 20, 50), (2, 512, 10, 25))
NETWORKS = (
    ("clrkdnet_r18_culane", "clrkdnet_r18"),
    ("clrkdnet_teacher_r50", "clrnet_r50"),
    ("clrkdnet_teacher_dla34", "clrnet_dla34"),
)


def _drawn(seed: int) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return the features of the golden: four maps, gathered vectors and lines."""
    rng = np.random.default_rng(seed)
    maps = [torch.from_numpy(rng.normal(size=shape).astype(np.float32)).requires_grad_() for shape in MAPS]
    gathered = torch.from_numpy(rng.normal(size=(2, 192, 64)).astype(np.float32))
    return maps, gathered, torch.from_numpy(rng.uniform(0, 1, (2, 192, 3)).astype(np.float32))


def test_the_terms_are_those_of_the_reference() -> None:
    z = golden("loss_clrkd_distill")
    (maps, gathered, lines), (their_maps, their_gathered, their_lines) = _drawn(40), _drawn(41)
    ours, theirs = [unit_attention(each) for each in maps], [unit_attention(each) for each in their_maps]
    for level, each in enumerate(ours):
        stored, step = z[f"s_att{level}__sub"], int(z[f"s_att{level}__step"])
        assert np.abs(each.detach().numpy().reshape(-1)[::step] - stored).max() <= 1e-6 * stored.max()
        one = attention_transfer(ours[level : level + 1], theirs[level : level + 1], form="reference")
        assert one.item() == pytest.approx(z["per_level"][level], rel=1e-5)
    attention = attention_transfer(ours, theirs, form="reference")
    attention.backward()  # type: ignore[no-untyped-call]
    assert attention.item() == pytest.approx(float(z["attention_loss"]), rel=1e-5)
    assert [float(each.grad.norm()) for each in maps if each.grad is not None] == pytest.approx(
        list(z["attention_grad_norms"]), rel=1e-4
    )
    assert all(each.grad is None for each in their_maps)
    features, priors = feature_distance(gathered, their_gathered), line_distance(lines, their_lines)
    assert features.item() == pytest.approx(float(z["logit_loss"]), rel=1e-5)
    assert priors.item() == pytest.approx(float(z["prior_loss"]), rel=1e-5)
    for backbone, terms in REFERENCE_TERMS.items():
        total = sum(
            term.weight * value.item() for term, value in zip(terms, (attention, features, priors), strict=True)
        )
        assert total == pytest.approx(float(z[f"total_{backbone}"]), rel=1e-5)


@pytest.mark.parametrize(("name", "network"), NETWORKS)
def test_a_network_shows_its_attention_vectors_and_lines_as_the_reference_does(name: str, network: str) -> None:
    z = golden(name)
    facts = meta(z)
    height, width = facts["input"][2:]
    converted = LAYOUTS[network](state(z))
    model = MODELS[network](size=(width, height), **converted.parts)
    model.load_state_dict(converted.state)
    model.normalize = nn.Identity()
    drawn = np.random.default_rng(facts["input_seed"]).normal(size=facts["input"]).astype(np.float32)
    with torch.no_grad(), tapped(model.eval(), model.TAPS) as features:
        model(torch.from_numpy(drawn))
    for level in range(4):
        _same(unit_attention(features[f"map{level + 1}"]), z, f"att{level}", 1e-4)
    _same(features["gathered"], z, "logits", 1e-4)
    _same(features["line"], z, "priors_att", 1e-5)


def _same(found: Tensor, z: Any, name: str, bound: float) -> None:
    """Compare with a stored array on 99.9 % of its elements: ties of pooling may flip a few."""
    stored, step = z[f"{name}__sub"], int(z[f"{name}__step"])
    gaps = np.abs(found.detach().numpy().reshape(-1)[::step] - stored) / np.abs(stored).max()
    assert (gaps <= bound).mean() >= 0.999, float(gaps.max())
    assert float(found.detach().double().sum()) == pytest.approx(z[f"{name}__stats"][2], rel=1e-3)
