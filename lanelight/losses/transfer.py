"""What a student lacks against its teacher: attention, features, lines and class probabilities.

Attention transfer is that of Zagoruyko and Komodakis 2017 as CLRKDNet (Qi et al. 2024) has it; the divergence of
probabilities is that of Hinton et al. 2015. No gradient flows into the teacher's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

TransferForm = Literal["normalized", "reference"]


def unit_attention(features: Tensor) -> Tensor:
    """Return where a feature map is active: the mean square over channels, divided by its L2 norm over positions.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, h, w), each of norm 1; all 0 where the features are.
    """
    return _unit(features.square().mean(dim=1))


def attention_transfer(
    students: Sequence[Tensor], teachers: Sequence[Tensor], *, form: TransferForm = "normalized"
) -> Tensor:
    """Return how far the student's attention is from its teacher's, the mean over levels and the batch.

    Differs, in the default form: the reference takes the mean over positions too, which for maps of norm 1 is at most
    2 / (h w): 0.0001 to 0.008, a thousandth of the other terms. Here the squares are summed over positions, as in the
    original work, so that a level's share is between 0 and 2 whatever its size.

    Args:
        students: for each level (B, h, w) as `unit_attention` gives it.
        teachers: likewise (B, H, W); maps of another size are resized (bilinear, half-pixel centres) to norm 1.
        form: "normalized", or "reference" for the reference repository's numbers.
    """
    levels = []
    for student, teacher in zip(students, teachers, strict=True):
        target = teacher.detach()
        if target.shape[1:] != student.shape[1:]:
            target = _unit(_resized(target[:, None], student)[:, 0])
        gaps = (student - target).square()
        levels.append(gaps.mean() if form == "reference" else gaps.sum(dim=(1, 2)).mean())
    return torch.stack(levels).mean()


def feature_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean squared difference of two features of one shape.

    Args:
        student: (B, ...).
        teacher: likewise; of maps (B, C, H, W), the size may differ, then it is resized to the student's.
    """
    return F.mse_loss(student, _fitting(teacher.detach(), student))


def line_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the squared difference of lines, summed over the lines and their numbers, the mean over the batch.

    Args:
        student: (B, P, 3) start_y, start_x and theta in normalised units.
        teacher: likewise.
    """
    return (student - teacher.detach()).square().sum(dim=(1, 2)).mean()


def response_divergence(student: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Return the Kullback-Leibler divergence of the student's probabilities from its teacher's, times temperature^2.

    Args:
        student: logits. (B, K, H, W) with K > 1 are classes that exclude each other at each position; others, (B, K)
            and (B, 1, H, W), are yes or no each by itself.
        teacher: likewise; maps of another size are resized to the student's.
        temperature: that both logits are divided by; above 1 the unlikely classes teach more.

    Returns:
        The mean over positions or single answers.
    """
    ours, theirs = student / temperature, _fitting(teacher.detach(), student) / temperature
    if student.ndim == 4 and student.shape[1] > 1:
        wanted, found = theirs.log_softmax(dim=1), ours.log_softmax(dim=1)
        gaps = (wanted.exp() * (wanted - found)).sum(dim=1)
    else:
        gaps = theirs.sigmoid() * (F.logsigmoid(theirs) - F.logsigmoid(ours))
        gaps = gaps + (-theirs).sigmoid() * (F.logsigmoid(-theirs) - F.logsigmoid(-ours))
    return gaps.mean() * temperature**2


def _unit(maps: Tensor) -> Tensor:
    """Return (B, h, w) maps of L2 norm 1."""
    return F.normalize(maps.flatten(1), dim=1, eps=1e-12).view_as(maps)


def _fitting(teacher: Tensor, student: Tensor) -> Tensor:
    """Return the teacher's tensor in the student's size where both are maps."""
    differ = student.ndim == 4 and teacher.shape[2:] != student.shape[2:]
    return _resized(teacher, student) if differ else teacher


def _resized(maps: Tensor, like: Tensor) -> Tensor:
    """Return (B, C, H, W) maps in the height and width of others; shrunk by weighted means."""
    size = (like.shape[-2], like.shape[-1])
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False, antialias=True)
