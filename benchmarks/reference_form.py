"""The networks as their reference implementations compute them: the baseline of `speed.py`.

The weights and the numbers that come out are those of `lanelight.models`; how they are computed is what the published
code does: 2x2 max-pooling that gives indices and unpools by them, message passing as a convolution for every row and
column, pooling to grids by torch's own function, the features along priors computed again at every later stage.
Everything is eager PyTorch in NCHW, batch norm unfolded. tests/golden/test_three_runtimes.py holds it to the goldens.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.decode import ClassDecoder
from lanelight.models import LaneModel
from lanelight.models.segnet import SegnetInstance
from lanelight.nn.bottleneck import DownBottleneck, UpBottleneck
from lanelight.nn.message_passing import MessagePassing
from lanelight.nn.pyramid import PyramidPooling
from lanelight.nn.roi_gather import RoiGather
from lanelight.runtime import Detector
from lanelight.train.session import detector_of
from lanelight.train.trained import load_trained


def load_in_torch(weights: Path, *, threads: int, reference: bool) -> Detector:
    """Return the detector of converted weights, run by torch as our networks compute, or as the reference does.

    Where the exported graph chooses the classes itself, these choose them in torch, as the references' scripts do, so
    that all give the same.
    """
    network = load_trained(weights)
    if reference:
        as_reference(network.model)
    if isinstance(network.model.decoder, ClassDecoder):
        network.model.register_forward_hook(_choose)
    return detector_of(network, threads=threads)


def as_reference(model: LaneModel) -> LaneModel:
    """Let a network's parts compute as the reference's do, in place; return it."""
    for module in model.modules():
        for method, form in FORMS.get(type(module), {}).items():
            setattr(module, method, partial(form, module))
    return model


def _choose(_: nn.Module, __: Any, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**outputs, "classes": outputs["classes"].argmax(dim=1)}


def _down(block: DownBottleneck, x: Tensor) -> tuple[Tensor, Tensor]:
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    batch, _, height, width = pooled.shape
    pooled = torch.cat([pooled, torch.zeros(batch, block.widen, height, width)], dim=1)
    added = block.dropout(block.expand(block.middle(block.reduce(x))))
    return block.act(pooled + added), indices


def _up(block: UpBottleneck, x: Tensor, indices: Tensor) -> Tensor:
    enlarged = block.middle(block.reduce(x))
    main = F.max_unpool2d(block.main(x), indices, (2, 2), output_size=enlarged.shape[-2:])
    out: Tensor = block.act(main + block.dropout(block.expand(enlarged)))
    return out


def _segnet(model: SegnetInstance, images: Tensor) -> dict[str, Tensor]:
    x, places = model.normalize(images), []
    for level in model.encoder:
        x, indices = F.max_pool2d(level(x), 2, return_indices=True)
        places.append(indices)
    branches = [model.mask_branch, *([model.embedding_branch] if model.embedding_branch is not None else [])]
    found = []
    for branch in branches:
        out = x
        for level, indices in zip(branch.levels, reversed(places), strict=True):
            out = level(F.max_unpool2d(out, indices, (2, 2)))
        found.append(out)
    return {"mask": model.mask(found[0]), "embedding": model.embedding(found[-1])}


def _messages(block: MessagePassing, x: Tensor) -> Tensor:
    for conv, dim, reverse in (
        (block.down, 2, False),
        (block.up, 2, True),
        (block.right, 3, False),
        (block.left, 3, True),
    ):
        slices = [x.narrow(dim, place, 1) for place in range(x.shape[dim])]
        order = slices[::-1] if reverse else slices
        passed = [order[0]]
        for piece in order[1:]:
            passed.append(piece + F.relu(conv(passed[-1])))
        x = torch.cat(passed[::-1] if reverse else passed, dim=dim)
    return x


def _pyramid(block: PyramidPooling, x: Tensor) -> Tensor:
    pooled = [branch(F.adaptive_avg_pool2d(x, grid)) for branch, grid in zip(block.branches, block.grids, strict=True)]
    large = [F.interpolate(each, size=x.shape[-2:], mode="bilinear", align_corners=True) for each in pooled]
    out: Tensor = block.merge(torch.cat([*large, x], dim=1))
    return out


def _along(block: nn.Module, x: Tensor) -> Tensor:
    """Convolve along the points of priors as columns of a picture each, (B * P, C, points, 1)."""
    assert isinstance(block, nn.Sequential)
    conv, *rest = block
    assert isinstance(conv, nn.Conv2d)
    out = F.conv2d(x, conv.weight.transpose(2, 3), padding=(conv.kernel_size[1] // 2, 0))
    for layer in rest:
        out = layer(out)
    return out


def _gather(block: RoiGather, stage: int, sampled: list[Tensor], picture: Tensor, step: int) -> Tensor:
    columns = [each.transpose(1, 2).flatten(0, 1).unsqueeze(-1) for each in sampled]
    every = [_along(conv, each) for conv, each in zip(block.convolutions, columns, strict=False)]
    merged = _along(block.merges[stage], torch.cat(every, dim=1))
    batch, _, priors, _ = sampled[0].shape
    own = F.relu(block.norm(block.reduce(merged.reshape(batch, priors, -1))))
    key, value = (each(picture)[:, :, ::step, ::step].flatten(2) for each in (block.key, block.value))
    query = F.relu(own * block.query_weight + block.query_bias)
    attention = torch.softmax(query @ key * query.shape[-1] ** -0.5, dim=-1)
    context = attention @ value.transpose(1, 2)
    found: Tensor = own + block.dropout(context * block.context_weight + block.context_bias)
    return found


def _as_sampled(_: RoiGather, __: int, sampled: Tensor) -> Tensor:
    return sampled


# part -> its method -> what takes the method's place
FORMS: dict[type[nn.Module], dict[str, Callable[..., Any]]] = {
    DownBottleneck: {"forward": _down},
    UpBottleneck: {"forward": _up},
    SegnetInstance: {"forward": _segnet},
    MessagePassing: {"forward": _messages},
    PyramidPooling: {"forward": _pyramid},
    RoiGather: {"forward": _gather, "along": _as_sampled},
}
