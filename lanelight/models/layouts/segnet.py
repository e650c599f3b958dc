"""SegNet for lane instances: both layouts of jaeoh2/Road-Lane-Instance-Segmentation-PyTorch, and ours."""

from __future__ import annotations

import re

from lanelight.errors import ModelError
from lanelight.models.layouts.base import Converted, State
from lanelight.models.layouts.instance_inputs import converted

_CONVOLUTIONS = (2, 2, 3, 3, 3)  # of each level of VGG16; a decoder's last level has one alone
_UNIT = re.compile(r"^(enc|dec|sem_dec|ins_dec)([1-5])([1-3])\.conv\.([01])\.(\w+)$")
_HEADS = {"sem_out": "mask", "ins_out": "embedding"}


def read_segnet_instance(state: State) -> Converted:
    """Convert either layout of the reference, or inspect ours.

    The reference keeps a whole VGG16 inside, which it never runs after it has copied its weights: it is dropped.
    """
    published = "enc11.conv.0.weight" in state
    dropped: list[str] = []
    if published:
        dropped = [key for key in state if key.startswith("vgg16.")]
        state = {segnet_name(key): tensor for key, tensor in state.items() if key not in dropped}
    if "encoder.0.0.weight" not in state:
        raise ModelError(
            "expected a checkpoint of SegNet for lane instances (ours or jaeoh2's), got tensors such as "
            f"{', '.join(sorted(state)[:3])}"
        )
    parts = {
        "decoders": 2 if any(key.startswith("embedding_branch.") for key in state) else 1,
        "bias": "encoder.0.0.bias" in state,
        "embedding": int(state["embedding.weight"].shape[0]),
    }
    return converted(state, parts, published=published, dropped=dropped)


def segnet_name(key: str) -> str:
    """Return our name for a tensor of the reference; units of a decoder count down there, to the one that narrows."""
    if found := _UNIT.match(key):
        side, level, unit, layer, leaf = found[1], int(found[2]), int(found[3]), int(found[4]), found[5]
        if side == "enc":
            return f"encoder.{level - 1}.{3 * (unit - 1) + layer}.{leaf}"
        branch = "embedding_branch" if side == "ins_dec" else "mask_branch"
        place = _CONVOLUTIONS[level - 1] - unit
        return f"{branch}.levels.{5 - level}.{3 * place + layer}.{leaf}"
    head, _, leaf = key.partition(".")
    return f"{_HEADS.get(head, head)}.{leaf}"
