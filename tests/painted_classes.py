"""Class data sets with splits, painted in the colours of their classes: see `class_network`."""

from __future__ import annotations

from pathlib import Path

import class_network
import numpy as np
from class_network import CAMVID_NAMES, CITYSCAPES_NAMES, SIZE, painted

from lanelight.formats import camvid, cityscapes
from lanelight.frames import write_image

DRIVES = ("0001TP", "0016E5", "0006R0")


def write(kind: str, root: Path) -> Path:
    """Write a data set of a kind, with frames to train and to validate on, into a new folder, and return it."""
    writers = {"cityscapes": write_cityscapes, "camvid": write_camvid, "road": write_road}
    writers[kind](root)
    return root


def write_cityscapes(root: Path) -> None:
    """Write three frames of ``train``, one of ``val``, and a split ``test`` with labels that are void throughout."""
    for split, index in (("train", 0), ("train", 1), ("train", 2), ("val", 0), ("test", 0)):
        frame = f"{split}/ulm/ulm_{index:06d}_000019"
        for folder in ("leftImg8bit", "gtFine"):
            (root / folder / split / "ulm").mkdir(parents=True, exist_ok=True)
        picture = painted(class_network.shown_train_ids(index), CITYSCAPES_NAMES)
        write_image(root / "leftImg8bit" / f"{frame}_leftImg8bit.png", picture)
        ids = class_network.label_ids(index)
        labels = np.full_like(ids, 3) if split == "test" else ids
        cityscapes.write_label_ids(root / "gtFine" / f"{frame}{cityscapes.LABEL_IDS}", labels)


def write_camvid(root: Path) -> None:
    """Write two frames of each of three drives, with a list."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    lines = []
    for number, drive in enumerate(DRIVES * 2):
        true, shown = class_network.camvid_ids(number % 2)
        names = f"images/{drive}_{number:06d}.png", f"labels/{drive}_{number:06d}.png"
        write_image(root / names[0], painted(shown, CAMVID_NAMES))
        camvid.write_classes(root / names[1], true)
        lines.append(f"{names[0]} {names[1]} {drive} train\n")
    (root / "list.txt").write_text("".join(lines))


def write_road(root: Path) -> None:
    """Write square pictures and masks of two surveys, 255 being road."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for number, name in enumerate(("p_train_0", "p_train_1", "p_orig_0", "pS_orig_0")):
        road = road_mask(number)
        write_image(
            root / "images" / f"{name}.jpg", np.where(road[..., None], np.uint8(90), np.uint8(200)).repeat(3, 2)
        )
        write_image(root / "masks" / f"{name}.png", np.where(road, np.uint8(255), np.uint8(0)))


def road_mask(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where the road is in a picture of 160x160."""
    mask = np.zeros((160, 160), np.bool_)
    mask[90:, 20 + 10 * number : 120] = True
    return mask


__all__ = ["SIZE", "road_mask", "write"]
