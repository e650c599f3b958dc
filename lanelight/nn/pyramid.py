"""Pyramid pooling: what a map says of the whole picture, its quarters, its ninths and its 36ths, beside every pixel.

Zhao et al. 2017 (PSPNet), sec. 3.2, as Fast-SCNN has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.nn.bottleneck import conv_norm_act


class PyramidPooling(nn.Module):
    """Pool to a few grids, narrow, enlarge, join and merge: (B, C, h, w) -> (B, D, h, w).

    Args:
        in_channels: C.
        out_channels: D.
        grids: numbers of rows, and of columns, of the grids; each gets C / len(grids) channels.
    """

    def __init__(self, in_channels: int, out_channels: int, grids: Sequence[int] = (1, 2, 3, 6)) -> None:
        super().__init__()
        self.grids = tuple(grids)
        width = in_channels // len(self.grids)
        joined = in_channels + width * len(self.grids)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(in_channels, width, 1, bias=False), PooledNorm(width), nn.ReLU())
            for _ in self.grids
        )
        self.merge = conv_norm_act(nn.Conv2d(joined, out_channels, 1, bias=False), "relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return the merged map."""
        pooled = [branch(average_grid(x, grid)) for branch, grid in zip(self.branches, self.grids, strict=True)]
        large = [F.interpolate(each, size=x.shape[-2:], mode="bilinear", align_corners=True) for each in pooled]
        out: Tensor = self.merge(torch.cat([*large, x], dim=1))
        return out


class PooledNorm(nn.BatchNorm2d):
    """Batch norm of a pooled map, which may be a single value a channel.

    While training with one picture, the branch of the whole picture has one value in each channel. That has no
    variance, and `torch.nn.BatchNorm2d` refuses it. It is then normalised by the running statistics, which stay as
    they are, as in evaluation. In evaluation, and with more values, this is batch norm and nothing else.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map."""
        if self.training and x.numel() == x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


def average_grid(x: Tensor, count: int) -> Tensor:
    """Average a map over the cells of a grid: (B, C, h, w) -> (B, C, count, count).

    The values are those of `torch.nn.functional.adaptive_avg_pool2d`, whose cells overlap where they do not divide the
    map. As two products with matrices it exports for every size of map, dynamic ones too; the maps are small.
    """
    rows, columns = (_cells(size, count, x) for size in x.shape[-2:])
    return rows @ x @ columns.transpose(0, 1)


def _cells(size: int, count: int, like: Tensor) -> Tensor:
    """Return (count, size): each row averages the positions of one cell, floor(i s / n) up to ceil((i + 1) s / n)."""
    place = torch.arange(size, device=like.device)
    cell = torch.arange(count, device=like.device).unsqueeze(1)
    begin, end = cell * size // count, ((cell + 1) * size + count - 1) // count
    inside = (place >= begin) & (place < end)
    return inside.to(like.dtype) / (end - begin).to(like.dtype)
