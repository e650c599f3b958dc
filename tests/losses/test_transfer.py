from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from lanelight.losses.transfer import (
    attention_transfer,
    feature_distance,
    line_distance,
    response_divergence,
    unit_attention,
)


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _hill(height: int, width: int) -> Tensor:
    """Return features that are strong at one place of a picture, whatever their size."""
    y, x = ((torch.arange(n) + 0.5) / n for n in (height, width))
    return torch.exp(-(((y - 0.4) ** 2)[:, None] + (x - 0.6) ** 2) / 0.1)[None, None]


def test_attention_is_the_mean_square_over_channels_of_norm_one() -> None:
    features = _normal(2, 5, 3, 4)
    energy = (features.numpy() ** 2).mean(axis=1)
    wanted = energy / np.sqrt((energy**2).sum(axis=(1, 2), keepdims=True))
    assert np.allclose(unit_attention(features), wanted, atol=1e-6)


def test_dead_features_have_no_attention_and_finite_gradients() -> None:
    features = torch.zeros(1, 3, 4, 4, requires_grad=True)
    ours = unit_attention(features)
    attention_transfer([ours], [unit_attention(_normal(1, 3, 4, 4))]).backward()  # type: ignore[no-untyped-call]
    assert float(ours.detach().abs().max()) == 0
    assert features.grad is not None
    assert bool(torch.isfinite(features.grad).all())


def test_the_default_form_is_the_reference_s_times_the_positions() -> None:
    ours, theirs = unit_attention(_normal(2, 5, 6, 8)), unit_attention(_normal(2, 7, 6, 8, seed=1))
    sound, reference = (attention_transfer([ours], [theirs], form=form) for form in ("normalized", "reference"))
    assert float(sound) == pytest.approx(48 * float(reference), rel=1e-6)
    apart = torch.eye(2).reshape(2, 1, 2)
    assert float(attention_transfer([apart], [apart.flip(0)])) == pytest.approx(2)  # the most there can be


def test_levels_count_alike_whatever_their_size() -> None:
    small, large = (unit_attention(_normal(2, 3, *size)) for size in ((2, 2), (20, 30)))
    others = [unit_attention(_normal(2, 3, *each.shape[1:], seed=1)) for each in (small, large)]
    each = [float(attention_transfer([ours], [theirs])) for ours, theirs in zip((small, large), others, strict=True)]
    assert float(attention_transfer([small, large], others)) == pytest.approx(np.mean(each))


def test_a_teacher_of_another_size_is_compared_in_the_student_s() -> None:
    coarse, fine = (_hill(*size) for size in ((6, 10), (24, 40)))
    assert float(attention_transfer([unit_attention(coarse)], [unit_attention(fine)])) < 0.01
    assert float(attention_transfer([unit_attention(fine)], [unit_attention(coarse)])) < 0.01
    other = unit_attention(_normal(1, 1, 6, 10))
    assert float(attention_transfer([other], [unit_attention(fine)])) > 0.1


def test_features_and_lines_are_compared_by_their_squares() -> None:
    ours, theirs = _normal(2, 4, 3), _normal(2, 4, 3, seed=1)
    squares = (ours - theirs).square()
    assert float(feature_distance(ours, theirs)) == pytest.approx(float(squares.mean()))
    assert float(line_distance(ours, theirs)) == pytest.approx(float(squares.sum()) / 2)
    maps = _normal(1, 2, 3, 4)
    assert float(feature_distance(maps, maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))) < 0.2


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_response_is_the_divergence_of_the_softened_classes(temperature: float) -> None:
    ours, theirs = _normal(2, 5, 3, 4).double(), _normal(2, 5, 3, 4, seed=1).double()
    p, q = ((each / temperature).softmax(dim=1).numpy() for each in (theirs, ours))
    wanted = temperature**2 * (p * np.log(p / q)).sum(axis=1).mean()
    assert float(response_divergence(ours, theirs, temperature=temperature)) == pytest.approx(wanted)
    assert float(response_divergence(ours, ours, temperature=temperature)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 3, 4)])
def test_answers_that_do_not_exclude_each_other_are_compared_one_by_one(shape: tuple[int, ...]) -> None:
    ours, theirs = _normal(*shape).double(), _normal(*shape, seed=1).double()
    p, q = theirs.sigmoid().numpy(), ours.sigmoid().numpy()
    wanted = (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean()
    assert float(response_divergence(ours, theirs)) == pytest.approx(wanted)


def test_a_student_that_follows_the_response_comes_to_say_what_its_teacher_says() -> None:
    ours, theirs = _normal(2, 5, 3, 4).requires_grad_(), _normal(2, 5, 3, 4, seed=1).requires_grad_()
    optimizer = torch.optim.SGD([ours], lr=20.0)
    for _ in range(300):
        optimizer.zero_grad()
        response_divergence(ours, theirs, temperature=2.0).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float((ours.softmax(dim=1) - theirs.softmax(dim=1)).detach().abs().max()) < 0.01
    assert theirs.grad is None


def test_certain_logits_have_a_finite_divergence() -> None:
    for shape in ((1, 2), (1, 3, 2, 2)):
        ours, theirs = 500 * torch.ones(shape), -500 * torch.ones(shape)
        ours[:, 0], theirs[:, 0] = -500, 500
        ours.requires_grad_()
        loss = response_divergence(ours, theirs)
        loss.backward()  # type: ignore[no-untyped-call]
        assert bool(torch.isfinite(loss))
        assert ours.grad is not None
        assert bool(torch.isfinite(ours.grad).all())
