"""Networks in 8 bits find what they found in float, in both runtimes, or they are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import cv2
import fake_network
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from class_network import CITYSCAPES_NAMES
from class_network import SIZE as CLASS_SIZE
from class_network import painted as painted_classes
from class_network import write_model as write_class_model
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from lanelight.cli import main
from lanelight.decode import MaskDecoder
from lanelight.errors import LanelightError, ModelError
from lanelight.export.int8 import export_int8
from lanelight.export.int8_loss import check_truth, loss
from lanelight.export.leaky import with_leaky_relu
from lanelight.export.quantize import choices, prepare
from lanelight.frames import VideoReader, write_image
from lanelight.geometry import Lane, Scene, Viewport, ViewportPolicy
from lanelight.models import LaneModel
from lanelight.runtime import BACKENDS, Detector, Manifest
from lanelight.train.trained import Trained

FRAME = (320, 192)


def roads(folder: Path, frames: int = 8) -> Path:
    """Write painted roads, four lanes each."""
    folder.mkdir()
    for index in range(frames):
        write_image(folder / f"{index}.png", fake_network.painted(FRAME, shift_px=2.0 * index))
    return folder


def with_wild_channel(model: Path, *, before: int) -> Path:
    """Give the last convolution a channel that nobody reads and that spoils the range of the others.

    Args:
        model: of `fake_network`.
        before: number of convolutions to put before it that change nothing.
    """
    network = onnx.load(str(model))
    graph = network.graph
    tensors = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    wide = {
        "w": np.concatenate([tensors["w"], np.full((1, 3, 1, 1), 1e6, np.float32)]),
        "b": np.append(tensors["b"], np.float32(0)),
        "unit": np.eye(3, dtype=np.float32)[:, :, None, None],
        "zero": np.array([0], np.int64),
    }
    kept = [item for item in graph.initializer if item.name not in wide]
    del graph.initializer[:]
    graph.initializer.extend([*kept, *(numpy_helper.from_array(value, name) for name, value in wide.items())])
    names = ["images", *(f"same{index}" for index in range(before))]
    graph.node[0].input[0], graph.node[0].output[0] = names[-1], "wide"
    last = graph.node[0]
    rest = [node for node in graph.node if node is not last]
    units = [helper.make_node("Conv", [one, "unit"], [two]) for one, two in pairwise(names)]
    cut = helper.make_node("Slice", ["wide", "zero", "five", "axis"], ["lanes"])
    nodes = [*units, last, cut, *rest]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    onnx.checker.check_model(network)
    onnx.save(network, str(model))
    fake_network.manifest().save(model)
    return model


def apart(first: Scene, second: Scene) -> float:
    assert [lane.slot for lane in first.lanes] == [lane.slot for lane in second.lanes]
    gaps = [
        np.abs(two.x_at(one.points[:, 1]) - one.points[:, 0])
        for one, two in zip(first.lanes, second.lanes, strict=True)
    ]
    return float(np.nanmax(np.concatenate(gaps)))


@pytest.mark.slow
def test_a_network_in_8_bits_finds_the_same_lanes_in_both_runtimes_and_says_what_it_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = fake_network.write_model(tmp_path), tmp_path / "small" / "lanes.onnx"
    words = ["export", str(model), "--int8", "--calibration", str(roads(tmp_path / "roads")), "--int8-drop", "0.05"]
    assert main([*words, "--out", str(out), "--json", f"{tmp_path}/report.json", "--licence", "MIT"]) == 0
    told, report = capsys.readouterr().out, json.loads((tmp_path / "report.json").read_text())
    assert "8 frames of roads, 32 lanes" in told
    assert "1 of 1 convolutions in 8 bits" in told
    assert "F1 1.0000" in told
    assert "times faster" in told
    assert report["drop"] == 0
    assert (report["frames"], report["lanes"], report["limit"]) == (8, 32, 0.05)
    assert set(report["speed"]) == set(BACKENDS)
    assert all(each["times_faster"] > 0 for each in report["speed"].values())
    manifest = Manifest.load(out)
    assert manifest.int8 is not None
    assert (manifest.int8["frames"], manifest.int8["drop"], manifest.int8["limit"]) == (8, 0, 0.05)
    assert (manifest.licence, manifest.backend) == ("MIT", report["backend"])
    assert sorted(path.name for path in out.parent.iterdir()) == ["lanes.json", "lanes.onnx"]
    kinds = {item.data_type for item in onnx.load(str(out)).graph.initializer}
    assert TensorProto.INT8 in kinds
    frame = fake_network.painted(FRAME, shift_px=5.0)
    want = Detector.load(model, backend="onnxruntime").predict(frame)
    for backend in BACKENDS:
        with Detector.load(out, backend=backend, threads=1) as detector:
            assert apart(want, detector.predict(frame)) < 1
    assert main(["predict", str(tmp_path / "roads"), "--model", str(out), "--out", f"{tmp_path}/found"]) == 0
    assert len((tmp_path / "found" / "lanes.jsonl").read_text().splitlines()) == 9
    with pytest.raises(ModelError, match="8 bits already"):
        export_int8(out, tmp_path / "again.onnx", calibration=[tmp_path / "roads"])


def test_what_costs_too_much_is_refused_with_the_figures_and_nothing_is_written(tmp_path: Path) -> None:
    model = with_wild_channel(fake_network.write_model(tmp_path), before=0)
    out = tmp_path / "out" / "lanes.onnx"
    with pytest.raises(
        ModelError, match=r"8 bits cost 1\.0000 on 8 frames of roads .*F1 0\.0000.*limit of 0\.05.*--int8-drop"
    ):
        export_int8(model, out, calibration=[roads(tmp_path / "roads")], limit=0.05, threads=1, rounds=0)
    assert list(out.parent.iterdir()) == []


def test_convolutions_at_the_ends_stay_in_float_where_they_cost_too_much(tmp_path: Path) -> None:
    model, out = with_wild_channel(fake_network.write_model(tmp_path), before=2), tmp_path / "lanes.onnx"
    report = export_int8(model, out, calibration=[roads(tmp_path / "roads")], limit=0.05, threads=1, rounds=0)
    assert [(each.in_float, each.shifted) for each in report.attempts] == [(0, False), (0, True), (2, False)]
    assert report.attempts[0].drop == 1
    assert report.attempts[2].drop <= 0.05
    assert report.attempts[2].losses[0].px is not None
    manifest = Manifest.load(out)
    assert manifest.int8 is not None
    assert (manifest.int8["convolutions"], manifest.int8["in_float"]) == (3, 2)


def test_ends_are_the_convolutions_that_read_the_input_and_write_outputs(tmp_path: Path) -> None:
    model = with_wild_channel(fake_network.write_model(tmp_path), before=3)
    names = prepare(model, tmp_path / "prepared.onnx")
    assert len(set(names)) == 4
    ways = choices(tmp_path / "prepared.onnx", names)
    ends, early = (names[0], names[3]), (names[0], names[1], names[3])
    assert [(way.in_float, way.shifted) for way in ways] == [
        ((), False), ((), True), (ends, False), (ends, True), (early, True),
    ]  # fmt: skip


def test_classes_are_judged_by_their_mean_iou(tmp_path: Path) -> None:
    model, out = write_class_model(tmp_path), tmp_path / "small.onnx"
    rng = np.random.default_rng(0)
    (tmp_path / "frames").mkdir()
    for index in range(3):
        ids = rng.integers(0, len(CITYSCAPES_NAMES), (4, 8)).astype(np.uint8)
        classes = cv2.resize(ids, CLASS_SIZE, interpolation=cv2.INTER_NEAREST)
        write_image(tmp_path / "frames" / f"{index}.png", painted_classes(np.asarray(classes), CITYSCAPES_NAMES))
    report = export_int8(model, out, calibration=[tmp_path / "frames"], limit=0.2, threads=1, rounds=0)
    assert {each.measure for each in report.attempts[-1].losses} == {"mIoU"}
    assert report.lanes == 0
    with Detector.load(out, threads=1) as detector:
        found = detector.predict(painted_classes(np.asarray(classes), CITYSCAPES_NAMES)).classes
    assert found is not None
    assert (found == classes).mean() > 0.8


class Markers(LaneModel):
    """The network of `fake_network` in torch."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ("lanes", "exist")

    def __init__(self) -> None:
        super().__init__()
        self.normalize, self.size, self.decoder = nn.Identity(), fake_network.TARGET, MaskDecoder()
        self.colours = nn.Conv2d(3, 5, 1)
        on = torch.tensor(fake_network.MARKERS) / 255
        with torch.no_grad():
            self.colours.weight.zero_()[1:, :, 0, 0] = 24 * (2 * on - 1)
            self.colours.bias.zero_()[1:] = 8 - 24 * on.sum(dim=1)  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        lanes = self.colours(self.normalize(images))
        return {"lanes": lanes, "exist": 1600 * lanes[:, 1:].sigmoid().mean(dim=(2, 3)) - 4}

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        raise NotImplementedError

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        raise NotImplementedError


