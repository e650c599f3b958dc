"""`LaneModel`: what every network of lanelight is, to training and to export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from lanelight.decode import Decoder
from lanelight.frames.preprocess import Step
from lanelight.geometry import InputSizes, Scene, Viewport


class LaneModel(nn.Module, ABC):
    """A network with its targets, its loss and its decoder.

    Class attributes:
        OUTPUTS: names of the outputs, in the order of the exported graph.
        TAPS: names of inner features that distillation may read (`lanelight.nn.taps`).
        SIZES: of input, that one built network takes and so may its exported file; None: its own size alone.
        LABELS: what the network learns from: ``"lanes"``, or ``"classes"``, the class maps of frames of any size.

    Attributes:
        normalize: everything between RGB in [0, 1] and what the weights expect; always the first submodule.
        preprocess: steps on the 8-bit picture before that, outside the network; most networks have none.
        size: (width, height) of the input, px.
        decoder: outputs -> Scene.
    """

    OUTPUTS: ClassVar[tuple[str, ...]]
    TAPS: ClassVar[tuple[str, ...]] = ()
    SIZES: ClassVar[InputSizes | None] = None
    LABELS: ClassVar[Literal["lanes", "classes"]] = "lanes"

    normalize: nn.Module
    preprocess: tuple[Step, ...] = ()
    size: tuple[int, int]
    decoder: Decoder

    @abstractmethod
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to the outputs named in `OUTPUTS`."""

    @abstractmethod
    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Return what the network should say of a Scene: arrays without a batch axis."""

    @abstractmethod
    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the already weighted terms of the training loss, each a scalar."""

    @final
    def decode(self, outputs: Mapping[str, Tensor], views: Sequence[Viewport]) -> list[Scene]:
        """Turn a batch of outputs into Scenes in px of the source frames."""
        arrays = {name: outputs[name].detach().float().cpu().numpy() for name in self.OUTPUTS}
        return [
            self.decoder({name: np.asarray(array[i]) for name, array in arrays.items()}, view)
            for i, view in enumerate(views)
        ]


def check_multiple(network: str, size: tuple[int, int], multiple: int) -> None:
    """Make sure that an input size is one that a network halves without a rest.

    Args:
        network: its name, for the message.
        size: (width, height) px.
        multiple: that both must be of.

    Raises:
        ModelError: it is not, or smaller than 16x16.
    """
    InputSizes(multiple, max(multiple, 16)).check(network, size)
