"""Rebuild the weights of a golden file; see the README beside the goldens for the rules."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.models.layouts import LAYOUTS

CLASSES, MASKS, INSTANCES = {"out0": "classes"}, {"seg": "lanes", "exist": "exist"}, {"sem": "mask", "ins": "embedding"}
NETWORKS = {  # golden -> name of the network, and what its outputs are called: there -> here
    "enet_sad_800x288": ("enet_sad", MASKS),
    "enet_sad_640x360": ("enet_sad", MASKS),
    "enet_sad_bdd_sad_640x368": ("enet_sad", MASKS),
    "scnn_800x288": ("scnn", MASKS),
    "fastscnn_leftthomas_512x1024": ("fast_scnn", CLASSES),
    "fastscnn_leftthomas_288x800": ("fast_scnn", CLASSES),
    "fastscnn_tramac_288x800": ("fast_scnn", CLASSES),
    "segnet_jaeoh2_224x224": ("segnet_instance", INSTANCES),
    "enet_jaeoh2_256x512": ("enet_instance", INSTANCES),
}
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LANELIGHT_SHARED", ROOT.parent / "shared"))
CLR_NETWORKS = {  # golden -> name of the network
    "clrnet_r18_culane": "clrnet_r18",
    "clrnet_dla34_culane": "clrnet_dla34",
    "clrkdnet_teacher_r50": "clrnet_r50",
    "clrkdnet_teacher_dla34": "clrnet_dla34",
    "clrkdnet_r18_culane": "clrkdnet_r18",
}


def golden(name: str) -> Any:
    """Open a golden file, or skip the test where the folder of goldens is not there."""
    path = SHARED / "goldens" / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"golden arrays are not here: {path} (set LANELIGHT_SHARED)")
    return np.load(path)


def meta(z: Any) -> dict[str, Any]:
    """Return the facts stored with a golden."""
    facts: dict[str, Any] = json.loads(str(z["meta"]))
    return facts


def state(z: Any) -> dict[str, Tensor]:
    """Return the reference's state dict, drawn anew."""
    keys = [str(key) for key in z["keys"]]
    index = {key: i for i, key in enumerate(keys)}
    built = {}
    for i, key in enumerate(keys):
        source = index[str(z["alias"][i])] if str(z["alias"][i]) else i
        if z["kinds"][source] == "keep":
            array = z[f"kept__{source}"]
        else:
            shape = tuple(json.loads(str(z["shapes"][source])))
            array = _draw(str(z["kinds"][source]), shape, keys[source], float(z["scales"][source]))
        built[key] = torch.from_numpy(np.array(array)).reshape(tuple(json.loads(str(z["shapes"][i]))))
    sums = [float(tensor.double().sum()) for tensor in built.values()]
    assert np.allclose(sums, z["key_sums"], atol=1e-2), "the rebuilt weights are not the golden's"
    return built


def clr_network(name: str, folder: Path) -> tuple[LaneModel, Tensor]:
    """Return the network of `CLR_NETWORKS` with a golden's weights, and the golden's input.

    The weights are read from a file in the released layout, which is written to the folder.
    """
    z = golden(name)
    rebuilt = {f"module.{key}": tensor for key, tensor in state(z).items()}
    rebuilt["module.heads.prior_ys"] = rebuilt["module.heads.prior_ys"].double()  # as after a validation run
    torch.save({"net": rebuilt, "epoch": 1, "recorder": {"step": 3}}, folder / "reference.pth")
    shape = meta(z)["input"]
    model = checkpoints.load(folder / "reference.pth", CLR_NETWORKS[name], size=(shape[3], shape[2]))
    return _directly_fed(model, z)


def network(name: str, folder: Path) -> tuple[LaneModel, Tensor]:
    """Return the network of any golden with the golden's weights, and the golden's input; as `clr_network`."""
    if name in CLR_NETWORKS:
        return clr_network(name, folder)
    z = golden(name)
    shape = meta(z)["input"]
    size, model_name = (shape[3], shape[2]), NETWORKS[name][0]
    if model_name == "segnet_instance":  # not by way of a file: it has 730 MB
        read = LAYOUTS[model_name](state(z))
        model = MODELS[model_name](size=size, **read.parts)
        model.load_state_dict(read.state)
        return _directly_fed(model, z)
    form = json.loads(str(z["checkpoint"]))
    rebuilt = state(z)
    torch.save(rebuilt if form["top"] == "state_dict" else {form["net_key"]: rebuilt, "epoch": 1}, folder / "net.pth")
    return _directly_fed(checkpoints.load(folder / "net.pth", model_name, size=size), z)


def _directly_fed(model: LaneModel, z: Any) -> tuple[LaneModel, Tensor]:
    """Return a network without its door, and the golden's input."""
    model.eval().normalize = torch.nn.Identity()
    images = np.random.default_rng(meta(z)["input_seed"]).normal(size=meta(z)["input"]).astype(np.float32)
    return model, torch.from_numpy(images)


def _draw(kind: str, shape: tuple[int, ...], key: str, scale: float) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
    uniform = {
        "bias": (-0.1, 0.1),
        "norm_w": (0.5, 1.5),
        "bn_var": (0.5, 1.5),
        "norm_b": (-0.2, 0.2),
        "prelu": (0.1, 0.3),
        "gamma": (0.1, 0.3),
    }
    if kind == "zero":
        return np.zeros(shape, np.int64)
    if kind in uniform:
        drawn = rng.uniform(*uniform[kind], shape)
    else:
        deviation = {"weight": float(np.sqrt(2 / np.prod(shape[1:]))), "bn_mean": 0.1}[kind]
        drawn = rng.normal(0, deviation, shape)
    return np.asarray(drawn * scale).astype(np.float32)
