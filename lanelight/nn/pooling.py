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
    top_left, top_right, bottom_left = x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2]
    not_first = (top_left != pooled).to(x.dtype)
    not_second = (top_right != pooled).to(x.dtype)
    not_third = (bottom_left != pooled).to(x.dtype)
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
