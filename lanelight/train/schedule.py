"""Learning rates over a run, and what weight decay applies to."""

from __future__ import annotations

import math
from typing import TypeGuard

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
    if settings.decay == "step":
        return settings.gamma ** sum(step >= share * steps for share in settings.milestones)
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.5 * (1 + math.cos(math.pi * done)) if settings.decay == "cosine" else (1 - done) ** settings.power


def scaled_lr(settings: Optimizer, frames: int) -> float:
    """Return the peak learning rate of a run.

    Args:
        settings: the rate and the batch it is meant for.
        frames: frames a step of all processes together.
    """
    if settings.reference_batch is None:
        return settings.lr
    ratio = frames / settings.reference_batch
    return settings.lr * (ratio if settings.name == "sgd" else math.sqrt(ratio))


def optimizer(model: nn.Module, settings: Optimizer, lr: float) -> torch.optim.Optimizer:
    """Build the optimiser; norms, biases and PReLU slopes are not decayed, linear layers have a rate of their own.

    Depthwise convolutions are decayed where the settings say so.

    Args:
        model: whose weights.
        settings: its kind and factors.
        lr: peak learning rate; see `scaled_lr`.
    """
    depthwise = set() if settings.decay_depthwise else {id(m.weight) for m in model.modules() if _is_depthwise(m)}
    linear = {id(p) for m in model.modules() if isinstance(m, nn.Linear) for p in m.parameters()}

    def fits(p: nn.Parameter, *, dense: bool, decayed: bool) -> bool:
        return (id(p) in linear) is dense and (p.ndim > 1 and id(p) not in depthwise) is decayed

    groups = [
        {
            "params": [p for p in model.parameters() if fits(p, dense=dense, decayed=decayed)],
            "lr": lr * (settings.linear_lr if dense else 1.0),
            "weight_decay": settings.weight_decay if decayed else 0.0,
        }
        for dense in (False, True)
        for decayed in (True, False)
    ]
    filled = [group for group in groups if group["params"]]
    if settings.name == "sgd":
        return torch.optim.SGD(filled, lr=lr, momentum=settings.momentum, nesterov=settings.momentum > 0)
    return torch.optim.AdamW(filled, lr=lr)


def _is_depthwise(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    return isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels
