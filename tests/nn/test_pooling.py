from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.nn.pooling import max_pool_corner, max_unpool_corner


class Corners(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return max_pool_corner(x)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_pooling_and_unpooling_equal_those_with_indices(ties: bool, in_graph: bool) -> None:
    x = torch.randn(2, 5, 12, 18, generator=torch.Generator().manual_seed(0))
    if ties:
        x = x.relu().round()  # whole windows of equal values
    pooled, corner = torch.export.export(Corners(), (x,)).module()(x) if in_graph else max_pool_corner(x)
    expected, indices = F.max_pool2d(x, 2, return_indices=True)
    assert torch.equal(pooled, expected)
    values = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(max_unpool_corner(values, corner), F.max_unpool2d(values, indices, [2, 2]))


def test_gradients_equal_those_with_indices() -> None:
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(2)).relu()
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    pooled, corner = max_pool_corner(ours)
    (max_unpool_corner(pooled * 2, corner) ** 2).sum().backward()  # type: ignore[no-untyped-call]
    pooled, indices = F.max_pool2d(theirs, 2, return_indices=True)
    (F.max_unpool2d(pooled * 2, indices, [2, 2]) ** 2).sum().backward()  # type: ignore[no-untyped-call]
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)
