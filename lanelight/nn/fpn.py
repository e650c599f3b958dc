"""`Fpn`: a feature pyramid network, maps of all strides with the width of one (Lin et al. 2017, sec. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class Fpn(nn.Module):
    """Give maps of several strides one width, and each what the deeper ones know.

    Without normalisation and activation, as CLRNet has it. With one map it is a 1x1 and a 3x3 convolution.

    Args:
        channels: of the maps, from the shallowest to the deepest.
        width: channels of all outputs.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return as many maps of `width` channels, from the shallowest to the deepest.

        Args:
            maps: (B, C, H, W) each, from the shallowest to the deepest.
        """
        merged = [lateral(each) for lateral, each in zip(self.lateral, maps, strict=True)]
        for i in range(len(merged) - 1, 0, -1):
            merged[i - 1] = merged[i - 1] + F.interpolate(merged[i], size=merged[i - 1].shape[-2:], mode="nearest")
        return [smooth(each) for smooth, each in zip(self.smooth, merged, strict=True)]
