"""What the weights of lane instances expect of a picture, and how their embedding is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lanelight.frames.preprocess import Clahe
from lanelight.geometry import ViewportPolicy
from lanelight.models.instance_networks import instance_decoder
from lanelight.models.lane_instances import REFERENCE
from lanelight.models.layouts.base import Converted, State

# jaeoh2/Road-Lane-Instance-Segmentation-PyTorch shrinks the whole frame, by cubic interpolation without averaging.
VIEWPORT = ViewportPolicy(target=(224, 224), fit="stretch", resample="cubic")


def converted(state: State, parts: dict[str, Any], *, published: bool, dropped: Sequence[str] = ()) -> Converted:
    """Return a network's tensors with its parts and what its weights expect.

    The reference shows its networks bytes from 0 to 255 after CLAHE, and trains with margins of its own. What those of
    ours expect, their file tells beside the tensors.

    Args:
        state: tensors in our names.
        parts: what they tell.
        published: they come from the reference's layout.
        dropped: names of tensors that were left out.
    """
    if not published:
        return Converted(state, parts | {"normalize": "imagenet", "preprocess": [], "decoder": None})
    expected = {
        "normalize": "bytes",
        "preprocess": [Clahe().to_dict()],
        "decoder": instance_decoder(REFERENCE),
    }
    return Converted(state, parts | expected, tuple(dropped), VIEWPORT)
