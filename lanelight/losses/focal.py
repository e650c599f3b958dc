"""Focal loss (Lin et al. 2017, eq. 5) in the two forms of the CLR family: as a loss, and as a cost of assignment."""

from __future__ import annotations

import torch
from torch import Tensor


def softmax_focal(
    logits: Tensor, labels: Tensor, *, alpha: float = 0.25, gamma: float = 2.0, eps: float = 1e-6
) -> Tensor:
    """Return -alpha (1 - p)^gamma ln p, with p the softmax probability of the true class plus `eps`.

    Differs from the paper: alpha multiplies every class, so that it is a mere scale; the CLR family was tuned so.

    Args:
        logits: (..., C).
        labels: (...) int64.
        alpha: factor.
        gamma: how little is said about what is already right.
        eps: keeps the logarithm finite.

    Returns:
        (...).
    """
    p = logits.softmax(dim=-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1) + eps
    return -alpha * (1 - p).pow(gamma) * p.log()


def focal_cost(logits: Tensor, *, alpha: float = 0.25, gamma: float = 2.0, eps: float = 1e-12) -> Tensor:
    """Return what calling something positive costs more than calling it negative, in the sigmoid form.

    Args:
        logits: (...) of the positive class. The CLR family takes the sigmoid of one logit of a softmax classifier
            here, and was tuned so.
        alpha: share of the positive side; the negative side has 1 - alpha.
        gamma: how little is said about what is already right.
        eps: keeps the logarithms finite.

    Returns:
        (...): negative where the positive class is likely.
    """
    p = torch.sigmoid(logits)
    positive = -alpha * (1 - p).pow(gamma) * (p + eps).log()
    negative = -(1 - alpha) * p.pow(gamma) * (1 - p + eps).log()
    return positive - negative
