"""Networks by name."""

from collections.abc import Callable

from lanelight.models.base import LaneModel
from lanelight.models.enet_sad import enet_sad
from lanelight.models.scnn import scnn

MODELS: dict[str, Callable[..., LaneModel]] = {
    "enet": enet_sad,  # one network: the name picks the recipe
    "enet_sad": enet_sad,
    "scnn": scnn,
    "scnn_sad": scnn,
}

__all__ = ["MODELS", "LaneModel"]