@pytest.mark.slow
def test_trained_networks_are_exported_and_quantised_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    viewport = ViewportPolicy(fake_network.TARGET, fit="stretch")
    trained = Trained("ours", Markers().eval(), viewport, "converted from x.pth", licence="MIT")
    monkeypatch.setattr("lanelight.export.run.load_trained", lambda _path: trained)  # no checkpoint has this layout
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "small.onnx"
    frames = [roads(tmp_path / "roads")]
    report = export_int8(tmp_path / "ours.safetensors", out, calibration=frames, limit=0.05, threads=1, rounds=0)
    assert report.attempts[-1].drop <= 0.05
    manifest = Manifest.load(out)
    assert (manifest.name, manifest.recipe, manifest.licence) == ("ours", "converted from x.pth", "MIT")
    assert manifest.int8 is not None
    with Detector.load(out, threads=1) as detector:
        assert [lane.slot for lane in detector.predict(fake_network.painted(FRAME)).lanes] == [0, 1, 2, 3]
    assert sorted(path.name for path in out.parent.iterdir()) == ["small.json", "small.onnx"]


def test_frames_that_show_too_little_are_refused(tmp_path: Path) -> None:
    model, out = fake_network.write_model(tmp_path), tmp_path / "small.onnx"
    with pytest.raises(
        ModelError, match=r"expected 50 lanes or more to judge a drop of 0\.02 by.* finds 32 on 8 frames"
    ):
        export_int8(model, out, calibration=[roads(tmp_path / "roads")], threads=1)
    (tmp_path / "one").mkdir()
    sky = np.full(CLASS_SIZE[::-1], CITYSCAPES_NAMES.index("sky"), np.uint8)
    write_image(tmp_path / "one" / "sky.png", painted_classes(sky, CITYSCAPES_NAMES))
    with pytest.raises(ModelError, match="finds 2 classes or more, got 1 on 1 frames"):
        export_int8(write_class_model(tmp_path), out, calibration=[tmp_path / "one"], threads=1)
    assert not out.exists()


