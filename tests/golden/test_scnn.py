"""SCNN against the reference implementation: outputs and losses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from golden.reference import golden, meta, state

from lanelight.models import checkpoints
from lanelight.models.scnn import Scnn


def test_outputs_and_losses_are_those_of_the_reference(tmp_path: Path) -> None:
    z = golden("scnn_800x288")
    torch.save({"net": state(z), "epoch": 1}, tmp_path / "reference.pth")  # checks the sums of all its tensors
    shape = meta(z)["input"]
    model = checkpoints.load(tmp_path / "reference.pth", "scnn", size=(shape[3], shape[2])).eval()
    assert isinstance(model, Scnn)
    assert sum(p.numel() for p in model.parameters()) == meta(z)["n_params"]
    model.normalize = torch.nn.Identity()
    images = np.random.default_rng(meta(z)["input_seed"]).normal(size=shape).astype(np.float32)
    with torch.no_grad():
        outputs = model(torch.from_numpy(images))
    for theirs, ours in (("seg", outputs["lanes"]), ("exist", outputs["exist"].sigmoid())):
        have, want = ours.numpy().reshape(-1)[:: int(z[f"{theirs}__step"])], z[f"{theirs}__sub"]
        assert (np.abs(have - want) <= 1e-4 * np.abs(want).max()).mean() >= 0.999
        mean, std, *_ = z[f"{theirs}__stats"]
        assert ours.double().mean().item() == pytest.approx(mean, rel=1e-5)
        assert ours.double().std(correction=0).item() == pytest.approx(std, rel=1e-5)
    rng = np.random.default_rng(1)
    labels = torch.from_numpy(rng.integers(0, 5, (2, *shape[2:])).astype(np.int64))
    flags = torch.from_numpy(rng.integers(0, 2, (2, 4)).astype(np.float32))
    terms = model.loss(outputs, {"lanes": labels, "exist": flags})
    assert terms["mask"].item() == pytest.approx(float(z["loss_seg"]), rel=1e-4)
    assert terms["exist"].item() == pytest.approx(0.1 * float(z["loss_exist"]), rel=1e-4)
    assert sum(term.item() for term in terms.values()) == pytest.approx(float(z["loss_total"]), rel=1e-4)
