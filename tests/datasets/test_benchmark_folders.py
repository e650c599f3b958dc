from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import cv2
import fakes
import numpy as np
import pytest

from lanelight.datasets import (
    BDD100K,
    DATASETS,
    BDD100KMasks,
    CamVid,
    Cityscapes,
    CULane,
    Native,
    TuSimple,
    open_dataset,
)
from lanelight.errors import FormatError, SourceError


def test_culane_gives_lanes_the_slots_that_the_flags_of_its_list_name(tmp_path: Path) -> None:
    data = open_dataset("culane", fakes.culane(tmp_path), "train")
    key, frame, scene = data[1]
    assert key == "driver_23_30frame/05151640_0419.MP4/00001.jpg"
    assert frame.shape == (590, 1640, 3)
    assert scene.size == (1640, 590)
    assert [lane.slot for lane in scene.lanes] == [0, 2, 3]
    for lane, ends in zip(scene.lanes, fakes.CULANE_LANES, strict=True):
        assert lane.points.tolist() == [list(point) for point in fakes.culane_lane(*ends, 1)]
        x, y = np.round(lane.points[1:]).astype(int).T
        assert frame[y, x].min() > 180  # white paint under every point inside the frame
    assert data[2][2].lanes == ()


def test_culane_lanes_have_no_slots_where_the_flags_are_for_another_number(tmp_path: Path) -> None:
    root = fakes.culane(tmp_path)
    text = (root / "list/train_gt.txt").read_text()
    (root / "list/train_gt.txt").write_text(text.replace("1 0 1 1", "1 1 1 1"))
    assert [lane.slot for lane in CULane(root, "list/train_gt.txt")[0][2].lanes] == [None, None, None]


def test_culane_opens_splits_categories_folders_of_lists_and_everything(tmp_path: Path) -> None:
    root = fakes.culane(tmp_path)
    assert len(CULane.open(root, "test")) == 1
    assert CULane.open(root, "normal").keys == ["driver_23_30frame/05151640_0419.MP4/00002.jpg"]
    assert len(CULane(root, "list/test_split")) == 1
    assert len(CULane(root, ["list/train_gt.txt", "list/test.txt"])) == 4
    assert len(CULane(root)) == 3
    assert len(CULane.open(root)) == 4  # both lists that are there
    with pytest.raises(FormatError, match=r"CULane split 'nigth': did you mean 'night'"):
        CULane.open(root, "nigth")
    with pytest.raises(FormatError, match=r"cannot read .*val_gt\.txt"):
        CULane.open(root, "val")


def test_culane_without_a_lane_file_is_named_and_not_taken_for_an_empty_road(tmp_path: Path) -> None:
    root = fakes.culane(tmp_path)
    data = CULane(root, "list/test.txt")
    (root / "driver_23_30frame/05151640_0419.MP4/00002.lines.txt").unlink()
    with pytest.raises(FormatError, match=r"00002\.lines\.txt"):
        data[0]


def test_an_unknown_split_of_a_native_data_set_is_named_with_those_there_are(tmp_path: Path) -> None:
    root = fakes.native(tmp_path)
    with pytest.raises(FormatError, match="unknown split 'vall': did you mean 'val'"):
        Native.open(root, "vall")
    with pytest.raises(FormatError, match=r"unknown split '\.\./train'"):
        Native.open(root, "../train")
    shutil.rmtree(root / "list")
    with pytest.raises(FormatError, match=r"expected a list SPLIT\.txt, found none"):
        Native.open(root, "train")


def test_a_native_data_set_without_frames_is_an_error_as_in_other_formats(tmp_path: Path) -> None:
    path = fakes.native(tmp_path) / "lanes.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(FormatError, match="found none behind the header"):
        Native(tmp_path)


def test_tusimple_has_the_benchmarks_splits_and_takes_several_files(tmp_path: Path) -> None:
    label_file = fakes.tusimple(tmp_path)
    for name in ("label_data_0313.json", "label_data_0601.json", "label_data_0531.json", "test_label.json"):
        (tmp_path / name).write_text(label_file.read_text())
    label_file.unlink()
    counts = {split: len(TuSimple.open(tmp_path, split)) for split in ("train", "val", "trainval", "test", None)}
    assert counts == {"train": 6, "val": 3, "trainval": 9, "test": 3, None: 12}
    assert len(TuSimple(tmp_path, ["label_data_0313.json", "test_label.json"])) == 6
    with pytest.raises(FormatError, match="TuSimple split 'vall': did you mean 'val'"):
        TuSimple.open(tmp_path, "vall")


