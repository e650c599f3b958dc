"""`Normalize`: the door of every network, from RGB in [0, 1] to what its weights expect."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CULANE = ((0.3598, 0.3653, 0.3662), (0.2573, 0.2663, 0.2756))  # the SAD authors' constants, used for every data set
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # what backbones trained on ImageNet expect

CONSTANTS = {"culane": CULANE, "imagenet": IMAGENET}


class Normalize(nn.Module):
    """Subtract a mean and divide by a standard deviation, per channel.

    Args:
        mean: of R, G, B in [0, 1].
        std: of R, G, B in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) RGB in [0, 1] to the network's own range."""
        return (images - self.mean) / self.std


def constants_name(module: nn.Module) -> str | None:
    """Return which of `CONSTANTS` a network's door has; None where it has others, or none."""
    if not isinstance(module, Normalize):
        return None
    for name, (mean, std) in CONSTANTS.items():
        own = torch.stack([module.mean.flatten().cpu(), module.std.flatten().cpu()])
        if torch.equal(own, torch.tensor([mean, std]).to(own.dtype)):
            return name
    return None
