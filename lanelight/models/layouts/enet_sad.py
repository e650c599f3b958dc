"""ENet-SAD: the two layouts of InhwanBae/ENet-SAD_Pytorch, and ours."""

from __future__ import annotations

import re

import torch

from lanelight.errors import ModelError
from lanelight.models.layouts.base import Converted, Rules, State, renamed

_STAGE = r"(?:regular|dilated|asymmetric)"

# Names of the repository's earlier layout -> its later one. There, blocks of stages 3 and 4 count from 0.
_EARLIER: Rules = (
    (r"^downsample(\d)_0\.", r"downsample\1."),
    (r"^regular1_(\d)\.", r"encoder1.regular1_\1."),
    (rf"^({_STAGE})2_(\d)\.", r"encoder2.\g<1>2_\2."),
    *((rf"^({_STAGE})3_{k}\.", rf"encoder3.\g<1>3_{k + 1}.") for k in range(8)),
    (r"^layer3\.", "exist."),
)

_OURS: Rules = (
    (r"^initial_block\.main_branch\.", "initial.conv."),
    (r"^initial_block\.batch_norm\.", "initial.norm."),
    (r"^initial_block\.", "initial."),
    (r"^downsample(\d)\.", r"down\1."),
    *((rf"^encoder(\d)\.{_STAGE}\d_{k + 1}\.", rf"encoder\1.{k}.") for k in range(8)),
    (r"^upsample4_0\.", "up1."),
    (r"^upsample5_0\.", "up2."),
    *((rf"^regular4_{k + 1}\.", f"decoder1.{k}.") for k in range(2)),
    (r"^regular5_1\.", "decoder2."),
    (r"^transposed_conv\.", "output."),
    (r"^exist\.0\.", "existence.conv."),
    (r"^fc\.0\.", "existence.hidden."),
    (r"^fc\.2\.", "existence.logits."),
    (r"(?<=^up\d\.)main_conv1\.", "main."),
    (r"(?<=^up\d\.)ext_tconv1_bnorm\.", "middle.1."),
    (r"(?<=^up\d\.)ext_tconv1\.", "middle.0."),
    (r"(?<=^up\d\.)ext_conv2\.", "expand."),
    (r"\bext_conv1\.", "reduce."),
    (r"\bext_conv2\.", "middle."),
    (r"\bext_conv3\.", "expand."),
    (r"\bout_activation\.", "act."),
)


def read_enet_sad(state: State) -> Converted:
    """Convert either layout of the ENet-SAD reference, or inspect ours."""
    dropped = [key for key in state if key.startswith("ce_loss.")]  # the weights of its loss
    state = {key: tensor for key, tensor in state.items() if key not in dropped}
    if "downsample1_0.ext_conv1.0.weight" in state:
        state, unused = _later_layout(state)
        dropped += unused
    if "initial.conv.weight" not in state:
        state = {enet_sad_name(key): tensor for key, tensor in state.items()}
    if "output.weight" not in state:
        raise ModelError(
            f"expected an ENet-SAD checkpoint (ours or InhwanBae's), got tensors such as {', '.join(sorted(state)[:3])}"
        )
    shared = not any(key.startswith("encoder3.") for key in state) or all(
        torch.equal(tensor, state[f"{stage}.{key.split('.', 1)[1]}"])
        for key, tensor in state.items()
        if key.startswith("encoder2.")
        for stage in ("encoder3", "encoder4")
    )
    if shared:
        state = {key: tensor for key, tensor in state.items() if not key.startswith(("encoder3.", "encoder4."))}
    return Converted(state, {"channels": int(state["output.weight"].shape[1]), "shared_stages": shared}, tuple(dropped))


def enet_sad_name(key: str) -> str:
    """Return our name for a tensor of the ENet-SAD reference's later layout."""
    return renamed(key, _OURS)


def _later_layout(state: State) -> tuple[State, list[str]]:
    """Bring the earlier layout into the later one.

    Its forward pass ran stage 3 twice and never its own stage 4, so stage 3 is what both names get.
    """
    fourth = re.compile(r"^(?:(?:dilated|asymmetric)4_\d|regular4_[04])\.")  # regular4_1 and _2 belong to the decoder
    dropped = [key for key in state if fourth.match(key)]
    later = {renamed(key, _EARLIER): tensor for key, tensor in state.items() if key not in dropped}
    later |= {
        key.replace("encoder3.", "encoder4.", 1): tensor for key, tensor in later.items() if key.startswith("encoder3.")
    }
    return later, dropped
