"""Fast-SCNN against the reference implementations: outputs, parameters and layouts of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from golden.reference import golden, meta, state
from torch import Tensor

from lanelight.models import checkpoints
from lanelight.models.fast_scnn import FastScnn

GOLDENS = {  # golden -> variant, entries of its file
    "fastscnn_leftthomas_512x1024": ("paper", 258),
    "fastscnn_leftthomas_288x800": ("paper", 258),
    "fastscnn_tramac_288x800": ("tramac", 268),
}


def _loaded(rebuilt: dict[str, Tensor], folder: Path, size: tuple[int, int]) -> FastScnn:
    torch.save(rebuilt, folder / "reference.pth")  # a bare state dict, as both repositories save it
    model = checkpoints.load(folder / "reference.pth", "fast_scnn", size=size).eval()
    assert isinstance(model, FastScnn)
    model.normalize = torch.nn.Identity()
    return model


@pytest.mark.parametrize("name", GOLDENS)
def test_every_logit_is_that_of_the_reference(name: str, tmp_path: Path) -> None:
    z = golden(name)
    variant, entries = GOLDENS[name]
    rebuilt = state(z)
    assert len(rebuilt) == entries
    shape = meta(z)["input"]
    model = _loaded(rebuilt, tmp_path, (shape[3], shape[2]))
    assert sum(p.numel() for p in model.parameters()) == meta(z)["n_params"]
    assert checkpoints.read(tmp_path / "reference.pth", "fast_scnn").parts == {
        "classes": 19, "variant": variant, "auxiliary": False, "normalize": "imagenet",
    }  # fmt: skip
    images = np.random.default_rng(meta(z)["input_seed"]).normal(size=shape).astype(np.float32)
    with torch.no_grad():
        logits = model(torch.from_numpy(images))["classes"]
    assert tuple(logits.shape) == tuple(z["out0__shape"])
    want = z["out0__sub"]
    have = logits.numpy().reshape(-1)[:: int(z["out0__step"])]
    assert np.abs(have - want).max() <= 1e-5 * np.abs(want).max()
    mean, std, *_ = z["out0__stats"]
    assert logits.double().mean().item() == pytest.approx(mean, rel=1e-5)
    assert logits.double().std(correction=0).item() == pytest.approx(std, rel=1e-5)


def test_an_auxiliary_head_of_the_reference_is_kept_and_changes_nothing_in_evaluation(tmp_path: Path) -> None:
    z = golden("fastscnn_tramac_288x800")
    rebuilt = state(z)
    plain = _loaded(rebuilt, tmp_path, (128, 64))
    rng = torch.Generator().manual_seed(0)
    head = {
        "0.weight": torch.randn(32, 64, 3, 3, generator=rng),
        "1.weight": torch.rand(32, generator=rng),
        "1.bias": torch.rand(32, generator=rng),
        "1.running_mean": torch.rand(32, generator=rng),
        "1.running_var": torch.rand(32, generator=rng),
        "1.num_batches_tracked": torch.tensor(3),
        "4.weight": torch.randn(19, 32, 1, 1, generator=rng),
        "4.bias": torch.randn(19, generator=rng),
    }
    rebuilt |= {f"auxlayer.{key}": tensor for key, tensor in head.items()}
    assert len(rebuilt) == 276
    model = _loaded(rebuilt, tmp_path, (128, 64))
    assert sum(p.numel() for p in model.parameters()) == 1_157_174
    assert torch.equal(model.get_parameter("auxiliary.skip.0.weight"), head["0.weight"])
    images = torch.rand(1, 3, 64, 128)
    with torch.no_grad():
        assert torch.equal(model(images)["classes"], plain(images)["classes"])
