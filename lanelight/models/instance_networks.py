"""`InstanceNetwork`: what the networks of lane instances have in common; the decoder that fits their loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray
from torch import Tensor

from lanelight.decode import Decoder, EmbeddingDecoder
from lanelight.errors import ModelError
from lanelight.frames.preprocess import steps_from
from lanelight.geometry import InputSizes, Scene, Viewport
from lanelight.models.base import LaneModel
from lanelight.models.lane_instances import InstanceLoss, check_instances, instance_target, instance_terms
from lanelight.nn.normalize import normalization

EMBEDDING = 5  # channels, as the published weights have
LANE_CHANCE = 0.3  # chosen on rendered roads; lines are thin, and a pixel beside one costs less than a gap


class InstanceNetwork(LaneModel):
    """A network with a lane mask and an embedding.

    Args:
        network: its name, for messages.
        size: (width, height) of the input, px, one of `SIZES`.
        embedding: its channels.
        lanes: room for so many in a picture it is trained on.
        normalize: a name in `lanelight.nn.normalize`.
        preprocess: steps on the picture before, as the manifest names them.
        width_px: width of lanes drawn for training, px of the input.
        loss_terms: weights and forms of the loss; None: those of `InstanceLoss`.
        decoder: outputs -> Scene; None: one that fits the loss.

    Raises:
        ModelError: a size, number, normalisation, step or loss that the network cannot have.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("mask", "embedding")
    SIZES: ClassVar[InputSizes]

    def __init__(
        self,
        network: str,
        size: tuple[int, int],
        *,
        embedding: int,
        lanes: int,
        normalize: str,
        preprocess: Sequence[Mapping[str, Any]],
        width_px: int,
        loss_terms: InstanceLoss | None,
        decoder: Decoder | None,
    ) -> None:
        super().__init__()
        self.SIZES.check(network, size)
        if embedding < 1:
            raise ModelError(f"{network}: expected an embedding of at least 1 channel, got {embedding}")
        check_instances(network, lanes, loss_terms)
        self.normalize = normalization(network, normalize)
        self.preprocess = steps_from(preprocess, network)
        self.size, self.lanes, self.width_px = size, lanes, width_px
        self.loss_terms = loss_terms or InstanceLoss()
        self.decoder = decoder or instance_decoder(self.loss_terms)

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Return ``mask`` and ``instances`` as `lanelight.models.lane_instances.instance_target` draws them."""
        return instance_target(scene, view, width_px=self.width_px, lanes=self.lanes)

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weighted terms ``mask``, ``pull``, ``push`` and ``centre``."""
        return instance_terms(outputs, targets, self.loss_terms)


def instance_decoder(terms: InstanceLoss) -> Decoder:
    """Return the decoder for a network that was trained with this loss.

    Its bandwidth is the margin between lanes. A pixel is lane from the probability on that would be `LANE_CHANCE`
    without the weights of the mask's classes: these make the rarer class likelier than it is.
    """
    background, lane = terms.mask_weights
    odds = LANE_CHANCE / (1 - LANE_CHANCE) * lane / max(background, 1e-3)
    threshold = min(max(odds / (1 + odds), 0.05), 0.95)
    return EmbeddingDecoder(threshold=round(threshold, 2), radius=terms.push_margin or EmbeddingDecoder.radius)
