"""SCNN: VGG16 at stride 8, message passing between rows and columns, one mask per lane slot and an existence branch.

Paper: Pan, Shi, Luo, Wang, Tang, "Spatial As Deep: Spatial CNN for Traffic Scene Understanding", AAAI 2018. Compatible
with the weights of harryhan618/SCNN_Pytorch, which InhwanBae/ENet-SAD_Pytorch uses unchanged; see NOTICE. SCNN-SAD is
the same network trained with self attention distillation (Hou et al. 2019) between its taps.

Differs from that repository: message passing is drawn as the authors draw it, distillation is not part of the network,
and with one channel (BDD100K) the existence branch has a convolution of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import Decoder
from lanelight.geometry import Scene, Viewport
from lanelight.models.base import LaneModel
from lanelight.models.slot_masks import (
    SLOTS,
    ExistenceBranch,
    MaskLoss,
    check_form,
    mask_decoder,
    mask_target,
    mask_terms,
)
from lanelight.nn.backbone import Pretrained, vgg16_bn_stride8
from lanelight.nn.message_passing import MessagePassing
from lanelight.nn.normalize import normalization


class Scnn(LaneModel):
    """The network; build it with `scnn`.

    Args:
        size: (width, height) of the input, px, multiples of 8; the existence branch is bound to it.
        backbone: (B, 3, H, W) -> (B, 512, H/8, W/8), in ``block1`` to ``block5``.
        channels: 5 (background and four slots), or 1 (lane or not, BDD100K).
        normalize: "imagenet", or "culane" for what the authors of SCNN trained with (their converted weights).
        width_px: width of lanes drawn for training, px of the input.
        loss_terms: weights and forms of the loss; by default without the soft IoU, which SCNN does not have.
        decoder: outputs -> Scene; None: lanes by slot, or with one channel the pixels of lanes.

    Raises:
        ModelError: a size, channel count or normalisation that the network cannot have.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("lanes", "exist")
    TAPS: ClassVar[tuple[str, ...]] = ("block3", "block4", "block5", "layer1", "message")

    def __init__(
        self,
        size: tuple[int, int],
        backbone: nn.ModuleDict,
        *,
        channels: int = SLOTS + 1,
        normalize: Literal["imagenet", "culane"] = "imagenet",
        width_px: int = 8,
        loss_terms: MaskLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        super().__init__()
        check_form("scnn", size, channels, loss_terms)
        self.normalize = normalization("scnn", normalize)
        self.size, self.channels, self.width_px = size, channels, width_px
        self.loss_terms = loss_terms or MaskLoss(iou=0)
        self.decoder = decoder or mask_decoder(channels)

        self.backbone = backbone
        self.layer1 = nn.Sequential(
            nn.Conv2d(512, 1024, 3, padding=4, dilation=4, bias=False),
            nn.BatchNorm2d(1024),
            nn.ReLU(),
            nn.Conv2d(1024, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
        )
        self.message = MessagePassing(128)
        self.dropout = nn.Dropout2d(0.1)
        self.output = nn.Conv2d(128, channels, 1)
        # Existence is read from the slots' own logits; the one channel of "lane or not" cannot tell slots apart.
        self.existence = ExistenceBranch(None if channels > 1 else 128, size)
        self.tap_block3, self.tap_block4, self.tap_block5 = nn.Identity(), nn.Identity(), nn.Identity()
        self.tap_layer1, self.tap_message = nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``lanes`` logits (B, K, H, W) and ``exist`` logits (B, 4)."""
        blocks = self.backbone
        x = blocks["block2"](blocks["block1"](self.normalize(images)))
        x = self.tap_block3(blocks["block3"](x))
        x = self.tap_block4(blocks["block4"](x))
        x = self.tap_block5(blocks["block5"](x))
        x = self.tap_layer1(self.layer1(x))
        x = self.dropout(self.tap_message(self.message(x)))
        lanes = self.output(x)
        exist = self.existence(lanes if self.channels > 1 else x)
        return {"lanes": F.interpolate(lanes, scale_factor=8, mode="bilinear", align_corners=True), "exist": exist}

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Return ``lanes`` and ``exist`` as `lanelight.models.slot_masks.mask_target` draws them."""
        return mask_target(scene, view, channels=self.channels, width_px=self.width_px)

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted terms ``mask`` and ``exist``, and ``iou`` where it was asked for."""
        return mask_terms(outputs, targets, self.loss_terms)


def scnn(size: tuple[int, int] = (800, 288), *, pretrained_backbone: Pretrained = False, **parts: Any) -> Scnn:
    """Build SCNN.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: True for the ImageNet weights that timm publishes, or a file with them.
        parts: further arguments of `Scnn`.

    Raises:
        ModelError: parts that the network cannot have, or backbone weights that cannot be had.
    """
    return Scnn(size, vgg16_bn_stride8(pretrained_backbone), **parts)
