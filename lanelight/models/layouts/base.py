"""What a layout is: how one repository names the tensors of a network, and what they tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lanelight.geometry import ViewportPolicy

State = dict[str, Tensor]


@dataclass(frozen=True)
class Converted:
    """A checkpoint in our names.

    Attributes:
        state: our name -> tensor.
        parts: keyword arguments for the network's builder that the tensors tell.
        dropped: names in the file that the network has no use for.
        viewport: how the network saw frames when it was trained, where that is known.
    """

    state: State
    parts: dict[str, Any]
    dropped: tuple[str, ...] = ()
    viewport: ViewportPolicy | None = None


Layout = Callable[[State], Converted]
Rules = tuple[tuple[str, str], ...]  # (regular expression, what it becomes), applied one after another


def renamed(key: str, rules: Rules) -> str:
    """Apply all rules to a name."""
    for pattern, new in rules:
        key = re.sub(pattern, new, key)
    return key
