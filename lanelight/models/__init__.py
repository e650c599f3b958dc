"""Networks by name."""

from collections.abc import Callable

from lanelight.models.base import LaneModel
from lanelight.models.enet_sad import enet_sad

MODELS: dict[str, Callable[..., LaneModel]] = {
    "enet": enet_sad,  # one network: the name picks the recipe
    "enet_sad": enet_sad,
}

__all__ = ["MODELS", "LaneModel"]
