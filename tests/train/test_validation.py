"""What a network scores while it trains is what `lanelight eval` prints for its weights."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import painted_datasets
import pytest
import torch
from torch import Tensor, nn
from train.markers import Markers, marker_recipe, offer

from lanelight.cli import main
from lanelight.decode import LaneAreaDecoder
from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene, Viewport, ViewportPolicy
from lanelight.metrics import CULaneF1
from lanelight.models import LaneModel
from lanelight.runtime.predictor import network_input
from lanelight.train import DataPart, Recipe, run
from lanelight.train.validate import FIGURES, OTHERS, ValidationFrames, balance, flat

Write = Callable[[Path], Path]
# kind, what writes it, list of the validation frames, words of `lanelight eval`
OWN: dict[str, tuple[str, Write, tuple[str, ...]]] = {
    "culane": ("culane", painted_datasets.write_culane, ("list/test.txt",)),
    "small culane": ("culane", lambda root: painted_datasets.write_culane(root, (640, 360)), ("list/test.txt",)),
    "native": ("native", painted_datasets.write_native, ()),
    "tusimple": ("tusimple", painted_datasets.write_tusimple, ("test_label.json",)),
    "masks": ("bdd100k", painted_datasets.write_bdd100k_masks, ("list/test_gt_bdd.txt",)),
    "bdd100k": ("bdd100k", painted_datasets.write_bdd100k_labels, ("labels/bdd100k_labels_images_test.json",)),
}


@pytest.fixture(autouse=True)
def _markers(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)


def _roads(**changes: Any) -> Recipe:
    """Return a recipe that is validated on rendered roads."""
    return Recipe("roads", size=(128, 56), viewport=ViewportPolicy((128, 56)), **changes)


def part_of(name: str, folder: Path) -> DataPart:
    kind, write, lists = OWN[name]
    return DataPart(kind=kind, frames=str(write(folder / "data")), lists=lists)  # type: ignore[arg-type]


def row_of(folder: Path) -> dict[str, float]:
    """Return the figures of the last row of ``metrics.csv``."""
    with (folder / "logs" / "metrics.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    return {name.removeprefix("val/"): float(value) for name, value in last.items() if name.startswith("val/")}


@pytest.mark.parametrize("name", OWN)
def test_the_figures_of_a_run_are_those_of_lanelight_eval(name: str, tmp_path: Path) -> None:
    part = part_of(name, tmp_path)
    folder, out = tmp_path / "run", tmp_path / "eval.json"
    run(marker_recipe(part), folder)
    listed = ["--list", f"{part.frames}/{part.lists[0]}"] if part.lists else ["--split", "all"]
    words = ["eval", str(folder), "--data", part.kind, "--root", part.frames, "--threads", "1", *listed]
    assert main([*words, "--json", str(out)]) == 0
    printed = json.loads(out.read_text())
    assert printed.pop("latency_ms") > 0
    seen = row_of(folder)
    figure = FIGURES[str(OWN[name][0]).replace("native", "culane")]
    noted = json.loads((folder / "run.json").read_text())["result"]["best"]
    assert noted == {"step": 1, "figure": figure, "value": seen[figure]}
    if part.kind == "tusimple":
        assert seen.pop("f1") == balance(printed)
    assert seen == dict(flat(printed))
    assert 0.1 < noted["value"] < 1


def test_line_widths_are_scaled_with_the_frame(tmp_path: Path) -> None:
    part = part_of("native", tmp_path)
    frames = ValidationFrames(marker_recipe(part))
    model = Markers(frames.recipe.size).eval()
    found = frames.score(model)
    metric = CULaneF1(line_px=12)  # 30 px in 1640 are 12 in 640
    for sample in frames.samples():
        view = frames.recipe.viewport.view(sample.gold.size)
        (pred,) = model.decode(model(torch.from_numpy(network_input(sample.frame, view))), [view])
        metric.update(Scene(pred.size, pred.lanes), Scene(sample.gold.size, sample.gold.lanes))
    assert {name: found[name] for name in dict(flat(metric.compute()))} == dict(flat(metric.compute()))


@pytest.mark.parametrize(
    ("metric", "figure"), [("culane", "iou_0.5/f1"), ("tusimple", "f1"), ("bdd100k", "iou"), (None, "iou_0.5/f1")]
)
def test_rendered_roads_can_be_scored_by_each_metric(metric: Any, figure: str) -> None:
    frames = ValidationFrames(_roads(val_frames=5, batch=2, metric=metric))
    assert frames.figure == figure
    perfect = _Oracle([sample.gold for sample in frames.samples()])
    found = frames.score(perfect)
    assert found["frames"] == (4 if metric == "tusimple" else 5)  # it leaves out a frame without lanes
    assert perfect.batches == [2, 2, 1]
    if metric == "bdd100k":
        assert 0.1 < found["iou"] < 0.9  # lines of 8 px against lines of 2 px
        assert found["accuracy"] == pytest.approx(0.8, abs=0.01)  # the frame without lanes counts as 0
    else:
        assert found[figure] == 1


@pytest.mark.parametrize("metric", OTHERS)
def test_on_rendered_roads_lanes_without_a_slot_are_not_asked_for(metric: str) -> None:
    lanes = [Lane(np.array([[x, 359.0], [x, 100.0]]), slot=slot) for x, slot in ((100.0, 0), (300.0, 3), (500.0, None))]
    counter = OTHERS[metric]()
    counter.count(0, Scene((640, 360), lanes[:2]), Scene((640, 360), lanes))
    found = dict(flat(counter.figures()))
    assert found["accuracy" if metric == "bdd100k" else FIGURES[metric]] == 1


@pytest.mark.parametrize(("kind", "metric"), [("tusimple", "culane"), ("native", "tusimple"), ("culane", "bdd100k")])
def test_any_data_can_be_scored_by_any_metric(kind: str, metric: Any, tmp_path: Path) -> None:
    frames = ValidationFrames(marker_recipe(part_of(kind, tmp_path), metric=metric))
    found = frames.score(Markers(frames.recipe.size).eval())
    assert frames.figure == FIGURES[metric]
    assert 0.1 < found[frames.figure] < 1


def test_masks_have_no_lines_to_compare(tmp_path: Path) -> None:
    with pytest.raises(LanelightError, match="expected metric bdd100k for lane masks, got tusimple"):
        ValidationFrames(marker_recipe(part_of("masks", tmp_path), metric="tusimple"))


def test_a_network_of_lane_pixels_has_no_lines_to_compare_either() -> None:
    model = Markers((64, 32))
    model.decoder = LaneAreaDecoder()
    ValidationFrames(_roads(metric="bdd100k")).check(model)
    with pytest.raises(LanelightError, match="where lanes are but not which, got culane; set metric=bdd100k"):
        ValidationFrames(_roads()).check(model)


def test_frames_that_cannot_be_read_are_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    part = part_of("native", tmp_path)
    frames = ValidationFrames(marker_recipe(part))
    model = Markers(frames.recipe.size).eval()
    (Path(part.frames) / "2.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        assert frames.score(model)["frames"] == 3
    assert "2.png" in caplog.text
    for index in range(painted_datasets.FRAMES):
        (Path(part.frames) / f"{index}.png").unlink(missing_ok=True)
    with pytest.raises(LanelightError, match="none could be read"):
        frames.score(model)


def test_the_metric_is_an_entry_of_the_recipe(tmp_path: Path) -> None:
    roads = _roads()
    assert (roads.metric, roads.validated_by) == (None, "culane")
    assert roads.override(["metric=tusimple"]).validated_by == "tusimple"
    with pytest.raises(LanelightError, match="metric"):
        roads.override(["metric=f1"])
    assert Recipe.from_dict({name: value for name, value in roads.to_dict().items() if name != "metric"}) == roads
    for name, own in (("tusimple", "tusimple"), ("bdd100k", "bdd100k"), ("culane", "culane")):
        assert marker_recipe(part_of(name, tmp_path / name)).validated_by == own


def test_the_first_use_of_the_metric_says_that_it_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import numba

    fresh: Any = numba.njit(lambda x: x + 1)  # compiled at its first call

    frames = ValidationFrames(marker_recipe(part_of("native", tmp_path)))
    rule = frames._own
    assert rule is not None
    monkeypatch.setattr(frames, "_own", lambda: rule() if fresh(1) else None)
    with caplog.at_level(logging.INFO):
        frames.score(Markers(frames.recipe.size).eval())
    assert caplog.text.count("compiling the metric for this machine") == 1


class _Oracle(LaneModel):
    """Says what it was told, frame after frame."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ("images",)

    def __init__(self, scenes: list[Scene]) -> None:
        super().__init__()
        told = [Scene(scene.size, [lane for lane in scene.lanes if lane.slot is not None]) for scene in scenes]
        answers = iter(told)
        self.decoder: Any = lambda _arrays, _view: next(answers)
        self.batches: list[int] = []
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        self.batches.append(len(images))
        return {"images": images}

    def target(self, scene: Scene, view: Viewport) -> dict[str, Any]:  # noqa: ARG002
        raise AssertionError

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:  # noqa: ARG002
        raise AssertionError