def test_a_frame_that_cannot_be_read_is_named_and_the_others_are_used(tmp_path: Path) -> None:
    model, folder = fake_network.write_model(tmp_path), roads(tmp_path / "roads")
    (folder / "broken.png").write_bytes(b"no picture")
    report = export_int8(model, tmp_path / "small.onnx", calibration=[folder], limit=0.05, threads=1, rounds=0)
    assert report.frames == 8
    assert len(report.problems) == 1
    assert "broken.png" in report.problems[0]


def test_options_that_do_not_go_together_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, folder = fake_network.write_model(tmp_path), roads(tmp_path / "roads", 1)
    out = ["--out", f"{tmp_path}/x.onnx"]
    both = ["--int8", "--calibration", str(folder)]
    for words, says in (
        ([str(model), "--calibration", str(folder), *out], "--calibration: expected --int8 with it"),
        ([str(model), "--int8-drop", "0.1", *out], "--int8-drop: expected --int8 with it"),
        ([str(model), "--int8", *out], "--int8: expected --calibration DIR with it"),
        ([str(model), *both, "--end-to-end", *out], "--int8: expected no --end-to-end"),
        ([str(model), *both, "--int8-drop", "0", *out], "expected more than 0"),
        ([str(model), "--int8", "--calibration", f"{tmp_path}/none", *out], "no such file or folder"),
        ([str(model), *both, "--out", str(model)], "expected another name"),
        ([f"{tmp_path}/other.onnx", *both, *out], "no such model file"),
        ([f"{tmp_path}/run", *both, *out], "expected a recipe saved by a training run"),
    ):
        assert main(["export", *words]) == 1
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert says in told
    assert not (tmp_path / "x.onnx").exists()
    assert main(["export", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"--{name}" in told for name in ("int8", "calibration", "calibration-frames", "int8-drop"))


def test_an_end_to_end_graph_is_not_quantised(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    replace(fake_network.manifest(), source=FRAME).save(model)
    with pytest.raises(ModelError, match="an end-to-end graph"):
        export_int8(model, tmp_path / "x.onnx", calibration=[roads(tmp_path / "roads", 1)])


def test_a_manifest_whose_entry_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    path = model.with_suffix(".json")
    entry = json.loads(path.read_text())
    assert "int8" not in entry
    path.write_text(json.dumps({**entry, "int8": "yes"}))
    with pytest.raises(ModelError, match="expected int8 as an object, got 'yes'"):
        Manifest.load(model)


def lanes(*feet: float) -> Scene:
    return Scene((1640, 590), [Lane(np.array([[x, 589.0], [800.0, 300.0]]), slot=slot) for slot, x in enumerate(feet)])


def test_a_loss_is_what_a_lane_lost_costs_in_f1() -> None:
    truth = [lanes(400, 1200), lanes(300, 1300)]
    same = loss(truth, truth, (), backend="x")
    assert (same.drop, same.px, same.px_largest) == (0, 0, 0)
    found = loss(truth, [lanes(400, 1206), lanes(300)], (), backend="x")
    assert found.drop == pytest.approx(1 - 6 / 7)  # precision 1, recall 3/4
    assert found.px_largest == pytest.approx(6)
    assert found.px == pytest.approx(1)  # of three lanes with two rows each
    nothing = loss(truth, [lanes(), lanes()], (), backend="x")
    assert (nothing.drop, nothing.px) == (1, None)


def test_classes_too_rare_to_be_judged_are_left_out() -> None:
    gold = np.zeros((100, 100), np.uint8)
    gold[50:], gold[0, :5] = 1, 2  # five pixels in ten thousand
    pred = gold.copy()
    pred[0, :5] = 0
    pred[50] = 0
    size = (100, 100)
    found = loss([Scene(size, classes=gold)], [Scene(size, classes=pred)], ("a", "b", "c"), backend="x")
    a, b = (5000 - 5) / (5000 + 100), 4900 / 5000
    assert found.score == pytest.approx((a + b) / 2)
    assert found.other_class == pytest.approx(105 / 10000)


def test_a_tight_limit_needs_more_lanes() -> None:
    truth = [lanes(400, 1200)] * 30
    check_truth(truth, (), 0.02, "drive")
    with pytest.raises(LanelightError, match="drive: expected 100 lanes or more"):
        check_truth(truth, (), 0.01, "drive")
    with pytest.raises(LanelightError, match="expected 20 lanes or more"):
        check_truth(truth[:5], (), 0.5, "drive")


def test_prelu_with_one_slope_becomes_leaky_relu_with_the_same_values() -> None:
    rng = np.random.default_rng(0)
    slopes = {"one": np.full((1, 1, 1), -1.5, np.float32), "three": rng.normal(size=(3, 1, 1)).astype(np.float32)}
    nodes = [helper.make_node("PRelu", ["x", "one"], ["y"]), helper.make_node("PRelu", ["y", "three"], ["z"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4, 4]) for name in ("x", "z")]
    tensors = [numpy_helper.from_array(value, name) for name, value in slopes.items()]
    graph = helper.make_graph(nodes, "slopes", ends[:1], ends[1:], tensors)
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    x = rng.normal(size=(1, 3, 4, 4)).astype(np.float32)
    before = run(network, x)
    assert with_leaky_relu(network) == 1
    onnx.checker.check_model(network)
    assert [node.op_type for node in network.graph.node] == ["LeakyRelu", "PRelu"]
    assert [item.name for item in network.graph.initializer] == ["three"]
    assert np.array_equal(run(network, x), before)


def run(network: onnx.ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0], np.float32)


@pytest.mark.slow
def test_the_bundled_network_in_8_bits_keeps_its_lanes_on_frames_it_was_not_calibrated_on(
    shared: Path, tmp_path: Path
) -> None:
    clips, out = shared / "data" / "udacity_clips", tmp_path / "small.onnx"
    report = export_int8(
        "default", out, calibration=[clips / "i280_small1.mp4"], limit=0.1, most=8, threads=1, rounds=0
    )
    assert (
        report.int8_mb < 0.65 * report.float_mb
    )  # a third is the matrix of the existence branch, which stays in float
    with VideoReader(clips / "i280_test_video.mp4") as reader:
        frames = [image for _, _, image in reader.frames(8)]
    found = []
    for file, backend in (("default", "openvino"), (out, "openvino"), (out, "onnxruntime")):
        with Detector.load(file, backend=backend, threads=1) as detector:
            found.append([detector.predict(frame) for frame in frames])
    for scenes in found[1:]:
        assert loss(found[0], scenes, (), backend="x").drop <= 0.15
