"""Networks that take many sizes do so in their exported file, in both formats and both runtimes."""

from __future__ import annotations

from pathlib import Path

import fake_network
import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from lanelight.errors import ModelError
from lanelight.export import compare, export_onnx, export_openvino
from lanelight.geometry import ViewportPolicy
from lanelight.models import MODELS, LaneModel
from lanelight.runtime import Detector, Manifest, open_session
from lanelight.runtime.backends import runtimes_of

SIZE = (128, 64)
OTHERS = {  # name -> a size that is no multiple of anything more than it has to be
    "enet_instance": (136, 72),
    "enet_semantic": (136, 72),
    "fast_scnn": (145, 67),
    "segnet_instance": (96, 160),
}
# Share of elements that may differ: max-pooling passes a pixel to a neighbour where two inputs are all but equal, and
# SegNet does so five times. Torch in float32 and in float64, or with one picture and with three, differ as much.
TIES = {"segnet_instance": 0.5, "enet_instance": 0.05, "enet_semantic": 0.01, "fast_scnn": 1e-3}


def drawn(name: str) -> LaneModel:
    """Return a network whose layers pass something on."""
    torch.manual_seed(4)
    model = MODELS[name](size=SIZE)
    for key, tensor in model.state_dict().items():
        if tensor.ndim == 4:
            torch.nn.init.kaiming_normal_(tensor)
        elif tensor.is_floating_point() and not key.startswith("normalize"):
            torch.nn.init.uniform_(tensor, 0.2, 0.8)
    return model.eval()


def test_networks_of_many_sizes_are_those_listed_here() -> None:
    names = {name for name in OTHERS if MODELS[name](size=SIZE).SIZES is not None}
    assert names == set(OTHERS)
    with pytest.raises(ModelError, match="many sizes, got road, whose layers are made for 128x64"):
        export_onnx(MODELS["enet_sad"](size=SIZE), "none.onnx", name="road", dynamic_size=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_two_sizes_and_two_batches_say_what_torch_says(name: str, tmp_path: Path) -> None:
    model, graph = drawn(name), tmp_path / "network.onnx"
    manifest = export_onnx(model, graph, name=name, dynamic_size=True)
    assert Manifest.load(graph).sizes == manifest.sizes == model.SIZES
    export_openvino(graph, tmp_path / "converted.xml")
    for file in (graph, tmp_path / "converted.xml"):
        for backend in runtimes_of(file):
            _check(model, file, backend)


def _check(model: LaneModel, file: Path, backend: str) -> None:
    open_one = open_session(file, backend, threads=1, outputs=model.OUTPUTS)
    name = Manifest.load(file).name
    for width, height in (SIZE, OTHERS[name]):
        prepared = open_session(file, backend, threads=1, outputs=model.OUTPUTS, size=(width, height))
        for count in (1, 3):
            images = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(count))
            with torch.no_grad():
                wanted = model(images)
            for session in (open_one, prepared):
                arrays = session(images.numpy())
                for key in model.OUTPUTS:
                    assert _share_of_others(arrays[key], wanted[key]) <= TIES[name]


def _share_of_others(have: np.ndarray[tuple[int, ...], np.dtype[np.float32]], want: Tensor) -> float:
    """Return the share of elements that differ by more than rounding; of classes, of pixels with another one."""
    if have.ndim == 3:
        return float((have != want.argmax(dim=1).numpy()).mean())
    return float((np.abs(have - want.numpy()) > 1e-4 * want.abs().max().item()).mean())


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a class network for many sizes."""
    path = tmp_path_factory.mktemp("dynamic") / "classes.onnx"
    export_onnx(drawn("fast_scnn"), path, name="classes", viewport=ViewportPolicy(SIZE), dynamic_size=True)
    return path


def test_the_open_sides_have_names(classes: Path) -> None:
    graph = onnx.load(str(classes)).graph
    shapes = [
        [axis.dim_param or axis.dim_value for axis in each.type.tensor_type.shape.dim]
        for each in (*graph.input, *graph.output)
    ]
    assert shapes == [["batch", 3, "height", "width"], ["batch", "height", "width"]]


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_detector_sees_frames_in_the_size_that_is_asked_for(classes: Path, backend: str) -> None:
    frame = fake_network.painted((640, 360))
    for size in (None, (256, 100)):
        with Detector.load(classes, backend=backend, threads=1, size=size) as detector:
            assert detector.manifest.viewport == ViewportPolicy(size or SIZE)
            detector.warm_up()
            found = detector.predict(frame).classes
            assert found is not None
            assert (found < 255).any(axis=1).sum() == (320 if size is None else 250)  # rows of the band it sees


def test_parity_holds_in_another_size(classes: Path) -> None:
    frames = [fake_network.painted((640, 360))]
    for prepared in (False, True):
        found = compare(
            drawn("fast_scnn"),
            classes,
            frames,
            backend="onnxruntime",
            viewport=ViewportPolicy((200, 100)),
            prepared=prepared,
        )
        assert found.holds
        assert found.size == (200, 100)


def test_a_size_that_the_file_does_not_take_is_refused(classes: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="model 'classes': expected a size of at least 64x64, got 200x60"):
        Detector.load(classes, size=(200, 60))
    fixed = fake_network.write_model(tmp_path)
    with pytest.raises(
        ModelError,
        match=r"expected an input of 256x128, which is fixed in this file, got size 128x64; .*--dynamic-size",
    ):
        Detector.load(fixed, size=(128, 64))
    with Detector.load(fixed, size=fake_network.TARGET) as detector:  # its own is no other
        assert detector.manifest.sizes is None
