"""The discriminative loss: embeddings of one lane lie together, those of two lanes apart.

De Brabandere, Neven, Van Gool, "Semantic Instance Segmentation with a Discriminative Loss Function", 2017, sec. 3.1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.linalg import vector_norm

from lanelight.geometry.warp import IGNORE


class Discriminative(NamedTuple):
    """The terms, scalars, without their weights."""

    pull: Tensor
    push: Tensor
    centre: Tensor


def discriminative(
    embedding: Tensor,
    instances: Tensor,
    *,
    pull_margin: float = 0.5,
    push_margin: float = 1.5,
    form: Literal["paper", "reference"] = "paper",
    clusters: int | None = None,
) -> Discriminative:
    """Return the terms of the loss, means over images.

    With m_c the mean embedding of lane c of an image that has C lanes:

    - pull: the mean over lanes, of the mean over their pixels, of [|x - m_c| - pull_margin]+ squared;
    - push: the mean over ordered pairs of lanes of [2 push_margin - |m_a - m_b|]+ squared; 0 for fewer than two lanes;
    - centre: the mean over lanes of |m_c|.

    An image without lanes counts as 0. LaneNet's push term, [d - |m_a - m_b|]+ squared with d = 3, is that of
    push_margin = 1.5.

    Differs: the reference (jaeoh2/Road-Lane-Instance-Segmentation-PyTorch) has half of the paper's push term, which is
    ``form="reference"``, and takes every image for one of five lanes: those that it does not have lie at the origin,
    from which all others are pushed away. That is ``clusters=5``.

    Only lane pixels are touched, however large the picture. Sums are in float32 or finer, whatever the embedding's
    type, and gradients finite where distances are 0. The number of lane pixels decides shapes inside, so
    `torch.compile` splits the graph here; the training step compiles the network alone.

    Args:
        embedding: (B, E, H, W).
        instances: (B, H, W) int64: 0 no lane, 1, 2, ... lanes of the image, some of which may be missing, 255 ignored.
        pull_margin: distance from its lane's mean at which a pixel is near enough.
        push_margin: half the distance at which two means are far enough.
        form: of the push term.
        clusters: so many lanes count in every image, whether it has them or not; None: those that it has.
    """
    image, row, column = torch.nonzero((instances > 0) & (instances != IGNORE), as_tuple=True)
    points = embedding[image, :, row, column]  # (P, E)
    points = points.to(torch.promote_types(points.dtype, torch.float32))
    lane = instances[image, row, column] - 1
    most = max(int(lane.max()) + 1 if len(lane) else 1, clusters or 0)
    own = image * most + lane
    counts, centres = _means(points, own, len(instances) * most)

    valid = (counts > 0).view(-1, most)  # (B, C)
    if clusters is not None:
        valid = valid | (torch.arange(most, device=valid.device) < clusters)
    lanes = valid.sum(dim=1).clamp(min=1)

    outside = torch.relu(vector_norm(points - centres[own], dim=1) - pull_margin)
    share = (counts.clamp(min=1).view(-1, most) * lanes.unsqueeze(1)).reciprocal().flatten()
    pull = (outside.square() * share[own]).sum() / len(instances)
    centres = centres.view(-1, most, centres.shape[1])
    push = _push(centres, valid, 2 * push_margin)
    if form == "reference":
        push = push / 2
    centre = (vector_norm(centres, dim=2) * valid).sum(dim=1) / lanes
    return Discriminative(pull, push.mean(), centre.mean())


def _means(points: Tensor, own: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return sizes (G,) and means (G, E) of groups of points (P, E); the mean of an empty one is 0.

    Args:
        points: (P, E).
        own: (P,) int64, the group of each.
        groups: G.
    """
    counts = points.new_zeros(groups).index_add(0, own, points.new_ones(len(points)))
    sums = points.new_zeros(groups, points.shape[1]).index_add(0, own, points)
    return counts, sums / counts.clamp(min=1).unsqueeze(1)


def _push(centres: Tensor, valid: Tensor, distance: float) -> Tensor:
    """Return (B,): the mean over ordered pairs of valid centres of [distance - |a - b|]+ squared.

    Args:
        centres: (B, C, E).
        valid: (B, C) bool.
        distance: at which two are far enough.
    """
    gaps = vector_norm(centres.unsqueeze(2) - centres.unsqueeze(1), dim=3)  # (B, C, C)
    same = torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)
    pairs = (valid.unsqueeze(2) & valid.unsqueeze(1)) & ~same
    near = torch.relu(distance - gaps).square().masked_fill(~pairs, 0)
    return near.sum(dim=(1, 2)) / pairs.sum(dim=(1, 2)).clamp(min=1)
