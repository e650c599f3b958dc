"""A training run is run by torch as its exported network is run by ONNX Runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fake_network
import numpy as np
import painted_datasets
import pytest
import torch
from torch import Tensor
from train.markers import Markers, marker_recipe, offer

from lanelight.cli import main
from lanelight.errors import LanelightError, ModelError
from lanelight.export import export_onnx
from lanelight.formats import native
from lanelight.frames import write_image
from lanelight.geometry import ViewportPolicy
from lanelight.models import MODELS, checkpoints
from lanelight.runtime import Detector
from lanelight.runtime.cost import Cost
from lanelight.runtime.differences import lane_distance, scene_difference
from lanelight.runtime.openvino import computes_bf16
from lanelight.runtime.session import PRECISIONS
from lanelight.train import run
from lanelight.train.cost import trained_cost
from lanelight.train.run import load_run
from lanelight.train.session import TorchSession, load_detector


@pytest.fixture(autouse=True)
def _markers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    offer(monkeypatch)
    threads = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == threads  # every session put it back


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of the markers network."""
    folder = tmp_path_factory.mktemp("runs") / "markers"
    with pytest.MonkeyPatch.context() as patch:
        offer(patch)
        run(marker_recipe(None, val_frames=1), folder)
    return folder


@pytest.mark.filterwarnings("ignore")  # the exporter of torch warns of itself
def test_a_run_and_its_export_find_the_same_lanes(trained: Path, tmp_path: Path) -> None:
    read, model = load_run(trained)
    exported = tmp_path / "markers.onnx"
    export_onnx(model, exported, name="markers", viewport=read.viewport)
    frames = [fake_network.painted((640, 360), shift_px=7.0 * k) for k in range(3)]
    with load_detector(trained, threads=1) as ours, Detector.load(exported, threads=1) as theirs:
        for frame in frames:
            one, other = ours.predict(frame), theirs.predict(frame)
            assert [lane.slot for lane in one.lanes] == [lane.slot for lane in other.lanes] == [0, 1, 2, 3]
            assert lane_distance(one, other) < 1e-3


@pytest.mark.skipif(not computes_bf16(), reason="needs a processor with bfloat16")
def test_a_run_computes_in_bfloat16_where_it_is_asked_for(trained: Path) -> None:
    frame = fake_network.painted((640, 360))
    with load_detector(trained, threads=1) as exact, load_detector(trained, threads=1, precision="bf16") as low:
        assert (exact.precision, low.precision) == ("float32", "bf16")
        found = scene_difference([exact.predict(frame)], [low.predict(frame)])
        assert (found.same_lanes, found.f1) == (1, 1.0)
    model = load_run(trained)[1]
    images = np.random.default_rng(0).random((1, 3, model.size[1], model.size[0]), dtype=np.float32)
    sessions = [TorchSession(model, threads=1, precision=each) for each in PRECISIONS]
    first, second = (session(images)["lanes"] for session in sessions)
    for session in reversed(sessions):
        session.close()
    assert second.dtype == np.float32
    assert 0 < np.abs(first - second).max() < 0.05 * np.abs(first).max()


