"""The networks that come with the package: complete, small, honest about themselves, and working."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lanelight.datasets.line_maps import LineMapFrames
from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads
from lanelight.export.parity import compare
from lanelight.metrics import TuSimpleAccuracy
from lanelight.metrics.any_size import count_any_size
from lanelight.models import checkpoints
from lanelight.runtime import Detector, Manifest
from lanelight.runtime.backends import BACKENDS
from lanelight.runtime.bundled import BUNDLED, WEIGHTS, find_model
from lanelight.train.recipe import Recipe

names = pytest.mark.parametrize("name", sorted(BUNDLED))


@names
def test_every_file_is_there_and_small(name: str) -> None:
    stem = WEIGHTS / BUNDLED[name].stem
    for suffix in (".onnx", ".json", ".safetensors", ".md"):
        assert stem.with_suffix(suffix).stat().st_size < 10_000_000


@names
def test_the_manifest_names_licence_data_and_a_recipe_that_can_be_run(name: str) -> None:
    manifest = Manifest.load(find_model(name))
    assert manifest.licence == "Apache-2.0"
    assert manifest.data
    assert Recipe.from_dict(manifest.recipe).name == manifest.name


@names
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_the_exported_network_says_what_the_weights_say(name: str, backend: str) -> None:
    path = find_model(name)
    manifest = Manifest.load(path)
    size = manifest.viewport.target
    model = checkpoints.load(path.with_suffix(".safetensors"), "enet_sad", size=size)
    roads = SyntheticRoads(RoadConfig(size=(640, 360)), seed=77, length=4)
    report = compare(model, path, [roads[i][1] for i in range(4)], backend=backend, viewport=manifest.viewport)
    assert report.holds
    assert max(report.error.values()) < 1e-4


def test_rendered_roads_are_understood_far_better_than_by_chance() -> None:
    roads = SyntheticRoads(RoadConfig(size=(640, 360)), seed=1_000_003, length=24)
    metric = TuSimpleAccuracy()
    with Detector.load("default") as detector:
        for i in range(len(roads)):
            _, frame, gold = roads[i]
            count_any_size(metric, detector.predict(frame), gold)
    assert metric.compute()["accuracy"] > 0.7


def test_the_ego_lane_is_right_on_nearly_every_frame_of_the_real_clips(shared: Path) -> None:
    data = shared / "data"
    if not (data / "twinlitenet_outputs").is_dir():
        pytest.skip("needs the clips and maps in LANELIGHT_SHARED/data")
    frames = LineMapFrames.clips(data / "udacity_clips", data / "twinlitenet_outputs" / "udacity_clips")
    right = []
    with Detector.load("default") as detector:
        for i in range(0, len(frames), 6):
            _, frame, gold = frames[i]
            pred = detector.predict(frame)
            right.append(all(_agrees(pred.in_slot(slot), gold.in_slot(slot)) for slot in (1, 2)))
    assert np.mean(right) > 0.9


def _agrees(pred: object, gold: object) -> bool:
    from lanelight.geometry import Lane

    if not (isinstance(pred, Lane) and isinstance(gold, Lane)):
        return False
    rows = np.arange(480.0, 660.0, 10)
    apart = np.abs(pred.x_at(rows) - gold.x_at(rows))
    return bool(np.isfinite(apart).sum() >= 10 and np.nanmean(apart) < 25)
