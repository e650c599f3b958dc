"""Gradients of dilated depthwise convolutions in bfloat16, also where freed memory holds anything."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lanelight.machine import keep_freed_memory
from lanelight.nn.depthwise import DilatedDepthwise


@pytest.mark.parametrize("dilation", [2, 4])
def test_gradients_of_weights_are_right_under_autocast_with_channels_last(dilation: int) -> None:
    keep_freed_memory()
    torch.manual_seed(3)
    x = torch.randn(8, 128, 23, 40).contiguous(memory_format=torch.channels_last)
    convolution = DilatedDepthwise(128, dilation).to(memory_format=torch.channels_last)
    seen = convolution(x)
    pulled = torch.randn_like(seen)
    seen.backward(pulled)
    assert convolution.weight.grad is not None
    wanted = convolution.weight.grad.clone()
    for _ in range(20):
        junk = [torch.full((count,), torch.nan) for count in (1_000, 20_000, 100_000, 1_000_000)]
        del junk
        convolution.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            low = convolution(x.bfloat16())
        low.backward(pulled.to(low.dtype))
        assert low.dtype == torch.float32
        assert (convolution.weight.grad - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_it_is_the_convolution_of_torch() -> None:
    ours = DilatedDepthwise(6, 4)
    theirs = nn.Conv2d(6, 6, 3, padding=4, dilation=4, groups=6, bias=False)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 9, 11)
    torch.testing.assert_close(ours(x), theirs(x))
