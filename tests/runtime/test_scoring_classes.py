"""Class maps of a data set: counted whole, written in its ids, and scored alike from the files."""

from __future__ import annotations

from pathlib import Path

import class_network
import fake_network
import numpy as np
import painted_datasets
import pytest

from lanelight.datasets import CamVid, Cityscapes, LabelledPictures, Native
from lanelight.errors import LanelightError, ModelError
from lanelight.formats import camvid, cityscapes
from lanelight.frames import read_map
from lanelight.geometry import Scene
from lanelight.metrics.base import Figures
from lanelight.runtime import Detector
from lanelight.runtime.evaluate import Evaluation, evaluate, write_worst
from lanelight.runtime.scoring_classes import ClassRule
from lanelight.score.cityscapes import score


def evaluated(folder: Path, data: LabelledPictures, names: tuple[str, ...], **options: object) -> Evaluation:
    folder.mkdir(exist_ok=True)
    with Detector.load(class_network.write_model(folder, names), backend="onnxruntime", threads=1) as detector:
        return evaluate(detector, ClassRule(data), **options)  # type: ignore[arg-type]


def test_cityscapes_figures_are_those_of_the_benchmark_over_the_saved_maps(tmp_path: Path) -> None:
    root, out = class_network.write_cityscapes(tmp_path / "data"), tmp_path / "pred"
    done = evaluated(tmp_path / "model", Cityscapes(root, "val"), class_network.CITYSCAPES_NAMES, save=out)
    assert done.scores == score(root / "gtFine", out).figures
    assert sorted(path.name for path in out.iterdir()) == [f"ulm_{k:06d}_000019_labelIds.png" for k in range(3)]
    car, pixels = done.scores["per_class"]["car"], 40 * 80
    assert car == pytest.approx(pixels / (2 * pixels))  # seen in frame 0, missed in frame 1
    assert done.scores["per_class"]["rider"] == 0
    assert done.scores["per_class_instance"]["person"] is not None
    assert done.scores["pixel_accuracy"] == pytest.approx(1 - (pixels + 40 * 60) / (3 * 256 * 120))
    assert done.notes == ()


def test_train_ids_give_the_figures_of_label_ids(tmp_path: Path) -> None:
    root = class_network.write_cityscapes(tmp_path / "data")
    found: list[Figures] = []
    for data in (Cityscapes(root, "val"), Cityscapes(root, "val", ids="trainIds")):
        rule = ClassRule(data)
        for index in range(3):
            pred = Scene(class_network.SIZE, classes=class_network.shown_train_ids(index))
            rule.count(index, pred, data[index][2])
        found.append(rule.figures())
    assert found[0] == found[1]


def test_ids_mean_what_the_network_calls_them(tmp_path: Path) -> None:
    data = Cityscapes(class_network.write_cityscapes(tmp_path / "data"), "val")
    names = class_network.CITYSCAPES_NAMES
    forward = evaluated(tmp_path / "one", data, names)
    assert evaluated(tmp_path / "other", data, names[::-1]).scores == forward.scores


def test_camvid_is_counted_over_its_eleven_classes_and_written_in_its_ids(tmp_path: Path) -> None:
    data, out = CamVid(class_network.write_camvid(tmp_path / "data"), "test"), tmp_path / "pred"
    done = evaluated(tmp_path / "model", data, class_network.CAMVID_NAMES, save=out, worst=2)
    counted, car = 50 * 256, 20 * 40
    assert done.scores["per_class"] == dict.fromkeys(class_network.CAMVID_NAMES) | {
        "sky": 1.0,
        "road": (3 * counted - car) / (3 * counted),
        "car": 0.0,
    }
    assert done.scores["pixel_accuracy"] == 1 - car / (3 * 120 * 256)
    assert [bad.place for bad in done.worst] == [1, 0]
    written = read_map(out / "labels" / "drive_1.png")
    assert np.array_equal(written, class_network.camvid_ids(1)[1])
    write_worst(tmp_path / "worst.png", data, done.worst)


