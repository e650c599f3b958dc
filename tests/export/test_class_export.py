"""Class networks choose the class inside the exported graph, and are compared by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from lanelight.decode import MaskDecoder
from lanelight.export import compare, export_onnx
from lanelight.export.onnx import chosen_in_graph
from lanelight.geometry import ViewportPolicy
from lanelight.models.fast_scnn import FastScnn, fast_scnn
from lanelight.runtime import BACKENDS, Detector
from lanelight.runtime.predictor import network_input

SIZE = (128, 64)
POLICY = ViewportPolicy(SIZE, fit="stretch")


def frames() -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (3, 16, 32, 3)).astype(np.uint8)
    return [each.repeat(8, 0).repeat(8, 1) for each in small]


@pytest.fixture(scope="module")
def network() -> FastScnn:
    """Return a network whose classes are spread over the picture."""
    torch.manual_seed(0)
    model = fast_scnn(SIZE, classes=5)
    pictures = torch.rand(4, 3, SIZE[1], SIZE[0])
    with torch.no_grad():
        for _ in range(20):
            model(pictures)  # so that the batch norms have seen some
        last = model.eval().classifier[-1]
        assert isinstance(last, torch.nn.Conv2d)
        assert last.bias is not None
        torch.nn.init.normal_(last.weight, std=3.0)
        seen = torch.cat([torch.from_numpy(network_input(frame, POLICY.view((256, 128)))) for frame in frames()])
        last.bias -= model(seen)["classes"].mean(dim=(0, 2, 3))
    return model


@pytest.fixture(scope="module")
def exported(network: FastScnn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "classes.onnx"
    export_onnx(network, path, name="classes", viewport=POLICY)
    return path


def test_the_graph_gives_ids_and_no_logits(exported: Path) -> None:
    (out,) = onnx.load(str(exported)).graph.output
    kind = out.type.tensor_type
    assert (out.name, kind.elem_type) == ("classes", onnx.TensorProto.UINT8)
    assert [axis.dim_value for axis in kind.shape.dim][1:] == [SIZE[1], SIZE[0]]
    assert len(kind.shape.dim) == 3


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_parity_is_the_share_of_pixels_of_another_class(network: FastScnn, exported: Path, backend: str) -> None:
    found = compare(network, exported, frames(), backend=backend, viewport=POLICY)
    assert found.holds
    assert found.other_class is not None
    assert found.other_class <= 1e-3
    assert (found.error, found.largest) == ({}, {})
    with Detector.load(exported, backend=backend, threads=1) as detector:
        classes = detector.predict(frames()[0]).classes
    assert classes is not None
    assert classes.shape == (128, 256)
    assert len(np.unique(classes)) > 1  # else parity would hold for any graph


def test_another_network_is_found_out(exported: Path) -> None:
    torch.manual_seed(7)
    other = fast_scnn(SIZE, classes=5)
    found = compare(other, exported, frames(), backend="onnxruntime", viewport=POLICY)
    assert found.other_class is not None
    assert found.other_class > 0.01
    assert not found.holds


def test_what_the_decoder_is_decides(network: FastScnn) -> None:
    assert chosen_in_graph(network) == ("classes",)
    assert chosen_in_graph(fast_scnn(SIZE, classes=5, decoder=MaskDecoder())) == ()
