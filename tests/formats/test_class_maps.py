from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lanelight.errors import OutputError
from lanelight.formats import camvid, cityscapes
from lanelight.frames import read_map


def test_train_ids_are_the_benchmarks() -> None:
    names = ["road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
             "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"]  # fmt: skip
    assert [label.name for label in cityscapes.TRAIN_LABELS] == names
    ids = np.arange(34, dtype=np.uint8)
    trained = cityscapes.to_train_ids(ids)
    assert (trained == 255).sum() == 15
    assert trained[[7, 8, 11, 33]].tolist() == [0, 1, 2, 18]
    assert cityscapes.to_label_ids(trained[trained < 255]).tolist() == ids[trained < 255].tolist()
    assert cityscapes.to_label_ids(np.array([255], np.uint8)).tolist() == [0]


def test_maps_of_label_ids_come_back(tmp_path: Path) -> None:
    ids = np.tile(np.arange(34, dtype=np.uint8), (4, 1))
    cityscapes.write_label_ids(tmp_path / "a.png", ids)
    assert read_map(tmp_path / "a.png").tolist() == ids.tolist()
    with pytest.raises(OutputError, match=r"a\.png: expected label ids 0 to 33, got 255"):
        cityscapes.write_label_ids(tmp_path / "a.png", cityscapes.to_train_ids(ids))


def test_camvid_maps_come_back_and_ignored_pixels_are_void_again(tmp_path: Path) -> None:
    ids = np.tile(np.arange(12, dtype=np.uint8), (4, 1))
    camvid.write_classes(tmp_path / "a.png", np.where(ids == 11, 255, ids).astype(np.uint8))
    assert read_map(tmp_path / "a.png").tolist() == ids.tolist()
    with pytest.raises(OutputError, match=r"expected class ids 0 to 11 or 255, got 12"):
        camvid.write_classes(tmp_path / "a.png", ids + 1)


def test_real_maps_are_written_as_they_were(shared: Path, tmp_path: Path) -> None:
    for folder, write in (
        ("cityscapes_sample/gtFine/train", cityscapes.write_label_ids),
        ("camvid11", camvid.write_classes),
    ):
        pattern = "*_labelIds.png" if "city" in folder else "labels/*.png"
        for file in sorted((shared / "data" / folder).rglob(pattern))[:6]:
            ids = np.asarray(read_map(file), dtype=np.uint8)
            write(tmp_path / "a.png", ids)
            assert (read_map(tmp_path / "a.png") == ids).all()
