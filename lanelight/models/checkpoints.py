"""Read weights: our own safetensors, and the files that the reference implementations released.

Foreign files are opened with ``weights_only=True``. What a file itself tells (output channels, shared stages, layout)
is inferred from its tensors. Loading is strict: every tensor is used or named as dropped.
"""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_bytes
from torch import Tensor

from lanelight.errors import ModelError, unknown_name
from lanelight.formats.text import cannot_write, part_name
from lanelight.models import MODELS, LaneModel

log = logging.getLogger(__name__)

State = dict[str, Tensor]


@dataclass(frozen=True)
class Converted:
    """A checkpoint in our names.

    Attributes:
        state: our name -> tensor.
        parts: keyword arguments for the network's builder that the tensors tell.
        dropped: names in the file that the network has no use for.
    """

    state: State
    parts: dict[str, Any]
    dropped: tuple[str, ...] = ()


def load(path: str | Path, name: str, *, size: tuple[int, int]) -> LaneModel:
    """Build a network from a checkpoint.

    Args:
        path: ``.safetensors`` of ours, or a released ``.pth`` of the reference implementation.
        name: a name in `lanelight.models.MODELS`.
        size: (width, height) of the input; networks with a fully connected part are bound to the one they had.

    Returns:
        The network in training mode, as built; call ``.eval()`` before use.

    Raises:
        ModelError: an unknown name, an unreadable file, or tensors that do not fit the network.
    """
    converted = read(path, name)
    model = MODELS[name](size=size, **converted.parts)
    _load_strictly(model, converted.state, path, size)
    if converted.dropped:
        log.info("%s: dropped %d tensors: %s", path, len(converted.dropped), ", ".join(converted.dropped))
    return model


def read(path: str | Path, name: str) -> Converted:
    """Read a checkpoint in our names, with what its tensors tell.

    Raises:
        ModelError: an unknown name, or a file that is no checkpoint of that network.
    """
    if name not in MODELS:
        raise ModelError(unknown_name("network", name, MODELS))
    try:
        return LAYOUTS[name](read_state(path))
    except KeyError as error:
        raise ModelError(f"{path}: expected a checkpoint of {name}, but tensor {error} is missing") from error


def save(model: LaneModel, path: str | Path, *, network: str) -> Path:
    """Write weights as safetensors under a temporary name, then rename; return the path.

    Raises:
        OutputError: the place cannot be written.
    """
    path = Path(path)
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    temporary = part_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not `save_file`: it makes files that only their owner may read.
        temporary.write_bytes(save_bytes(state, metadata={"network": network, "size": "x".join(map(str, model.size))}))
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def read_state(path: str | Path) -> State:
    """Read the tensors of a file, unwrapped from what training loops put around them.

    Raises:
        ModelError: the file is missing, unsafe or holds no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: expected a checkpoint file, found none; check the path")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: expected tensors only, got a pickle with other objects; "
            "re-save its state_dict with torch.save and try again"
        ) from error
    except Exception as error:  # both libraries raise a dozen types for a damaged file
        raise ModelError(f"{path}: not a readable checkpoint ({type(error).__name__}: {_first_line(error)})") from error
    for key in ("net", "state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise ModelError(f"{path}: expected a state dict of tensors (or one under 'net' or 'state_dict')")
    return {key.removeprefix("module."): value for key, value in content.items()}


def _load_strictly(model: LaneModel, state: State, path: str | Path, size: tuple[int, int]) -> None:
    own = model.state_dict()
    wrong = [key for key in own.keys() & state.keys() if own[key].shape != state[key].shape]
    if "existence.hidden.weight" in wrong and len(wrong) == 1:
        had = state[wrong[0]].shape[1] // 5
        raise ModelError(
            f"{path}: the existence branch was trained for another input size (width // 16 * height // 16 = {had}), "
            f"got {size[0]}x{size[1]}; pass the size of its training"
        )
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if wrong or missing or extra:
        facts = [
            f"{len(keys)} {what} ({', '.join(sorted(keys)[:3])}{', ...' if len(keys) > 3 else ''})"
            for what, keys in (("missing", missing), ("unknown", extra), ("of another shape", wrong))
            if keys
        ]
        raise ModelError(f"{path}: the tensors do not fit {type(model).__name__}: {'; '.join(facts)}")
    model.load_state_dict(state)


# --- ENet-SAD (InhwanBae/ENet-SAD_Pytorch) ---------------------------------------------------------------------------

_STAGE = r"(?:regular|dilated|asymmetric)"

Rules = tuple[tuple[str, str], ...]

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


def _enet_sad(state: State) -> Converted:
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
    return _renamed(key, _OURS)


def _later_layout(state: State) -> tuple[State, list[str]]:
    """Bring the earlier layout into the later one.

    Its forward pass ran stage 3 twice and never its own stage 4, so stage 3 is what both names get.
    """
    fourth = re.compile(r"^(?:(?:dilated|asymmetric)4_\d|regular4_[04])\.")  # regular4_1 and _2 belong to the decoder
    dropped = [key for key in state if fourth.match(key)]
    later = {_renamed(key, _EARLIER): tensor for key, tensor in state.items() if key not in dropped}
    later |= {
        key.replace("encoder3.", "encoder4.", 1): tensor for key, tensor in later.items() if key.startswith("encoder3.")
    }
    return later, dropped


def _renamed(key: str, rules: Rules) -> str:
    for pattern, new in rules:
        key = re.sub(pattern, new, key)
    return key


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


LAYOUTS: dict[str, Callable[[State], Converted]] = {"enet": _enet_sad, "enet_sad": _enet_sad}
