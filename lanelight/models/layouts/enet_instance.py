"""ENet for lane instances: the layout of jaeoh2/Road-Lane-Instance-Segmentation-PyTorch, and ours."""

from __future__ import annotations

from lanelight.errors import ModelError
from lanelight.models.layouts.base import Converted, Rules, State, renamed
from lanelight.models.layouts.instance_inputs import converted

_OURS: Rules = (
    (r"^initial_block\.main_branch\.", "initial.conv."),
    (r"^bottleNeck([12])_0\.", r"down\1."),
    *((rf"^bottleNeck([12])_{k + 1}\.", rf"encoder\1.{k}.") for k in range(8)),
    (r"^semBottleNeck", "mask_branch."),
    (r"^insBottleNeck", "embedding_branch."),
    (r"(?<=_branch\.)3_", "encoder."),
    (r"(?<=_branch\.)4_0\.", "up1."),
    *((rf"(?<=_branch\.)4_{k + 1}\.", f"decoder1.{k}.") for k in range(2)),
    (r"(?<=_branch\.)5_0\.", "up2."),
    (r"(?<=_branch\.)5_1\.", "decoder2."),
    (r"^sem_out\.", "mask."),
    (r"^ins_out\.", "embedding."),
    (r"\bmain_branch\.", "main."),
    (r"\bext_branch_1\.", "reduce."),
    (r"\bext_branch_2\.", "middle."),
    (r"\bext_branch_3\.", "expand."),
    (r"\bprelu\.", "act."),
)


def read_enet_instance(state: State) -> Converted:
    """Convert the layout of the reference, or inspect ours.

    The reference has a branch for the embedding and never runs it: the batch norms in it have counted no batch. Such a
    branch is dropped, and both outputs are read from the other one, as the weights were trained. A branch whose batch
    norms have counted was run, by a repaired copy of the reference, and is kept.
    """
    published = "initial_block.main_branch.0.weight" in state
    dropped: list[str] = []
    if published:
        dropped = [] if _has_run(state) else [key for key in state if key.startswith("insBottleNeck")]
        state = {enet_instance_name(key): tensor for key, tensor in state.items() if key not in dropped}
    if "initial.conv.0.weight" not in state:
        raise ModelError(
            "expected a checkpoint of ENet for lane instances (ours or jaeoh2's), got tensors such as "
            f"{', '.join(sorted(state)[:3])}"
        )
    parts = {
        "shared_branch": not any(key.startswith("embedding_branch.") for key in state),
        "embedding": int(state["embedding.weight"].shape[1]),
    }
    return converted(state, parts, published=published, dropped=dropped)


def enet_instance_name(key: str) -> str:
    """Return our name for a tensor of the reference."""
    return renamed(key, _OURS)


def _has_run(state: State) -> bool:
    counters = (
        tensor
        for key, tensor in state.items()
        if key.startswith("insBottleNeck") and key.endswith("num_batches_tracked")
    )
    return any(bool(tensor.any()) for tensor in counters)