def test_bdd100k_lanes_come_from_left_to_right_and_bottom_up_and_areas_become_classes(tmp_path: Path) -> None:
    fakes.bdd100k(tmp_path)
    data = BDD100K.open(tmp_path, "train")
    key, frame, scene = data[1]
    assert (key, frame.shape) == ("0000f77c-6257be51.jpg", (720, 1280, 3))
    assert [lane.points[0].tolist() for lane in scene.lanes] == [[400, 700], [420, 700], [1100, 700]]
    assert dict(scene.lanes[2].attributes) == {
        "laneDirection": "parallel", "laneStyle": "solid", "laneTypes": "road curb"
    }  # fmt: skip
    assert scene.classes is not None
    assert [scene.classes[600, x] for x in (300, 600, 1200)] == [2, 1, 0]
    assert data.class_names == ("background", "direct", "alternative")


def test_bdd100k_labels_may_lie_in_one_file_a_picture(tmp_path: Path) -> None:
    file = fakes.bdd100k(tmp_path)
    frames = json.loads(file.read_text())
    folder = tmp_path / "labels/100k/train"
    folder.mkdir(parents=True)
    for frame in frames:
        (folder / frame["name"]).with_suffix(".json").write_text(json.dumps(frame))
    file.unlink()
    data = BDD100K.open(tmp_path)
    assert data.keys == [frame["name"] for frame in frames]
    assert len(data[0][2].lanes) == 3


def test_bdd100k_lanes_and_areas_in_two_files_are_joined(tmp_path: Path) -> None:
    file = fakes.bdd100k(tmp_path, frames=1)
    [frame] = json.loads(file.read_text())
    file.unlink()
    for word, labels in (("lane", frame["labels"][:4]), ("drivable", frame["labels"][4:])):
        path = tmp_path / f"labels/{word}/polygons/{word}_val.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps([frame | {"labels": labels}]))
    scene = BDD100K.open(tmp_path, "val")[0][2]
    assert len(scene.lanes) == 3
    assert scene.classes is not None


def test_bdd100k_own_masks_of_drivable_area_stand_in_for_polygons(tmp_path: Path) -> None:
    file = fakes.bdd100k(tmp_path, frames=1)
    [frame] = json.loads(file.read_text())
    file.write_text(json.dumps([frame | {"labels": frame["labels"][:4]}]))
    mask = np.tile(np.array([0, 1, 2, 255], np.uint8), (720, 320))
    path = tmp_path / "labels/drivable/masks/train" / frame["name"].replace(".jpg", ".png")
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), mask)
    scene = BDD100K.open(tmp_path)[0][2]
    assert scene.classes is not None
    assert scene.classes[0, :4].tolist() == [1, 2, 0, 255]
    cv2.imwrite(str(path), mask + 3)
    with pytest.raises(FormatError, match=r"expected 0, 1, 2 or 255 in a mask, found 3"):
        BDD100K.open(tmp_path)[0]


def test_the_lists_of_the_sad_release_give_lane_masks_as_classes(tmp_path: Path) -> None:
    file = fakes.bdd100k_lists(tmp_path)
    for data in (BDD100K.open(tmp_path, list_file=file), BDD100K.open(tmp_path, "train")):
        assert isinstance(data, BDD100KMasks)
        key, _, scene = data[1]
        assert key == "train_img/train/1.jpg"
        assert scene.classes is not None
        assert np.unique(scene.classes).tolist() == [0, 1]
        assert scene.classes[719, 300] == 1
    (tmp_path / "images/100k").mkdir(parents=True)
    (tmp_path / "train_img/train").rename(tmp_path / "images/100k/train")  # where BDD100K itself has them
    assert len(BDD100K.open(tmp_path, list_file=file)[1][1]) == 720


def test_cityscapes_is_read_from_its_own_folders_with_either_kind_of_id(tmp_path: Path) -> None:
    root = fakes.cityscapes(tmp_path)
    assert [len(Cityscapes.open(root, split)) for split in (None, "train", "val")] == [4, 2, 2]
    key, _, scene = Cityscapes(root, "val")[1]
    assert key == "leftImg8bit/val/frankfurt/frankfurt_000001_000019_leftImg8bit.png"
    assert scene.classes is not None
    assert np.unique(scene.classes).tolist() == list(range(34))
    trained = Cityscapes(root, "val", ids="trainIds")
    ids = trained[1][2].classes
    assert ids is not None
    assert np.unique(ids).tolist() == [*range(19), 255]
    assert trained.class_names[:2] == ("road", "sidewalk")
    assert (ids[scene.classes == 7] == 0).all()
    with pytest.raises(FormatError, match=r"Cityscapes split 'vall': did you mean 'val'"):
        Cityscapes(root, "vall")


def test_cityscapes_takes_a_list_and_names_a_missing_map(tmp_path: Path) -> None:
    root = fakes.cityscapes(tmp_path)
    name = "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"
    (root / "own.txt").write_text(f"{name}\tgtFine/whatever.png\n")
    data = Cityscapes.open(root, list_file="own.txt")
    assert data.keys == [name]
    data.label(0).unlink()
    with pytest.raises(SourceError, match=r"aachen_000000_000019_gtFine_labelIds\.png"):
        data[0]


