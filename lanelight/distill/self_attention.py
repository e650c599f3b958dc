"""`SelfAttentionDistillation`: which taps of a network mimic which, from when on, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lanelight.errors import LanelightError
from lanelight.losses.attention import Distilled, Form, Function, compare_attention


@dataclass(frozen=True)
class SelfAttentionDistillation:
    """SAD (Hou et al. 2019) for any network with taps.

    Attributes:
        pairs: (student tap, teacher tap); the default is the paper's best set, block 2 from 3 and 3 from 4.
        weight: factor of the summed pair terms.
        start_step: optimiser step from which the term counts; early attention maps teach nothing yet.
        ramp_steps: steps over which the weight then rises to its full value. The paper's author advises it where the
            network gets worse when the term sets in; 0 sets in at once.
        function: "sum", "mean" or "max" over channels of |x|^power; see `lanelight.losses.attention`.
        power: see there.
        form: see there; "reference" has the reference repository's numbers.
        temperature: of the spatial softmax.
        detach: no gradient flows into the deeper map; None: as the form has it, normalised yes, reference no.

    Raises:
        LanelightError: a value without sense.
    """

    pairs: tuple[tuple[str, str], ...] = (("encoder2", "encoder3"), ("encoder3", "encoder4"))
    weight: float = 0.1
    start_step: int = 0
    ramp_steps: int = 0
    function: Function = "sum"
    power: float = 2.0
    form: Form = "normalized"
    temperature: float = 1.0
    detach: bool | None = None

    def __post_init__(self) -> None:
        if not self.pairs:
            raise LanelightError("distillation.pairs: expected at least one pair of taps; distillation=null has none")
        for name, least in (("weight", 0), ("start_step", 0), ("ramp_steps", 0), ("power", 1)):
            value = getattr(self, name)
            if not value >= least:  # a NaN is not either
                raise LanelightError(f"distillation.{name}: expected at least {least}, got {value}")
        if not self.temperature > 0:
            raise LanelightError(f"distillation.temperature: expected more than 0, got {self.temperature}")

    @property
    def taps(self) -> tuple[str, ...]:
        """Names of all taps that the pairs need, each once."""
        return tuple(dict.fromkeys(name for pair in self.pairs for name in pair))

    def active(self, step: int) -> bool:
        """Say whether the term counts at an optimiser step."""
        return self.weight > 0 and step >= self.start_step

    def weight_at(self, step: int) -> float:
        """Return the weight at an optimiser step."""
        if not self.active(step):
            return 0.0
        return self.weight * min(1.0, (step - self.start_step + 1) / max(1, self.ramp_steps))

    def __call__(self, features: Mapping[str, Tensor], step: int | None = None) -> Distilled:
        """Return the weighted term for the features of one forward pass, and the largest value of the maps.

        Args:
            features: tap name -> (B, C, H, W).
            step: of the optimiser; None takes the full weight.
        """
        found = [
            compare_attention(
                features[student],
                features[teacher],
                function=self.function,
                power=self.power,
                form=self.form,
                temperature=self.temperature,
                detach=self.detach,
            )
            for student, teacher in self.pairs
        ]
        weight = self.weight if step is None else self.weight_at(step)
        loss = weight * torch.stack([pair.loss for pair in found]).sum()
        return Distilled(loss, torch.stack([pair.peak for pair in found]).max())

    def loss(self, features: Mapping[str, Tensor], step: int | None = None) -> Tensor:
        """Return the weighted term alone; see `__call__`."""
        return self(features, step).loss
