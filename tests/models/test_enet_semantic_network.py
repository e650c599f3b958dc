"""ENet for classes of pixels: parameters, both layouts, the published weights, exported graphs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lanelight.cli import main
from lanelight.errors import ModelError
from lanelight.export.onnx import export_onnx
from lanelight.formats import camvid
from lanelight.models import checkpoints
from lanelight.models.enet_semantic import EnetSemantic, Variant, enet_semantic
from lanelight.models.slot_masks import MaskLoss
from lanelight.nn.normalize import constants_name
from lanelight.runtime.backends import open_session
from lanelight.runtime.class_ids import ClassFiles
from lanelight.train.trained import load_trained

SIZE = (64, 32)
VARIANTS: tuple[Variant, ...] = ("later", "first")


def _trained(variant: Variant = "later", classes: int = 12) -> EnetSemantic:
    """Return a network whose batch norms have seen something."""
    torch.manual_seed(0)
    network = enet_semantic(SIZE, variant=variant, classes=classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return network.eval()


def _logits(network: nn.Module) -> Tensor:
    images = torch.rand(2, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits: Tensor = network.eval()(images)["classes"]
    return logits


def _names(variant: Variant) -> dict[str, str]:
    """Return our modules -> those of the reference, written down from its table of blocks."""
    kinds = ["regular", "dilated", "asymmetric", "dilated"] * 2
    blocks = {"down1": "downsample1_0", "down2": "downsample2_0", "decoder2": "regular5_1"}
    blocks |= {f"encoder1.{k}": f"regular1_{k + 1}" for k in range(4)}
    blocks |= {f"encoder2.{k}": f"{kind}2_{k + 1}" for k, kind in enumerate(kinds)}
    blocks |= {f"encoder3.{k}": f"{kind}3_{k}" for k, kind in enumerate(kinds)}
    blocks |= {f"decoder1.{k}": f"regular4_{k + 1}" for k in range(2)}
    ups = {"up1": "upsample4_0", "up2": "upsample5_0"}
    act = "out_prelu" if variant == "first" else "out_activation"
    parts = {"reduce": "ext_conv1", "middle": "ext_conv2", "expand": "ext_conv3", "act": act}
    names = {f"{ours}.{part}": f"{theirs}.{parts[part]}" for ours, theirs in (blocks | ups).items() for part in parts}
    for ours, theirs in ups.items():
        names[f"{ours}.main"] = f"{theirs}.main_conv1"
        if variant == "later":
            names |= {f"{ours}.middle.0": f"{theirs}.ext_tconv1", f"{ours}.middle.1": f"{theirs}.ext_tconv1_bnorm"}
            names[f"{ours}.expand"] = f"{theirs}.ext_conv2"
    initial = {"conv": "main_branch", "norm": "batch_norm", "act": act}
    names |= {f"initial.{ours}": f"initial_block.{theirs}" for ours, theirs in initial.items()}
    return names | {"output": "transposed_conv"}


def _reference_state(network: nn.Module, variant: Variant) -> dict[str, Tensor]:
    names, state = _names(variant), {}
    for key, tensor in network.state_dict().items():
        module = next(name for name in sorted(names, key=len, reverse=True) if key.startswith(f"{name}."))
        state[key.replace(module, names[module], 1)] = tensor
    return state


@pytest.mark.parametrize(("classes", "count"), [(5, 349_644), (11, 350_508), (19, 351_660), (20, 351_804)])
def test_it_has_the_reference_number_of_parameters(classes: int, count: int) -> None:
    network = enet_semantic(SIZE, classes=classes)
    assert sum(p.numel() for p in network.parameters()) == count
    assert len(network.state_dict()) == 622


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_layouts_load(tmp_path: Path, variant: Variant) -> None:
    network, file = _trained(variant), tmp_path / "ENet"
    state = _reference_state(network, variant)
    torch.save({"epoch": 290, "miou": 0.52, "state_dict": state, "optimizer": {"lr": 5e-4}}, file)
    loaded = checkpoints.load(file, "enet_semantic", size=SIZE)
    assert torch.equal(_logits(loaded), _logits(network))
    read = checkpoints.read(file, "enet_semantic")
    assert read.parts == {"classes": 12, "variant": variant, "normalize": "unit"}
    assert read.dropped == ()
    assert constants_name(loaded.normalize) == "unit"
    torch.save(state | {"regular1_1.more.weight": torch.zeros(1)}, file)
    with pytest.raises(ModelError, match=r"1 unknown \(encoder1.0.more.weight\)"):
        checkpoints.load(file, "enet_semantic", size=SIZE)
    torch.save({key: tensor for key, tensor in state.items() if key != "regular4_2.ext_conv1.0.weight"}, file)
    with pytest.raises(ModelError, match=r"1 missing \(decoder1.1.reduce.0.weight\)"):
        checkpoints.load(file, "enet_semantic", size=SIZE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_own_weights_come_back(tmp_path: Path, variant: Variant) -> None:
    network = _trained(variant)
    path = checkpoints.save(network, tmp_path / "weights.safetensors", network="enet_semantic")
    assert torch.equal(_logits(checkpoints.load(path, "enet_semantic", size=SIZE)), _logits(network))


def test_weights_of_cityscapes_see_its_frames_in_half_their_size(tmp_path: Path) -> None:
    torch.save(_reference_state(_trained(classes=20), "later"), tmp_path / "ENet")
    viewport = checkpoints.read(tmp_path / "ENet", "enet_semantic").viewport
    assert viewport is not None
    assert viewport.target == (1024, 512)


def test_the_activation_before_the_sum_is_a_part_of_its_own() -> None:
    network = _trained()
    older = enet_semantic(SIZE, act_expanded=True)
    older.load_state_dict(network.state_dict())
    assert not torch.allclose(_logits(older), _logits(network))
    assert len(_trained("first").up1.expand) == 3
    assert len(network.up1.expand) == 2


def test_its_classes_are_those_of_camvid_with_void() -> None:
    network = enet_semantic(SIZE)
    assert network.names == camvid.CLASS_NAMES
    form = ClassFiles.of(network.names)
    assert form.to_file[:12].tolist() == list(range(12))
    assert form.to_file[255] == camvid.VOID


def test_wrong_parts_and_files_are_refused(tmp_path: Path) -> None:
    for parts, told in (
        ({"size": (100, 60)}, "expected a size in multiples of 8, at least 16x16, got 100x60"),
        ({"size": (8, 8)}, "at least 16x16"),
        ({"classes": 1}, "expected 2 to 255 classes, got 1"),
        ({"names": ("road",)}, "expected 12 names of classes, got 1"),
        ({"variant": "middle"}, "expected variant 'later' or 'first'"),
        ({"normalize": "other"}, "expected normalize to be one of"),
        ({"loss_terms": MaskLoss()}, "expected the loss of class maps"),
        ({"pretrained_backbone": True}, "no backbone weights exist for ENet"),
    ):
        with pytest.raises(ModelError, match=re.escape(told)):
            enet_semantic(**{"size": SIZE, **parts})  # type: ignore[arg-type]
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "bad.pth")
    with pytest.raises(ModelError, match=r"\(ours or davidtvs's\), got tensors such as conv\.weight"):
        checkpoints.load(tmp_path / "bad.pth", "enet_semantic", size=SIZE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_exported_network_finds_the_same_classes_in_both_runtimes(tmp_path: Path, variant: Variant) -> None:
    network, path = _trained(variant), tmp_path / "enet.onnx"
    export_onnx(network, path, name="enet")
    images = torch.rand(2, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    wanted = _logits(network).argmax(dim=1).numpy()
    for backend in ("onnxruntime", "openvino"):
        session = open_session(path, backend, threads=1, outputs=network.OUTPUTS)
        found = session(images.numpy())["classes"]
        session.close()
        assert (found == wanted).mean() > 0.999  # where two are all but equal, rounding chooses


def test_the_published_weights_know_the_test_frames_of_camvid(shared: Path, tmp_path: Path) -> None:
    """Every eighth frame of the test part of drive 0001TP; all 62 have a mean IoU of 0.473 (docs/models)."""
    checkpoint, ours = shared / "data/checkpoints/enet_davidtvs_default.pth", tmp_path / "enet.safetensors"
    assert main(["convert", str(checkpoint), "--model", "enet_semantic", "--out", str(ours)]) == 0
    trained = load_trained(ours)
    assert trained.viewport.target == (480, 360)
    assert sum(p.numel() for p in trained.model.parameters()) == 359_780
    path = tmp_path / "enet.onnx"
    export_onnx(trained.model, path, name="enet", viewport=trained.viewport)
    root = shared / "data/camvid11"
    listed = [line for line in (root / "list.txt").read_text().splitlines() if line.endswith("test")]
    (tmp_path / "some.txt").write_text("\n".join(listed[::8]))
    report = tmp_path / "report.json"
    words = ["eval", str(path), "--data", "camvid", "--root", str(root), "--list", str(tmp_path / "some.txt")]
    assert main([*words, "--split", "test", "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert figures["class_miou"] == pytest.approx(0.4695, abs=0.005)
    assert figures["pixel_accuracy"] == pytest.approx(0.8036, abs=0.005)
