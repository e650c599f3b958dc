"""What the networks of lane instances have in common: their form, and the decoder that fits their loss."""

from __future__ import annotations

from lanelight.decode import Decoder, EmbeddingDecoder
from lanelight.errors import ModelError
from lanelight.models.lane_instances import InstanceLoss, check_instances

EMBEDDING = 5  # channels, as the published weights have
LANE_CHANCE = 0.3  # chosen on rendered roads; lines are thin, and a pixel beside one costs less than a gap


def check_form(
    network: str,
    size: tuple[int, int],
    multiple: int,
    *,
    embedding: int,
    lanes: int,
    terms: InstanceLoss | None,
) -> None:
    """Make sure that a network can have these parts.

    Args:
        network: its name, for the message.
        size: (width, height) of the input, px.
        multiple: that both must be of.
        embedding: its channels.
        lanes: room for so many in a picture it is trained on.
        terms: of the loss.

    Raises:
        ModelError: it cannot.
    """
    if size[0] % multiple or size[1] % multiple or min(size) < 16:
        least = max(multiple, 16)
        raise ModelError(
            f"{network}: expected a size in multiples of {multiple}, at least {least}x{least}, got {size[0]}x{size[1]}"
        )
    if embedding < 1:
        raise ModelError(f"{network}: expected an embedding of at least 1 channel, got {embedding}")
    check_instances(network, lanes, terms)


def instance_decoder(terms: InstanceLoss) -> Decoder:
    """Return the decoder for a network that was trained with this loss.

    Its bandwidth is the margin between lanes. A pixel is lane from the probability on that would be `LANE_CHANCE`
    without the weights of the mask's classes: these make the rarer class likelier than it is.
    """
    background, lane = terms.mask_weights
    odds = LANE_CHANCE / (1 - LANE_CHANCE) * lane / max(background, 1e-3)
    threshold = min(max(odds / (1 + odds), 0.05), 0.95)
    return EmbeddingDecoder(threshold=round(threshold, 2), radius=terms.push_margin or EmbeddingDecoder.radius)
