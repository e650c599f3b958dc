"""Exported models from strangers: weights in other files, and manifests with absurd numbers, names and sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_network
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lanelight.cli import main
from lanelight.errors import ModelError
from lanelight.runtime import BACKENDS, Detector, Manifest, open_session
from lanelight.runtime.external_data import check_in_one_piece
from lanelight.runtime.manifest import LARGEST


def _outside(location: str) -> TensorProto:
    """Return eight values that lie in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[8], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "32")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _graph(nodes: list[onnx.NodeProto], **parts: Any) -> onnx.GraphProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8]) for name in ("images", "out")]
    return helper.make_graph(nodes, "g", ends[:1], ends[1:], **parts)


def _write(path: Path, graph: onnx.GraphProto, **parts: Any) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9, **parts)
    path.write_bytes(model.SerializeToString())
    return path


def _models(folder: Path, location: str) -> dict[str, Path]:
    """Write a network for every place where a tensor can stand."""
    add = helper.make_node("Add", ["images", "w"], ["out"])
    constant = helper.make_node("Constant", [], ["w"], value=_outside(location))
    branch = _graph([constant, add])
    sparse = onnx.SparseTensorProto(values=_outside(location), dims=[8])
    function = helper.make_function("own", "f", ["images"], ["out"], [constant, add], [helper.make_opsetid("", 20)])
    choose = helper.make_node("If", ["flag"], ["out"], then_branch=branch, else_branch=branch)
    return {
        "initializer": _write(folder / "a.onnx", _graph([add], initializer=[_outside(location)])),
        "constant": _write(folder / "b.onnx", _graph([constant, add])),
        "branch": _write(folder / "c.onnx", _graph([choose])),
        "sparse": _write(folder / "d.onnx", _graph([add], sparse_initializer=[sparse])),
        "function": _write(folder / "e.onnx", _graph([add]), functions=[function]),
    }


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("where", ["../secret.bin", "inside.bin", "absolute"])
def test_weights_in_another_file_are_refused_and_named(
    tmp_path: Path, where: str, backend: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    location = str(tmp_path / "secret.bin") if where == "absolute" else where
    np.arange(8, dtype=np.float32).tofile(tmp_path / "models" / location)
    for path in _models(tmp_path / "models", location).values():
        with pytest.raises(ModelError, match="expected a network with all weights in its own file") as caught:
            open_session(path, backend)
        assert location in str(caught.value)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_name_with_line_ends_stays_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        check_in_one_piece(_models(tmp_path, "a\nb")["initializer"])
    assert "\n" not in str(caught.value)


def test_a_network_in_one_piece_and_what_is_no_network_pass(tmp_path: Path) -> None:
    check_in_one_piece(fake_network.write_model(tmp_path))
    rng = np.random.default_rng(0)
    for content in (b"", b"\xff" * 64, b"\x3a\xff\xff\xff\xff\x0f", *(rng.bytes(400) for _ in range(200))):
        (tmp_path / "odd.onnx").write_bytes(content)
        check_in_one_piece(tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match=r"gone\.onnx: the model file cannot be read"):
        check_in_one_piece(tmp_path / "gone.onnx")


def test_messages_inside_one_another_without_end_come_to_an_end(tmp_path: Path) -> None:
    content = b""
    for _ in range(3000):  # a graph with a node with an attribute with a graph ...
        for number in (6, 5, 1):
            content = bytes([number << 3 | 2]) + _length(len(content)) + content
    (tmp_path / "deep.onnx").write_bytes(b"\x3a" + _length(len(content)) + content)
    check_in_one_piece(tmp_path / "deep.onnx")
    with pytest.raises(ModelError, match="deep"):
        open_session(tmp_path / "deep.onnx", "onnxruntime")


def _length(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


MASKS = {"kind": "masks"}
STRETCH = {"fit": "stretch"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"viewport": STRETCH | {"target": [10**9, 10**9]}}, "expected a target"),
        ({"viewport": STRETCH | {"target": [16384, 16384]}}, "expected a target"),
        ({"viewport": STRETCH | {"target": [0, 128]}}, "expected a target"),
        ({"viewport": STRETCH | {"target": [-256, -128]}}, "expected a target"),
        ({"viewport": STRETCH | {"target": [float("inf"), 128]}}, "expected a target"),
        ({"viewport": STRETCH | {"target": [float("nan"), 128]}}, "expected a target"),
        ({"viewport": STRETCH | {"target": [256, 128], "top": float("nan")}}, "expected shares in"),
        ({"viewport": {"target": [256, 128], "horizon": "low"}}, "viewport policy"),
        ({"viewport": 7}, "viewport"),
        ({"decoder": MASKS | {"point_threshold": float("nan")}}, "expected point_threshold from"),
        ({"decoder": MASKS | {"exist_threshold": float("-inf")}}, "expected exist_threshold from"),
        ({"decoder": MASKS | {"reach": 10**12}}, "expected reach from"),
        ({"decoder": MASKS | {"row_step": 0}}, "expected row_step and blur of at least 1"),
        ({"decoder": MASKS | {"blur": "wide"}}, "expected its own thresholds"),
        ({"decoder": {"kind": "../masks"}}, "unknown decoder"),
        ({"preprocess": [{"kind": "clahe", "tiles": [10**6, 10**6]}]}, "tiles of at least 1x1, at most"),
        ({"preprocess": [{"kind": "clahe", "tiles": [8]}]}, "tiles of at least 1x1, at most"),
        ({"preprocess": [{"kind": "clahe", "clip": float("nan")}]}, "expected a positive clip"),
        ({"name": "../../etc/passwd"}, "expected a name that is no path"),
        ({"name": "/etc/passwd"}, "expected a name that is no path"),
        ({"name": "two\nlines"}, "expected name as a text of one line"),
        ({"name": "x" * 10_000}, "expected name as a text of one line"),
        ({"name": ["list"]}, "expected name as a text of one line"),
        ({"outputs": "lanes"}, "expected outputs as a list"),
        ({"outputs": [1, 2]}, "expected outputs as a list"),
        ({"classes": ["c"] * 10_000}, "expected classes as a list of at most 255 names"),
        ({"slots": 10**9}, "expected 0 to 255 slots"),
        ({"slots": float("nan")}, "expected 0 to 255 slots"),
        ({"sha256": "../../x"}, "sha256 has 64 digits"),
        ({"sha256": 5}, "sha256"),
        ({"backend": "/bin/sh"}, "expected backend onnxruntime or openvino"),
    ],
)
def test_an_absurd_manifest_is_refused_in_one_line(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    model = fake_network.write_model(tmp_path)
    path = model.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(ModelError, match=told) as caught:
        Detector.load(model)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_the_command_line_says_so_in_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fake_network.write_model(tmp_path)
    path = model.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"viewport": {"target": [10**9, 10**9]}}))
    clip = fake_network.write_video(tmp_path / "clip.mp4", 2)
    before = sorted(tmp_path.iterdir())
    assert main(["predict", str(clip), "--model", str(model), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("content", ["[" * 200_000, '{"format": ' + "1" * 10_000 + "}", " " * (LARGEST + 1)])
def test_a_manifest_without_end_is_refused(tmp_path: Path, content: str) -> None:
    model = fake_network.write_model(tmp_path)
    model.with_suffix(".json").write_text(content)
    with pytest.raises(ModelError, match=r"markers\.json: expected a (JSON )?manifest") as caught:
        Manifest.load(model)
    assert len(str(caught.value)) < 1000
