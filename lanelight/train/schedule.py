"""Learning rates over a run, and what weight decay applies to."""

from __future__ import annotations

import math

import torch
from torch import nn

from lanelight.train.recipe import Optimizer


def factor(step: int, *, steps: int, settings: Optimizer) -> float:
    """Return the share of the peak learning rate at an optimiser step.

    Args:
        step: from 0.
        steps: of the whole run.
        settings: warm-up and form of the decay.
    """
    warmup = settings.warmup_steps
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.5 * (1 + math.cos(math.pi * done)) if settings.decay == "cosine" else (1 - done) ** 0.9


def optimizer(model: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """Build AdamW; norms, biases and PReLU slopes are not decayed."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.lr)
