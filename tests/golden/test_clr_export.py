"""CLRNet and CLRKDNet as ONNX without a golden: both runtimes find what torch finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.reference import CLR_NETWORKS
from numpy.typing import NDArray
from torch import Tensor

from lanelight.decode.priors import PriorDecoder, best_priors
from lanelight.export import export_onnx
from lanelight.export.parity import measured
from lanelight.models import MODELS, LaneModel
from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import decoder_of

Float32 = NDArray[np.float32]
WITHOUT_GOLDEN = sorted({name for name in MODELS if name.startswith("clr")} - set(CLR_NETWORKS.values()))
SMALL = (256, 128)

pytestmark = [pytest.mark.slow]  # the exporter of torch warns of itself


@pytest.mark.parametrize("name", WITHOUT_GOLDEN)
def test_networks_without_a_golden_say_the_same_exported(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MODELS[name](size=SMALL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.abs().max() < 0.01:  # what begins as nothing, attention among it, has a say here
                parameter.normal_(std=0.02)
    images = torch.rand(2, 3, SMALL[1], SMALL[0])
    eager = _eager(model, images)
    assert np.ptp(eager[..., 0]) > 0.03
    for have, decoder in _exported(model, images, tmp_path):
        _check_numbers(have, eager)
        assert isinstance(decoder, PriorDecoder)
        for ours, theirs in zip(have, eager, strict=True):
            kept = best_priors(ours, decoder, SMALL[0])[0]
            assert len(kept) > 0
            assert np.array_equal(kept, best_priors(theirs, decoder, SMALL[0])[0])


def _eager(model: LaneModel, images: Tensor) -> Float32:
    with torch.no_grad():
        priors: Float32 = model(images)["priors"].numpy()
    return priors


def _exported(model: LaneModel, images: Tensor, folder: Path) -> Iterator[tuple[Float32, object]]:
    """Yield what each runtime says of the pictures, and the decoder of the manifest."""
    file = folder / "network.onnx"
    export_onnx(model, file, name="clr")
    manifest = Manifest.load(file)
    assert (manifest.slots, tuple(manifest.classes), tuple(manifest.outputs)) == (4, (), ("priors",))
    for backend in BACKENDS:
        session = open_session(file, backend, threads=1, outputs=manifest.outputs)
        yield session(images.numpy())["priors"], decoder_of(manifest)
        session.close()


def _check_numbers(have: Float32, want: Float32) -> None:
    gaps = {part: gap / size for part, gap, size in measured("priors", have, want)}
    assert sorted(gaps) == ["priors/line", "priors/logits", "priors/xs"]
    assert (gaps["priors/logits"] <= 1e-4).mean() >= 0.999
    assert (gaps["priors/line"] <= 1e-5).mean() >= 0.999
    assert (gaps["priors/xs"] <= 1e-4).mean() >= 0.99
