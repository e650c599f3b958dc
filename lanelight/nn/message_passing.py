"""Message passing between the rows and the columns of a feature map (SCNN).

X. Pan, J. Shi, P. Luo, X. Wang, X. Tang, "Spatial As Deep: Spatial CNN for Traffic Scene Understanding", AAAI 2018,
sec. 3: each slice adds what a convolution and a ReLU make of the slice before it, which has already been added to.
So what one row knows reaches every row below it in one pass.

The 272 steps of a 36 x 100 map follow one another; what can be saved is the work around them. `_Pass` keeps a map as
slices of (positions, channels) with zeros at both ends. A step is then one copy and one matrix product; backward, the
gradients of the weights wait until all slices are known and are one convolution instead of one for every step.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight


class MessagePassing(nn.Module):
    """Pass messages down, up, right and left: (B, C, H, W) -> (B, C, H, W).

    The weights are drawn from N(0, sqrt(2 / (9 * C * C * 5))), as XingangPan/SCNN draws them: small, so that 272 steps
    do not explode. There is no bias.

    Args:
        channels: C.
        width: how many neighbours of the slice before one position hears; odd.
    """

    def __init__(self, channels: int = 128, width: int = 9) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels, (1, width), padding=(0, width // 2), bias=False)
        self.up = nn.Conv2d(channels, channels, (1, width), padding=(0, width // 2), bias=False)
        self.right = nn.Conv2d(channels, channels, (width, 1), padding=(width // 2, 0), bias=False)
        self.left = nn.Conv2d(channels, channels, (width, 1), padding=(width // 2, 0), bias=False)
        for conv in (self.down, self.up, self.right, self.left):
            nn.init.normal_(conv.weight, std=(2 / (width * channels * channels * 5)) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map after the four passes."""
        # An exported graph is made of plain convolutions, which every runtime has and knows to make fast.
        step = _unrolled if torch.compiler.is_compiling() else _fused
        x = step(x, self.down, 2, reverse=False)
        x = step(x, self.up, 2, reverse=True)
        x = step(x, self.right, 3, reverse=False)
        return step(x, self.left, 3, reverse=True).contiguous()


def _unrolled(x: Tensor, conv: nn.Conv2d, dim: int, *, reverse: bool) -> Tensor:
    """Pass messages along an axis, one slice after another."""
    slices = list(torch.split(x, 1, dim))
    if reverse:
        slices.reverse()
    passed = [slices[0]]
    for piece in slices[1:]:
        passed.append(piece + F.relu(conv(passed[-1])))
    if reverse:
        passed.reverse()
    return torch.cat(passed, dim)


def _fused(x: Tensor, conv: nn.Conv2d, dim: int, *, reverse: bool) -> Tensor:
    """Do what `_unrolled` does."""
    weight = conv.weight.flatten(2)
    device = x.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        x, weight = x.to(dtype), weight.to(dtype)
    # to slices (N, B, L, C) and back
    there, back = ((2, 0, 3, 1), (1, 3, 0, 2)) if dim == 2 else ((3, 0, 2, 1), (1, 3, 2, 0))
    passed: Tensor = _Pass.apply(x.permute(there), weight, reverse)
    return passed.permute(back)


class _Pass(torch.autograd.Function):
    """One pass over slices (N, B, L, C) with a weight (C, C, K); the slices follow one another along N."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, reverse: bool) -> Tensor:
        n, batch, length, channels = x.shape
        reach = weight.shape[2] // 2
        matrix = weight.permute(2, 1, 0).reshape(-1, channels)  # (K * C, C)
        padded = x.new_zeros(n, batch, length + 2 * reach, channels)
        state = padded[:, :, reach : reach + length]
        state.copy_(x)
        windows, gathered = _windows(padded, length)
        message = x.new_empty(batch * length, channels)
        shaped = message.view(batch, length, channels)
        heard = torch.zeros(n, batch, length, channels, dtype=torch.bool, device=x.device)
        order = _order(n, reverse)
        for before, now in pairwise(order):
            torch.mm(_gather(windows[before], gathered), matrix, out=message)
            torch.gt(shaped, 0, out=heard[now])
            state[now].add_(shaped.clamp_(min=0))
        ctx.save_for_backward(padded, heard, weight)
        ctx.reverse = reverse
        return state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        padded, heard, weight = ctx.saved_tensors
        n, batch, length, channels = heard.shape
        reach = weight.shape[2] // 2
        matrix = weight.flip(2).permute(2, 0, 1).reshape(-1, channels)  # the transposed convolution's
        total = grad.new_empty(heard.shape).copy_(grad)
        flat = total.view(n, batch * length, channels)
        masked = torch.zeros_like(padded)
        inner = masked[:, :, reach : reach + length]
        windows, gathered = _windows(masked, length)
        order = _order(n, not ctx.reverse)
        for now, before in pairwise(order):
            torch.mul(total[now], heard[now], out=inner[now])
            flat[before].addmm_(_gather(windows[now], gathered), matrix)
        if not ctx.needs_input_grad[1]:
            return total, None, None
        sources, messages = (padded[1:], inner[:-1]) if ctx.reverse else (padded[:-1], inner[1:])
        return total, _weight_gradient(sources, messages, weight), None


def _order(n: int, reverse: bool) -> range:
    return range(n - 1, -1, -1) if reverse else range(n)


def _windows(padded: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """View each position of each slice with its neighbours: (N, B, L, K * C); and make room for one slice of that."""
    n, batch, wide, channels = padded.shape
    size = (n, batch, length, (wide - length + 1) * channels)
    return padded.as_strided(size, (padded.stride(0), padded.stride(1), channels, 1)), padded.new_empty(size[1:])


def _gather(window: Tensor, room: Tensor) -> Tensor:
    return room.copy_(window).flatten(0, 1)


def _weight_gradient(sources: Tensor, messages: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient of all steps at once: the slices are the rows of one picture."""
    if not len(sources):  # a single slice hears nothing
        return torch.zeros_like(weight)

    def picture(slices: Tensor) -> Tensor:
        return slices.flatten(0, 1).permute(2, 0, 1)[None]

    shape = (*weight.shape[:2], 1, weight.shape[2])
    gradient: Tensor = conv2d_weight(picture(sources), shape, picture(messages))  # type: ignore[no-untyped-call]
    return gradient[:, :, 0]
