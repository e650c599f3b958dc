"""CLRKDNet: CLRNet with one map and one stage of refinement, taught by a CLRNet.

Paper: Qi, Zhao, Ren, "CLRKDNet: Speeding up Lane Detection with Knowledge Distillation", 2024. Compatible with the
weights of weiqingq/CLRKDNet; see NOTICE. The network is `lanelight.models.clrnet.ClrNet` with ``stages=1``; what it
learns from a teacher is in `lanelight.distill.teacher`.
"""

from __future__ import annotations

from typing import Any

from lanelight.models.clrnet import BACKBONES, ClrNet
from lanelight.nn.backbone import Pretrained, pyramid


def clrkdnet_r18(
    size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any
) -> ClrNet:
    """Build CLRKDNet on ResNet-18.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: True for the ImageNet weights that timm publishes, or a file with them.
        parts: further arguments of `ClrNet`.

    Raises:
        ModelError: parts that the network cannot have, or backbone weights that cannot be had.
    """
    return ClrNet(size, *pyramid(BACKBONES["r18"], pretrained_backbone), **{"stages": 1, **parts})


def clrkdnet_dla34(
    size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any
) -> ClrNet:
    """Build CLRKDNet on DLA-34; as `clrkdnet_r18`."""
    return ClrNet(size, *pyramid(BACKBONES["dla34"], pretrained_backbone), **{"stages": 1, **parts})
