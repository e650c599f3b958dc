"""What a trained network costs on paper."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from lanelight.runtime.cost import Cost
from lanelight.train.trained import load_trained


def trained_cost(run: str | Path) -> Cost:
    """Count a trained network on the path of inference.

    Args:
        run: its folder, one of the files of weights in it, or a file that `lanelight convert` wrote.

    Raises:
        LanelightError: no recipe or no weights there, or of another network.
    """
    model = load_trained(run).model.eval().requires_grad_(False)  # the counter stumbles over weights given to a layer
    width, height = model.size
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, height, width))
    return Cost(sum(each.numel() for each in model.parameters()), counter.get_total_flops() / 1e9)
