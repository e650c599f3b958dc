"""`RoiGather`: what each prior knows of its lane, from the features along it and from the whole picture.

Zheng et al. 2022 (CLRNet), sec. 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL = 9  # sample points that a convolution along a prior sees


class RoiGather(nn.Module):
    """Turn the features sampled along each prior into one vector, and add what attention finds in the picture.

    The features of earlier stages are used again by later ones: `along` is called once a stage, and its results are
    handed to every following `forward`.

    Differs from the reference: there, `along` runs again for the earlier stages at each later one, on the same input;
    that changes nothing but how often its running statistics are updated.

    Args:
        priors: P, their number; the weights of query and context are one for each.
        points: sample points along a prior.
        width: channels of features and result.
        stages: of refinement.
        hidden: channels between.
        dropout: of what attention adds, while training.
    """

    def __init__(
        self, priors: int, points: int, width: int, *, stages: int, hidden: int = 48, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(_along(width, hidden) for _ in range(stages))
        self.merges = nn.ModuleList(_along(hidden * (stage + 1), width) for stage in range(stages))
        self.reduce = nn.Linear(width * points, width)
        self.norm = nn.LayerNorm(width)
        key = nn.Conv2d(width, width, 1, bias=False)
        nn.init.kaiming_normal_(key.weight, mode="fan_out", nonlinearity="relu")
        self.key = nn.Sequential(key, nn.BatchNorm2d(width), nn.ReLU())
        self.value = nn.Conv2d(width, width, 1)
        self.query_weight = nn.Parameter(torch.empty(priors, 1).uniform_(-1, 1))
        self.query_bias = nn.Parameter(torch.empty(priors, 1).uniform_(-1, 1))
        # Attention begins with no say at all, so that training begins with what lies along the prior.
        self.context_weight = nn.Parameter(torch.zeros(priors, 1))
        self.context_bias = nn.Parameter(torch.zeros(priors, 1))
        self.dropout = nn.Dropout(dropout)

    def along(self, stage: int, sampled: Tensor) -> Tensor:
        """Return (B, hidden, P, points) of the features (B, C, P, points) that a stage samples along the priors."""
        found: Tensor = self.convolutions[stage](sampled)
        return found

    def forward(self, stage: int, seen: list[Tensor], picture: Tensor, step: int) -> Tensor:
        """Return (B, P, width).

        Args:
            stage: from 0.
            seen: what `along` gave for this and all earlier stages.
            picture: (B, C, H, W), the stage's map.
            step: of its positions that attention looks at, in both directions: every first, second or fourth.
        """
        merged = self.merges[stage](torch.cat(seen, dim=1))  # (B, C, P, points)
        own = F.relu(self.norm(self.reduce(merged.transpose(1, 2).flatten(2))))  # (B, P, C)
        key = self.key(picture)[:, :, ::step, ::step].flatten(2)
        value = self.value(picture)[:, :, ::step, ::step].flatten(2)
        query = F.relu(own * self.query_weight + self.query_bias)
        attention = (query @ key * query.shape[-1] ** -0.5).softmax(dim=-1)
        context = attention @ value.transpose(1, 2)
        found: Tensor = own + self.dropout(context * self.context_weight + self.context_bias)
        return found


def _along(channels: int, width: int) -> nn.Sequential:
    """Return a convolution along the points of each prior, for (B, channels, P, points)."""
    convolution = nn.Conv2d(channels, width, (1, KERNEL), padding=(0, KERNEL // 2), bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())
