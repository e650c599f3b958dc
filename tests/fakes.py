"""Tiny data sets in the real on-disk formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TUSIMPLE_ROWS = list(range(240, 720, 10))


def tusimple(root: Path, *, frames: int = 3, size: tuple[int, int] = (1280, 720)) -> Path:
    """Write a TuSimple folder of grey roads with white lanes and return its label file.

    Every frame has three straight lanes and, as part of the real labels, one lane that meets no row.
    """
    entries = []
    for index in range(frames):
        lanes = [straight_lane(bottom_x, index) for bottom_x in (200, 640, 1080)]
        raw_file = f"clips/0000/{index}/20.jpg"
        path = root / raw_file
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), _painted(lanes, size))
        lanes.append([-2] * len(TUSIMPLE_ROWS))
        entries.append({"lanes": lanes, "h_samples": TUSIMPLE_ROWS, "raw_file": raw_file})
    label_file = root / "label_data.json"
    label_file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return label_file


def straight_lane(bottom_x: int, shift_px: int = 0) -> list[int]:
    """Return x at `TUSIMPLE_ROWS` of a line from the bottom to a vanishing point at (640, 260)."""
    share = [(row - 260) / 450 for row in TUSIMPLE_ROWS]
    return [round(640 + s * (bottom_x - 640)) + shift_px if s > 0 else -2 for s in share]


CULANE_FRAMES = 3
CULANE_LANES = ((400, 250), (900, 760), (1500, 1100))  # x at the bottom and at row 290


def culane(root: Path) -> Path:
    """Write a CULane folder of three grey roads and return it.

    ``list/train_gt.txt`` names all frames, with flags that leave slot 1 free; ``list/test.txt`` and the category
    ``normal`` name the last one. Points are every 10 px from 590 on, as the real ones, and the first lane leaves the
    frame at its side. The third frame has no lanes.
    """
    folder = "driver_23_30frame/05151640_0419.MP4"
    (root / folder).mkdir(parents=True)
    (root / "list" / "test_split").mkdir(parents=True)
    lines = []
    for index in range(CULANE_FRAMES):
        name = f"{folder}/{index:05d}"
        lanes = [] if index == 2 else [culane_lane(*ends, index) for ends in CULANE_LANES]
        picture = np.full((590, 1640, 3), 90, np.uint8)
        for lane in lanes:
            cv2.polylines(picture, [np.round(lane).astype(np.int32)], isClosed=False, color=(255,) * 3, thickness=8)
        cv2.imwrite(str(root / f"{name}.jpg"), picture)
        text = "".join(" ".join(f"{x:g} {y:g}" for x, y in lane) + " \n" for lane in lanes)
        (root / f"{name}.lines.txt").write_text(text)
        flags = "0 0 0 0" if index == 2 else "1 0 1 1"
        lines.append(f"/{name}.jpg /laneseg_label_w16/{name}.png {flags}\n")
    (root / "list" / "train_gt.txt").write_text("".join(lines))
    (root / "list" / "test.txt").write_text(f"/{folder}/00002.jpg\n")
    (root / "list" / "test_split" / "test0_normal.txt").write_text(f"/{folder}/00002.jpg \n")
    return root


def culane_lane(bottom_x: float, top_x: float, shift_px: float = 0) -> list[tuple[float, float]]:
    """Return the points of a straight lane from row 590 up to row 290, x to six digits."""
    rows = range(590, 280, -10)
    return [(float(f"{bottom_x + (590 - y) / 300 * (top_x - bottom_x) * 1.0013 + shift_px:.6g}"), y) for y in rows]


def bdd100k_frame(name: str) -> dict[str, Any]:
    """Return a frame of BDD100K labels: both borders of a marking, a curved kerb, a box, and two drivable areas."""
    solid = {"laneDirection": "parallel", "laneStyle": "solid"}
    lanes = [
        ("single white", "LL", [[600.5, 300.25], [400.0, 700.0]]),
        ("single white", "LL", [[420.0, 700.0], [606.0, 300.0]]),
        ("road curb", "LCCL", [[1100.0, 700.0], [1000.0, 500.0], [900.0, 400.0], [700.0, 310.0]]),
    ]
    areas = [
        ("direct", [[420, 700], [900, 700], [650, 310], [606, 310]]),
        ("alternative", [[0, 700], [400, 700], [590, 310]]),
    ]
    return {
        "name": name,
        "attributes": {"weather": "clear"},
        "labels": [
            {"id": 0, "category": "car", "attributes": {}, "box2d": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}},
            *(
                {
                    "id": number,
                    "category": "lane",
                    "attributes": solid | {"laneTypes": kind},
                    "poly2d": [{"vertices": vertices, "types": types, "closed": False}],
                }
                for number, (kind, types, vertices) in enumerate(lanes, start=1)
            ),
            *(
                {
                    "category": "drivable area",
                    "attributes": {"areaType": kind},
                    "poly2d": [{"vertices": vertices, "types": "L" * len(vertices), "closed": True}],
                }
                for kind, vertices in areas
            ),
        ],
    }


def bdd100k(root: Path, *, frames: int = 2) -> Path:
    """Write a BDD100K folder with one label file of all training frames and return that file."""
    pictures, labels = root / "images" / "100k" / "train", root / "labels"
    pictures.mkdir(parents=True)
    labels.mkdir()
    names = [f"0000f77c-6257be5{index}.jpg" for index in range(frames)]
    for name in names:
        cv2.imwrite(str(pictures / name), np.full((720, 1280, 3), 90, np.uint8))
    file = labels / "bdd100k_labels_images_train.json"
    file.write_text(json.dumps([bdd100k_frame(name) for name in names], indent=1))
    return file


def bdd100k_lists(root: Path, *, frames: int = 2) -> Path:
    """Write pictures, binary lane masks and a list file as the SAD release has them, and return that file."""
    lines = []
    for index in range(frames):
        image, label = f"train_img/train/{index}.jpg", f"train_label/final_train/{index}.png"
        for name in (image, label):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / image), np.full((720, 1280, 3), 90, np.uint8))
        mask = np.zeros((720, 1280), np.uint8)
        cv2.line(mask, (300, 719), (600, 300), 255, 8)
        cv2.imwrite(str(root / label), mask)
        lines.append(f"/{image} /{label} 1 1 1 1\n")
    (root / "list").mkdir()
    file = root / "list" / "train_gt_bdd.txt"
    file.write_text("".join(lines))
    return file


def cityscapes(root: Path, *, size: tuple[int, int] = (64, 32)) -> Path:
    """Write a Cityscapes folder of two cities and return it; a column of every label id in each map."""
    ids = np.tile(np.linspace(0, 33, size[0]).astype(np.uint8), (size[1], 1))
    for split, city in (("train", "aachen"), ("val", "frankfurt")):
        for index in range(2):
            name = f"{split}/{city}/{city}_{index:06d}_000019"
            image, label = root / f"leftImg8bit/{name}_leftImg8bit.png", root / f"gtFine/{name}_gtFine_labelIds.png"
            for path in (image, label):
                path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(image), np.full((size[1], size[0], 3), 90, np.uint8))
            cv2.imwrite(str(label), ids)
    return root


def camvid(root: Path, *, size: tuple[int, int] = (48, 36)) -> Path:
    """Write SegNet's folders of CamVid, with lists whose paths begin at another machine's folder; return the root."""
    ids = np.tile(np.linspace(0, 11, size[0]).astype(np.uint8), (size[1], 1))
    for split in ("train", "val"):
        lines = []
        for index in range(2):
            name = f"0001TP_{index:06d}.png"
            for folder, values in ((split, np.full((size[1], size[0], 3), 90, np.uint8)), (f"{split}annot", ids)):
                (root / folder).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / folder / name), values)
            lines.append(f"/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n")
        (root / f"{split}.txt").write_text("".join(lines))
    return root


def native(root: Path, *, size: tuple[int, int] = (320, 180)) -> Path:
    """Write a native data set of two frames, the first with everything the format holds, and return the root."""
    (root / "frames" / "a").mkdir(parents=True)
    (root / "classes" / "a").mkdir(parents=True)
    (root / "list").mkdir()
    for name in ("a/0.png", "1.jpg"):
        cv2.imwrite(str(root / "frames" / name), np.full((size[1], size[0], 3), 90, np.uint8))
    cv2.imwrite(str(root / "classes" / "a" / "0.png"), np.full((size[1], size[0]), 2, np.uint8))
    lane = {"points": [[100.25, 179.0], [None, 120.0], [140.5, 90.0]], "score": 0.5, "slot": 1, "track": 7}
    entries = [
        {"format": "lanelight/1", "source": "", "model": "", "size": size, "fps": None, "class_names": ["a", "b", "c"]},
        {"frame": 0, "time_s": None, "name": "a/0.png", "classes": "classes/a/0.png",
         "lanes": [lane | {"attributes": {"style": "dashed"}}, {"points": []}]},
        {"frame": 1, "time_s": 0.5, "name": "1.jpg", "lanes": [{"points": [[200.0, 170.0], [180.0, 100.0]]}]},
    ]  # fmt: skip
    (root / "lanes.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    (root / "list" / "val.txt").write_text("1.jpg\n")
    return root


def _painted(lanes: list[list[int]], size: tuple[int, int]) -> NDArray[np.uint8]:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    for lane in lanes:
        points = np.array([(x, y) for x, y in zip(lane, TUSIMPLE_ROWS, strict=True) if x >= 0], np.int32)
        cv2.polylines(picture, [points], isClosed=False, color=(255, 255, 255), thickness=8)
    return picture
