"""Layouts of checkpoints by network: what the reference implementations released -> our names."""

from lanelight.models.layouts.base import Converted, Layout, State
from lanelight.models.layouts.clrnet import read_clrkdnet, read_clrnet
from lanelight.models.layouts.enet_instance import read_enet_instance
from lanelight.models.layouts.enet_sad import read_enet_sad
from lanelight.models.layouts.enet_semantic import read_enet_semantic
from lanelight.models.layouts.fast_scnn import read_fast_scnn
from lanelight.models.layouts.scnn import read_scnn
from lanelight.models.layouts.segnet import read_segnet_instance

LAYOUTS: dict[str, Layout] = {
    "enet": read_enet_sad,
    "enet_sad": read_enet_sad,
    "enet_semantic": read_enet_semantic,
    "scnn": read_scnn,
    "scnn_sad": read_scnn,
    "clrnet_r18": read_clrnet,
    "clrnet_r34": read_clrnet,
    "clrnet_r50": read_clrnet,
    "clrnet_r101": read_clrnet,
    "clrnet_dla34": read_clrnet,
    "clrkdnet_r18": read_clrkdnet,
    "clrkdnet_dla34": read_clrkdnet,
    "fast_scnn": read_fast_scnn,
    "segnet_instance": read_segnet_instance,
    "enet_instance": read_enet_instance,
}

__all__ = ["LAYOUTS", "Converted", "Layout", "State"]
