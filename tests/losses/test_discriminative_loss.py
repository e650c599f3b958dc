from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles.discriminative import slow_discriminative
from torch import Tensor

from lanelight.losses.discriminative import discriminative


def _drawn(seed: int, *, most: int = 4, batch: int = 3, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Return an embedding (B, E, 6, 7) in float64 and instances, each image with its own number of them."""
    rng = torch.Generator().manual_seed(seed)
    embedding = torch.randn(batch, channels, 6, 7, generator=rng, dtype=torch.float64)
    counts = torch.randint(0, most + 1, (batch, 1, 1), generator=rng)
    drawn = torch.randint(0, 1_000_000, (batch, 6, 7), generator=rng) % (counts + 1)
    return embedding, drawn.masked_fill(torch.rand(batch, 6, 7, generator=rng) < 0.2, 255)


def _planes(instances: Tensor, clusters: int | None) -> list[list[Tensor]]:
    """Return the planes of the lanes that count."""
    found = []
    for image in instances:
        numbers = [n for n in image.unique().tolist() if 0 < n < 255]
        if clusters is not None:
            numbers = sorted({*numbers, *range(1, clusters + 1)})
        found.append([(image == number).double() for number in numbers])
    return found


def _gradient(embedding: Tensor, instances: Tensor) -> Tensor:
    """Return the gradient of the sum of all terms."""
    embedding = embedding.detach().requires_grad_()
    torch.autograd.backward(torch.stack(list(discriminative(embedding, instances))).sum())
    assert embedding.grad is not None
    return embedding.grad


@given(
    seed=st.integers(0, 1000),
    most=st.integers(0, 6),
    margins=st.sampled_from([(0.5, 1.5), (0.1, 0.6), (0.0, 0.0), (2.0, 0.4)]),
    clusters=st.sampled_from([None, 1, 5]),
    reference=st.booleans(),
)
def test_terms_and_gradients_are_what_the_formulas_say(
    *, seed: int, most: int, margins: tuple[float, float], clusters: int | None, reference: bool
) -> None:
    embedding, instances = _drawn(seed, most=most)
    own, other = embedding.clone().requires_grad_(), embedding.clone().requires_grad_()
    terms = discriminative(
        own,
        instances,
        pull_margin=margins[0],
        push_margin=margins[1],
        form="reference" if reference else "paper",
        clusters=clusters,
    )
    pull, push, centre = slow_discriminative(
        other, _planes(instances, clusters), pull_margin=margins[0], push_margin=margins[1]
    )
    want = pull, push / 2 if reference else push, centre
    for have, expected in zip(terms, want, strict=True):
        assert float(have.detach()) == pytest.approx(float(expected.detach()), rel=1e-9, abs=1e-12)
    torch.autograd.backward(terms.pull + 2 * terms.push + 0.5 * terms.centre)
    weighted = want[0] + 2 * want[1] + 0.5 * want[2]
    torch.autograd.backward(weighted + 0 * other.sum())
    torch.testing.assert_close(own.grad, other.grad, rtol=1e-9, atol=1e-12)


def _two_lanes() -> tuple[Tensor, Tensor]:
    """Return two lanes at +2 and -2 on the first axis of five."""
    instances = torch.zeros(1, 8, 8, dtype=torch.int64)
    instances[0, :, 1], instances[0, :, 5] = 1, 2
    embedding = torch.zeros(1, 5, 8, 8)
    embedding[0, 0] = 2.0 * (instances[0] == 1) - 2.0 * (instances[0] == 2)
    return embedding, instances


def test_empty_slots_cost_nothing_where_only_lanes_count_that_there_are() -> None:
    embedding, instances = _two_lanes()
    ours = discriminative(embedding, instances, pull_margin=0.1, push_margin=0.6)
    assert [float(term) for term in ours] == [0.0, 0.0, 2.0]
    assert float(ours.pull + ours.push + 0.001 * ours.centre) == pytest.approx(0.0020, abs=1e-6)
    fixed = discriminative(embedding, instances, pull_margin=0.1, push_margin=0.6, form="reference", clusters=5)
    assert float(fixed.pull + fixed.push + 0.001 * fixed.centre) == pytest.approx(0.2168, abs=1e-6)


def test_numbers_that_are_missing_between_lanes_change_nothing() -> None:
    embedding, instances = _drawn(3)
    far = torch.where((instances > 0) & (instances < 255), 3 * instances + 200, instances)
    for have, want in zip(discriminative(embedding, far), discriminative(embedding, instances), strict=True):
        assert float(have) == pytest.approx(float(want), rel=1e-12)


def test_only_lane_pixels_are_looked_at() -> None:
    embedding, instances = _drawn(4)
    background = (instances == 0) | (instances == 255)
    strange = embedding.masked_fill(background.unsqueeze(1), torch.nan)
    assert discriminative(strange, instances) == discriminative(embedding, instances)
    assert not _gradient(embedding, instances).masked_select(background.unsqueeze(1)).any()


@pytest.mark.parametrize("number", [0, 255, 1])
def test_fewer_than_two_lanes_have_finite_terms_and_gradients(number: int) -> None:
    instances = torch.full((2, 4, 5), number)
    embedding = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    terms = discriminative(embedding, instances)
    assert float(terms.push) == 0
    assert (float(terms.pull) > 0) == (float(terms.centre) > 0) == (number == 1)
    gradient = _gradient(embedding, instances)
    assert bool(gradient.isfinite().all())
    assert bool(gradient.any()) == (number == 1)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_at_a_distance_of_zero_the_gradient_is_a_number(value: float) -> None:
    instances = torch.tensor([[[1, 1, 2], [3, 0, 2]]])
    embedding = torch.full((1, 4, 2, 3), value).requires_grad_()
    terms = discriminative(embedding, instances, pull_margin=0.0)
    assert float(terms.push.detach()) == pytest.approx(9.0)
    torch.autograd.backward(torch.stack(list(terms)).sum())
    assert embedding.grad is not None
    assert bool(embedding.grad.isfinite().all())


def test_an_image_has_the_same_terms_alone_and_in_a_batch() -> None:
    embedding, instances = _drawn(5, batch=4)
    alone = [discriminative(embedding[i : i + 1], instances[i : i + 1]) for i in range(4)]
    for name, have in discriminative(embedding, instances)._asdict().items():
        want = torch.stack([getattr(terms, name) for terms in alone]).mean()
        assert float(have) == pytest.approx(float(want), rel=1e-12)


def test_descending_makes_the_lanes_of_each_image_separable() -> None:
    _, instances = _drawn(6)
    embedding = (0.1 * _drawn(6, channels=5)[0]).requires_grad_()
    descent = torch.optim.Adam([embedding], lr=0.1)
    for _ in range(200):
        descent.zero_grad()
        terms = discriminative(embedding, instances)
        torch.autograd.backward(terms.pull + terms.push + 0.001 * terms.centre)
        descent.step()
    assert float(terms.pull.detach()) < 1e-3
    assert float(terms.push.detach()) < 1e-3


def test_under_autocast_and_from_half_precision_sums_are_in_float32() -> None:
    instances = torch.ones(1, 200, 200, dtype=torch.int64)  # 40,000 pixels: bfloat16 cannot count them
    instances[:, 100:] = 2
    embedding = torch.randn(1, 4, 200, 200, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    want = discriminative(embedding.detach().double(), instances)
    with torch.autocast("cpu", torch.bfloat16):
        have = discriminative(embedding, instances)
    assert [term.dtype for term in have] == [torch.float32] * 3
    assert [float(term.detach()) for term in have] == pytest.approx([float(term) for term in want], rel=1e-5)
    torch.autograd.backward(have.pull)
    assert embedding.grad is not None
    assert embedding.grad.dtype == torch.bfloat16


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns of its own parts while it compiles
def test_compiled_it_says_the_same_for_any_number_of_lane_pixels() -> None:
    torch.compiler.reset()
    compiled = torch.compile(discriminative, backend="aot_eager")
    for seed, most in ((0, 4), (1, 2), (2, 6), (3, 0)):
        embedding, instances = _drawn(seed, most=most)
        want = _gradient(embedding, instances)
        embedding.requires_grad_()
        terms = compiled(embedding, instances)
        for have, expected in zip(terms, discriminative(embedding, instances), strict=True):
            torch.testing.assert_close(have, expected)
        torch.autograd.backward(torch.stack(list(terms)).sum())
        torch.testing.assert_close(embedding.grad, want)
    torch.compiler.reset()
