"""`Normalize`: the door of every network, from RGB in [0, 1] to what its weights expect."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lanelight.errors import ModelError

Triple = tuple[float, float, float]
Order = Literal["rgb", "bgr"]

CULANE = ((0.3598, 0.3653, 0.3662), (0.2573, 0.2663, 0.2756))  # the SAD authors' constants, used for every data set
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # what backbones trained on ImageNet expect
# What CLRNet's published weights expect: no mean and deviation, and the channels as OpenCV reads them.
BGR: tuple[Triple, Triple, Order] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bgr")
# What the published weights of the lane instances expect: the bytes of the picture, 0 to 255, as they are.
BYTES = ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
# What the published weights of PyTorch-ENet expect: RGB in [0, 1] as it is.
UNIT = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

CONSTANTS: dict[str, tuple[Triple, Triple] | tuple[Triple, Triple, Order]] = {
    "culane": CULANE,
    "imagenet": IMAGENET,
    "bgr": BGR,
    "bytes": BYTES,
    "unit": UNIT,
}


class Normalize(nn.Module):
    """Subtract a mean and divide by a standard deviation, per channel, and order the channels.

    Args:
        mean: of R, G, B in [0, 1].
        std: of R, G, B in [0, 1].
        order: of the channels that go out.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Triple, std: Triple, order: Order = "rgb") -> None:
        super().__init__()
        self.order = order
        # Nothing is computed then: OpenVINO would drop the steps from a graph, and with them the name of its input.
        self.unit = (mean, std) == UNIT
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) RGB in [0, 1] to the network's own range."""
        images = images if self.unit else (images - self.mean) / self.std
        return images.flip(1) if self.order == "bgr" else images


def normalization(network: str, name: str) -> Normalize:
    """Return the door of a network with the constants of a name in `CONSTANTS`.

    Raises:
        ModelError: an unknown name; the message begins with the network's.
    """
    if name not in CONSTANTS:
        raise ModelError(f"{network}: expected normalize to be one of {', '.join(CONSTANTS)}, got {name!r}")
    return Normalize(*CONSTANTS[name])


def constants_name(module: nn.Module) -> str | None:
    """Return which of `CONSTANTS` a network's door has; None where it has others, or none."""
    if not isinstance(module, Normalize):
        return None
    own = torch.stack([module.mean.flatten().cpu(), module.std.flatten().cpu()])
    for name, constants in CONSTANTS.items():
        other = Normalize(*constants)
        if other.order == module.order and torch.equal(
            own, torch.stack([other.mean.flatten(), other.std.flatten()]).to(own.dtype)
        ):
            return name
    return None
