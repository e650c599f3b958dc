"""SegNet and ENet for lane instances: parameters, layouts, what their weights expect, exported graphs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lanelight.decode import EmbeddingDecoder
from lanelight.errors import ModelError
from lanelight.export.onnx import export_onnx
from lanelight.frames.preprocess import Clahe
from lanelight.models import MODELS, LaneModel, checkpoints
from lanelight.models.instance_networks import instance_decoder
from lanelight.models.lane_instances import InstanceLoss
from lanelight.models.slot_masks import MaskLoss
from lanelight.nn.normalize import constants_name
from lanelight.runtime import Manifest
from lanelight.runtime.backends import open_session

SIZE = (64, 32)
CLAHE = [{"kind": "clahe", "clip": 2.0, "tiles": [8, 8]}]


def _drawn(name: str, **parts: object) -> LaneModel:
    torch.manual_seed(4)
    model = MODELS[name](size=SIZE, **parts)
    for key, tensor in model.state_dict().items():
        if tensor.ndim == 4:
            torch.nn.init.kaiming_normal_(tensor)
        elif key.endswith("running_mean"):
            torch.nn.init.normal_(tensor, std=0.1)
        elif tensor.is_floating_point():
            torch.nn.init.uniform_(tensor, 0.2, 0.8)
    return model.eval()


def _outputs(model: LaneModel) -> dict[str, Tensor]:
    images = torch.rand(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs: dict[str, Tensor] = model.eval()(images)
    return outputs


def _same(first: LaneModel, second: LaneModel) -> bool:
    a, b = _outputs(first), _outputs(second)
    return all(torch.equal(a[name], b[name]) for name in a)


def _enet_names() -> dict[str, str]:
    """Return our modules -> those of the reference, written down from its table of blocks."""
    blocks = {"down1": "bottleNeck1_0", "down2": "bottleNeck2_0"}
    blocks |= {f"encoder1.{k}": f"bottleNeck1_{k + 1}" for k in range(4)}
    blocks |= {f"encoder2.{k}": f"bottleNeck2_{k + 1}" for k in range(8)}
    for ours, theirs in (("mask_branch", "sem"), ("embedding_branch", "ins")):
        blocks |= {f"{ours}.encoder.{k}": f"{theirs}BottleNeck3_{k}" for k in range(8)}
        blocks |= {f"{ours}.up1": f"{theirs}BottleNeck4_0", f"{ours}.up2": f"{theirs}BottleNeck5_0"}
        blocks |= {f"{ours}.decoder1.{k}": f"{theirs}BottleNeck4_{k + 1}" for k in range(2)}
        blocks |= {f"{ours}.decoder2": f"{theirs}BottleNeck5_1"}
    parts = {"main": "main_branch", "reduce": "ext_branch_1", "middle": "ext_branch_2", "expand": "ext_branch_3"}
    names = {f"{block}.{part}": f"{blocks[block]}.{theirs}" for block in blocks for part, theirs in parts.items()}
    names |= {f"{block}.act": f"{theirs}.prelu" for block, theirs in blocks.items()}
    return names | {"initial.conv": "initial_block.main_branch", "mask": "sem_out", "embedding": "ins_out"}


def _segnet_names(decoders: int) -> dict[str, str]:
    """Return our modules -> those of the reference; a unit is a convolution (0) and a batch norm (1)."""
    names = {"mask": "sem_out", "embedding": "ins_out"}
    units = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
    for level, count in units.items():
        for unit in range(1, count + 1):
            for layer in (0, 1):
                names[f"encoder.{level - 1}.{3 * (unit - 1) + layer}"] = f"enc{level}{unit}.conv.{layer}"
    # Going up, a decoder has the units 3, 2, 1 of a level, of level 1 the unit 2 alone.
    order = [(5, 3), (5, 2), (5, 1), (4, 3), (4, 2), (4, 1), (3, 3), (3, 2), (3, 1), (2, 2), (2, 1), (1, 2)]
    branches = {"mask_branch": "dec"} if decoders == 1 else {"mask_branch": "sem_dec", "embedding_branch": "ins_dec"}
    for ours, theirs in branches.items():
        for level in range(5, 0, -1):
            own = [unit for at, unit in order if at == level]
            for place, unit in enumerate(own):
                for layer in (0, 1):
                    key = f"{ours}.levels.{5 - level}.{3 * place + layer}"
                    names[key] = f"{theirs}{level}{unit}.conv.{layer}"
    return names


def _reference_state(model: LaneModel, names: dict[str, str]) -> dict[str, Tensor]:
    state = {}
    for key, tensor in model.state_dict().items():
        module = next(name for name in sorted(names, key=len, reverse=True) if key.startswith(f"{name}."))
        state[key.replace(module, names[module], 1)] = tensor
    return state


@pytest.mark.parametrize(
    ("name", "parts", "count"),
    [
        ("segnet_instance", {}, 29_447_047),
        ("segnet_instance", {"decoders": 2}, 44_155_271),
        ("segnet_instance", {"decoders": 2, "bias": True}, 44_155_271 + 4_224 + 2 * 3_712),
        ("enet_instance", {}, 686_058),
        ("enet_instance", {"shared_branch": True}, 429_814),
    ],
)
def test_they_have_the_reference_number_of_parameters(name: str, parts: dict[str, object], count: int) -> None:
    model = MODELS[name](size=SIZE, **parts)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_the_branch_that_never_ran_is_dropped_and_one_that_ran_is_kept(tmp_path: Path) -> None:
    model = _drawn("enet_instance")
    state = _reference_state(model, _enet_names())
    assert len(state) == 919
    file = tmp_path / "model_best_enet.pth"
    torch.save(state, file)
    dead = checkpoints.load(file, "enet_instance", size=SIZE)
    shared = _drawn("enet_instance", shared_branch=True)
    shared.load_state_dict({key: value for key, value in model.state_dict().items() if "embedding_branch" not in key})
    own = checkpoints.load(file, "enet_instance", size=SIZE, parts={"normalize": "imagenet"})
    assert _same(shared, own)
    assert not _same(shared, dead)  # which gets bytes
    dropped = checkpoints.read(file, "enet_instance").dropped
    assert set(dropped) == {key for key in state if key.startswith("insBottleNeck")}
    for key in state:
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(21_021)
    torch.save(state, file)
    alive = checkpoints.load(file, "enet_instance", size=SIZE, parts={"normalize": "imagenet"})
    assert checkpoints.read(file, "enet_instance").dropped == ()
    assert _same(model, alive)


@pytest.mark.parametrize("decoders", [1, 2])
def test_both_layouts_of_segnet_load(tmp_path: Path, decoders: int) -> None:
    model = _drawn("segnet_instance", decoders=decoders, normalize="bytes")
    state = _reference_state(model, _segnet_names(decoders))
    inner = {f"vgg16.features.{k}.{leaf}": torch.zeros(2) for k in range(16) for leaf in ("weight", "bias")}
    assert len(state | inner) == (211 if decoders == 1 else 258)
    torch.save(inner | state, tmp_path / "model_best.pth")
    loaded = checkpoints.load(tmp_path / "model_best.pth", "segnet_instance", size=SIZE)
    assert _same(model, loaded)
    read = checkpoints.read(tmp_path / "model_best.pth", "segnet_instance")
    assert set(read.dropped) == set(inner)
    assert (read.parts["decoders"], read.parts["bias"]) == (decoders, decoders == 1)


def test_what_weights_expect_of_a_picture_travels_with_them(tmp_path: Path) -> None:
    model = _drawn("enet_instance", shared_branch=True)
    torch.save(_reference_state(_drawn("enet_instance"), _enet_names()), tmp_path / "published.pth")
    published = checkpoints.load(tmp_path / "published.pth", "enet_instance", size=SIZE)
    path = checkpoints.save(published, tmp_path / "ours.safetensors", network="enet_instance")
    again = checkpoints.load(path, "enet_instance", size=SIZE)
    for network in (published, again):
        assert constants_name(network.normalize) == "bytes"
        assert network.preprocess == (Clahe(2.0, (8, 8)),)
        assert isinstance(network.decoder, EmbeddingDecoder)
        assert network.decoder.radius == 0.6  # the margin between lanes of its training
    assert _same(published, again)
    plain = checkpoints.load(
        checkpoints.save(model, tmp_path / "w.safetensors", network="enet_instance"), "enet_instance", size=SIZE
    )
    assert constants_name(plain.normalize) == "imagenet"
    assert plain.preprocess == ()
    assert plain.decoder == model.decoder


def test_bytes_are_the_picture_as_it_is() -> None:
    image = torch.arange(256).repeat(3).reshape(1, 3, 16, 16)
    model = MODELS["enet_instance"](size=(16, 16), normalize="bytes")
    assert torch.allclose(model.normalize(image.float() / 255), image.float(), atol=1e-4)


def test_the_decoder_follows_the_margins_of_the_loss() -> None:
    decoder = MODELS["enet_instance"](size=SIZE, loss_terms=InstanceLoss(push_margin=0.9)).decoder
    assert isinstance(decoder, EmbeddingDecoder)
    assert decoder.radius == 0.9


def test_the_embedding_of_its_own_branch_does_not_move_the_mask() -> None:
    model = _drawn("enet_instance")
    before = _outputs(model)
    for parameter in model.get_submodule("embedding_branch").parameters():
        parameter.data.mul_(0.5)
    after = _outputs(model)
    assert torch.equal(before["mask"], after["mask"])
    assert not torch.allclose(before["embedding"], after["embedding"])


@pytest.mark.parametrize("name", ["segnet_instance", "enet_instance"])
def test_wrong_parts_and_files_are_refused(name: str, tmp_path: Path) -> None:
    multiple = 32 if name == "segnet_instance" else 8
    for parts, says in (
        ({"size": (100, 60)}, f"expected a size in multiples of {multiple}, at least"),
        ({"size": SIZE, "embedding": 0}, "expected an embedding of at least 1 channel, got 0"),
        ({"size": SIZE, "normalize": "other"}, "expected normalize to be one of culane"),
        ({"size": SIZE, "preprocess": [{"kind": "dehaze"}]}, f"{name}: unknown preprocess step 'dehaze'"),
        ({"size": SIZE, "loss_terms": MaskLoss()}, "expected the loss of lane instances"),
    ):
        with pytest.raises(ModelError, match=re.escape(says)):
            MODELS[name](**parts)
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "bad.pth")
    with pytest.raises(ModelError, match=r"for lane instances \(ours or jaeoh2.s\), got tensors such as conv\.weight"):
        checkpoints.load(tmp_path / "bad.pth", name, size=SIZE)


def test_parts_of_one_network_are_refused() -> None:
    with pytest.raises(ModelError, match="expected 1 decoder or 2, got 3"):
        MODELS["segnet_instance"](size=SIZE, decoders=3)
    with pytest.raises(ModelError, match="no backbone weights exist for ENet"):
        MODELS["enet_instance"](size=SIZE, pretrained_backbone=True)


def test_a_tensor_too_many_or_too_few_is_named(tmp_path: Path) -> None:
    state, file = _reference_state(_drawn("enet_instance"), _enet_names()), tmp_path / "file.pth"
    torch.save(state | {"sem_more.weight": torch.zeros(1)}, file)
    with pytest.raises(ModelError, match=r"1 unknown \(sem_more.weight\)"):
        checkpoints.load(file, "enet_instance", size=SIZE)
    torch.save({key: tensor for key, tensor in state.items() if key != "bottleNeck1_1.prelu.weight"}, file)
    with pytest.raises(ModelError, match=r"1 missing \(encoder1.0.act.weight\)"):
        checkpoints.load(file, "enet_instance", size=SIZE)


@pytest.mark.parametrize("name", ["segnet_instance", "enet_instance"])
def test_the_exported_network_says_the_same_in_both_runtimes(name: str, tmp_path: Path) -> None:
    model, path = _drawn(name, preprocess=CLAHE, normalize="bytes"), tmp_path / "instances.onnx"
    export_onnx(model, path, name=name)
    assert list(Manifest.load(path).preprocess) == CLAHE
    images = torch.rand(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0)).numpy()
    wanted = _outputs(model)
    for backend in ("onnxruntime", "openvino"):
        session = open_session(path, backend, threads=1, outputs=model.OUTPUTS)
        arrays = session(images)
        session.close()
        for key, want in wanted.items():
            error = np.abs(arrays[key] - want.numpy()) / want.abs().max().item()
            assert (error <= 1e-4).mean() >= 0.999  # poolings pass single pixels on where two are all but equal


@pytest.mark.parametrize(
    ("weights", "threshold"), [((1.0, 1.0), 0.3), ((1.0, 10.0), 0.81), ((2.0, 20.0), 0.81), ((0.0, 1.0), 0.95)]
)
def test_a_pixel_is_lane_from_the_same_chance_on_whatever_the_weights_of_the_loss(
    weights: tuple[float, float], threshold: float
) -> None:
    decoder = instance_decoder(InstanceLoss(mask_weights=weights))
    assert isinstance(decoder, EmbeddingDecoder)
    assert decoder.threshold == pytest.approx(threshold)
    assert decoder.radius == 1.5
