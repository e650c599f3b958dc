"""What the networks of lane instances have in common: their form, and the decoder that fits their loss."""

from __future__ import annotations

from lanelight.decode import Decoder, EmbeddingDecoder
from lanelight.errors import ModelError
from lanelight.models.lane_instances import InstanceLoss, check_instances

EMBEDDING = 5  # channels, as the published weights have


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
    """Return the decoder for a network that was trained with this loss: its bandwidth is the margin between lanes."""
    return EmbeddingDecoder(radius=terms.push_margin) if terms.push_margin else EmbeddingDecoder()
