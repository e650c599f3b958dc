from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lanelight.decode import ClassDecoder
from lanelight.errors import ModelError
from lanelight.export.onnx import export_onnx
from lanelight.models import checkpoints
from lanelight.models.class_maps import TRAMAC, ClassLoss
from lanelight.models.fast_scnn import FastScnn, Variant, fast_scnn
from lanelight.models.slot_masks import MaskLoss
from lanelight.runtime.backends import open_session
from lanelight.runtime.manifest import Manifest
from lanelight.train.recipe import Recipe
from lanelight.train.run import build

SIZE = (130, 65)
VARIANTS: tuple[Variant, ...] = ("paper", "tramac")


def _trained(**parts: Any) -> FastScnn:
    """Return a network whose batch norms have seen something."""
    torch.manual_seed(0)
    network = fast_scnn(SIZE, **parts)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return network


def _logits(network: nn.Module, *, size: tuple[int, int] = SIZE, count: int = 2) -> Tensor:
    images = torch.rand(count, 3, size[1], size[0], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits: Tensor = network.eval()(images)["classes"]
    return logits


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_it_has_the_reference_number_of_parameters_in_every_part() -> None:
    network = fast_scnn()
    assert network.size == (2048, 1024)
    assert _count(network) == 1_137_539
    assert [_count(each) for each in (network.down, network.block1, network.block2, network.block3)] == [
        6_640, 162_816, 303_168, 550_464,
    ]  # fmt: skip
    assert [_count(each) for each in (network.pyramid, network.fusion, network.classifier)] == [49_664, 26_240, 38_547]
    assert _count(fast_scnn(variant="tramac")) == 1_138_051
    assert _count(fast_scnn(variant="tramac", auxiliary=True)) == 1_157_174


def test_its_operations_at_full_size_are_those_that_the_reference_counts() -> None:
    with torch.device("meta"):
        network = fast_scnn((2048, 1024)).eval()
        network.normalize = nn.Identity()
        images = torch.empty(1, 3, 1024, 2048)
    counts = {"multiplications": 0, "others": 0}

    def count(module: nn.Module, _inputs: object, out: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            counts["multiplications"] += out.numel() * module.weight[0].numel()
            counts["others"] += out.numel() if module.bias is not None else 0
        elif isinstance(module, nn.BatchNorm2d):
            counts["others"] += 2 * out.numel()

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        assert network(images)["classes"].shape == (1, 19, 1024, 2048)
    assert round(counts["multiplications"] / 1e9, 3) == 6.710
    assert round(sum(counts.values()) / 1e9, 2) == 6.92


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(64, 64), (130, 65), (65, 130), (640, 360), (400, 144)])
def test_any_size_from_64_fits(variant: Variant, size: tuple[int, int]) -> None:
    network = _trained(variant=variant, classes=3)
    logits = _logits(network, size=size, count=1)
    assert logits.shape == (1, 3, size[1], size[0])
    assert torch.isfinite(logits).all()


@pytest.mark.slow
def test_a_large_picture_of_another_aspect_fits() -> None:
    assert _logits(_trained(), size=(1280, 720), count=1).shape == (1, 19, 720, 1280)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(64, 64), SIZE])