def test_a_run_scores_as_its_export_does(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, exported = painted_datasets.write_tusimple(tmp_path / "data"), fake_network.write_model(tmp_path)
    results = []
    for number, model in enumerate((exported, trained, f"{trained} --backend torch", trained / "weights.safetensors")):
        out, save = tmp_path / f"{number}.json", tmp_path / f"pred{number}.json"
        words = ["eval", *str(model).split(), "--data", "tusimple", "--root", str(root), "--threads", "1"]
        assert main([*words, "--json", str(out), "--save", str(save)]) == 0
        results.append(json.loads(out.read_text()))
        assert results[-1].pop("latency_ms") > 0
        assert len(save.read_text().splitlines()) == painted_datasets.FRAMES
    assert all(result == results[0] for result in results)
    assert "4 frames, torch, 1 threads" in capsys.readouterr().out


def test_every_file_of_weights_of_a_run_can_be_named(trained: Path) -> None:
    for name in ("last.safetensors", "best.safetensors"):
        with load_detector(trained / name, threads=1) as detector:
            assert len(detector.predict(fake_network.painted((640, 360))).lanes) == 4
            assert (detector.backend, detector.manifest.name) == ("torch", "markers")
    with pytest.raises(LanelightError, match="score: expected a value in"):
        load_detector(trained, score=2.0)


def test_lanes_of_pictures_are_predicted_with_a_run(trained: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", fake_network.painted((640, 360)))
    words = ["predict", str(tmp_path / "a.png"), "--model", str(trained), "--out", str(tmp_path / "out")]
    assert main([*words, "--save", "lanes"]) == 0
    (record,) = native.read(next((tmp_path / "out").rglob("lanes.jsonl")))[1]
    assert [lane.slot for lane in record.scene.lanes] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("{run} --backend onnxruntime", "export it first: lanelight export {run} --out NAME.onnx"),
        ("{run}/last.safetensors --backend openvino", "export it first: lanelight export {run} --out"),
        ("{run}/logs", "expected a training run, which holds recipe.json"),
        ("{run}/none.safetensors", "found no such file"),
        ("{tmp}/other.safetensors", "other.safetensors: not a readable checkpoint"),
        ("{tmp}/moved.safetensors", "expected a training run, which holds recipe.json"),
        ("{tmp}/empty", "weights.safetensors: expected a checkpoint file, found none"),
    ],
)
def test_what_cannot_be_evaluated_says_why(
    model: str, says: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, places = painted_datasets.write_native(tmp_path / "data"), {"run": trained, "tmp": tmp_path}
    (tmp_path / "other.safetensors").write_bytes(b"")
    (tmp_path / "moved.safetensors").write_bytes((trained / "last.safetensors").read_bytes())
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "recipe.json").write_text((trained / "recipe.json").read_text())
    words = ["--data", "native", "--root", str(root), "--split", "all"]
    assert main(["eval", *model.format(**places).split(), *words]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert says.format(**places) in told


def test_without_torch_the_extra_is_named(trained: Path, tmp_path: Path) -> None:
    root = painted_datasets.write_native(tmp_path / "data")
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from lanelight.cli import main\n"
        f"sys.exit(main(['eval', {str(trained)!r}, '--data', 'native', '--root', {str(root)!r}, '--split', 'all']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "error: lanelight eval needs torch: pip install 'lanelight[train]'\n"


def test_threads_of_the_process_are_put_back() -> None:
    before = torch.get_num_threads()
    session = TorchSession(Markers((64, 32)), threads=before + 1)
    assert torch.get_num_threads() == session.threads == before + 1
    found = session(np.zeros((2, 3, 32, 64), np.float32))
    assert {name: array.shape for name, array in found.items()} == {"lanes": (2, 5, 32, 64), "exist": (2, 4)}
    session.close()


class Fading(Markers):
    """A network whose output is its input made small."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"lanes": images * 1e-20, "exist": images[:, 0, 0, :4]}


def test_denormals_are_flushed_in_every_thread_and_the_caller_is_left_alone() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    kept = torch.from_numpy(np.full(1 << 20, 1e-40, np.float32))
    assert bool((kept * 1.5).all())  # the helpers of this thread exist now, and flush nothing
    session = TorchSession(Fading((1024, 512)), threads=2)
    images = np.full((1, 3, 512, 1024), 1e-20, np.float32)
    for _ in range(2):
        assert not session(images)["lanes"].any()
    assert bool((kept * 1.5).all())
    session.close()
    torch.set_num_threads(before)


class Counting(Markers):
    """A network that says with how many threads it computes."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        threads = torch.full((1, 4), float(torch.__config__.parallel_info().count("omp_get_max_threads() : 3")))
        return {"lanes": images, "exist": threads}


def test_the_network_computes_with_the_threads_that_were_named() -> None:
    session = TorchSession(Counting((64, 32)), threads=3)
    assert session(np.zeros((1, 3, 32, 64), np.float32))["exist"].all()
    session.close()


def test_the_cost_of_a_run_is_counted(trained: Path) -> None:
    width, height = fake_network.TARGET
    assert trained_cost(trained) == Cost(5 * 3 + 5, 2 * 5 * 3 * width * height / 1e9)


def test_the_cost_of_a_network_whose_weights_are_layers_inputs_is_counted(tmp_path: Path) -> None:
    weights = tmp_path / "priors.safetensors"
    network = MODELS["clrnet_r18"](size=(160, 96))
    view = ViewportPolicy((160, 96), fit="stretch")
    checkpoints.save(network, weights, network="clrnet_r18", facts={"viewport": json.dumps(view.to_dict())})
    cost = trained_cost(weights)
    assert cost.parameters == sum(each.numel() for each in network.parameters())
    assert 0.1 < cost.gflop < 22.8  # of 800x320


def test_weights_of_another_network_are_refused(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "run"
    other.mkdir()
    entry = json.loads((trained / "recipe.json").read_text())
    (other / "recipe.json").write_text(json.dumps({**entry, "network": "enet_sad"}))
    (other / "weights.safetensors").write_bytes((trained / "weights.safetensors").read_bytes())
    with pytest.raises(ModelError, match="expected an ENet-SAD checkpoint"):
        load_detector(other)
