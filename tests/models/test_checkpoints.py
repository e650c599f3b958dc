from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lanelight.errors import ModelError, OutputError
from lanelight.models import MODELS, checkpoints
from lanelight.models.enet_sad import EnetSad

SIZE = (64, 32)
KINDS = ["regular", "dilated", "asymmetric", "dilated"] * 2
BLOCKS = [f"{kind}{{s}}_{number}" for number, kind in enumerate(KINDS, start=1)]


def _model(*, shared: bool = False, channels: int = 5) -> EnetSad:
    torch.manual_seed(3)
    model = EnetSad(SIZE, shared_stages=shared, channels=channels)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def _reference_state(model: EnetSad) -> dict[str, Tensor]:
    """Write a network's tensors under the later names of the reference repository, independently of our rules."""
    state = {"ce_loss.weight": torch.tensor([0.4, 1, 1, 1, 1])}
    heads = {
        "initial.conv": "initial_block.main_branch",
        "initial.norm": "initial_block.batch_norm",
        "initial.act": "initial_block.out_activation",
        "output": "transposed_conv",
        "existence.conv": "exist.0",
        "existence.hidden": "fc.0",
        "existence.logits": "fc.2",
    }
    blocks = {"down1": "downsample1", "down2": "downsample2", "up1": "upsample4_0", "up2": "upsample5_0"}
    blocks |= {f"encoder1.{k}": f"encoder1.regular1_{k + 1}" for k in range(4)}
    blocks |= {f"encoder{s}.{k}": f"encoder{s}.{BLOCKS[k].format(s=s)}" for s in (2, 3, 4) for k in range(8)}
    blocks |= {"decoder1.0": "regular4_1", "decoder1.1": "regular4_2", "decoder2": "regular5_1"}
    parts = {"reduce": "ext_conv1", "middle": "ext_conv2", "expand": "ext_conv3", "act": "out_activation"}
    up = {
        "main": "main_conv1", "reduce": "ext_conv1", "expand": "ext_conv2",
        "middle.0": "ext_tconv1", "middle.1": "ext_tconv1_bnorm",
    }  # fmt: skip
    for key, tensor in model.state_dict().items():
        head = next((h for h in heads if key.startswith(f"{h}.")), None)
        if head:
            state[key.replace(head, heads[head], 1)] = tensor
            continue
        block = next(b for b in sorted(blocks, key=len, reverse=True) if key.startswith(f"{b}."))
        rest = key[len(block) + 1 :]
        names = up if block.startswith("up") else parts
        part = next(p for p in sorted(names, key=len, reverse=True) if rest.startswith(f"{p}."))
        state[f"{blocks[block]}.{names[part]}{rest[len(part) :]}"] = tensor
    return state


