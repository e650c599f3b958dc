"""What a recipe says of its network: its parts, its taps; and what training makes of masks and borders."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import painted_datasets
import painted_splits
import pytest
from train import tiny

from lanelight.datasets.augment import AUGMENTS
from lanelight.decode import LaneAreaDecoder, MaskDecoder
from lanelight.distill.self_attention import SelfAttentionDistillation
from lanelight.errors import LanelightError, ModelError
from lanelight.geometry import Lane, Scene, Viewport
from lanelight.models import MODELS
from lanelight.models.enet_sad import EnetSad
from lanelight.models.layouts import LAYOUTS, Converted
from lanelight.models.slot_masks import MaskLoss, mask_target
from lanelight.recipes import recipe
from lanelight.train.data import TrainingFrames
from lanelight.train.recipe import DataPart, Recipe
from lanelight.train.run import build, load_run, run, settable
from lanelight.train.sources import Slotted, frames_of

SIZE = (128, 56)


def _recipe(**changes: Any) -> Recipe:
    return replace(recipe("smoke"), steps=2, val_every=2, batch=2, val_frames=0, **changes)


def test_parts_reach_the_network_and_its_decoder() -> None:
    model = build(_recipe(parts={"channels": 1, "shared_stages": True}))
    assert isinstance(model, EnetSad)
    assert (model.channels, model.shared_stages) == (1, True)
    assert isinstance(model.decoder, LaneAreaDecoder)
    assert isinstance(build(_recipe()).decoder, MaskDecoder)


def test_parts_are_set_one_by_one() -> None:
    changed = recipe("smoke").override(["parts.channels=1", "parts.shared_stages=true"])
    assert changed.parts == {"channels": 1, "shared_stages": True}
    assert Recipe.from_dict(changed.to_dict()) == changed
    assert recipe("smoke").parts == {}


@pytest.mark.parametrize("part", ["size", "width_px", "loss_terms", "decoder", "chanels"])
def test_parts_that_are_unknown_or_have_an_entry_of_their_own_are_refused(part: str) -> None:
    with pytest.raises(ModelError, match=f"recipe smoke: parts: unknown part of enet_sad '{part}'"):
        build(_recipe(parts={part: 1}))


def test_what_may_be_set_is_what_the_class_takes_by_name() -> None:
    assert settable(MODELS["enet_sad"]) == ["pretrained_backbone", "channels", "shared_stages"]
    assert settable(tiny.Tiny) is None  # it takes anything


def test_a_run_remembers_the_parts_that_its_weights_do_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", Remembering)
    monkeypatch.setitem(LAYOUTS, "tiny", lambda state: Converted(state, {"mood": "told"}))
    roads = tiny.write_roads(tmp_path / "roads")
    run(replace(tiny.tiny_recipe(roads), steps=2, val_frames=0, parts={"mood": "set"}), tmp_path / "run")
    _, model = load_run(tmp_path / "run")
    assert isinstance(model, Remembering)
    assert model.mood == "set"


class Remembering(tiny.Tiny):
    """`Tiny` with a part that no tensor shows."""

    def __init__(self, size: tuple[int, int], *, mood: str = "usual", **parts: Any) -> None:
        super().__init__(size, **parts)
        self.mood = mood


def test_a_tap_that_the_network_does_not_have_is_named_before_anything_is_written(tmp_path: Path) -> None:
    wrong = SelfAttentionDistillation(pairs=(("encoder2", "encoder5"),))
    with pytest.raises(
        ModelError, match=r"distillation\.pairs: unknown tap of enet_sad 'encoder5'.*encoder1, encoder2"
    ):
        run(_recipe(distillation=wrong), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_distillation_that_never_begins_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        build(_recipe(distillation=SelfAttentionDistillation(start_step=2)))
    assert "never begins: distillation.start_step is 2, the run has 2 steps" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        build(_recipe(distillation=SelfAttentionDistillation(start_step=1)))
    assert not caplog.text


def test_the_peak_of_the_maps_is_logged_and_is_no_part_of_the_loss(tmp_path: Path) -> None:
    sad = SelfAttentionDistillation(start_step=1, ramp_steps=4, form="reference")
    run(_recipe(distillation=sad, log_every=1), tmp_path)
    lines = (tmp_path / "logs" / "metrics.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert rows[0]["sad/peak"] == ""  # before it starts
    assert 0.9 < float(rows[1]["sad/peak"]) <= 1.0  # the raw sum of squares saturates from the start
    terms = [float(value) for name, value in rows[1].items() if name.startswith("loss/")]
    assert float(rows[1]["loss"]) == pytest.approx(sum(terms), rel=1e-5)


def _lines(classes: np.ndarray[Any, np.dtype[np.uint8]] | None = None) -> Scene:
    return Scene((64, 32), [Lane(np.array([[10.0, 31.0], [10.0, 0.0]]), slot=1)], classes)


def test_with_one_channel_pixels_of_lanes_are_learnt_beside_lines() -> None:
    classes = np.zeros((32, 64), np.uint8)
    classes[:, 40:44] = 1
    classes[:4] = 255
    view = Viewport.whole((64, 32))
    one = mask_target(_lines(classes), view, channels=1, width_px=2)
    assert (one["lanes"][10:, 41] == 1).all()
    assert (one["lanes"][10:, 10] == 1).all()
    assert (one["lanes"][:4, 50] == 255).all()
    assert np.isnan(one["exist"][[0, 2, 3]]).all()  # pixels do not tell whose they are
    five = mask_target(_lines(classes), view, channels=5, width_px=2)
    assert set(np.unique(five["lanes"])) == {0, 2, 255}


def test_of_the_classes_of_a_data_set_only_lanes_and_unknown_pixels_are_kept() -> None:
    classes = np.zeros((32, 64), np.uint8)
    classes[:, :8], classes[:, 8:16], classes[:, 16:20] = 1, 2, 255

    class One:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> tuple[str, np.ndarray[Any, np.dtype[np.uint8]], Scene]:
            return "a", np.zeros((32, 64, 3), np.uint8), _lines(classes)

    def kept(lane_class: int | None) -> Mapping[int, int]:
        found = Slotted(One(), lane_class)[0][2].classes
        assert found is not None
        return dict(zip(*(part.tolist() for part in np.unique(found, return_counts=True)), strict=True))

    assert kept(None) == {0: 32 * 60, 255: 32 * 4}
    assert kept(2) == {0: 32 * 52, 1: 32 * 8, 255: 32 * 4}
    classes[:] = 1
    assert Slotted(One())[0][2].classes is None


def test_the_masks_of_bdd100k_are_learnt_as_they_are(tmp_path: Path) -> None:
    root = painted_splits.write("bdd100k", tmp_path)
    part = DataPart(kind="bdd100k", frames=str(root), split="train")
    small = _recipe(parts={"channels": 1}, loss=MaskLoss(exist=0), augment=AUGMENTS["none"], data=(part,))
    small = replace(small, viewport=replace(small.viewport, fit="stretch"), order="shuffled")
    sample = TrainingFrames(small, build(small))[0]
    assert 0.002 < float((sample["lanes"] == 1).float().mean()) < 0.2
    assert set(sample["lanes"].flatten().tolist()) == {0, 1}
    with pytest.raises(LanelightError, match=r"expected lanes as lines in data\.0, got masks"):
        TrainingFrames(replace(small, parts={}), build(replace(small, parts={})))


def test_the_two_borders_of_a_marking_are_one_line_and_the_drivable_area_is_none(tmp_path: Path) -> None:
    root = painted_datasets.write_bdd100k_labels(tmp_path)
    part = DataPart(kind="bdd100k", frames=str(root), split="test")
    _, _, scene = frames_of(part, SIZE)[0]
    assert len(scene.lanes) == 4
    assert scene.classes is None
    assert {lane.slot for lane in scene.lanes} == {0, 1, 2, 3}


@pytest.mark.slow
def test_two_processes_train_a_network_whose_existence_branch_is_left_out(tmp_path: Path) -> None:
    small = _recipe(parts={"channels": 1}, loss=MaskLoss(exist=0))
    words = [str(tmp_path / "run"), json.dumps(small.to_dict()), "2"]
    command = [sys.executable, tiny.__file__, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "weights.safetensors").is_file()
