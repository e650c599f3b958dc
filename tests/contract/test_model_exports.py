"""Every network of the table exports in both formats, and says there what it says in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lanelight.export import export_onnx, export_openvino
from lanelight.export.onnx import chosen_in_graph
from lanelight.models import MODELS
from lanelight.runtime import Manifest, open_session

# The others are one of these by another name, or have the same layers in other numbers.
SIZES = {
    "clrkdnet_dla34": (64, 64),
    "clrkdnet_r18": (64, 64),
    "clrnet_dla34": (64, 64),
    "clrnet_r101": (64, 64),
    "clrnet_r18": (64, 64),
    "enet_instance": (32, 32),
    "enet_sad": (128, 56),
    "enet_semantic": (32, 32),
    "fast_scnn": (64, 64),
    "scnn": (128, 56),
    "segnet_instance": (32, 32),
}
SAME = {"clrnet_r34": "clrnet_r18", "clrnet_r50": "clrnet_r101", "enet": "enet_sad", "scnn_sad": "scnn"}


def test_every_network_is_exported_here() -> None:
    assert SIZES.keys() | SAME.keys() == set(MODELS)
    assert set(SAME.values()) <= SIZES.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_a_network_says_the_same_in_both_formats(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    size = SIZES[name]
    model = MODELS[name](size=size).eval()
    graph, converted = tmp_path / "network.onnx", tmp_path / "converted.xml"
    export_onnx(model, graph, name=name)
    manifest = export_openvino(graph, converted)
    assert manifest == Manifest.load(converted)
    assert (manifest.name, manifest.backend, tuple(manifest.outputs)) == (name, "openvino", model.OUTPUTS)
    images = torch.rand(2, 3, size[1], size[0])
    with torch.no_grad():
        wanted = {key: value.numpy() for key, value in model(images).items()}
    for key in chosen_in_graph(model):
        wanted[key] = wanted[key].argmax(axis=1)
    for file, backend in ((graph, "onnxruntime"), (graph, "openvino"), (converted, "openvino")):
        session = open_session(file, backend, threads=1, outputs=model.OUTPUTS)
        arrays = session(images.numpy())
        session.close()
        assert arrays.keys() == set(model.OUTPUTS)
        for key, array in arrays.items():
            assert array.shape == wanted[key].shape
            near = np.abs(array - wanted[key]) <= 1e-4 * max(1.0, float(np.abs(wanted[key]).max()))
            # Poolings pass single pixels on where two are all but equal; SegNet does so five times.
            assert near.mean() >= (0.5 if name == "segnet_instance" else 0.999)
