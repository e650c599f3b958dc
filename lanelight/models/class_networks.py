"""`ClassNetwork`: what networks with one class per pixel have in common (Fast-SCNN, ENet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray
from torch import Tensor

from lanelight.decode import ClassDecoder, Decoder
from lanelight.errors import ModelError
from lanelight.geometry import Scene, Viewport
from lanelight.models.base import LaneModel
from lanelight.models.class_maps import ClassLoss, check_loss, class_names, class_target, class_terms
from lanelight.nn.normalize import normalization


class ClassNetwork(LaneModel):
    """A network with one class per pixel.

    Args:
        network: its name, for messages.
        size: (width, height) of the input, px; the network has checked it.
        classes: number of classes.
        names: of the classes; None: those of the data set that has so many, else numbers.
        normalize: a name in `lanelight.nn.normalize`.
        loss_terms: weights and forms of the loss; None: those of `ClassLoss`.
        decoder: outputs -> Scene; None: the likeliest class of each pixel.

    Raises:
        ModelError: a number or names of classes, normalisation or loss that the network cannot have.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("classes",)
    LABELS: ClassVar[Literal["lanes", "classes"]] = "classes"

    def __init__(
        self,
        network: str,
        size: tuple[int, int],
        *,
        classes: int,
        names: Sequence[str] | None,
        normalize: str,
        loss_terms: ClassLoss | None,
        decoder: Decoder | None,
    ) -> None:
        super().__init__()
        if not 2 <= classes <= 255:
            raise ModelError(f"{network}: expected 2 to 255 classes, got {classes}")
        check_loss(network, classes, loss_terms)
        self.normalize = normalization(network, normalize)
        self.size, self.classes, self.names = size, classes, class_names(network, classes, names)
        self.loss_terms = loss_terms or ClassLoss()
        self.decoder = decoder or ClassDecoder(self.names)

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Return ``classes``; see `lanelight.models.class_maps.class_target`."""
        return class_target(scene, view, self.names)

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted terms of `lanelight.models.class_maps.class_terms`."""
        return class_terms(outputs, targets, self.loss_terms)
