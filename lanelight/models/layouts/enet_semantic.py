"""ENet for classes of pixels: both layouts of davidtvs/PyTorch-ENet, and ours."""

from __future__ import annotations

from torch import int64

from lanelight.errors import ModelError
from lanelight.geometry import ViewportPolicy
from lanelight.models.layouts.base import Converted, Rules, State, renamed

# The repository shows its networks the whole frame: of CamVid in SegNet's size, of Cityscapes in half its size.
CAMVID = ViewportPolicy(target=(480, 360), fit="stretch")
CITYSCAPES = ViewportPolicy(target=(1024, 512), fit="stretch")

_STAGE = r"(?:regular|dilated|asymmetric)"
_BLOCKS: Rules = (
    (r"^initial_block\.main_branch\.", "initial.conv."),
    (r"^initial_block\.batch_norm\.", "initial.norm."),
    (r"^initial_block\.", "initial."),
    (r"^downsample(\d)_0\.", r"down\1."),
    *((rf"^{_STAGE}([12])_{k + 1}\.", rf"encoder\1.{k}.") for k in range(8)),
    *((rf"^{_STAGE}3_{k}\.", rf"encoder3.{k}.") for k in range(8)),
    *((rf"^regular4_{k + 1}\.", f"decoder1.{k}.") for k in range(2)),
    (r"^regular5_1\.", "decoder2."),
    (r"^upsample4_0\.", "up1."),
    (r"^upsample5_0\.", "up2."),
    (r"^transposed_conv\.", "output."),
    (r"\bmain_conv1\.", "main."),
)
# The later layout alone: there the transposed convolution is no sequence, and what follows it comes second.
_LATER: Rules = (
    (r"(?<=^up\d\.)ext_tconv1_bnorm\.", "middle.1."),
    (r"(?<=^up\d\.)ext_tconv1\.", "middle.0."),
    (r"(?<=^up\d\.)ext_conv2\.", "expand."),
)
_PARTS: Rules = (
    (r"\bext_conv1\.", "reduce."),
    (r"\bext_conv2\.", "middle."),
    (r"\bext_conv3\.", "expand."),
    (r"\bout_(?:activation|prelu)\.", "act."),
)


def read_enet_semantic(state: State) -> Converted:
    """Convert either layout of PyTorch-ENet, or inspect ours."""
    published = "initial_block.main_branch.weight" in state
    if published:
        rules = (*_BLOCKS, *(_LATER if "upsample4_0.ext_tconv1.weight" in state else ()), *_PARTS)
        state = {renamed(key, rules): tensor for key, tensor in state.items()}
    if "output.weight" not in state or "initial.act.weight" not in state:
        raise ModelError(
            "expected a checkpoint of ENet for classes of pixels (ours or davidtvs's), got tensors such as "
            f"{', '.join(sorted(state)[:3])}"
        )
    classes = int(state["output.weight"].shape[1])
    parts = {
        "classes": classes,
        "variant": "first" if state["initial.act.weight"].numel() > 1 else "later",
        "normalize": "unit",
    }
    if not published:
        return Converted(state, parts)
    if "initial.norm.num_batches_tracked" not in state:  # torch counted no batches before 0.4.1
        state |= {
            f"{key.removesuffix('running_var')}num_batches_tracked": tensor.new_zeros((), dtype=int64)
            for key, tensor in state.items()
            if key.endswith("running_var")
        }
    return Converted(state, parts, viewport=CITYSCAPES if classes >= 19 else CAMVID)
