"""2x2 max-pooling that remembers which corner won, and its inverse.

``max_pool2d(return_indices=True)`` with ``max_unpool2d`` is slow or impossible in most runtimes. Which of the four
corners of a window won says the same in a number from 0 to 3, and unpooling is then nearest upsampling times
"this corner won": the same numbers, with operations that every runtime has and fuses.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def max_pool_corner(x: Tensor) -> tuple[Tensor, Tensor]:
    """Pool 2x2 windows.

    Args:
        x: (B, C, H, W), H and W even.

    Returns:
        The maxima (B, C, H/2, W/2), and the corner each came from in the same shape and dtype: 0 top left, 1 top
        right, 2 bottom left, 3 bottom right; the first of equals, as `torch.nn.functional.max_pool2d` picks.
    """
    pooled = F.max_pool2d(x, 2)
    # In a graph poolings of single pixels, of pairs side by side and of pairs above each other say the same as the
    # corners, and are several times faster than taking every second pixel. In eager torch those are views.
    first, second, third = _pooled_corners(x) if torch.compiler.is_compiling() else _corners(x)
    not_first = (first != pooled).to(x.dtype)
    not_second = (second != pooled).to(x.dtype)
    not_third = (third != pooled).to(x.dtype)
    return pooled, not_first * (1 + not_second * (1 + not_third))


def max_unpool_corner(x: Tensor, corner: Tensor) -> Tensor:
    """Put each value back where its maximum was; the other three places are 0.

    Args:
        x: (B, C, H, W) values.
        corner: (B, C, H, W) what `max_pool_corner` returned for the map of twice the size.

    Returns:
        (B, C, 2H, 2W).
    """
    rows = torch.arange(2 * x.shape[-2], device=x.device).remainder(2).view(-1, 1)
    columns = torch.arange(2 * x.shape[-1], device=x.device).remainder(2).view(1, -1)
    place = (2 * rows + columns).to(x.dtype)
    won = F.interpolate(corner, scale_factor=2.0, mode="nearest") == place
    return F.interpolate(x, scale_factor=2.0, mode="nearest") * won.to(x.dtype)


def _corners(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the top left, top right and bottom left of each window."""
    return x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2]


def _pooled_corners(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the top left of each window, and what equals the maximum where the next corner is the first to do so.

    Where the top left is not the maximum, that of both at the top is it where the top right is; where neither is, that
    of both on the left is it where the bottom left is.
    """
    return F.max_pool2d(x, 1, stride=2), F.max_pool2d(x, (1, 2), stride=2), F.max_pool2d(x, (2, 1), stride=2)