def test_pixels_that_do_not_count_are_not_drawn_as_wrong(tmp_path: Path) -> None:
    data = Cityscapes(class_network.write_cityscapes(tmp_path / "data"), "val")
    pred = Scene(class_network.SIZE, classes=class_network.shown_train_ids(0))
    found = ClassRule(data).count(0, pred, data[0][2])
    assert found.pred.classes is not None
    assert found.gold.classes is not None
    assert not found.pred.classes[120:].any()
    assert np.array_equal(found.pred.classes, found.gold.classes)
    assert found.badness == (0.0,)
    assert found.caption == "class IoU 1.000"


def test_a_frame_whose_labels_cannot_be_used_is_named_and_the_others_are_scored(tmp_path: Path) -> None:
    root = class_network.write_cityscapes(tmp_path / "data")
    label = root / "gtFine/val/ulm/ulm_000001_000019_gtFine_instanceIds.png"
    label.write_bytes(label.read_bytes()[:90])
    done = evaluated(tmp_path / "model", Cityscapes(root, "val"), class_network.CITYSCAPES_NAMES)
    assert done.frames == 2
    assert len(done.unreadable) == 1
    assert "ulm_000001_000019" in done.unreadable[0]


def test_labels_that_are_all_void_are_told_about(tmp_path: Path) -> None:
    root = class_network.write_cityscapes(tmp_path / "data", instances=False)
    nothing = np.zeros(class_network.SIZE[::-1], np.uint8)
    for path in (root / "gtFine").rglob("*.png"):
        cityscapes.write_label_ids(path, nothing)
    done = evaluated(tmp_path / "city", Cityscapes(root, "val"), class_network.CITYSCAPES_NAMES)
    assert done.scores["class_miou"] is None
    assert "take a split that is labelled" in done.notes[0]
    root = class_network.write_camvid(tmp_path / "camvid")
    for path in (root / "labels").iterdir():
        camvid.write_classes(path, nothing + np.uint8(camvid.VOID))
    done = evaluated(tmp_path / "cam", CamVid(root, "test"), class_network.CAMVID_NAMES)
    assert "take a split that is labelled" in done.notes[0]


def test_some_missing_instance_maps_are_told_about(tmp_path: Path) -> None:
    root = class_network.write_cityscapes(tmp_path / "data")
    (root / "gtFine/val/ulm/ulm_000001_000019_gtFine_instanceIds.png").unlink()
    done = evaluated(tmp_path / "model", Cityscapes(root, "val"), class_network.CITYSCAPES_NAMES)
    assert done.scores["class_iiou"] is None
    assert done.notes == ("1 of 3 frames have no map of instance ids: no instance scores",)


def test_networks_without_the_classes_of_the_data_are_refused(tmp_path: Path) -> None:
    data = CamVid(class_network.write_camvid(tmp_path / "data"), "test")
    with pytest.raises(ModelError, match=r"model 'colours': .* got one with sidewalk, wall"):
        evaluated(tmp_path / "city", data, class_network.CITYSCAPES_NAMES)
    with (
        Detector.load(fake_network.write_model(tmp_path), backend="onnxruntime", threads=1) as lanes,
        pytest.raises(ModelError, match="its manifest has none"),
    ):
        evaluate(lanes, ClassRule(data))


def test_data_without_classes_and_scenes_without_classes_are_refused(tmp_path: Path) -> None:

    with pytest.raises(LanelightError, match="expected frames with class maps"):
        ClassRule(Native(painted_datasets.write_native(tmp_path / "native")))
    data = CamVid(class_network.write_camvid(tmp_path / "data"), "test")
    with pytest.raises(LanelightError, match="drive_0"):
        ClassRule(data).count(0, Scene(class_network.SIZE), data[0][2])
