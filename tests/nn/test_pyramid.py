from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from lanelight.nn.pyramid import PooledNorm, PyramidPooling, average_grid

SIDES = st.integers(1, 70)


@given(height=SIDES, width=SIDES, count=st.integers(1, 9))
def test_cells_are_averaged_as_adaptive_pooling_averages_them(height: int, width: int, count: int) -> None:
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(average_grid(x, count), F.adaptive_avg_pool2d(x, count), atol=1e-6)


def test_the_gradient_of_a_cell_goes_to_its_pixels() -> None:
    ours, theirs = (torch.randn(1, 2, 5, 7, generator=torch.Generator().manual_seed(0)) for _ in range(2))
    ours.requires_grad_()
    theirs.requires_grad_()
    (average_grid(ours, 3) ** 2).sum().backward()  # type: ignore[no-untyped-call]
    (F.adaptive_avg_pool2d(theirs, 3) ** 2).sum().backward()  # type: ignore[no-untyped-call]
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def _norms() -> tuple[PooledNorm, nn.BatchNorm2d]:
    ours, theirs = PooledNorm(4), nn.BatchNorm2d(4)
    for norm in (ours, theirs):
        assert norm.running_mean is not None
        norm.running_mean += 0.5
        nn.init.constant_(norm.bias, 0.25)
    return ours, theirs


@pytest.mark.parametrize("shape", [(2, 4, 1, 1), (1, 4, 1, 2), (3, 4, 6, 6)])
def test_with_two_values_and_more_it_is_batch_norm(shape: tuple[int, ...]) -> None:
    ours, theirs = _norms()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(x), theirs(x))
    for (name, have), (_, want) in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert torch.equal(have, want), name
    assert torch.equal(ours.eval()(x), theirs.eval()(x))


def test_a_single_value_is_normalised_as_in_evaluation_and_leaves_the_statistics() -> None:
    ours, theirs = _norms()
    x = torch.randn(1, 4, 1, 1, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with pytest.raises(ValueError, match="more than 1 value"):
        theirs(x)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    out = ours(x)
    assert torch.equal(out, theirs.eval()(x))
    assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())
    out.sum().backward()
    for tensor in (x, ours.weight, ours.bias):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()


def test_the_pyramid_sees_the_whole_map_from_every_pixel() -> None:
    torch.manual_seed(0)
    pyramid = PyramidPooling(16, 8).eval()
    x = torch.rand(1, 16, 9, 12)
    other = x.clone()
    other[..., -1, -1] += 5
    with torch.no_grad():
        first, second = pyramid(x), pyramid(other)
    assert first.shape == (1, 8, 9, 12)
    assert (first - second).abs().sum(dim=1)[0, 0, 0] > 0
