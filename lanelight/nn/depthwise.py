"""`DilatedDepthwise`: a depthwise convolution with dilation that can be trained in bfloat16."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DilatedDepthwise(nn.Conv2d):
    """A 3x3 convolution of each channel alone, (B, C, H, W) -> (B, C, H, W), on processors always in float32.

    In bfloat16 on processors, with channels last, torch 2.15 gives wrong gradients of the weights of such a convolution
    where it is dilated: oneDNN reads memory that nobody wrote, so that they are far off, or no numbers, from time to
    time. Without dilation they are right.

    Args:
        channels: C.
        dilation: distance of the taps, px; as much is padded.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, on a processor in float32 also under autocast."""
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(x.float(), self.weight, padding=self.padding, dilation=self.dilation, groups=self.groups)