def test_camvid_is_read_from_folders_and_from_lists_of_another_machine(tmp_path: Path) -> None:
    root = fakes.camvid(tmp_path)
    assert [len(CamVid.open(root, split)) for split in (None, "train", "val")] == [4, 2, 2]
    for data in (CamVid(root, "val"), CamVid(root, list_file="val.txt")):
        _, frame, scene = data[1]
        assert frame.shape == (36, 48, 3)
        assert scene.classes is not None
        assert np.unique(scene.classes).tolist() == list(range(12))
    ids = CamVid(root, "val", ignore_void=True)[1][2].classes
    assert ids is not None
    assert np.unique(ids).tolist() == [*range(11), 255]


def test_native_gives_back_everything(tmp_path: Path) -> None:
    data = Native(fakes.native(tmp_path))
    key, frame, scene = data[0]
    assert (key, frame.shape) == ("a/0.png", (180, 320, 3))
    lane = scene.lanes[0]
    assert (lane.score, lane.slot, lane.track, dict(lane.attributes)) == (0.5, 1, 7, {"style": "dashed"})
    assert np.isnan(lane.points[1, 0])
    assert len(scene.lanes[1].points) == 0
    assert scene.classes is not None
    assert (scene.classes == 2).all()
    assert data.class_names == ("a", "b", "c")
    assert data[1][2].classes is None
    assert Native.open(tmp_path, "val").keys == ["1.jpg"]


def test_native_pictures_may_lie_in_the_root_and_class_maps_need_not_be_named(tmp_path: Path) -> None:
    root = fakes.native(tmp_path)
    (root / "frames/1.jpg").rename(root / "1.jpg")
    cv2.imwrite(str(root / "classes/1.png"), np.full((180, 320), 1, np.uint8))
    classes = Native(root)[1][2].classes
    assert classes is not None
    assert (classes == 1).all()


def test_native_refuses_videos_other_sizes_and_unknown_names(tmp_path: Path) -> None:
    root = fakes.native(tmp_path)
    (root / "list/val.txt").write_text("2.jpg\n")
    with pytest.raises(FormatError, match=r"val\.txt line 1: .*'2\.jpg'"):
        Native.open(root, "val")
    cv2.imwrite(str(root / "frames/1.jpg"), np.zeros((90, 160, 3), np.uint8))
    with pytest.raises(FormatError, match=r"expected a picture of \(320, 180\).*got \(160, 90\)"):
        Native(root)[1]
    text = (root / "lanes.jsonl").read_text()
    (root / "lanes.jsonl").write_text(text.replace('"name": "1.jpg", ', ""))
    with pytest.raises(FormatError, match="expected a name in the line of every frame, frame 1 has none"):
        Native(root)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_data_set_says_when_its_folder_or_its_files_are_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="nowhere: expected"):
        open_dataset(name, tmp_path / "nowhere")
    with pytest.raises(FormatError, match=r"expected|cannot read"):
        open_dataset(name, tmp_path)


def test_an_unknown_data_set_gives_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="unknown data set 'tusmple': did you mean 'tusimple'"):
        open_dataset("tusmple", tmp_path)


@pytest.mark.parametrize(
    ("name", "folder", "frames", "lanes"),
    [
        ("tusimple", "tusimple", 138, 552),
        ("culane", "culane_clip", 180, 314),
        ("bdd100k", "bdd_sample", 1, 8),
        ("cityscapes", "cityscapes_sample", 4, 0),
        ("camvid", "camvid11", 378, 0),
    ],
)
def test_real_folders_have_the_counts_their_publishers_give(
    shared: Path, name: str, folder: str, frames: int, lanes: int
) -> None:
    data = open_dataset(name, shared / "data" / folder)
    assert len(data) == frames
    sizes = {"tusimple": (1280, 720), "culane": (1640, 590), "bdd100k": (1280, 720), "cityscapes": (2048, 1024)}
    scenes = [data.scene(index, sizes.get(name, (480, 360))) for index in range(frames)]
    assert sum(len(scene.lanes) for scene in scenes) == lanes
    assert data[0][2].size == sizes.get(name, (480, 360))
    if lanes == 0:
        ids = {int(value) for scene in scenes if scene.classes is not None for value in np.unique(scene.classes)}
        assert max(ids) < len(data.class_names)
        assert len(ids) > 10


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_data_set_can_be_sent_to_a_worker(tmp_path: Path, name: str) -> None:
    getattr(fakes, name)(tmp_path)
    data = open_dataset(name, tmp_path)
    key, frame, scene = pickle.loads(pickle.dumps(data))[0]
    assert (key, frame.shape, len(scene.lanes)) == (data.keys[0], data[0][1].shape, len(data[0][2].lanes))
    with pytest.raises(IndexError):
        data[len(data)]
