from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles.class_loss import slow_class_loss
from torch import Tensor
from torch.nn import functional as F

from lanelight.losses.class_map import class_cross_entropy, class_soft_iou, hardest


def _drawn(seed: int, *, ignored: float = 0.3, classes: int = 4) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, classes, 5, 6, generator=rng)
    labels = torch.randint(0, classes, (2, 5, 6), generator=rng)
    return logits, labels.masked_fill(torch.rand(2, 5, 6, generator=rng) < ignored, 255)


@given(
    seed=st.integers(0, 1000),
    weighted=st.booleans(),
    threshold=st.sampled_from([None, 0.05, 0.5, 0.7, 1.0]),
    min_kept=st.sampled_from([0, 1, 7, 40, 60, 1000]),
    smoothing=st.sampled_from([0.0, 0.1]),
    ignored=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_it_is_what_the_formula_says(
    *, seed: int, weighted: bool, threshold: float | None, min_kept: int, smoothing: float, ignored: float
) -> None:
    logits, labels = _drawn(seed, ignored=ignored)
    weights = (0.5, 1.0, 2.0, 0.25) if weighted else None
    have = class_cross_entropy(
        logits,
        labels,
        weights=weights,
        ohem_threshold=threshold,
        ohem_min_kept=min_kept,
        label_smoothing=smoothing,
    )
    want = slow_class_loss(
        logits.double().numpy(),
        labels.numpy(),
        weights=weights or (1.0,) * 4,
        threshold=threshold,
        min_kept=min_kept,
        smoothing=smoothing,
    )
    assert float(have) == pytest.approx(want, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_without_hard_pixels_it_is_torchs_weighted_mean(smoothing: float) -> None:
    logits, labels = _drawn(0)
    weights = torch.tensor([0.3, 1.0, 2.0, 0.7])
    want = F.cross_entropy(logits, labels, weight=weights, ignore_index=255, label_smoothing=smoothing)
    have = class_cross_entropy(logits, labels, weights=weights.tolist(), label_smoothing=smoothing)
    assert float(have) == pytest.approx(float(want), rel=1e-5)


def test_ignored_and_easy_pixels_have_no_gradient() -> None:
    logits, labels = _drawn(1)
    logits.requires_grad_()
    class_cross_entropy(logits, labels, ohem_threshold=0.3, ohem_min_kept=3).backward()  # type: ignore[no-untyped-call]
    counts = hardest(logits, labels, threshold=0.3, min_kept=3)
    assert logits.grad is not None
    assert torch.equal(logits.grad.abs().sum(dim=1) > 0, counts)
    assert 3 < int(counts.sum()) < int((labels != 255).sum())


def test_hard_pixels_are_sought_in_the_whole_batch() -> None:
    logits = torch.zeros(2, 2, 1, 4)
    logits[:, 0] = torch.tensor([[[4.0, 3.0, 2.0, 1.0]], [[8.0, 7.0, 6.0, 5.0]]])
    labels = torch.zeros(2, 1, 4, dtype=torch.int64)
    counts = hardest(logits, labels, threshold=0.1, min_kept=3)
    assert counts.flatten().tolist() == [False, True, True, True, False, False, False, False]
    labels[0, 0, 3] = 255
    counts = hardest(logits, labels, threshold=0.1, min_kept=3)
    assert counts.flatten().tolist() == [True, True, True, False, False, False, False, False]


def test_a_batch_without_known_pixels_costs_nothing_and_has_a_gradient_of_zero() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    labels = torch.full((1, 4, 4), 255)
    for threshold in (None, 0.7):
        loss = class_cross_entropy(logits, labels, weights=(1.0, 2.0, 3.0), ohem_threshold=threshold)
        assert float(loss.detach()) == 0
        loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert not logits.grad.any()


@given(seed=st.integers(0, 1000), ignored=st.sampled_from([0.0, 0.4, 1.0]))
def test_the_soft_iou_is_what_the_formula_says(*, seed: int, ignored: float) -> None:
    logits, labels = _drawn(seed, ignored=ignored, classes=7)
    chance = logits.softmax(dim=1)
    losses = []
    for k in range(7):
        true = (labels == k).float()
        hits = (chance[:, k] * true).sum()
        union = (chance[:, k] + true - chance[:, k] * true)[labels != 255].sum()
        if true.any():
            losses.append(1 - hits / union)
    want = torch.stack(losses).mean() if losses else torch.tensor(0.0)
    assert class_soft_iou(logits, labels) == pytest.approx(want.item(), abs=1e-5)


def test_the_soft_iou_of_a_perfect_map_is_zero_and_its_gradient_leads_there() -> None:
    _, labels = _drawn(3, ignored=0.2)
    perfect = 50 * F.one_hot(labels.clamp(max=3), 4).movedim(-1, 1).float()
    assert class_soft_iou(perfect, labels) == pytest.approx(0, abs=1e-6)
    logits = torch.zeros_like(perfect, requires_grad=True)
    before = class_soft_iou(logits, labels)
    (slope,) = torch.autograd.grad(before, logits)
    assert (slope[(labels == 255).unsqueeze(1).expand_as(slope)] == 0).all()
    assert class_soft_iou(logits.detach() - 50 * slope, labels) < before