def test_one_picture_alone_trains_every_weight(variant: Variant, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = fast_scnn(size, classes=4, variant=variant, auxiliary=True).train()
    outputs = network(torch.rand(1, 3, size[1], size[0]))
    heads = {"auxiliary_skip"} if variant == "tramac" else {"auxiliary_skip", "auxiliary_deep"}
    assert set(outputs) == {"classes"} | heads
    labels = torch.randint(0, 4, (1, size[1], size[0]))
    terms = network.loss(outputs, {"classes": labels})
    assert set(terms) == {"classes", "auxiliary"}
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert set(network.eval()(torch.rand(1, 3, size[1], size[0]))) == {"classes"}


def _leftthomas(network: FastScnn) -> dict[str, Tensor]:
    """Write a network's tensors under the names of leftthomas/FastSCNN, independently of our rules."""
    halves = {"0": "0", "1": "1", "3": "2", "4": "3"}
    names = {"down.0.0": "learning_to_down_sample.conv.conv", "down.0.1": "learning_to_down_sample.conv.bn"}
    for ours, theirs in halves.items():
        for k in (1, 2):
            names[f"down.{k}.{ours}"] = f"learning_to_down_sample.dsconv{k}.{theirs}"
            names[f"classifier.{k - 1}.{ours}"] = f"classifier.dsconv{k}.{theirs}"
    for k, block in enumerate(("first", "second", "third"), start=1):
        for i in range(3):
            for layer in (0, 1, 3, 4, 6, 7):
                names[f"block{k}.{i}.layers.{layer}"] = f"global_feature_extractor.{block}_block.{i}.conv.{layer}"
    for ours, theirs in {"0": "conv", "1": "bn"}.items():
        names[f"pyramid.merge.{ours}"] = f"global_feature_extractor.ppm.conv.{theirs}"
        names[f"fusion.deep.{ours}"] = f"feature_fusion.dwconv.{theirs}"
        for k in range(4):
            names[f"pyramid.branches.{k}.{ours}"] = f"global_feature_extractor.ppm.stages.{k}.1.{theirs}"
    names |= {"fusion.low.0": "feature_fusion.conv_low_res", "fusion.high.0": "feature_fusion.conv_high_res"}
    names["classifier.3"] = "classifier.conv"
    state = {}
    for key, tensor in network.state_dict().items():
        module, _, leaf = key.rpartition(".")
        state[f"{names[module]}.{leaf}"] = tensor
    return state


def test_the_released_layout_loads_with_what_it_tells(tmp_path: Path) -> None:
    network = _trained(classes=7)
    state = _leftthomas(network)
    assert len(state) == 258
    torch.save({f"module.{key}": tensor for key, tensor in state.items()}, tmp_path / "512_1024_model.pth")
    loaded = checkpoints.load(tmp_path / "512_1024_model.pth", "fast_scnn", size=SIZE)
    assert isinstance(loaded, FastScnn)
    assert (loaded.classes, len(loaded.auxiliary)) == (7, 0)
    assert torch.equal(_logits(loaded), _logits(network))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("auxiliary", [False, True])
def test_our_own_files_come_back(variant: Variant, auxiliary: bool, tmp_path: Path) -> None:
    network = _trained(classes=5, variant=variant, auxiliary=auxiliary, normalize="culane")
    path = checkpoints.save(network, tmp_path / "weights.safetensors", network="fast_scnn")
    assert checkpoints.read(path, "fast_scnn").parts == {
        "classes": 5, "variant": variant, "auxiliary": auxiliary, "normalize": "culane",
    }  # fmt: skip
    loaded = checkpoints.load(path, "fast_scnn", size=(320, 200))  # weights fit every size
    assert torch.equal(_logits(loaded), _logits(network))
    assert loaded.state_dict().keys() == network.state_dict().keys()


def test_what_cannot_be_loaded_is_said_in_one_line(tmp_path: Path) -> None:
    state, file = _leftthomas(_trained()), tmp_path / "file.pth"

    def told(changed: dict[str, Tensor], match: str) -> None:
        torch.save(changed, file)
        with pytest.raises(ModelError, match=match):
            checkpoints.load(file, "fast_scnn", size=SIZE)

    told({"conv.weight": torch.zeros(1)}, "expected a Fast-SCNN checkpoint")
    told(state | {"classifier.more.weight": torch.zeros(1)}, r"1 unknown \(classifier.more.weight\)")
    told({key: state[key] for key in state if key != "classifier.conv.bias"}, r"1 missing \(classifier.3.bias\)")
    told({key: state[key] for key in state if key != "classifier.conv.weight"}, "'classifier.3.weight' is missing")
    wrong = {"feature_fusion.conv_low_res.weight": torch.zeros(64, 128, 1, 1)}
    told(state | wrong, r"1 of another shape \(fusion.low.0.weight\)")


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"size": (640, 60)}, "expected a size of at least 64x64, got 640x60"),
        ({"classes": 1}, "expected 2 to 255 classes, got 1"),
        ({"classes": 3, "names": ["road"]}, "expected 3 names of classes, got 1"),
        ({"variant": "seed"}, "expected variant 'paper' or 'tramac', got 'seed'"),
        ({"normalize": "cityscapes"}, "expected normalize to be one of culane, imagenet, bgr"),
        ({"loss_terms": MaskLoss()}, "expected the loss of class maps"),
        ({"classes": 3, "loss_terms": TRAMAC}, "expected 3 weights of classes in the loss, got 19"),
        ({"pretrained_backbone": True}, "no backbone weights exist"),
    ],
)
def test_a_form_that_it_cannot_have_is_refused(parts: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=re.escape(f"fast_scnn: {told}") if "no backbone" not in told else told):
        fast_scnn(**{"size": SIZE, **parts})


def test_a_recipe_builds_it_with_its_parts_and_its_loss() -> None:
    entry = {
        "name": "one",
        "network": "fast_scnn",
        "parts": {"classes": 2, "names": ["other", "road"], "auxiliary": True},
        "loss": {"auxiliary": 0.2, "weights": [1.0, 3.0]},
    }
    network = build(Recipe.from_dict(entry))
    assert isinstance(network, FastScnn)
    assert network.decoder == ClassDecoder(("other", "road"))
    assert network.loss_terms == ClassLoss(auxiliary=0.2, weights=(1.0, 3.0))
    with pytest.raises(ModelError, match=r"unknown part of fast_scnn 'clases': did you mean 'classes'"):
        build(Recipe.from_dict({**entry, "parts": {"clases": 2}}))


def test_the_hardest_pixels_are_what_the_loss_asks_for() -> None:
    network = _trained(classes=3, loss_terms=ClassLoss(ohem_threshold=0.2, ohem_min_kept=5))
    labels = torch.zeros(2, SIZE[1], SIZE[0], dtype=torch.int64)
    logits = _logits(network)
    assert (
        network.loss({"classes": logits}, {"classes": labels})["classes"]
        > fast_scnn(SIZE, classes=3).loss({"classes": logits}, {"classes": labels})["classes"]
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.slow
def test_the_exported_network_says_the_same(variant: Variant, tmp_path: Path) -> None:
    network = _trained(classes=3, names=["sky", "road", "car"], variant=variant, auxiliary=True)
    path = tmp_path / "fast_scnn.onnx"
    export_onnx(network, path, name="fast_scnn")
    manifest = Manifest.load(path)
    assert (manifest.slots, tuple(manifest.classes)) == (0, ("sky", "road", "car"))
    images = torch.rand(3, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        want = network.eval()(images)["classes"].argmax(dim=1).numpy()
    for backend in ("onnxruntime", "openvino"):
        session = open_session(path, backend, outputs=network.OUTPUTS)
        have = session(images.numpy())["classes"]
        session.close()
        assert have.shape == want.shape
        assert (have != want).mean() <= 1e-3
