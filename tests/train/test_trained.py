"""Converted checkpoints are used like training runs, and what weights expect of a picture is done in training too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lanelight.cli import main
from lanelight.datasets import TuSimple
from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads
from lanelight.distill.teacher import TeacherDistillation
from lanelight.distill.teacher_network import TorchTeacher
from lanelight.distill.teaching import Teacher
from lanelight.errors import ModelError
from lanelight.export.onnx import export_onnx
from lanelight.frames.preprocess import Clahe
from lanelight.geometry import ViewportPolicy
from lanelight.metrics import TuSimpleAccuracy
from lanelight.models import MODELS, checkpoints
from lanelight.models.lane_instances import InstanceLoss
from lanelight.runtime import Detector, find_model
from lanelight.runtime.differences import lane_distance
from lanelight.train import DataPart, Recipe
from lanelight.train.data import TrainingFrames
from lanelight.train.run import build
from lanelight.train.session import load_detector
from lanelight.train.trained import load_trained

SIZE = (64, 32)


def _recipe(*, steps: tuple[Clahe, ...] = ()) -> Recipe:
    return Recipe(
        "instances",
        network="enet_instance",
        parts={"preprocess": [step.to_dict() for step in steps]},
        size=SIZE,
        viewport=ViewportPolicy(SIZE, fit="stretch"),
        data=(DataPart(pool=2),),
        loss=InstanceLoss(),
    )


def test_weights_in_our_names_see_the_whole_frame_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = MODELS["enet_instance"](size=SIZE)
    torch.save(model.state_dict(), tmp_path / "exp.pth")
    words = ["convert", f"{tmp_path}/exp.pth", "--model", "enet_instance", "--size", "64x32", "--top", "0.25"]
    assert main([*words, "--out", f"{tmp_path}/ours.safetensors"]) == 0
    assert "sees the whole frame, without the top 25.0% in 64x32 px\ndropped: nothing" in capsys.readouterr().out
    network = load_trained(tmp_path / "ours.safetensors")
    assert network.viewport == ViewportPolicy(SIZE, fit="stretch", top=0.25)
    assert (network.name, network.recipe) == ("ours", "converted from exp.pth")
    assert not network.model.training
    assert all(torch.equal(a, b) for a, b in zip(network.model.parameters(), model.parameters(), strict=True))
    again = ["convert", f"{tmp_path}/ours.safetensors", "--model", "enet_instance"]
    assert main([*again, "--out", f"{tmp_path}/again.safetensors"]) == 0  # what ours tells is kept
    assert load_trained(tmp_path / "again.safetensors").viewport == network.viewport


def test_a_size_that_is_not_named_is_the_one_of_the_network(tmp_path: Path) -> None:
    torch.save(MODELS["enet_instance"](size=SIZE).state_dict(), tmp_path / "exp.pth")
    words = ["convert", f"{tmp_path}/exp.pth", "--model", "enet_instance", "--out", f"{tmp_path}/ours.safetensors"]
    assert main(words) == 0
    assert load_trained(tmp_path / "ours.safetensors").model.size == checkpoints.default_size("enet_instance")


@pytest.mark.filterwarnings("ignore")  # the exporter of torch warns of itself
def test_the_published_checkpoint_finds_the_lanes_of_tusimple_in_every_runtime(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published, root = shared / "data/checkpoints/enet_discriminative_tusimple.pth", shared / "data/tusimple"
    ours, exported = tmp_path / "ours.safetensors", tmp_path / "ours.onnx"
    assert main(["convert", str(published), "--model", "enet_instance", "--out", str(ours)]) == 0
    told = capsys.readouterr().out
    assert "dropped: insBottleNeck3_0 (22 tensors), insBottleNeck3_1 (22 tensors), insBottleNeck3_2 (23" in told
    network = load_trained(ours)
    assert network.model.preprocess == (Clahe(2.0, (8, 8)),)
    assert network.viewport == ViewportPolicy((224, 224), fit="stretch", resample="cubic")
    export_onnx(network.model, exported, name="ours", viewport=network.viewport)
    frames, metric = TuSimple.open(root), TuSimpleAccuracy()
    with (
        load_detector(ours, threads=1) as torch_one,
        Detector.load(exported, backend="onnxruntime", threads=1) as onnx_one,
        Detector.load(exported, backend="openvino", threads=1) as openvino_one,
    ):
        for index in range(0, len(frames), 28):
            _, frame, gold = frames[index]
            first = torch_one.predict(frame)
            rows = frames.entries[index].rows
            assert rows is not None
            metric.update(first, gold, rows=rows)
            for other in (onnx_one.predict(frame), openvino_one.predict(frame)):
                assert len(other.lanes) == len(first.lanes)
                assert lane_distance(first, other) < 0.5
    found = metric.compute()
    assert found["accuracy"] > 0.93  # 0.963 on all 138 frames
    assert max(found["fp"], found["fn"]) < 0.15


def test_training_shows_the_picture_after_the_steps() -> None:
    step = Clahe(4.0, (4, 4))
    plain, stepped = (
        TrainingFrames(recipe, build(recipe))[0]["images"].numpy() for recipe in (_recipe(), _recipe(steps=(step,)))
    )
    assert np.array_equal(step(np.ascontiguousarray(plain.transpose(1, 2, 0))).transpose(2, 0, 1), stepped)
    assert not np.array_equal(plain, stepped)


def test_a_teacher_that_expects_other_pictures_than_its_student_is_refused() -> None:
    student = build(_recipe())
    teacher = TorchTeacher(build(_recipe(steps=(Clahe(),))), "enet_instance")
    with pytest.raises(ModelError, match=r"expected the student's preprocess steps \[\], got \[\{'kind': 'clahe'"):
        Teacher(TeacherDistillation(), teacher, student)


def test_the_bundled_network_runs_in_torch_and_is_exported_anew(tmp_path: Path) -> None:
    frame = SyntheticRoads(RoadConfig(size=(640, 360)), seed=5, length=1)[0][1]
    with load_detector("default", threads=1) as ours, Detector.load("default", threads=1) as bundled:
        assert ours.backend == "torch"
        assert lane_distance(ours.predict(frame), bundled.predict(frame)) < 0.5
        licence, data = bundled.manifest.licence, bundled.manifest.data
    weights = find_model("default").with_suffix(".safetensors")
    assert load_trained(weights).viewport == load_trained("default").viewport
    out = tmp_path / "whole.onnx"
    assert main(["export", "default", "--end-to-end", "--source-size", "640x360", "--out", str(out)]) == 0
    with Detector.load(out, threads=1) as whole:
        assert (whole.manifest.licence, whole.manifest.data) == (licence, data)
        assert whole.predict(frame).lanes
