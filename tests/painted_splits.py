"""The data sets of `painted_datasets` with splits: ``train`` has three frames, ``val`` the last of them alone."""

from __future__ import annotations

from pathlib import Path

import painted_datasets

TRAIN_FRAMES = 3


def write(kind: str, root: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Write a data set of a kind into a new folder, and return it."""
    if kind == "culane":
        painted_datasets.write_culane(root, size)
        _split(root / "list" / "test.txt", "list/train.txt", "list/val.txt", root)
    elif kind == "tusimple":
        painted_datasets.write_tusimple(root, size)
        _split(root / "test_label.json", "label_data_0313.json", "label_data_0531.json", root)
        (root / "label_data_0601.json").write_text((root / "label_data_0313.json").read_text())
    elif kind == "bdd100k":
        painted_datasets.write_bdd100k_masks(root, size)
        _split(root / "list" / "test_gt_bdd.txt", "list/train_gt_bdd.txt", "list/val_gt_bdd.txt", root)
    else:
        raise ValueError(kind)
    return root


def _split(whole: Path, train: str, val: str, root: Path) -> None:
    lines = whole.read_text().splitlines(keepends=True)
    (root / train).write_text("".join(lines[:TRAIN_FRAMES]))
    (root / val).write_text("".join(lines[TRAIN_FRAMES - 1 : TRAIN_FRAMES]))
