from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lanelight.errors import ModelError
from lanelight.nn.backbone import vgg16_bn_levels, vgg16_bn_place, vgg16_bn_stride8

# VGG16 with batch norm as torchvision and timm lay it out: widths, and "M" for a pooling.
LAYOUT = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


def _published(*, seed: int = 5) -> dict[str, Tensor]:
    """Write a file's tensors as published: the layers in one list, and a part of a classifier."""
    layers: list[nn.Module] = []
    before = 3
    for width in LAYOUT:
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    random = torch.Generator().manual_seed(seed)
    features = nn.Sequential(*layers)
    for parameter in features.parameters():
        nn.init.normal_(parameter, std=0.05, generator=random)
    return {f"features.{key}": tensor for key, tensor in features.state_dict().items()} | {
        "head.fc.bias": torch.ones(3)
    }


def _forward(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Run the published layers as SCNN does: without the last two poolings, the layers between them dilated."""
    index = 0
    for width in LAYOUT:
        if isinstance(width, str):
            if index < 33:
                x = nn.functional.max_pool2d(x, 2)
            index += 1
            continue
        reach = 2 if index > 33 else 1
        at, norm = f"features.{index}", f"features.{index + 1}"
        x = nn.functional.conv2d(x, state[f"{at}.weight"], state[f"{at}.bias"], padding=reach, dilation=reach)
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        x = nn.functional.batch_norm(x, mean, var, state[f"{norm}.weight"], state[f"{norm}.bias"]).relu()
        index += 3
    return x


@pytest.mark.parametrize("kind", ["pth", "safetensors", "old"])
def test_weights_of_a_file_are_those_that_run(kind: str, tmp_path: Path) -> None:
    state = _published()
    if kind == "old":  # torchvision's own file counts no batches
        state = {key: tensor for key, tensor in state.items() if "num_batches" not in key}
    file = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    save_file(state, file) if kind == "safetensors" else torch.save(state, file)
    blocks = vgg16_bn_stride8(file).eval()
    x = images = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    strides = []
    with torch.no_grad():
        for block in blocks.values():
            x = block(x)
            strides.append((x.shape[1], images.shape[3] // x.shape[3]))
        assert torch.allclose(x, _forward(state, images), atol=1e-5)
    assert strides == [(64, 1), (128, 2), (256, 4), (512, 8), (512, 8)]


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    state, file = _published(), tmp_path / "w.pth"
    torch.save({key: tensor for key, tensor in state.items() if key != "features.17.weight"}, file)
    with pytest.raises(
        ModelError, match=r"w.pth: expected ImageNet weights of vgg16_bn .* features.17.weight is missing"
    ):
        vgg16_bn_stride8(file)
    torch.save(state | {"features.0.weight": torch.zeros(64, 1, 3, 3)}, file)
    with pytest.raises(ModelError, match=r"features.0.weight is of another shape \(0 missing, 1"):
        vgg16_bn_stride8(str(file))
    file.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="not a readable file"):
        vgg16_bn_stride8(file)
    with pytest.raises(ModelError, match="found none"):
        vgg16_bn_stride8(tmp_path / "no.pth")


def test_without_a_connection_the_error_comes_soon_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    start = time.perf_counter()
    with pytest.raises(ModelError, match=r"vgg16_bn: .*\(OfflineModeIsEnabled\).* pretrained_backbone=FILE"):
        vgg16_bn_stride8(pretrained=True)
    assert time.perf_counter() - start < 15


def test_weights_in_the_cache_are_used_without_a_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state, commit = _published(), "0" * 40
    folder = tmp_path / "models--timm--vgg16_bn.tv_in1k"
    for part in ("refs", f"snapshots/{commit}"):
        (folder / part).mkdir(parents=True)
    (folder / "refs/main").write_text(commit)
    save_file(state, folder / f"snapshots/{commit}/model.safetensors")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    blocks = vgg16_bn_stride8(pretrained=True)
    assert torch.equal(blocks["block5"][0].weight, state["features.34.weight"])  # type: ignore[index]


def test_places_of_published_layers() -> None:
    assert vgg16_bn_place(0) == "block1.0"
    assert vgg16_bn_place(7) == "block2.1"
    assert vgg16_bn_place(40) == "block5.6"
    with pytest.raises(KeyError):
        vgg16_bn_place(33)


@pytest.mark.parametrize("bias", [True, False])
def test_levels_are_the_published_layers_between_the_poolings(bias: bool, tmp_path: Path) -> None:
    state = _published()
    for key in [key for key in state if key.endswith("running_mean")]:
        state[key] = torch.randn(state[key].shape, generator=torch.Generator().manual_seed(1))
    torch.save(state, tmp_path / "w.pth")
    levels = vgg16_bn_levels(tmp_path / "w.pth", bias=bias).eval()
    assert ("0.0.bias" in levels.state_dict()) is bias
    x = images = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for level in levels:
            x = nn.functional.max_pool2d(level(x), 2)
        assert torch.allclose(x, _plain(state, images), atol=1e-5)


def _plain(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Run the published layers as they are, with all five poolings."""
    index = 0
    for width in LAYOUT:
        if isinstance(width, str):
            x = nn.functional.max_pool2d(x, 2)
            index += 1
            continue
        at, norm = f"features.{index}", f"features.{index + 1}"
        x = nn.functional.conv2d(x, state[f"{at}.weight"], state[f"{at}.bias"], padding=1)
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        x = nn.functional.batch_norm(x, mean, var, state[f"{norm}.weight"], state[f"{norm}.bias"]).relu()
        index += 3
    return x
