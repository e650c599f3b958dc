from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lanelight.errors import FormatError
from lanelight.formats import coco
from lanelight.formats.drawing import Meaning, to_scene


def document(**changes: Any) -> dict[str, Any]:
    """Return a file with a lane of key points, a road as a polygon, and a picture without anything, with changes."""
    lane = {
        "id": 1, "image_id": 5, "category_id": 1, "keypoints": [900.5, 400.5, 2, 0, 0, 0, 880.5, 719.5, 1],
        "num_keypoints": 2, "attributes": {"slot": 2, "worn": True, "note": None}, "iscrowd": 0, "bbox": [1, 2, 3, 4],
    }  # fmt: skip
    road = {"id": 2, "image_id": 5, "category_id": 2, "segmentation": [[100.5, 500.5, 700.5, 500.5, 700.5, 710.5]]}
    whole: dict[str, Any] = {
        "images": [
            {"id": 5, "file_name": "train/a.jpg", "width": 1280, "height": 720},
            {"id": 6, "file_name": "train\\b.jpg", "width": 640, "height": 360},
        ],
        "annotations": [lane, road],
        "categories": [{"id": 1, "name": "lane"}, {"id": 2, "name": "road"}],
    }  # fmt: skip
    for key, value in changes.items():
        (lane if key in lane or key == "segmentation" else whole)[key] = value
    return whole


def written(folder: Path, value: object) -> Path:
    path = folder / "coco.json"
    path.write_text(json.dumps(value))
    return path


def test_key_points_are_lanes_and_polygons_areas(tmp_path: Path) -> None:
    (name, scene), (other, empty) = coco.read(written(tmp_path, document()))
    assert (name, other, empty.size, empty.lanes) == ("train/a.jpg", "train/b.jpg", (640, 360), ())
    [lane] = scene.lanes
    assert lane.points.tolist() == [[880, 719], [900, 400]]
    assert (lane.slot, dict(lane.attributes)) == (2, {"worn": "true"})
    drawing, _ = coco.drawings(written(tmp_path, document()))
    classes = to_scene(drawing, meaning=Meaning(classes={"road": 1})).classes
    assert classes is not None
    assert classes[600, 690] == 1


def test_boxes_and_masks_are_told(tmp_path: Path) -> None:
    mask = {"counts": [1, 2], "size": [720, 1280]}
    drawing, _ = coco.drawings(written(tmp_path, document(keypoints=[], segmentation=mask)))
    assert drawing.others == ("mask lane",)
    drawing, _ = coco.drawings(written(tmp_path, document(keypoints=[])))
    assert drawing.others == ("box lane",)


def test_an_outline_of_a_marking_becomes_its_middle_line(tmp_path: Path) -> None:
    outline = [390.5, 719.5, 410.5, 719.5, 604.5, 400.5, 596.5, 400.5]
    drawing, _ = coco.drawings(written(tmp_path, document(keypoints=[], segmentation=[outline])))
    assert to_scene(drawing).lanes == ()
    [lane] = to_scene(drawing, meaning=Meaning(outlines=frozenset({"lane"}))).lanes
    assert lane.points == pytest.approx(np.array([[400, 719], [600, 400]]), abs=1e-9)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, "coco.json: expected images"),
        ({"images": []}, "annotations"),
        (document(image_id=99), "annotation 1: .*KeyError"),
        (document(image_id=[5]), "TypeError"),
        (document(category_id=99), "annotation 1: .*KeyError"),
        (document(keypoints=[1, 2]), "reshape"),
        (document(keypoints=[1, 2, "x"]), "could not convert"),
        (document(keypoints=[1, float("inf"), 2]), "expected px"),
        (document(segmentation=[[1, 2, 3]]), "reshape"),
        (document(segmentation=[5, 6]), "reshape"),
        (document(images=[{"id": 5, "file_name": "../a.jpg", "width": 8, "height": 8}]), "below the root"),
        (document(images=[{"id": 5, "file_name": "a.jpg", "width": 1e99, "height": 8}]), "image 1: .*whole numbers"),
        (document(images=[{"id": 5, "file_name": None}]), "file_name: expected text"),
        (document(attributes=[1]), "no attribute"),
        (document(attributes={"slot": 1e300}), "whole number"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        list(coco.read(written(tmp_path, value)))
    assert "coco.json" in str(caught.value)
