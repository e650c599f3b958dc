from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from train.tiny import small_recipe

from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads
from lanelight.datasets.writers import WRITERS
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.errors import LanelightError, ModelError, OutputError
from lanelight.export.run import export_run
from lanelight.frames import write_image
from lanelight.geometry import Lane, Scene
from lanelight.models import MODELS, checkpoints
from lanelight.runtime import Detector
from lanelight.runtime.differences import lane_distance
from lanelight.train.data import StepBatches, TrainingFrames
from lanelight.train.recipe import DataPart, Optimizer, Recipe
from lanelight.train.run import build, load_run, run
from lanelight.train.schedule import optimizer
from lanelight.train.session import load_detector


def _tiny(**changes: object) -> Recipe:
    base = replace(small_recipe(), steps=4, val_every=2, batch=2, val_frames=2)
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    sad = SelfAttentionDistillation(start_step=2)
    run(_tiny(distillation=sad), folder)
    return folder


def test_a_run_leaves_its_recipe_weights_and_metrics(trained: Path) -> None:
    read, model = load_run(trained)
    assert read.steps == 4
    assert sum(p.numel() for p in model.parameters()) > 500_000
    table = (trained / "logs" / "metrics.csv").read_text()
    assert "val/iou_0.5/f1" in table
    assert "loss/sad" in table  # distillation began at its step
    assert list((trained / "checkpoints").glob("*.ckpt"))


