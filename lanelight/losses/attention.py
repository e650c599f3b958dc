"""Self attention distillation (SAD): a layer's attention map mimics that of a deeper layer (Hou et al. 2019, sec. 3.1).

Differs, in the default form: the paper's spatial softmax of an unnormalised sum of squares saturates to a one-hot map
at ordinary feature sizes, and the mean over positions shrinks the term to about 1e-4, so it teaches next to nothing.
Here the sum of squares is divided by its own spatial mean first, the squared differences are summed over positions,
and no gradient flows into the deeper map, which is the target. ``form="reference"`` gives the reference's numbers.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Form = Literal["normalized", "reference"]


def attention_map(
    features: Tensor, *, double: bool = False, form: Form = "normalized", temperature: float = 1.0
) -> Tensor:
    """Return the attention map of a feature map: the spatial softmax of its sum of squares over channels.

    Args:
        features: (B, C, H, W).
        double: enlarge the sum of squares x2 (bilinear, half-pixel centres) before the softmax.
        form: "normalized" divides by the spatial mean first; "reference" does not.
        temperature: of the softmax.

    Returns:
        (B, H * W), or (B, 4 * H * W) where doubled; each row sums to 1.
    """
    energy = features.square().sum(dim=1, keepdim=True)
    if form == "normalized":
        energy = energy / energy.mean(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    if double:
        energy = F.interpolate(energy, scale_factor=2.0, mode="bilinear", align_corners=False)
    return (energy.flatten(1) / temperature).softmax(dim=1)


def attention_distillation(
    student: Tensor, teacher: Tensor, *, form: Form = "normalized", temperature: float = 1.0
) -> Tensor:
    """Return how far the attention map of `student` is from that of the deeper `teacher`.

    Args:
        student: (B, C, H, W) features of the earlier layer.
        teacher: (B, D, h, w) features of the deeper layer, of the same size or half of it.
        form: "normalized": summed over positions, mean over the batch, target detached.
            "reference": mean over batch and positions, gradients into both maps.
        temperature: of the softmax, for the normalised form.

    Returns:
        Scalar.
    """
    double = student.shape[-2:] != teacher.shape[-2:]
    if form == "reference":
        return F.mse_loss(
            attention_map(student, form=form), attention_map(teacher, double=double, form=form), reduction="mean"
        )
    target = attention_map(teacher.detach(), double=double, temperature=temperature)
    return (attention_map(student, temperature=temperature) - target).square().sum(dim=1).mean()
