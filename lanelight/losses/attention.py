"""Self attention distillation (SAD): a layer's attention map mimics that of a deeper layer (Hou et al. 2019, sec. 3.1).

Differs, in the default form: the paper's spatial softmax of an unnormalised sum of squares saturates to a one-hot map
at ordinary feature sizes, and the mean over positions shrinks the term to about 1e-4, so it teaches next to nothing.
Here the sum of squares is divided by its own spatial mean first, the squared differences are summed over positions,
and no gradient flows into the deeper map, which is the target. ``form="reference"`` gives the reference's numbers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor
from torch.nn import functional as F

Form = Literal["normalized", "reference"]
Function = Literal["sum", "mean", "max"]  # over channels, of |x|^p


class Distilled(NamedTuple):
    """What comparing two attention maps gave.

    Attributes:
        loss: scalar.
        peak: largest value of either map over the batch, detached: 1 is one-hot, the maps are saturated.
    """

    loss: Tensor
    peak: Tensor


def attention_map(
    features: Tensor,
    *,
    function: Function = "sum",
    power: float = 2.0,
    size: tuple[int, int] | None = None,
    form: Form = "normalized",
    temperature: float = 1.0,
) -> Tensor:
    """Return the attention map of a feature map: the spatial softmax of what its channels have at each position.

    Args:
        features: (B, C, H, W).
        function: "sum", "mean" or "max" over channels of |x|^power. The paper prefers the sum of squares. Divided by
            its spatial mean, the sum is the same as the mean.
        power: at least 1.
        size: (height, width) to which the energy is resized (bilinear, half-pixel centres) before the softmax.
        form: "normalized" divides the energy by its spatial mean first; "reference" does not.
        temperature: of the softmax; below 1 sharpens the map.

    Returns:
        (B, positions); each row sums to 1.
    """
    energy = _energy(features, function, power)
    if form == "normalized":
        energy = energy / energy.mean(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    if size is not None and size != energy.shape[-2:]:
        energy = F.interpolate(energy, size=size, mode="bilinear", align_corners=False)
    return (energy.flatten(1) / temperature).softmax(dim=1)


def compare_attention(
    student: Tensor,
    teacher: Tensor,
    *,
    function: Function = "sum",
    power: float = 2.0,
    form: Form = "normalized",
    temperature: float = 1.0,
    detach: bool | None = None,
) -> Distilled:
    """Say how far the attention map of `student` is from that of the deeper `teacher`.

    Args:
        student: (B, C, H, W) features of the earlier layer.
        teacher: (B, D, h, w) features of the deeper layer, of any size; its energy is resized to the student's.
        function: as for `attention_map`.
        power: as for `attention_map`.
        form: "normalized": summed over positions, mean over the batch. "reference": mean over batch and positions.
        temperature: of the softmax.
        detach: no gradient flows into the deeper map; None: as the form has it, normalised yes, reference no.
    """
    if detach if detach is not None else form == "normalized":
        teacher = teacher.detach()
    size = (student.shape[-2], student.shape[-1])
    ours = attention_map(student, function=function, power=power, form=form, temperature=temperature)
    target = attention_map(teacher, function=function, power=power, size=size, form=form, temperature=temperature)
    gaps = (ours - target).square()
    loss = gaps.mean() if form == "reference" else gaps.sum(dim=1).mean()
    return Distilled(loss, ours.detach().max().maximum(target.detach().max()))


def _energy(features: Tensor, function: Function, power: float) -> Tensor:
    """Return (B, 1, H, W)."""
    # A square needs no magnitude, and its gradient no sign.
    powered = features.square() if power == 2 else features.abs().pow(power)
    if function == "sum":
        return powered.sum(dim=1, keepdim=True)
    if function == "mean":
        return powered.mean(dim=1, keepdim=True)
    return powered.amax(dim=1, keepdim=True)