def _same(first: EnetSad, second: torch.nn.Module) -> bool:
    images = torch.rand(1, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        a, b = first(images), second.eval()(images)
    return all(torch.equal(a[name], b[name]) for name in first.OUTPUTS)


@pytest.mark.parametrize("channels", [5, 1])
def test_the_released_layout_loads_wrapped_or_not(tmp_path: Path, channels: int) -> None:
    model = _model(channels=channels)
    state = _reference_state(model)
    wrapped = {"net": {f"module.{key}": tensor for key, tensor in state.items()}, "epoch": 3, "best_val_loss": 1.0}
    for content in (state, {"net": state}, wrapped):
        torch.save(content, tmp_path / "exp.pth")
        loaded = checkpoints.load(tmp_path / "exp.pth", "enet_sad", size=SIZE)
        assert _same(model, loaded)
    assert checkpoints.read(tmp_path / "exp.pth", "enet_sad").dropped == ("ce_loss.weight",)


def test_shared_stages_are_recognised_by_their_tensors(tmp_path: Path) -> None:
    model = _model(shared=True)
    state = _reference_state(model)
    for key in [key for key in state if key.startswith("encoder2.")]:
        state[key.replace("encoder2", "encoder3", 1)] = state[key]
        state[key.replace("encoder2", "encoder4", 1)] = state[key]
    torch.save({"net": state}, tmp_path / "exp.pth")
    loaded = checkpoints.load(tmp_path / "exp.pth", "enet_sad", size=SIZE)
    assert isinstance(loaded, EnetSad)
    assert loaded.shared_stages
    assert _same(model, loaded)


def test_the_earlier_layout_runs_its_third_stage_twice(tmp_path: Path) -> None:
    model = _model()
    later = _reference_state(model)
    earlier: dict[str, Tensor] = {}
    for key, tensor in later.items():
        name = re.sub(r"^downsample(\d)\.", r"downsample\1_0.", key)
        name = re.sub(r"^encoder[12]\.", "", name)
        for stage in (3, 4):  # there, blocks of these stages have no group and count from 0
            name = re.sub(
                rf"^encoder{stage}\.([a-z]+)\d_(\d)",
                lambda m, s=stage: f"{m[1]}{s}_{int(m[2]) - 1}",  # type: ignore[misc]
                name,
            )
        earlier[re.sub(r"^exist\.", "layer3.", name)] = tensor
    assert len(earlier) == len(later)
    torch.save({"net": earlier}, tmp_path / "exp.pth")
    loaded = checkpoints.load(tmp_path / "exp.pth", "enet_sad", size=SIZE)
    model.encoder4.load_state_dict(model.encoder3.state_dict())
    assert _same(model, loaded)
    dropped = checkpoints.read(tmp_path / "exp.pth", "enet_sad").dropped
    assert "dilated4_1.ext_conv1.0.weight" in dropped
    assert "regular4_1.ext_conv1.0.weight" not in dropped  # a block of the decoder


@pytest.mark.parametrize("shared", [False, True])
def test_our_own_files_come_back(tmp_path: Path, shared: bool) -> None:
    model = _model(shared=shared)
    path = checkpoints.save(model, tmp_path / "folder" / "weights.safetensors", network="enet_sad")
    loaded = checkpoints.load(path, "enet_sad", size=SIZE)
    assert isinstance(loaded, EnetSad)
    assert loaded.shared_stages is shared
    assert _same(model, loaded)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_loaded_is_said_in_one_line(tmp_path: Path) -> None:
    state = _reference_state(_model())
    good, bad = tmp_path / "good.pth", tmp_path / "bad.pth"
    torch.save({"net": state}, good)
    with pytest.raises(ModelError, match="did you mean 'enet_sad'"):
        checkpoints.load(good, "enet_sda", size=SIZE)
    with pytest.raises(ModelError, match="trained for another input size"):
        checkpoints.load(good, "enet_sad", size=(128, 64))
    with pytest.raises(ModelError, match="found none"):
        checkpoints.load(tmp_path / "no.pth", "enet_sad", size=SIZE)
    bad.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"not a readable checkpoint|pickle"):
        checkpoints.load(bad, "enet_sad", size=SIZE)
    torch.save({"net": {"conv.weight": torch.zeros(1)}}, bad)
    with pytest.raises(ModelError, match="expected an ENet-SAD checkpoint"):
        checkpoints.load(bad, "enet_sad", size=SIZE)
    state.pop("transposed_conv.weight"), state.pop("fc.2.bias")
    torch.save({"net": state | {"transposed_conv.weight": torch.zeros(16, 5, 3, 3)}}, bad)
    with pytest.raises(ModelError, match=r"1 missing \(existence.logits.bias\)"):
        checkpoints.load(bad, "enet_sad", size=SIZE)


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "evil.pth"
    torch.save({"net": Path("x")}, file)  # any object that is no tensor stands for code
    with pytest.raises(ModelError, match="tensors only"):
        checkpoints.load(file, "enet_sad", size=SIZE)


def test_weights_that_cannot_be_written_are_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        checkpoints.save(MODELS["enet_sad"](size=SIZE), tmp_path / "file" / "w.safetensors", network="enet_sad")
