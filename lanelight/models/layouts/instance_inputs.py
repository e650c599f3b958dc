"""What the weights of lane instances expect of a picture, and how their embedding is read."""

from __future__ import annotations

from typing import Any

from lanelight.frames.preprocess import Clahe
from lanelight.geometry import ViewportPolicy
from lanelight.models.instance_networks import instance_decoder
from lanelight.models.lane_instances import REFERENCE

# jaeoh2/Road-Lane-Instance-Segmentation-PyTorch shrinks the whole frame, by cubic interpolation without averaging.
VIEWPORT = ViewportPolicy(target=(224, 224), fit="stretch", resample="cubic")


def as_published() -> dict[str, Any]:
    """Return the parts of a network with weights in the layout of jaeoh2/Road-Lane-Instance-Segmentation-PyTorch.

    That repository shows its networks bytes from 0 to 255 after CLAHE, and trains with margins of its own.
    """
    return {
        "normalize": "bytes",
        "preprocess": [Clahe().to_dict()],
        "decoder": instance_decoder(REFERENCE),
    }


def as_trained_here() -> dict[str, Any]:
    """Return the parts of a network of ours, before what its file tells beside the tensors."""
    return {"normalize": "imagenet", "preprocess": [], "decoder": None}
