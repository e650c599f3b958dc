"""CLRNet: lanes as refined priors, and CLRKDNet's network, which is the same with one map and one stage.

Paper: Zheng, Huang, Liu, Tang, Yang, Cai, He, "CLRNet: Cross Layer Refinement Network for Lane Detection", CVPR 2022.
Compatible with the weights of Turoad/CLRNet; see NOTICE.

A prior is a straight line: where it begins, and its direction. Each stage samples a map along all priors, says of each
whether it is a lane, and moves it; the next stage does so on a map of half the stride, along the moved lines.

Differs from that repository: priors are drawn from the learned table at every pass (its copy in buffers went stale
where several GPUs trained), features of earlier stages are kept instead of computed again, and targets, assignment and
decoding are those of `lanelight.models.prior_target`, `lanelight.losses.assign` and `lanelight.decode.priors`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import Decoder
from lanelight.decode.priors import PriorDecoder
from lanelight.errors import ModelError
from lanelight.geometry import Scene, Viewport
from lanelight.geometry.priors import FIELDS, ROWS, STRIPS
from lanelight.models.base import LaneModel
from lanelight.models.lane_priors import PriorLoss, prior_terms
from lanelight.models.prior_target import prior_target
from lanelight.nn.backbone import Pretrained, pyramid
from lanelight.nn.fpn import Fpn
from lanelight.nn.normalize import normalization
from lanelight.nn.roi_gather import RoiGather

PRIORS, POINTS, WIDTH = 192, 36, 64
STRIDES = (8, 16, 32)
# timm's names of the backbones, with the tag of the weights that the papers began from.
BACKBONES = {
    "r18": "resnet18.tv_in1k",
    "r34": "resnet34.tv_in1k",
    "r50": "resnet50.tv_in1k",
    "r101": "resnet101.tv_in1k",
    "dla34": "dla34.in1k",
}


class ClrNet(LaneModel):
    """The network; build it with `clrnet_r18` and its like.

    Args:
        size: (width, height) of the input, px, multiples of 32. Weights fit every size.
        backbone: (B, 3, H, W) -> maps of strides 4, 8, 16 and 32.
        channels: of these maps.
        stages: of refinement, and maps that they look at: 3 for CLRNet, 1 for CLRKDNet.
        lanes: largest number of lanes in a picture, in training and in decoding.
        classes: of the auxiliary segmentation that helps in training: background and one for each lane slot.
        normalize: "imagenet", or "bgr" for published weights: blue first, divided by 255 and nothing else.
        width_px: width of lanes drawn for the segmentation, px of the input.
        loss_terms: weights and forms of the loss.
        decoder: outputs -> Scene; None: the published thresholds.

    Raises:
        ModelError: a size, number of lanes or normalisation that the network cannot have.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("priors",)
    TAPS: ClassVar[tuple[str, ...]] = ("map1", "map2", "map3", "map4", "line", "gathered")

    def __init__(
        self,
        size: tuple[int, int],
        backbone: nn.Module,
        channels: Sequence[int],
        *,
        stages: int = 3,
        lanes: int = 4,
        classes: int = 5,
        normalize: Literal["imagenet", "bgr"] = "imagenet",
        width_px: int = 8,
        loss_terms: PriorLoss | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        super().__init__()
        _check_form(size, stages, (lanes, classes), loss_terms)
        self.normalize = normalization("clrnet", normalize)
        self.size, self.lanes, self.classes, self.width_px = size, lanes, classes, width_px
        self.loss_terms = loss_terms or PriorLoss()
        self.decoder = decoder or PriorDecoder(nms_px=50 / 800 * size[0], max_lanes=lanes)
        self.stages = stages

        self.backbone = backbone
        self.neck = Fpn(channels[-stages:], WIDTH)
        self.table = nn.Parameter(first_lines())
        self.gather = RoiGather(PRIORS, POINTS, WIDTH, stages=stages)
        self.classify, self.regress = _mlp(2), _mlp(FIELDS - 2)
        self.segment = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(WIDTH * stages, classes, 1))
        self.tap_map1, self.tap_map2 = nn.Identity(), nn.Identity()
        self.tap_map3, self.tap_map4 = nn.Identity(), nn.Identity()
        self.tap_line, self.tap_gathered = nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to ``priors`` (B, 192, 78), as `lanelight.geometry.priors.Priors` names them.

        While training also ``stages`` (T, B, 192, 78), what each stage said, and ``segmentation`` logits (B, K, H, W).
        """
        found = self.backbone(self.normalize(images))
        taps = (self.tap_map1, self.tap_map2, self.tap_map3, self.tap_map4)
        found = [tap(each) for tap, each in zip(taps, found, strict=True)]
        maps = self.neck(found[-self.stages :])
        stages = self._refined(maps)
        if not self.training:
            return {"priors": stages[-1]}
        return {"priors": stages[-1], "stages": torch.stack(stages), "segmentation": self._segmented(maps)}

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Return ``lanes``, ``segmentation`` and ``complete``; see `lanelight.models.prior_target.prior_target`."""
        return prior_target(scene, view, lanes=self.lanes, width_px=self.width_px, classes=self.classes)

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted terms ``classification``, ``regression``, ``iou`` and ``segmentation``."""
        return prior_terms(outputs, targets, size=self.size, weights=self.loss_terms)

    def _refined(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return what each stage says, from the deepest map to the shallowest, (B, 192, 78) each."""
        lines = self.table.expand(maps[0].shape[0], -1, -1)
        found: list[Tensor] = []
        seen: list[Tensor] = []
        for stage, each in enumerate(reversed(maps)):
            lines = self.tap_line(lines)
            seen.append(self.gather.along(stage, self._sampled(each, lines)))
            # At the published size attention always looks at 10x25 positions, those of stride 32.
            vectors = self.tap_gathered(self.gather(stage, seen, each, 2**stage))
            logits, moves = self.classify(vectors).float(), self.regress(vectors).float()
            lines = lines + moves[..., :3]
            xs = self._columns(lines, _shares(ROWS, lines)) + moves[..., 4:]
            found.append(torch.cat([logits, lines, moves[..., 3:4], xs], dim=-1))
            lines = lines.detach()
        return found

    def _columns(self, lines: Tensor, shares: Tensor) -> Tensor:
        """Return x of straight lines at some heights.

        Args:
            lines: (B, P, 3) start_y, start_x, theta.
            shares: (R,) heights, 0 at the bottom edge and 1 at the top edge.

        Returns:
            (B, P, R), as shares of width - 1.
        """
        width, height = self.size
        start_y, start_x, theta = lines[..., 0:1], lines[..., 1:2], lines[..., 2:3]
        # The small number keeps a level line from dividing by zero, as the reference has it.
        return start_x + (shares - start_y) * (height / (width - 1)) / torch.tan(math.pi * theta + 1e-5)

    def _sampled(self, features: Tensor, lines: Tensor) -> Tensor:
        """Return (B, C, P, 36) of a map (B, C, h, w), sampled along lines from the top of the picture down."""
        shares = _shares(POINTS, lines).flip(0)
        x = self._columns(lines, shares)
        grid = torch.stack([2 * x - 1, (1 - 2 * shares).expand_as(x)], dim=-1)
        return F.grid_sample(features.to(grid.dtype), grid, padding_mode="zeros", align_corners=True)

    def _segmented(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the logits of the auxiliary segmentation, (B, K, H, W)."""
        sizes = maps[0].shape[-2:]
        wide = [each if each.shape[-2:] == sizes else _resized(each, sizes) for each in reversed(maps)]
        return _resized(self.segment(torch.cat(wide, dim=1)), (self.size[1], self.size[0]))


def first_lines() -> Tensor:
    """Return the lines that the table begins with, (192, 3): start_y, start_x, theta.

    24 each along the left and right edge in the lower half of the picture, 144 along the bottom edge.
    """
    side = torch.arange(24)
    bottom = torch.arange(PRIORS - 48)
    height = (side // 2) * (0.5 / 11)
    left = torch.stack([height, torch.zeros(24), 0.16 + 0.16 * (side % 2)], dim=1)
    right = torch.stack([height, torch.ones(24), 0.68 + 0.16 * (side % 2)], dim=1)
    middle = torch.stack([torch.zeros(len(bottom)), (bottom // 4 + 1) / 37, 0.2 * (bottom % 4 + 1)], dim=1)
    return torch.cat([left, middle, right])


def clrnet_r18(size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any) -> ClrNet:
    """Build CLRNet on ResNet-18.

    Args:
        size: (width, height) of the input, px.
        pretrained_backbone: True for the ImageNet weights that timm publishes, or a file with them.
        parts: further arguments of `ClrNet`.

    Raises:
        ModelError: parts that the network cannot have, or backbone weights that cannot be had.
    """
    return ClrNet(size, *pyramid(BACKBONES["r18"], pretrained_backbone), **parts)


def clrnet_r34(size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any) -> ClrNet:
    """Build CLRNet on ResNet-34; as `clrnet_r18`."""
    return ClrNet(size, *pyramid(BACKBONES["r34"], pretrained_backbone), **parts)


def clrnet_r50(size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any) -> ClrNet:
    """Build CLRNet on ResNet-50; as `clrnet_r18`."""
    return ClrNet(size, *pyramid(BACKBONES["r50"], pretrained_backbone), **parts)


def clrnet_r101(size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any) -> ClrNet:
    """Build CLRNet on ResNet-101; as `clrnet_r18`."""
    return ClrNet(size, *pyramid(BACKBONES["r101"], pretrained_backbone), **parts)


def clrnet_dla34(
    size: tuple[int, int] = (800, 320), *, pretrained_backbone: Pretrained = False, **parts: Any
) -> ClrNet:
    """Build CLRNet on DLA-34; as `clrnet_r18`."""
    return ClrNet(size, *pyramid(BACKBONES["dla34"], pretrained_backbone), **parts)


def _check_form(size: tuple[int, int], stages: int, counts: tuple[int, int], terms: object) -> None:
    if size[0] % 32 or size[1] % 32 or min(size) < 32:
        raise ModelError(f"clrnet: expected a size in multiples of 32, got {size[0]}x{size[1]}")
    if not 1 <= stages <= len(STRIDES):
        raise ModelError(f"clrnet: expected 1 to {len(STRIDES)} stages, got {stages}")
    if counts[0] < 1 or counts[1] < 2:
        raise ModelError(f"clrnet: expected at least one lane and two classes, got {counts[0]} and {counts[1]}")
    if not isinstance(terms, PriorLoss | None):
        raise ModelError(f"clrnet: expected the loss of priors (classification, regression, ...), got {terms}")


def _mlp(outputs: int) -> nn.Sequential:
    """Return two hidden layers and an output layer that begins near zero, so that priors begin where they lie."""
    last = nn.Linear(WIDTH, outputs)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.normal_(last.bias, std=1e-3)
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), last)


def _shares(count: int, like: Tensor) -> Tensor:
    """Return the heights of all 72 rows, or of 36 among them, from the bottom edge (0) to the top edge (1)."""
    rows = torch.arange(count, device=like.device, dtype=like.dtype)
    # 36 rows among 72: 0, 2, 4, ..., 68, and 71.
    return rows / STRIPS if count == ROWS else torch.floor(rows * STRIPS / (count - 1)) / STRIPS


def _resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
