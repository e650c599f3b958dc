"""Networks with one class per pixel: what they learn from, how they are validated, the pictures of a run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import painted_classes
import painted_datasets
import pytest
from torch import nn
from train import tiny

from lanelight.datasets import CamVid, Cityscapes
from lanelight.datasets.augment import AUGMENTS
from lanelight.datasets.placement import Window
from lanelight.errors import FormatError, LanelightError
from lanelight.formats import cityscapes
from lanelight.frames import read_image, read_map, write_image
from lanelight.models import MODELS
from lanelight.models.class_maps import ClassLoss
from lanelight.models.fast_scnn import fast_scnn
from lanelight.recipes import recipe
from lanelight.runtime.evaluate import evaluate
from lanelight.runtime.scoring_classes import ClassRule
from lanelight.train import DataPart, Recipe, run
from lanelight.train.data import TrainingFrames
from lanelight.train.recipe import Optimizer
from lanelight.train.run import build
from lanelight.train.schedule import optimizer
from lanelight.train.session import load_detector
from lanelight.train.sources import frames_of
from lanelight.train.validate import FIGURES, ValidationFrames, flat

SIZE = painted_classes.SIZE
Damage = Callable[[Path], object]


def small(kind: str, root: Path, **changes: Any) -> Recipe:
    """Return a recipe on painted data that takes seconds."""
    base = recipe({"cityscapes": "fast_scnn_cityscapes", "camvid": "fast_scnn_camvid"}[kind])
    assert isinstance(base.loss, ClassLoss)
    quick: dict[str, Any] = {
        "size": SIZE,
        "crop": None,
        "viewport": replace(base.viewport, target=SIZE),
        "augment": AUGMENTS["none"],
        "loss": replace(base.loss, weights=None),  # for any number of classes
        "steps": 2,
        "batch": 2,
        "val_every": 2,
        "log_every": 1,
        "workers": 0,
        "precision": "32-true",
    }
    return replace(base, **(quick | changes)).override([f"data.root={root}"])


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    return painted_classes.write("camvid", tmp_path / "camvid")


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    return painted_classes.write("cityscapes", tmp_path / "cityscapes")


def frames(wanted: Recipe) -> TrainingFrames:
    return TrainingFrames(wanted, build(wanted))


@pytest.mark.parametrize("kind", ["cityscapes", "camvid"])
def test_class_maps_are_learnt_as_they_are(kind: str, tmp_path: Path) -> None:
    root = painted_classes.write(kind, tmp_path)
    samples = frames(small(kind, root))
    found = [samples[index] for index in range(4)]
    assert {tuple(sample["images"].shape) for sample in found} == {(3, SIZE[1], SIZE[0])}
    data: Any
    if kind == "camvid":
        data = CamVid(root, ignore_void=True, select=("0001TP_*", "0016E5_*"))
    else:
        data = Cityscapes(root, "train", ids="trainIds")
    known = [data[index][2].classes for index in range(len(data))]
    for sample in found:
        assert any((sample["classes"].numpy() == classes).all() for classes in known)
        assert (sample["classes"] == 255).any()


def test_samples_may_be_smaller_than_the_networks_input(camvid: Path) -> None:
    wanted = small("camvid", camvid, crop=(96, 64), augment=replace(AUGMENTS["none"], window=Window(of="frame")))
    samples = frames(wanted)
    assert samples[0]["images"].shape == (3, 64, 96)
    assert samples[0]["classes"].shape == (64, 96)
    assert samples[0]["images"].float().std() > 0


def test_what_a_crop_shows_beyond_the_frame_is_not_learnt(camvid: Path) -> None:
    half = replace(AUGMENTS["none"], window=Window(scale=(0.5, 0.5), of="frame"))
    sample = frames(small("camvid", camvid, augment=half))[0]
    assert float((sample["classes"] == 255).float().mean()) == pytest.approx(1 - 0.25 * 120 / 128, abs=0.02)
    strict = replace(half, window=Window(scale=(0.5, 0.5), of="frame", beyond=False))
    with pytest.raises(LanelightError, match=r"crop: expected at most 256x128 px of the frame, got 512x256 at a scale"):
        frames(small("camvid", camvid, augment=strict))


def test_rendered_roads_give_other_road_and_marking(camvid: Path) -> None:
    roads = DataPart(kind="synthetic", seed=3, pool=2, world="plain")
    names = ["other", "road", "marking"]
    wanted = small("camvid", camvid, data=(roads,), parts={"classes": 3, "names": names}, val_frames=0)
    assert set(np.unique(frames(wanted)[0]["classes"]).tolist()) == {0, 1, 2}
    told = r"expected a network with the classes of data\.0, other, road, marking; got one with sky, .*parts\.classes=3"
    with pytest.raises(LanelightError, match=told):
        frames(replace(wanted, parts={"classes": 11}))


def test_rendered_roads_are_validated_on_too(camvid: Path) -> None:
    plain = DataPart(kind="synthetic", seed=5, world="plain")
    names = ["other", "road", "marking"]
    wanted = replace(
        small("camvid", camvid), validation=plain, val_frames=3, parts={"classes": 3, "names": names}, pictures=1
    )
    scored = ValidationFrames(wanted)
    found = scored.score(build(wanted).eval())
    assert (scored.figure, found["frames"], len(scored.shown)) == ("class_miou", 3, 1)
    assert set(found) >= {"per_class/road", "per_class/marking", "pixel_accuracy"}
    with pytest.raises(LanelightError, match="expected validation frames with the network's classes, sky, "):
        scored.score(build(replace(wanted, parts={"classes": 11})).eval())


def test_a_network_for_classes_is_not_trained_on_lanes_nor_the_other_way_round(camvid: Path, tmp_path: Path) -> None:
    root = painted_datasets.write_native(tmp_path / "native")
    with pytest.raises(LanelightError, match="expected data with class maps for this network, got 'culane'"):
        frames(small("camvid", camvid, data=(DataPart(kind="culane", frames=str(root)),)))
    with pytest.raises(LanelightError, match="expected data with lanes for this network, got 'camvid'"):
        frames(replace(recipe("smoke"), data=(DataPart(kind="camvid", frames=str(camvid)),)))
    with pytest.raises(LanelightError, match=r"expected a labelled split of native in .*has no pixel with a class"):
        frames(replace(small("camvid", camvid), data=(DataPart(kind="native", frames=str(root)),)))
    with pytest.raises(LanelightError, match="expected no crop for enet_sad"):
        frames(replace(recipe("smoke"), crop=(64, 64)))
    with pytest.raises(LanelightError, match="expected select only with camvid and masks, got it with 'native'"):
        frames_of(DataPart(kind="native", frames=str(root), select=("a*",)), SIZE)


def test_a_split_without_labels_is_refused(streets: Path) -> None:
    wanted = small("cityscapes", streets)
    told = r"expected a labelled split of cityscapes in .*, split test; its first frame, .* has no pixel with a class"
    with pytest.raises(LanelightError, match=told):
        frames(replace(wanted, data=(replace(wanted.data[0], split="test"),)))
    for file in (streets / "gtFine" / "test").rglob("*.png"):
        file.unlink()
    with pytest.raises(LanelightError, match=r"expected labelled frames of cityscapes in .*test, got: .*labelIds"):
        frames(replace(wanted, data=(replace(wanted.data[0], split="test"),)))


def _first(root: Path) -> Path:
    return sorted((root / "gtFine" / "train").rglob(f"*{cityscapes.LABEL_IDS}"))[0]


def _strange(root: Path) -> None:
    ids = np.asarray(read_map(_first(root)), np.uint8)
    ids[0] = 77
    write_image(_first(root), ids)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_strange, r"gtFine_labelIds\.png: expected label ids 0 to 33, got 77"),
        (
            lambda root: write_image(_first(root), np.zeros((64, 256), np.uint8)),
            r"labelIds\.png: expected class ids of 8 bits in the frame's size \(256, 128\), got 256 x 64",
        ),
    ],
)
def test_labels_that_cannot_be_right_are_named(streets: Path, damage: Damage, told: str) -> None:
    damage(streets)
    with pytest.raises(LanelightError, match=told):
        frames(small("cityscapes", streets))


def test_an_id_that_the_network_does_not_have_is_told_with_its_frame(tmp_path: Path, camvid: Path) -> None:
    root = painted_classes.write("road", tmp_path / "road")
    ids = np.zeros((160, 160), np.uint8)
    ids[:, :80] = 7
    write_image(root / "masks" / "p_train_0.png", ids)
    part = DataPart(kind="masks", frames=f"{root}/images", masks=f"{root}/masks", select=("p_train_0*",))
    wanted = small("camvid", camvid, parts={"classes": 2, "names": ["other", "road"]})
    wanted = replace(wanted, data=(part,))
    with pytest.raises(FormatError, match=r"data\.0\[0\] \(p_train_0\.jpg\): expected class ids 0 to 1"):
        frames(wanted)[0]
    scored = replace(wanted, validation=replace(part, seed=1), val_frames=2)
    model = build(scored).eval()
    with pytest.raises(FormatError, match=r"validation frame p_train_0\.jpg: .*expected true ids 0 to 1"):
        ValidationFrames(scored).score(model)


@pytest.mark.parametrize("kind", ["cityscapes", "camvid"])
def test_the_figures_of_a_run_are_those_of_an_evaluation_on_whole_frames(kind: str, tmp_path: Path) -> None:
    root = painted_classes.write(kind, tmp_path / "data")
    wanted = small(kind, root)
    assert wanted.validated_by == kind
    assert run(wanted, tmp_path / "run").is_file()
    with (tmp_path / "run" / "logs" / "metrics.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[-1]
    seen = {name.removeprefix("val/"): float(value) for name, value in row.items() if name.startswith("val/") and value}
    data: Any = Cityscapes(root, "val") if kind == "cityscapes" else CamVid(root, select=("0006R0_*",))
    with load_detector(tmp_path / "run", threads=1) as detector:
        rule = ClassRule(data)
        found = dict(flat(evaluate(detector, rule).scores))
    assert seen == pytest.approx(found)
    best = json.loads((tmp_path / "run" / "run.json").read_text())["result"]["best"]
    assert (best["figure"], best["value"]) == (FIGURES[kind], seen["class_miou"])


def test_training_lowers_the_loss_and_finds_the_road(tmp_path: Path) -> None:
    root = painted_classes.write("road", tmp_path / "road")
    base = recipe("fast_scnn_road")
    part = replace(base.data[0], frames=f"{root}/images", masks=f"{root}/masks")
    wanted = replace(
        base,
        data=(part,),
        validation=replace(part, select=("p_orig_*",)),
        size=(128, 72),
        viewport=replace(base.viewport, target=(128, 72)),
        augment=replace(AUGMENTS["none"], flip=0.5),
        optim=Optimizer(lr=3e-3, warmup_steps=5),
        steps=40,
        batch=4,
        val_every=40,
        workers=0,
        precision="32-true",
    )
    assert wanted.validated_by == "classes"
    run(wanted, tmp_path / "run")
    with (tmp_path / "run" / "logs" / "metrics.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[-1]
    assert float(row["val/per_class/road"]) > 0.7
    assert float(row["val/frames"]) == 1


def test_metrics_and_networks_have_to_fit_each_other(camvid: Path) -> None:
    wanted = small("camvid", camvid)
    model = build(wanted)
    with pytest.raises(LanelightError, match="of what fast_scnn finds, one class per pixel, got culane"):
        ValidationFrames(replace(wanted, validation=None, metric="culane")).check(model)
    with pytest.raises(LanelightError, match="expected validation frames of cityscapes, which the metric is of"):
        ValidationFrames(replace(wanted, metric="cityscapes"))
    lanes = replace(recipe("smoke"), metric="classes")
    with pytest.raises(LanelightError, match="expected a metric of what enet_sad finds, lanes, got classes"):
        ValidationFrames(lanes).check(build(lanes))
    assert replace(wanted, validation=None).validated_by == "classes"
    any_data = ValidationFrames(replace(wanted, metric="classes"))
    any_data.check(model)
    assert any_data.score(model.eval())["frames"] == 2


@pytest.mark.parametrize("classes", [True, False])
def test_a_few_validation_frames_are_drawn_at_every_validation(
    classes: bool, tmp_path: Path, camvid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", tiny.Tiny)
    wanted = small("camvid", camvid) if classes else tiny.tiny_recipe(tiny.write_roads(tmp_path / "roads"))
    wanted = replace(wanted, steps=4, val_every=2, pictures=2)
    run(wanted, tmp_path / "run")
    drawn = sorted((tmp_path / "run" / "pictures").iterdir())
    assert [file.name for file in drawn] == ["step_000002.jpg", "step_000004.jpg"]
    sheet = read_image(drawn[0])
    assert sheet.shape[1] > 3 * 480
    assert sheet.shape[0] > 2 * 240
    quiet = replace(wanted, pictures=0)
    run(quiet, tmp_path / "quiet")
    assert not (tmp_path / "quiet" / "pictures").exists()


def test_the_frames_that_are_drawn_lie_far_from_each_other(camvid: Path) -> None:
    every = replace(small("camvid", camvid), validation=DataPart(kind="camvid", frames=str(camvid)))
    model = build(every).eval()
    for pictures, wanted in ((0, []), (1, [0]), (2, [0, 3]), (9, [0, 1, 2, 3, 4, 5])):
        scored = ValidationFrames(replace(every, pictures=pictures))
        scored.score(model)
        true = [sample.gold.classes for sample in scored.samples()]
        assert len(scored.shown) == len(wanted)
        for shown, number in zip(scored.shown, wanted, strict=True):
            assert shown.gold.classes is not None
            assert true[number] is not None
            assert (shown.gold.classes == true[number]).all()
            assert shown.pred.classes is not None


def test_a_number_of_pictures_below_zero_is_refused() -> None:
    with pytest.raises(LanelightError, match="expected pictures of 0 or more, got -1"):
        replace(recipe("smoke"), pictures=-1)


@pytest.mark.parametrize("decays", [True, False])
def test_weight_decay_can_leave_out_depthwise_convolutions(decays: bool) -> None:
    model = fast_scnn((64, 64), auxiliary=True)
    settings = Optimizer(name="sgd", weight_decay=4e-5, decay_depthwise=decays)
    groups = optimizer(model, settings, 0.045).param_groups
    decay_of = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert len(decay_of) == len(list(model.parameters()))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            depthwise = module.groups > 1
            assert decay_of[id(module.weight)] == (0.0 if depthwise and not decays else 4e-5)
        elif isinstance(module, nn.BatchNorm2d):
            assert decay_of[id(module.weight)] == decay_of[id(module.bias)] == 0.0


def test_the_folders_of_masks_keep_their_names_below_a_new_root() -> None:
    moved = recipe("fast_scnn_road").override(["data.root=/data/mine"])
    assert moved.validation is not None
    for part in (moved.data[0], moved.validation):
        assert (part.frames, part.masks) == ("/data/mine/images", "/data/mine/masks")


def test_two_networks_say_what_they_learn_from() -> None:
    assert fast_scnn((64, 64)).LABELS == "classes"
    assert tiny.Tiny.LABELS == "lanes"
    assert isinstance(recipe("fast_scnn_camvid").loss, ClassLoss)
