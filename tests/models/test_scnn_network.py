from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lanelight.decode import LaneAreaDecoder
from lanelight.errors import ModelError
from lanelight.export.onnx import export_onnx
from lanelight.models import checkpoints
from lanelight.models.scnn import Scnn, scnn
from lanelight.nn.normalize import constants_name
from lanelight.runtime.backends import open_session

SIZE = (64, 32)
# Of VGG16 with batch norm: where the convolutions of each block begin in the published list of layers.
BLOCKS = {"block1": (0, 3), "block2": (7, 10), "block3": (14, 17, 20), "block4": (24, 27, 30), "block5": (34, 37, 40)}


@pytest.fixture(scope="module")
def model() -> Scnn:
    torch.manual_seed(3)
    network = scnn(SIZE)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    return network.eval()


def _outputs(network: torch.nn.Module) -> dict[str, Tensor]:
    images = torch.rand(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs: dict[str, Tensor] = network.eval()(images)
    return outputs


def _same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    a, b = _outputs(first), _outputs(second)
    return all(torch.equal(a[name], b[name]) for name in a)


def _reference_state(network: Scnn) -> dict[str, Tensor]:
    """Write a network's tensors under the names of the reference repository, independently of our rules."""
    names = {
        "message.down": "message_passing.up_down",
        "message.up": "message_passing.down_up",
        "message.right": "message_passing.left_right",
        "message.left": "message_passing.right_left",
        "output": "layer2.1",
        "existence.hidden": "fc.0",
        "existence.logits": "fc.2",
    }
    for block, starts in BLOCKS.items():
        first = 0 if block in ("block1", "block5") else 1  # the others begin with a pooling
        for k, start in enumerate(starts):
            names[f"backbone.{block}.{first + 3 * k}"] = f"backbone.{start}"
            names[f"backbone.{block}.{first + 3 * k + 1}"] = f"backbone.{start + 1}"
    state = {"ce_loss.weight": torch.tensor([0.4, 1, 1, 1, 1])}
    for key, tensor in network.state_dict().items():
        module, _, leaf = key.rpartition(".")
        state[f"{names.get(module, module)}.{leaf}"] = tensor
    return state


@pytest.mark.parametrize(
    ("size", "count"),
    [((800, 288), 20_742_217), ((640, 368), 20_755_017), ((512, 288), 20_534_857), ((640, 360), 20_729_417)],
)
def test_it_has_the_reference_number_of_parameters(size: tuple[int, int], count: int) -> None:
    network = scnn(size)
    assert sum(p.numel() for p in network.parameters()) == count
    assert sum(p.numel() for p in network.backbone.parameters()) == 14_723_136


def test_the_released_layout_loads_and_keeps_its_114_tensors(model: Scnn, tmp_path: Path) -> None:
    state = _reference_state(model)
    assert len(state) == 114
    torch.save({"net": {f"module.{key}": tensor for key, tensor in state.items()}, "epoch": 3}, tmp_path / "exp.pth")
    loaded = checkpoints.load(tmp_path / "exp.pth", "scnn_sad", size=SIZE)
    assert _same(model, loaded)
    read = checkpoints.read(tmp_path / "exp.pth", "scnn")
    assert read.dropped == ("ce_loss.weight",)
    assert read.parts == {"channels": 5, "normalize": "imagenet"}


def test_what_was_converted_from_the_authors_file_gets_their_normalisation_and_keeps_it(
    model: Scnn, tmp_path: Path
) -> None:
    state = _reference_state(model)
    for start in (start for starts in BLOCKS.values() for start in starts):
        state[f"backbone.{start}.bias"] = torch.zeros_like(state[f"backbone.{start}.bias"])
    torch.save({"net": state}, tmp_path / "converted.pth")
    loaded = checkpoints.load(tmp_path / "converted.pth", "scnn", size=SIZE)
    assert isinstance(loaded, Scnn)
    path = checkpoints.save(loaded, tmp_path / "ours.safetensors", network="scnn")
    again = checkpoints.load(path, "scnn", size=SIZE)
    for network in (loaded, again):
        assert constants_name(network.normalize) == "culane"
    assert _same(loaded, again)


def test_our_own_files_come_back(model: Scnn, tmp_path: Path) -> None:
    path = checkpoints.save(model, tmp_path / "weights.safetensors", network="scnn")
    loaded = checkpoints.load(path, "scnn", size=SIZE)
    assert constants_name(loaded.normalize) == "imagenet"
    assert _same(model, loaded)


def test_what_cannot_be_loaded_is_said_in_one_line(model: Scnn, tmp_path: Path) -> None:
    state, file = _reference_state(model), tmp_path / "file.pth"
    torch.save({"net": state}, file)
    with pytest.raises(ModelError, match=re.escape("existence branch was trained for another input size")):
        checkpoints.load(file, "scnn", size=(128, 64))
    with pytest.raises(ModelError, match="expected an ENet-SAD checkpoint"):
        checkpoints.load(file, "enet_sad", size=SIZE)
    torch.save({"net": {"conv.weight": torch.zeros(1)}}, file)
    with pytest.raises(ModelError, match="expected an SCNN checkpoint"):
        checkpoints.load(file, "scnn", size=SIZE)
    torch.save({"net": state | {"backbone.33.weight": torch.zeros(3)}}, file)
    with pytest.raises(ModelError, match=r"1 unknown \(backbone.33.weight\)"):
        checkpoints.load(file, "scnn", size=SIZE)
    torch.save({"net": {key: tensor for key, tensor in state.items() if key != "layer2.1.bias"}}, file)
    with pytest.raises(ModelError, match=r"1 missing \(output.bias\)"):
        checkpoints.load(file, "scnn", size=SIZE)
    torch.save({"net": {key: tensor for key, tensor in state.items() if key != "layer2.1.weight"}}, file)
    with pytest.raises(ModelError, match=r"'output\.weight' is missing"):
        checkpoints.load(file, "scnn", size=SIZE)


def test_one_channel_tells_lane_or_not_and_existence_reads_the_features() -> None:
    network = scnn(SIZE, channels=1)
    outputs = _outputs(network)
    assert outputs["lanes"].shape == (1, 1, 32, 64)
    assert isinstance(network.decoder, LaneAreaDecoder)
    outputs = network(torch.rand(2, 3, 32, 64))
    outputs["exist"].sum().backward()
    assert network.message.down.weight.grad is not None


def test_the_loss_has_no_soft_iou_unless_asked_for(model: Scnn) -> None:
    outputs = _outputs(model)
    targets = {"lanes": torch.zeros(1, 32, 64, dtype=torch.int64), "exist": torch.zeros(1, 4)}
    assert set(model.loss(outputs, targets)) == {"mask", "exist"}


def test_an_unknown_normalisation_is_refused() -> None:
    with pytest.raises(ModelError, match="one of culane, imagenet, bgr, bytes, unit, got 'cityscapes'"):
        scnn(SIZE, normalize="cityscapes")


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_the_exported_network_says_the_same(model: Scnn, tmp_path: Path, backend: str) -> None:
    path = tmp_path / "scnn.onnx"
    export_onnx(model, path, name="scnn")
    session = open_session(path, backend, outputs=model.OUTPUTS)
    images = torch.rand(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    arrays, wanted = session(images.numpy()), _outputs(model)
    session.close()
    for name, want in wanted.items():
        assert np.abs(arrays[name] - want.numpy()).max() <= 1e-4 * want.abs().max().item()
