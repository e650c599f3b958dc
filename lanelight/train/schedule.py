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
    """Build AdamW; norms, biases and PReLU slopes are not decayed, fully connected layers have a rate of their own."""
    linear = {id(p) for m in model.modules() if isinstance(m, nn.Linear) for p in m.parameters()}
    groups = [
        {
            "params": [p for p in model.parameters() if (id(p) in linear) is dense and (p.ndim > 1) is decayed],
            "lr": settings.lr * (settings.linear_lr if dense else 1.0),
            "weight_decay": settings.weight_decay if decayed else 0.0,
        }
        for dense in (False, True)
        for decayed in (True, False)
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.lr)