@pytest.mark.filterwarnings("ignore")  # the exporter of torch warns of itself
def test_an_exported_run_has_a_manifest_and_finds_the_same_lanes(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    report = export_run(trained, out, licence="Apache-2.0", data="rendered roads")
    assert {parity.backend for parity in report.parity} == {"onnxruntime", "openvino"}
    for parity in report.parity:
        assert parity.holds
        assert max(parity.error.values()) < 1e-4
    with Detector.load(out) as detector:
        assert detector.backend == report.backend
        assert detector.manifest.licence == "Apache-2.0"
        assert detector.manifest.recipe["steps"] == 4
        detector.predict(np.zeros((720, 1280, 3), np.uint8))
    roads = SyntheticRoads(RoadConfig(size=(256, 112)), seed=3, length=6)
    with (
        Detector.load(out, threads=1, score=0.0) as theirs,
        load_detector(trained, threads=1, score=0.0) as ours,
    ):
        for index in range(6):
            one, other = ours.predict(roads[index][1]), theirs.predict(roads[index][1])
            assert [lane.slot for lane in one.lanes] == [lane.slot for lane in other.lanes]
            assert lane_distance(one, other) < 0.5
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.json", "net.onnx"]


def test_the_same_recipe_gives_the_same_weights(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        states = [checkpoints.read_state(run(_tiny(steps=2), tmp_path / str(i))) for i in range(2)]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_loss_that_explodes_stops_the_run_with_its_terms(tmp_path: Path) -> None:
    wild = _tiny(optim=Optimizer(lr=1e30, warmup_steps=1, clip=1e30), steps=8, val_every=8)
    with pytest.raises(LanelightError, match=r"no longer a number at step .*term .*samples .*data.0"):
        run(wild, tmp_path)


def test_a_folder_that_holds_a_run_is_left_alone(trained: Path) -> None:
    before = (trained / "recipe.json").read_text()
    with pytest.raises(OutputError, match="a run lies there already"):
        run(_tiny(steps=1), trained)
    assert (trained / "recipe.json").read_text() == before


def test_a_run_that_cannot_start_leaves_nothing_behind(tmp_path: Path) -> None:
    missing = DataPart(kind="clips", frames="nowhere", maps="nowhere")
    for wrong in (_tiny(data=(missing,)), _tiny(init="none.safetensors")):
        with pytest.raises(LanelightError, match="found none"):
            run(wrong, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_network_learns_from_peoples_own_labels(tmp_path: Path) -> None:
    scene = Scene((320, 180), [Lane(np.array([[x, 179.0], [160.0, 60.0]])) for x in (40.0, 130.0, 220.0, 300.0)])
    root = tmp_path / "my_road"
    with WRITERS["native"](root, split="train") as writer:
        for number in range(3):
            write_image(writer.write(f"{number}.jpg", scene), np.full((180, 320, 3), 90, np.uint8))
    own = DataPart(kind="native", frames=str(root), split="train")
    dataset = TrainingFrames(_tiny(data=(own,)), build(_tiny()))
    assert dataset[0]["exist"].tolist() == [1, 1, 1, 1]
    assert run(_tiny(data=(own,)), tmp_path / "run").is_file()


def test_parts_that_start_anew_do_not_take_the_given_weights(tmp_path: Path) -> None:
    other = MODELS["enet_sad"](size=(128, 56))
    file = checkpoints.save(other, tmp_path / "w.safetensors", network="enet_sad")
    own = build(_tiny(init=str(file), reset=("existence",))).state_dict()
    same = {key: torch.equal(tensor, other.state_dict()[key]) for key, tensor in own.items()}
    assert same["encoder2.0.reduce.0.weight"]
    assert not same["existence.hidden.weight"]


def test_fully_connected_layers_have_a_rate_of_their_own_and_norms_do_not_decay() -> None:
    model = MODELS["enet_sad"](size=(128, 56))
    groups = optimizer(model, Optimizer(linear_lr=0.25, weight_decay=0.5), 1.0).param_groups
    found = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    named = dict(model.named_parameters())
    assert len(found) == len(named)
    assert found[id(named["existence.hidden.weight"])] == (0.25, 0.5)
    assert found[id(named["existence.hidden.bias"])] == (0.25, 0.0)
    assert found[id(named["output.weight"])] == (1.0, 0.5)
    assert found[id(named["initial.norm.weight"])] == (1.0, 0.0)


def test_weights_to_start_from_are_taken_where_they_fit(tmp_path: Path) -> None:
    other = MODELS["enet_sad"](size=(256, 112))
    file = checkpoints.save(other, tmp_path / "w.safetensors", network="enet_sad")
    model = build(_tiny(init=str(file)))
    ours, theirs = model.state_dict(), other.state_dict()
    assert torch.equal(ours["encoder2.0.reduce.0.weight"], theirs["encoder2.0.reduce.0.weight"])
    assert ours["existence.hidden.weight"].shape != theirs["existence.hidden.weight"].shape


def test_weights_of_another_network_are_refused_and_what_does_not_fit_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    larger = checkpoints.save(MODELS["enet_sad"](size=(256, 112)), tmp_path / "w.safetensors", network="enet_sad")
    with caplog.at_level("INFO"):
        build(_tiny(init=str(larger)))
    assert "tensors taken, left as they were: existence (1)" in caplog.text
    few = {key: value for key, value in load_file(larger).items() if key.startswith(("output", "existence"))}
    save_file(few, tmp_path / "few.safetensors")
    with pytest.raises(ModelError, match=r"few.safetensors: expected .* but only \d of its \d+ tensors"):
        build(_tiny(init=str(tmp_path / "few.safetensors")))


def test_samples_depend_on_seed_and_index_alone() -> None:
    model = MODELS["enet_sad"](size=(128, 56))
    first, again = TrainingFrames(_tiny(), model), TrainingFrames(_tiny(), model)
    again[5]
    a, b = first[3], again[3]
    assert all(torch.equal(a[key].nan_to_num(), b[key].nan_to_num()) for key in a)
    assert a["images"].shape == (3, 56, 128)
    assert not torch.equal(first[4]["images"], a["images"])


def test_processes_together_take_the_samples_in_order() -> None:
    whole = list(StepBatches(4, 3))
    assert whole == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    halves = [list(StepBatches(2, 3, rank=rank, world=2)) for rank in range(2)]
    assert [a + b for a, b in zip(*halves, strict=True)] == whole


def test_a_run_that_goes_on_takes_the_samples_that_are_left() -> None:
    later = StepBatches(4, 3, first=2)
    assert list(later) == [[8, 9, 10, 11]]
    assert len(later) == 3


def test_weakly_labelled_stills_can_be_trained_on(tmp_path: Path) -> None:
    for folder in ("images", "maps", "masks"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.jpg"), np.full((360, 640, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "maps" / "a.png"), np.zeros((360, 640, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), np.zeros((360, 640), np.uint8))
    part = DataPart(kind="stills", frames=f"{tmp_path}/images", maps=f"{tmp_path}/maps", masks=f"{tmp_path}/masks")
    sample = TrainingFrames(_tiny(data=(part,)), MODELS["enet_sad"](size=(128, 56)))[0]
    assert sample["images"].shape == (3, 56, 128)


def test_a_missing_data_folder_is_named() -> None:
    part = DataPart(kind="clips", frames="nowhere", maps="nowhere")
    with pytest.raises(LanelightError, match="'nowhere', found none"):
        TrainingFrames(_tiny(data=(part,)), MODELS["enet_sad"](size=(128, 56)))
