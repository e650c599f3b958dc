from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.message_passing import message_passing
from torch import Tensor, nn

from lanelight.nn import message_passing as module
from lanelight.nn.message_passing import MessagePassing


def _network(channels: int, width: int = 9, *, strength: float = 0.1) -> MessagePassing:
    torch.manual_seed(1)
    network = MessagePassing(channels, width)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=strength)
    return network


def _weights(network: MessagePassing) -> list[Tensor]:
    return [conv.weight.flatten(2) for conv in (network.down, network.up, network.right, network.left)]


@pytest.mark.parametrize(
    ("shape", "width"),
    [((2, 8, 5, 12), 9), ((1, 4, 12, 5), 9), ((3, 6, 7, 3), 5), ((1, 4, 1, 6), 9), ((2, 4, 6, 1), 3)],
)
def test_numbers_and_gradients_are_those_of_the_formula(shape: tuple[int, int, int, int], width: int) -> None:
    network = _network(shape[1], width)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pull = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    inputs = [x, *network.parameters()]
    have, want = network(x), message_passing(x, _weights(network))
    assert torch.allclose(have, want, atol=1e-5)
    ours = torch.autograd.grad((have * pull).sum(), inputs, allow_unused=True)
    theirs = torch.autograd.grad((want * pull).sum(), inputs, allow_unused=True, materialize_grads=True)
    for own, true in zip(ours, theirs, strict=True):
        assert own is not None
        assert (own - true).abs().max() <= 1e-5 * max(1.0, float(true.abs().max()))


def test_the_gradient_is_that_of_differences() -> None:
    network = _network(3, 3, strength=0.5).double()
    x = torch.randn(1, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda *inputs: network(inputs[0]), (x, *network.parameters()))


def test_the_form_that_is_exported_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _network(8)
    x = torch.randn(2, 8, 6, 11, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        fused = network(x)
        monkeypatch.setattr(module, "_fused", module._unrolled)
        assert torch.allclose(network(x), fused, atol=1e-6)


def test_the_input_stays_as_it_was_and_frozen_weights_get_no_gradient() -> None:
    network = _network(4).requires_grad_(False)
    x = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = x.detach().clone()
    network(x).sum().backward()
    assert torch.equal(x.detach(), before)
    assert x.grad is not None
    assert all(parameter.grad is None for parameter in network.parameters())


def test_half_precision_comes_near_and_trains() -> None:
    network = _network(8)
    x = torch.randn(1, 8, 6, 10, generator=torch.Generator().manual_seed(0))
    full = network(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = network(x)
    assert half.dtype == torch.bfloat16
    assert (half - full).abs().max() < 0.03 * full.abs().max()
    half.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in network.parameters())


def test_what_the_first_row_knows_reaches_the_last_one_in_one_pass() -> None:
    network = _network(4)
    for conv in (network.up, network.right, network.left):
        nn.init.zeros_(conv.weight)
    nn.init.constant_(network.down.weight, 0.01)
    x = torch.zeros(1, 4, 9, 9)
    x[:, :, 0, 4] = 1
    with torch.no_grad():
        out = network(x)
    assert (out[:, :, -1] > 0).all()
    assert torch.equal(out[:, :, 0], x[:, :, 0])


def test_weights_are_drawn_as_the_authors_draw_them_and_have_no_bias() -> None:
    torch.manual_seed(0)
    network = MessagePassing(128)
    assert len(list(network.parameters())) == 4
    assert sum(p.numel() for p in network.parameters()) == 589_824
    wanted = np.sqrt(2 / (9 * 128 * 128 * 5))
    for parameter in network.parameters():
        assert parameter.std().item() == pytest.approx(wanted, rel=0.01)
        assert abs(parameter.mean().item()) < wanted / 100
