"""A network of the CLR family goes from training through its export to lanes of a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import painted_splits
import pytest
import torch

from lanelight.cli import main
from lanelight.datasets.augment import AUGMENTS
from lanelight.decode import PriorDecoder, decoder_from_dict
from lanelight.formats import culane, native
from lanelight.geometry import Lane
from lanelight.models.lane_priors import PriorLoss
from lanelight.recipes import recipe
from lanelight.train import Optimizer, run

SIZE, FRAME = (128, 64), (640, 360)
PICTURE = "driver_1/a.MP4/00000.png"
CLOSE_PX = 15.0  # three px of the network's input


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted_splits.write("culane", tmp_path_factory.mktemp("data") / "culane", FRAME)


@pytest.fixture(scope="module")
def trained(roads: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of forty steps, enough to learn three painted frames by heart."""
    base = recipe("clrnet_r18_culane").override([f"data.root={roads}"])
    small = replace(
        base,
        name="tiny_clr",
        network="clrkdnet_r18",
        parts={},
        size=SIZE,
        viewport=replace(base.viewport, target=SIZE),
        width_px=3,
        loss=PriorLoss(classification=12.0),
        optim=Optimizer(name="adamw", lr=3e-3, linear_lr=1.0, warmup_steps=0, decay="cosine"),
        augment=AUGMENTS["none"],
        steps=40,
        batch=3,
        val_every=40,
        exported="last",
        workers=0,
    )
    folder = tmp_path_factory.mktemp("runs") / "clr"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same weights on every machine, as far as they can be
    run(small, folder)
    torch.set_num_threads(threads)
    return folder


@pytest.mark.slow
def test_a_network_of_priors_goes_from_training_to_the_lanes_of_a_picture(
    trained: Path, roads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, report = tmp_path / "clr.onnx", tmp_path / "parity.json"
    assert main(["export", str(trained), "--out", str(model), "--json", str(report)]) == 0
    told = capsys.readouterr().out
    assert told.count("lanes in the same slots on 12 of 12 frames") == 2
    assert told.count("of the largest value (xs: of 1 + |x|)") == 2
    for parity in json.loads(report.read_text())["parity"]:
        assert set(parity["error"]) == {"priors/logits", "priors/line", "priors/xs"}
        assert max(parity["error"].values()) < 1e-4
    manifest = json.loads(model.with_suffix(".json").read_text())
    assert (manifest["outputs"], manifest["slots"], manifest["classes"]) == (["priors"], 4, [])
    assert decoder_from_dict(manifest["decoder"]) == PriorDecoder(nms_px=8.0)  # 50 px of 800
    found = {}
    for name, which in (("exported", str(model)), ("trained", str(trained))):
        found[name] = _predict(roads / PICTURE, which, tmp_path / name, "0.2")
        assert _predict(roads / PICTURE, which, tmp_path / f"{name}_none", "1") == []
    assert 2 <= len(found["exported"]) == len(found["trained"]) <= 4
    for one, other in zip(found["exported"], found["trained"], strict=True):
        assert one.slot == other.slot
        assert np.allclose(one.points, other.points, rtol=0, atol=0.05)
    painted = culane.read_lanes((roads / PICTURE).with_suffix(".lines.txt"), FRAME).lanes
    # After so few steps all scores are alike, and one lane of four may be no lane.
    gaps = [min(_gap(lane, one) for one in painted) for lane in found["exported"]]
    assert sum(gap < CLOSE_PX for gap in gaps) >= 2
    assert sum(gap < CLOSE_PX for gap in gaps) >= len(gaps) - 1


@pytest.mark.slow
def test_a_network_of_priors_is_scored_by_the_benchmark(trained: Path, roads: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = ["eval", str(trained), "--data", "culane", "--root", str(roads), "--split", "train", "--json", str(figures)]
    assert main([*words, "--save", str(tmp_path / "pred")]) == 0
    found = json.loads(figures.read_text())
    assert found["frames"] == 3
    assert len(list((tmp_path / "pred").rglob("*.lines.txt"))) == 3


def _gap(lane: Lane, painted: Lane) -> float:
    """Return how far a lane lies beside a painted one at most, px."""
    gaps = np.abs(painted.x_at(lane.points[:, 1]) - lane.points[:, 0])
    return float(np.nanmax(gaps)) if np.isfinite(gaps).any() else np.inf


def _predict(picture: Path, model: str, out: Path, score: str) -> list[Lane]:
    """Return the lanes that the verb writes for a picture."""
    assert main(["predict", str(picture), "--model", model, "--out", str(out), "--score", score]) == 0
    (record,) = native.read(out / "lanes.jsonl")[1]
    return list(record.scene.lanes)
