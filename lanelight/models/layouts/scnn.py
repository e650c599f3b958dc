"""SCNN: the layout of harryhan618/SCNN_Pytorch, which InhwanBae/ENet-SAD_Pytorch shares, and ours."""

from __future__ import annotations

import re

from lanelight.errors import ModelError
from lanelight.models.layouts.base import Converted, Rules, State, renamed
from lanelight.nn.backbone import vgg16_bn_place

_OURS: Rules = (
    (r"^message_passing\.up_down\.", "message.down."),
    (r"^message_passing\.down_up\.", "message.up."),
    (r"^message_passing\.left_right\.", "message.right."),
    (r"^message_passing\.right_left\.", "message.left."),
    (r"^layer2\.1\.", "output."),
    (r"^fc\.0\.", "existence.hidden."),
    (r"^fc\.2\.", "existence.logits."),
)


def read_scnn(state: State) -> Converted:
    """Convert the layout of the SCNN reference, or inspect ours."""
    dropped = tuple(key for key in state if key.startswith("ce_loss."))  # the weights of its loss
    state = {key: tensor for key, tensor in state.items() if key not in dropped}
    normalize = "imagenet"
    if "message_passing.up_down.weight" in state:
        state = {scnn_name(key): tensor for key, tensor in state.items()}
        normalize = _normalize(state)
    if "message.down.weight" not in state:
        raise ModelError(
            f"expected an SCNN checkpoint (ours or harryhan618's), got tensors such as {', '.join(sorted(state)[:3])}"
        )
    return Converted(state, {"channels": int(state["output.weight"].shape[0]), "normalize": normalize}, dropped)


def scnn_name(key: str) -> str:
    """Return our name for a tensor of the SCNN reference."""
    if found := re.match(r"backbone\.(\d+)\.(\w+)$", key):
        try:
            return f"backbone.{vgg16_bn_place(int(found[1]))}.{found[2]}"
        except KeyError:
            return key  # of no layer that we have: reported as unknown
    return renamed(key, _OURS)


def _normalize(state: State) -> str:
    """Say which constants a file of the reference's layout was trained with.

    The authors' network has no biases in its backbone, so what was converted from it has zeros there, and it was
    trained with their constants for CULane; the reference itself begins with biases and takes ImageNet's constants.
    """
    convolutions = [key for key, tensor in state.items() if key.startswith("backbone.") and tensor.ndim == 4]
    return "imagenet" if any(state[key.replace("weight", "bias")].any() for key in convolutions) else "culane"
