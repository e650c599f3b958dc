"""Message passing as the paper's formula has it, one slice after another; differentiable, slow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def message_passing(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Pass messages down, up, right and left: (B, C, H, W) -> (B, C, H, W).

    Args:
        x: the map.
        weights: of the four passes, (C, C, K): what channel i makes of channel j at a distance of k - K // 2.
    """
    down, up, right, left = weights
    x = along_rows(x, down)
    x = along_rows(x.flip(2), up).flip(2)
    x = along_rows(x.mT, right).mT
    return along_rows(x.mT.flip(2), left).flip(2).mT


def along_rows(x: Tensor, weight: Tensor) -> Tensor:
    """Let every row hear the row above it, which has heard already."""
    reach = weight.shape[2] // 2
    rows = [x[:, :, 0]]
    for i in range(1, x.shape[2]):
        padded = F.pad(rows[-1], (reach, reach))
        message = torch.zeros_like(rows[-1])
        for k in range(weight.shape[2]):
            message = message + torch.einsum("ij,bjw->biw", weight[:, :, k], padded[:, :, k : k + x.shape[3]])
        rows.append(x[:, :, i] + message.relu())
    return torch.stack(rows, dim=2)
