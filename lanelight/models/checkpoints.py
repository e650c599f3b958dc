"""Read weights: our own safetensors, and the files that the reference implementations released.

Foreign files are looked through (`lanelight.models.claims`) and then opened with ``weights_only=True``. What a file
itself tells (output channels, shared stages, layout) is inferred from its tensors. Loading is strict: every tensor is
used or named as dropped.
"""

from __future__ import annotations

import inspect
import json
import logging
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as save_bytes
from torch import Tensor

from lanelight.decode import decoder_from_dict
from lanelight.errors import ModelError, unknown_name
from lanelight.formats.text import NOT_JSON, cannot_write, part_name
from lanelight.geometry import ViewportPolicy
from lanelight.models import MODELS, LaneModel
from lanelight.models.claims import check_claims, check_stored
from lanelight.models.layouts import LAYOUTS, Converted, State
from lanelight.nn.normalize import constants_name

__all__ = ["Converted", "State", "default_size", "load", "metadata", "read", "read_state", "save", "viewport_told"]

log = logging.getLogger(__name__)


def load(path: str | Path, name: str, *, size: tuple[int, int], parts: Mapping[str, Any] | None = None) -> LaneModel:
    """Build a network from a checkpoint.

    Args:
        path: ``.safetensors`` of ours, or a released ``.pth`` of the reference implementation.
        name: a name in `lanelight.models.MODELS`.
        size: (width, height) of the input; networks with a fully connected part are bound to the one they had.
        parts: arguments for the network's builder, before what the tensors tell.

    Returns:
        The network in training mode, as built; call ``.eval()`` before use.

    Raises:
        ModelError: an unknown name, an unreadable file, or tensors that do not fit the network.
    """
    converted = read(path, name)
    model = MODELS[name](size=size, **{**converted.parts, **(parts or {})})
    _load_strictly(model, converted.state, path, size)
    if converted.dropped:
        log.info("%s: dropped %d tensors: %s", path, len(converted.dropped), ", ".join(converted.dropped))
    return model


def read(path: str | Path, name: str) -> Converted:
    """Read a checkpoint in our names, with what its tensors tell; a file of ours also tells what `save` wrote.

    Raises:
        ModelError: an unknown name, or a file that is no checkpoint of that network.
    """
    if name not in MODELS:
        raise ModelError(unknown_name("network", name, MODELS))
    try:
        converted = LAYOUTS[name](read_state(path))
    except KeyError as error:
        raise ModelError(f"{path}: expected a checkpoint of {name}, but tensor {error} is missing") from error
    facts = metadata(path)
    viewport = viewport_told(path, facts) or converted.viewport
    return replace(converted, parts=converted.parts | _told(path, facts, converted.parts), viewport=viewport)


def save(model: LaneModel, path: str | Path, *, network: str, facts: Mapping[str, str] | None = None) -> Path:
    """Write weights as safetensors under a temporary name, then rename; return the path.

    Beside the tensors stand the network's name, size and normalisation, the steps before it and its decoder.

    Args:
        model: the network.
        path: of the file.
        network: its name in `lanelight.models.MODELS`.
        facts: more to write beside the tensors.

    Raises:
        OutputError: the place cannot be written.
    """
    path = Path(path)
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
    told = {**(facts or {}), "network": network, "size": "x".join(map(str, model.size))}
    if constants := constants_name(model.normalize):
        told["normalize"] = constants
    if model.preprocess:
        told["preprocess"] = json.dumps([step.to_dict() for step in model.preprocess])
    told["decoder"] = json.dumps(model.decoder.to_dict())
    temporary = part_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not `save_file`: it makes files that only their owner may read.
        temporary.write_bytes(save_bytes(state, metadata=told))
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
        check_claims(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
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
    for key, value in content.items():
        check_stored(path, str(key), value)
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def default_size(name: str) -> tuple[int, int]:
    """Return the input size, (width, height) px, that a network has where none is named: that of its paper.

    Raises:
        ModelError: an unknown name.
    """
    if name not in MODELS:
        raise ModelError(unknown_name("network", name, MODELS))
    size: tuple[int, int] = inspect.signature(MODELS[name]).parameters["size"].default
    return size


def metadata(path: str | Path) -> dict[str, str]:
    """Return what `save` wrote beside the tensors; nothing for other files."""
    if Path(path).suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({type(error).__name__}: {_first_line(error)})") from error


def viewport_told(path: str | Path, facts: Mapping[str, str]) -> ViewportPolicy | None:
    """Return how frames are shown to a network as its file says, None where it does not.

    Raises:
        ModelError: the file says it wrongly.
    """
    return ViewportPolicy.from_dict(_json(path, facts, "viewport")) if "viewport" in facts else None


def _told(path: str | Path, facts: Mapping[str, str], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file of ours tells of those parts that a network of its kind asks for."""
    readers: dict[str, Callable[[], Any]] = {
        "normalize": lambda: facts["normalize"],
        "preprocess": lambda: _json(path, facts, "preprocess"),
        "decoder": lambda: decoder_from_dict(_json(path, facts, "decoder")),
    }
    return {key: read() for key, read in readers.items() if key in facts and key in parts}


def _json(path: str | Path, facts: Mapping[str, str], key: str) -> Any:
    """Return a value beside the tensors, of the kind that `save` writes there."""
    kind = list if key == "preprocess" else dict
    try:
        value = json.loads(facts[key])
    except NOT_JSON as error:
        raise ModelError(f"{path}: expected its {key} as JSON, got {facts[key]!r:.60}") from error
    if not isinstance(value, kind):
        raise ModelError(f"{path}: expected its {key} as a JSON {kind.__name__}, got {facts[key]!r:.60}")
    return value


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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
