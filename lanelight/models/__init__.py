"""Networks by name."""

from collections.abc import Callable

from lanelight.models.base import LaneModel
from lanelight.models.clrkdnet import clrkdnet_dla34, clrkdnet_r18
from lanelight.models.clrnet import clrnet_dla34, clrnet_r18, clrnet_r34, clrnet_r50, clrnet_r101
from lanelight.models.enet_instance import enet_instance
from lanelight.models.enet_sad import enet_sad
from lanelight.models.enet_semantic import enet_semantic
from lanelight.models.fast_scnn import fast_scnn
from lanelight.models.scnn import scnn
from lanelight.models.segnet import segnet_instance

MODELS: dict[str, Callable[..., LaneModel]] = {
    "enet": enet_sad,  # one network: the name picks the recipe
    "enet_sad": enet_sad,
    "enet_semantic": enet_semantic,
    "scnn": scnn,
    "scnn_sad": scnn,
    "clrnet_r18": clrnet_r18,
    "clrnet_r34": clrnet_r34,
    "clrnet_r50": clrnet_r50,
    "clrnet_r101": clrnet_r101,
    "clrnet_dla34": clrnet_dla34,
    "clrkdnet_r18": clrkdnet_r18,
    "clrkdnet_dla34": clrkdnet_dla34,
    "fast_scnn": fast_scnn,
    "segnet_instance": segnet_instance,
    "enet_instance": enet_instance,
}

__all__ = ["MODELS", "LaneModel"]
