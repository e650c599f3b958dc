"""Checkpoints from strangers: nothing in them runs, and none gets more memory than it has bytes."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lanelight.cli import main
from lanelight.errors import ModelError
from lanelight.models import MODELS, checkpoints
from lanelight.models.claims import MAGIC, PROTOCOL
from lanelight.train.trained import load_trained

SIZE = (64, 32)
HUGE = 1 << 40  # values: four terabytes


@pytest.fixture
def bounded() -> Any:
    """Let the block use at most half a gigabyte more than was used before it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 * 1024


class _Payload:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (os.mkdir, (str(self.target),))


class _Room:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[int]]:
        return (bytearray, (HUGE,))


def _refused(path: Path, told: str) -> None:
    with pytest.raises(ModelError, match=told) as caught:
        checkpoints.read_state(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def _old_pickles(*storages: tuple[str, int]) -> bytes:
    """Return a file as torch wrote it before 1.6, whose tensors claim storages (key, number of values)."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, item: Any) -> Any:
            found = item if isinstance(item, tuple) and item[:1] == ("claim",) else None
            return None if found is None else ("storage", torch.FloatStorage, found[1], "cpu", found[2], None)

    class Tensor:
        def __init__(self, key: str, count: int) -> None:
            self.claim = ("claim", key, count)

        def __reduce__(self) -> tuple[Any, ...]:
            return (torch._utils._rebuild_tensor_v2, (self.claim, 0, (2,), (1,), False, OrderedDict()))

    path = bytearray()
    keys = [key for key, _ in storages]
    for value in (MAGIC, PROTOCOL, {}, {key: Tensor(key, count) for key, count in storages}, keys):
        buffer = io.BytesIO()
        Pickler(buffer, protocol=2).dump(value)
        path += buffer.getvalue()
    for _ in storages:
        path += struct.pack("<q", 2) + bytes(8)
    return bytes(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_payload_in_a_pickle_does_not_run(tmp_path: Path, zipped: bool) -> None:
    file, mark = tmp_path / "net.pth", tmp_path / "ran"
    torch.save({"net": {"w": torch.ones(2), "x": _Payload(mark)}}, file, _use_new_zipfile_serialization=zipped)
    _refused(file, "expected tensors only, got a pickle with other objects .*mkdir")
    file.write_bytes(pickle.dumps(_Payload(mark)))
    _refused(file, "got a pickle with other objects")
    assert not mark.exists()


def test_the_command_line_says_it_in_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, mark, out = tmp_path / "net.pth", tmp_path / "ran", tmp_path / "out" / "ours.safetensors"
    torch.save({"net": _Payload(mark)}, file)
    assert main(["convert", str(file), "--model", "enet_sad", "--out", str(out)]) == 1
    printed, told = capsys.readouterr()
    assert printed == ""
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert not mark.exists()
    assert not out.parent.exists()


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_asks_for_room_gets_none(tmp_path: Path, zipped: bool) -> None:
    torch.save({"w": torch.ones(2), "x": _Room()}, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    _refused(tmp_path / "net.pth", "other objects .*bytearray")


@pytest.mark.usefixtures("bounded")
def test_a_storage_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "old.pth"
    file.write_bytes(_old_pickles(("0", 2)))
    assert checkpoints.read_state(file)["0"].shape == (2,)
    file.write_bytes(_old_pickles(("0", HUGE)))
    _refused(file, f"its storages claim {4 * HUGE} bytes, and the file holds")
    share = len(_old_pickles(*((str(k), 2) for k in range(20)))) // 8
    file.write_bytes(_old_pickles(*((str(k), share) for k in range(20))))  # each alone would fit
    _refused(file, "its storages claim")
    torch.save({"w": torch.ones(4)}, tmp_path / "whole.pth")
    with zipfile.ZipFile(tmp_path / "whole.pth") as whole, zipfile.ZipFile(tmp_path / "cut.pth", "w") as cut:
        for entry in whole.infolist():
            content = whole.read(entry)
            cut.writestr(entry.filename, content[:4] if entry.filename.endswith("data/0") else content)
    _refused(tmp_path / "cut.pth", "storage 0 claims 16 bytes, and the file holds 4")


@pytest.mark.usefixtures("bounded")
def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(4)}, tmp_path / "small.pth")
    with (
        zipfile.ZipFile(tmp_path / "small.pth") as small,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in small.infolist():
            if not entry.filename.endswith("data/0"):
                bomb.writestr(entry.filename, small.read(entry))
        root = small.namelist()[0].partition("/")[0]
        with bomb.open(f"{root}/data/0", "w", force_zip64=True) as stream:
            for _ in range(64):
                stream.write(bytes(1 << 24))
    assert (tmp_path / "bomb.pth").stat().st_size < 1 << 21
    _refused(tmp_path / "bomb.pth", "expected entries stored one after another, .*got packed entries")


def test_entries_that_lie_on_one_another_are_refused(tmp_path: Path) -> None:
    torch.save({f"w{k}": torch.ones(1 << 12) for k in range(3)}, tmp_path / "net.pth")
    content = bytearray((tmp_path / "net.pth").read_bytes())
    at = content.index(b"PK\x01\x02", content.rindex(b"data/0") - 60)
    for field in (20, 24):  # both sizes, in the table at the end
        content[at + field : at + field + 4] = struct.pack("<I", 1 << 20)
    (tmp_path / "net.pth").write_bytes(content)
    _refused(tmp_path / "net.pth", "got entries on one another")


@pytest.mark.parametrize("keep", [0, 1, 40, 200, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".old.pth", ".safetensors"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, keep: float, suffix: str) -> None:
    file = tmp_path / f"net{suffix}"
    model = MODELS["fast_scnn"](size=(64, 64), classes=2)
    if suffix == ".safetensors":
        checkpoints.save(model, file, network="fast_scnn")
    else:
        torch.save(model.state_dict(), file, _use_new_zipfile_serialization=suffix == ".pth")
    content = file.read_bytes()
    file.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])
    _refused(file, r"net")


@pytest.mark.usefixtures("bounded")
def test_a_header_of_safetensors_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    file.write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
    _refused(file, "not a readable checkpoint")
    header = json.dumps({"w": {"dtype": "F32", "shape": [HUGE], "data_offsets": [0, 4 * HUGE]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    _refused(file, "not a readable checkpoint")


def test_a_tensor_that_repeats_few_values_without_end_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(1).expand(1 << 20, 1 << 20)}, tmp_path / "net.pth")
    _refused(tmp_path / "net.pth", r"w claims 1099511627776 values of \(1048576, 1048576\) and stores fewer")
    torch.save({"w": torch.ones(2, 2).to_sparse()}, tmp_path / "net.pth")
    _refused(tmp_path / "net.pth", "got a pickle with other objects")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("viewport", "{", "expected its viewport as JSON"),
        ("viewport", "[1]", "expected its viewport as a JSON dict"),
        ("viewport", '{"target": [1000000, 1000000]}', "expected a target"),
        ("viewport", "[" * 100_000, "expected its viewport as JSON"),
    ],
)
def test_what_stands_beside_the_tensors_is_checked_too(tmp_path: Path, key: str, value: str, told: str) -> None:
    model = MODELS["fast_scnn"](size=(64, 64), classes=2)
    file = checkpoints.save(model, tmp_path / "net.safetensors", network="fast_scnn", facts={key: value})
    with pytest.raises(ModelError, match=told):
        checkpoints.read(file, "fast_scnn")
    with pytest.raises(ModelError, match=told):
        load_trained(file)


def test_honest_files_of_every_age_still_load(tmp_path: Path) -> None:
    state = {"module.w": torch.ones(3), "module.n": torch.tensor(4), "module.half": torch.ones(2).half()}
    shared = torch.arange(6.0)
    content = {"net": state | {"module.a": shared[:3], "module.b": shared[3:]}, "epoch": 7, "optim": {"lr": 0.1}}
    for zipped in (True, False):
        torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
        read = checkpoints.read_state(tmp_path / "net.pth")
        assert {key: tensor.tolist() for key, tensor in read.items()} == {
            "w": [1, 1, 1], "n": 4, "half": [1, 1], "a": [0, 1, 2], "b": [3, 4, 5],
        }  # fmt: skip
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))])
    torch.save({"net": state, "optimizer": optimiser.state_dict()}, tmp_path / "net.pth")
    assert len(checkpoints.read_state(tmp_path / "net.pth")) == 3
