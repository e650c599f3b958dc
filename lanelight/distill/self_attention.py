"""`SelfAttentionDistillation`: which taps of a network mimic which, from when on, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lanelight.losses.attention import Form, attention_distillation


@dataclass(frozen=True)
class SelfAttentionDistillation:
    """SAD (Hou et al. 2019) for any network with taps.

    Attributes:
        pairs: (student tap, teacher tap); the default is the paper's best set, block 2 from 3 and 3 from 4.
        weight: factor of the summed pair terms.
        start_step: optimiser step from which the term counts; early attention maps teach nothing yet.
        form: see `lanelight.losses.attention`.
        temperature: of the spatial softmax (normalised form).
    """

    pairs: tuple[tuple[str, str], ...] = (("encoder2", "encoder3"), ("encoder3", "encoder4"))
    weight: float = 0.1
    start_step: int = 0
    form: Form = "normalized"
    temperature: float = 1.0

    @property
    def taps(self) -> tuple[str, ...]:
        """Names of all taps that the pairs need, each once."""
        return tuple(dict.fromkeys(name for pair in self.pairs for name in pair))

    def active(self, step: int) -> bool:
        """Say whether the term counts at an optimiser step."""
        return self.weight > 0 and step >= self.start_step

    def loss(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted term for the features of one forward pass.

        Args:
            features: tap name -> (B, C, H, W).
        """
        terms = [
            attention_distillation(features[student], features[teacher], form=self.form, temperature=self.temperature)
            for student, teacher in self.pairs
        ]
        return self.weight * torch.stack(terms).sum()
