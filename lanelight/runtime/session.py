"""`Session`: a loaded network that maps a batch of pictures to named arrays, whatever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import ModelError

Array = NDArray[np.float32]
Precision = Literal["float32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Session(Protocol):
    """A network ready to run; `lanelight.runtime.backends.open_session` makes one.

    Attributes:
        backend: name of the runtime.
        threads: number of threads it computes with.
        device: what it computes on, "cpu" or the name of a GPU.
        precision: of its products: "float32", or "bf16", which keeps 8 bits of each number.
        at_once: how many threads may call it at the same time; each call then has its share of `threads`.
    """

    backend: str
    threads: int
    device: str
    precision: Precision
    at_once: int

    def __call__(self, images: NDArray[Any]) -> dict[str, Array]:
        """Run the network.

        Args:
            images: float32 (B, 3, H, W) RGB in [0, 1]; for an end-to-end graph one frame, uint8 (H, W, 3) RGB.

        Returns:
            Output name -> float32 array with the batch first; of an end-to-end graph without a batch.
        """
        ...

    def close(self) -> None:
        """Free the network."""
        ...


SIDES = ("height", "width")  # what exported files call them where they take many sizes


def checked_outputs(model: Path, wanted: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Return the outputs to compute: the wanted ones, or all where none are named.

    Raises:
        ModelError: the network lacks one.
    """
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ModelError(f"{model}: expected outputs {', '.join(wanted)}, got {', '.join(found)}; export it again")
    return tuple(wanted or found)
