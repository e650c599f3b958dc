"""The blocks of ENet (Paszke et al. 2016, arXiv 1606.02147), in the form that the ENet-SAD reference builds them.

Differs from the paper (and equals the reference): one PReLU slope per layer, batch norm epsilon 1e-5, an activation
after the 1x1 expansion, and internal widths taken from the input. All convolutions are without bias. The ENets of the
lane instances and of the classes of pixels differ in a few places, which are arguments here.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.nn.pooling import max_pool_corner, max_unpool_corner

Activation = Literal["prelu", "relu"]


class InitialBlock(nn.Module):
    """3x3 convolution beside 3x3 max-pooling of the image, both with stride 2: (B, 3, H, W) -> (B, 16, H/2, W/2)."""

    def __init__(self, out_channels: int = 16, act: Activation = "prelu", *, own_slopes: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, out_channels - 3, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.act = activation(act, out_channels if own_slopes else 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the first feature map."""
        pooled = F.max_pool2d(images, 3, stride=2, padding=1)
        out: Tensor = self.act(self.norm(torch.cat([self.conv(images), pooled], dim=1)))
        return out


class Bottleneck(nn.Module):
    """Regular, dilated or asymmetric bottleneck: (B, C, H, W) -> (B, C, H, W).

    Args:
        channels: C; the internal width is C / 4.
        dilation: of the 3x3 convolution; 1 is the regular block.
        asymmetric: 5x1 then 1x5 in place of the 3x3 convolution.
        norm_between: batch norm and activation also between these two.
        dropout: probability of dropping a channel.
        act: activation.
        own_slopes: the PReLU of the sum has a slope for each channel.
    """

    def __init__(
        self,
        channels: int,
        *,
        dilation: int = 1,
        asymmetric: bool = False,
        norm_between: bool = True,
        dropout: float = 0.0,
        act: Activation = "prelu",
        own_slopes: bool = False,
    ) -> None:
        super().__init__()
        inner = channels // 4
        self.reduce = conv_norm_act(nn.Conv2d(channels, inner, 1, bias=False), act)
        if asymmetric:
            upright = nn.Conv2d(inner, inner, (5, 1), padding=(2, 0), bias=False)
            self.middle = nn.Sequential(
                *(conv_norm_act(upright, act) if norm_between else [upright]),
                *conv_norm_act(nn.Conv2d(inner, inner, (1, 5), padding=(0, 2), bias=False), act),
            )
        else:
            conv = nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=False)
            self.middle = conv_norm_act(conv, act)
        self.expand = conv_norm_act(nn.Conv2d(inner, channels, 1, bias=False), act)
        self.dropout = nn.Dropout2d(dropout)
        self.act = activation(act, channels if own_slopes else 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus what the block adds."""
        out: Tensor = self.act(x + self.dropout(self.expand(self.middle(self.reduce(x)))))
        return out


class DownBottleneck(nn.Module):
    """Halve the size and widen: (B, C, H, W) -> (B, D, H/2, W/2), and the corners its max-pooling took."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dropout: float,
        act: Activation = "prelu",
        own_slopes: bool = False,
    ) -> None:
        super().__init__()
        inner = in_channels // 4
        self.widen = out_channels - in_channels
        self.reduce = conv_norm_act(nn.Conv2d(in_channels, inner, 2, stride=2, bias=False), act)
        self.middle = conv_norm_act(nn.Conv2d(inner, inner, 3, padding=1, bias=False), act)
        self.expand = conv_norm_act(nn.Conv2d(inner, out_channels, 1, bias=False), act)
        self.dropout = nn.Dropout2d(dropout)
        self.act = activation(act, out_channels if own_slopes else 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the smaller map and the corner codes (B, C, H/2, W/2) for the unpooling."""
        pooled, corner = max_pool_corner(x)
        pooled = F.pad(pooled, (0, 0, 0, 0, 0, self.widen))
        added = self.dropout(self.expand(self.middle(self.reduce(x))))
        return self.act(pooled + added), corner


class UpBottleneck(nn.Module):
    """Double the size and narrow: (B, C, H, W) -> (B, D, 2H, 2W), unpooling with the corners of a `DownBottleneck`.

    Args:
        in_channels: C; the internal width is C / 4.
        out_channels: D.
        dropout: probability of dropping a channel.
        act: activation.
        wide: 3x3 convolutions in place of the 1x1 before the unpooling and of the transposed 2x2.
        wide_middle: of the transposed 2x2 alone; None: as `wide`.
        act_expanded: an activation also behind the last 1x1 convolution.
        own_slopes: the PReLU of the sum has a slope for each channel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dropout: float,
        act: Activation = "relu",
        wide: bool = False,
        wide_middle: bool | None = None,
        act_expanded: bool = True,
        own_slopes: bool = False,
    ) -> None:
        super().__init__()
        inner = in_channels // 4
        kernel = 3 if wide else 1
        self.main = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.reduce = conv_norm_act(nn.Conv2d(in_channels, inner, 1, bias=False), act)
        enlarge = (
            nn.ConvTranspose2d(inner, inner, 3, stride=2, padding=1, output_padding=1, bias=False)
            if (wide if wide_middle is None else wide_middle)
            else nn.ConvTranspose2d(inner, inner, 2, stride=2, bias=False)
        )
        self.middle = conv_norm_act(enlarge, act)
        expand = conv_norm_act(nn.Conv2d(inner, out_channels, 1, bias=False), act)
        self.expand = expand if act_expanded else expand[:2]
        self.dropout = nn.Dropout2d(dropout)
        self.act = activation(act, out_channels if own_slopes else 1)

    def forward(self, x: Tensor, corner: Tensor) -> Tensor:
        """Return the larger map."""
        main = max_unpool_corner(self.main(x), corner)
        out: Tensor = self.act(main + self.dropout(self.expand(self.middle(self.reduce(x)))))
        return out


def dilated_sequence(
    channels: int = 128,
    *,
    dropout: float = 0.1,
    act: Activation = "prelu",
    norm_between: bool = True,
    own_slopes: bool = False,
) -> nn.Sequential:
    """Return the eight blocks of an ENet stage: regular, dilated 2, asymmetric, dilated 4, and again with 8 and 16."""
    block = partial(Bottleneck, channels, dropout=dropout, act=act, own_slopes=own_slopes)
    blocks: list[nn.Module] = []
    for first, second in ((2, 4), (8, 16)):
        blocks += [
            block(),
            block(dilation=first),
            block(asymmetric=True, norm_between=norm_between),
            block(dilation=second),
        ]
    return nn.Sequential(*blocks)


def conv_norm_act(conv: nn.Module, act: Activation) -> nn.Sequential:
    """Return convolution, batch norm, activation."""
    width = conv.out_channels
    assert isinstance(width, int)
    return nn.Sequential(conv, nn.BatchNorm2d(width), activation(act))


def activation(act: Activation, slopes: int = 1) -> nn.Module:
    """Return the activation; a PReLU has one slope for the whole layer, or as many as there are channels."""
    return nn.PReLU(slopes) if act == "prelu" else nn.ReLU()
