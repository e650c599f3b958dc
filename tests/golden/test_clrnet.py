"""CLRNet and CLRKDNet against the reference implementations: outputs, inner features, what is dropped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden.reference import CLR_NETWORKS, clr_network, golden, meta, state

from lanelight.errors import ModelError
from lanelight.models import checkpoints
from lanelight.nn.taps import tapped

DEAD = {"clrnet_dla34": 64 * 128 + 2 * 128 + 128 * 256 + 2 * 256}  # two projections that nothing reads

names = pytest.mark.parametrize("name", CLR_NETWORKS)


def _close(have: torch.Tensor, z: Any, key: str, bound: float = 1e-4) -> None:
    want = z[f"{key}__sub"]
    assert tuple(have.shape) == tuple(z[f"{key}__shape"])
    found = have.detach().numpy().reshape(-1)[:: int(z[f"{key}__step"])]
    assert np.abs(found - want).max() <= bound * np.abs(want).max()


@names
def test_every_prior_is_that_of_the_reference(name: str, tmp_path: Path) -> None:
    z = golden(name)
    model, images = clr_network(name, tmp_path)
    assert sum(p.numel() for p in model.parameters()) == meta(z)["n_params"] - DEAD.get(CLR_NETWORKS[name], 0)
    with torch.no_grad():
        have = model(images)["priors"].numpy().reshape(-1, 78)
    want = z["pred__sub"].reshape(-1, 78)
    assert np.abs(have[:, :2] - want[:, :2]).max() <= 1e-4 * np.abs(want[:, :2]).max()
    assert np.abs(have[:, 2:6] - want[:, 2:6]).max() <= 1e-5 * np.abs(want[:, 2:6]).max()
    gaps = np.abs(have[:, 6:] - want[:, 6:]) / (1 + np.abs(want[:, 6:]))  # a nearly level prior has any x
    assert (gaps <= 1e-4).mean() >= 0.99
    chance = np.exp(have[:, 1]) / np.exp(have[:, :2]).sum(axis=1)
    assert np.abs(chance - z["scores"].reshape(-1)).max() < 1e-5


@pytest.mark.parametrize("name", [name for name in CLR_NETWORKS if name.startswith("clrkdnet")])
def test_what_a_student_learns_from_is_that_of_the_reference(name: str, tmp_path: Path) -> None:
    z = golden(name)
    model, images = clr_network(name, tmp_path)
    with tapped(model, model.TAPS) as features, torch.no_grad():
        model(images)
    for level in range(4):
        energy = features[f"map{level + 1}"].square().mean(dim=1, keepdim=True)
        _close(energy / energy.flatten(1).norm(dim=1).view(-1, 1, 1, 1), z, f"att{level}")
    _close(features["gathered"], z, "logits")
    _close(features["line"], z, "priors_att", 1e-5)


@names
def test_what_a_file_has_beyond_the_network_is_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        clr_network(name, tmp_path)
    (told,) = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    wanted = {"criterion.weight", "sample_x_indexs", "prior_feat_ys", "prior_ys", "priors", "priors_on_featmap"}
    assert {each.partition("heads.")[2] for each in told.split(": ")[-1].split(", ") if "heads." in each} == wanted
    assert ("backbone.model.level3.project.0.weight" in told) == ("dla34" in name)
    assert "trained on several GPUs" not in caplog.text


def test_priors_that_several_gpus_left_behind_are_replaced_by_the_trained_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rebuilt = state(golden("clrkdnet_r18_culane"))
    trained = rebuilt["heads.prior_embeddings.weight"] + 0.05
    rebuilt["heads.prior_embeddings.weight"] = trained
    torch.save({"net": rebuilt}, tmp_path / "file.pth")
    model = checkpoints.load(tmp_path / "file.pth", "clrkdnet_r18", size=(800, 320))
    assert torch.equal(model.get_parameter("table"), trained)
    assert "trained on several GPUs" in caplog.text


def test_a_file_of_the_other_network_is_refused(tmp_path: Path) -> None:
    torch.save({"net": state(golden("clrkdnet_r18_culane"))}, tmp_path / "student.pth")
    with pytest.raises(ModelError, match="expected the 3 stages of CLRNet, got 1; name it as a CLRKDNet"):
        checkpoints.load(tmp_path / "student.pth", "clrnet_r18", size=(800, 320))
    with pytest.raises(ModelError, match="do not fit ClrNet: 222 missing"):
        checkpoints.load(tmp_path / "student.pth", "clrkdnet_dla34", size=(800, 320))


def test_priors_one_step_behind_are_the_ones_that_the_reference_runs(tmp_path: Path) -> None:
    rebuilt = state(golden("clrkdnet_r18_culane"))
    stored = rebuilt["heads.priors"][:, 2:5] + 0.1
    rebuilt["heads.priors"][:, 2:5] = stored
    rebuilt["heads.prior_embeddings.weight"] = stored + 1e-4
    torch.save({"net": rebuilt}, tmp_path / "file.pth")
    model = checkpoints.load(tmp_path / "file.pth", "clrkdnet_r18", size=(800, 320))
    assert torch.equal(model.get_parameter("table"), stored)
