"""SegNet and ENet for lane instances against the reference implementation: layouts, parameters, every output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden.reference import golden, meta, state

from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.models.layouts import LAYOUTS


def _check_outputs(model: LaneModel, z: Any) -> None:
    model.normalize = torch.nn.Identity()
    images = np.random.default_rng(meta(z)["input_seed"]).normal(size=meta(z)["input"]).astype(np.float32)
    with torch.no_grad():
        outputs = model.eval()(torch.from_numpy(images))
    for theirs, ours in (("sem", "mask"), ("ins", "embedding")):
        array, want = outputs[ours].numpy(), z[f"{theirs}__sub"]
        assert array.shape == tuple(z[f"{theirs}__shape"])
        have = array.reshape(-1)[:: int(z[f"{theirs}__step"])]
        assert (np.abs(have - want) <= 1e-5 * np.abs(want).max()).mean() >= 0.999
        mean, std, *_ = z[f"{theirs}__stats"]
        assert array.mean(dtype=np.float64) == pytest.approx(mean, rel=1e-4)
        assert array.std(dtype=np.float64) == pytest.approx(std, rel=1e-5)


def test_enet_reads_its_embedding_from_the_branch_of_the_mask_as_the_reference_does(tmp_path: Path) -> None:
    z = golden("enet_jaeoh2_256x512")
    rebuilt = state(z)
    assert len(rebuilt) == 919
    torch.save(rebuilt, tmp_path / "model_best_enet.pth")
    read = checkpoints.read(tmp_path / "model_best_enet.pth", "enet_instance")
    assert read.parts["shared_branch"]
    assert sum(rebuilt[key].numel() for key in read.dropped if _trained(key)) == 256_244
    assert sum(tensor.numel() for key, tensor in rebuilt.items() if _trained(key)) == meta(z)["n_params"]
    model = checkpoints.load(tmp_path / "model_best_enet.pth", "enet_instance", size=(512, 256))
    assert sum(parameter.numel() for parameter in model.parameters()) == meta(z)["n_params"] - 256_244
    _check_outputs(model, z)


def test_segnet_with_two_decoders_leaves_the_second_vgg16_behind() -> None:
    z = golden("segnet_jaeoh2_224x224")
    rebuilt = state(z)
    assert len(rebuilt) == 258
    read = LAYOUTS["segnet_instance"](rebuilt)  # not by way of a file: it has 730 MB
    assert len(read.dropped) == 32
    assert all(key.startswith("vgg16.") for key in read.dropped)
    assert (read.parts["decoders"], read.parts["bias"], read.parts["embedding"]) == (2, False, 5)
    model = MODELS["segnet_instance"](size=(224, 224), **read.parts)
    model.load_state_dict(read.state)
    dropped = sum(rebuilt[key].numel() for key in read.dropped)
    assert sum(parameter.numel() for parameter in model.parameters()) == meta(z)["n_params"] - dropped
    _check_outputs(model, z)


def _trained(key: str) -> bool:
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
