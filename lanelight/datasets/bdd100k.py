"""BDD100K: lanes and drivable areas from its JSON labels, or lane masks by the list files of the SAD release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.base import LabelledPictures, ListFile, check_root, list_files, read_classes
from lanelight.errors import FormatError, unknown_name
from lanelight.formats import bdd100k, bdd100k_labels
from lanelight.formats.bdd100k_labels import CLASS_NAMES, LabelledFrame
from lanelight.formats.bdd100k_shapes import to_scene
from lanelight.formats.drivable import from_mask
from lanelight.formats.text import inside, relative_name
from lanelight.geometry import Scene

EXPECTED = "the BDD100K folder that holds images/ and labels/"
SPLITS = ("train", "val", "test")
IMAGES = "images/100k/{split}"
LANE_LABELS, AREA_LABELS = "labels/lane/polygons/lane_{split}.json", "labels/drivable/polygons/drivable_{split}.json"
LABELS = (LANE_LABELS, AREA_LABELS, "labels/bdd100k_labels_images_{split}.json", "labels/100k/{split}")
AREA_MASKS = "labels/drivable/masks/{split}"
SAD_LIST = "list/{split}_gt_bdd.txt"


class BDD100K(LabelledPictures):
    """The frames of JSON label files.

    `Scene.classes` holds the drivable area (1 direct, 2 alternative, 0 neither), from the polygons of the labels or
    else from BDD100K's own masks below ``labels/drivable/masks``; None where there are neither.

    Attributes:
        centred: as below; it may be changed at any time.

    Args:
        root: folder that holds the pictures, anywhere in ``images/`` or beside the labels.
        list_file: label files, or folders with one label file a picture; labels of one picture in several are joined.
            A relative name that is not found is looked for in the root.
        centred: whether the two border lines that BDD100K gives a marking become its centre line.

    Raises:
        SourceError: the root is no folder.
        FormatError: a label file is missing or damaged, or names a file out of the root.
    """

    def __init__(self, root: str | Path, list_file: ListFile, *, centred: bool = False) -> None:
        root = check_root(root, EXPECTED)
        files = list_files(root, list_file)
        images = root / "images"
        below = sorted(path for path in (*images.glob("*"), *images.glob("*/*")) if path.is_dir())
        self._folders = list(dict.fromkeys([*below, images, root, *(file.parent for file in files)]))
        self._labels: dict[str, list[Path | LabelledFrame]] = {}
        for file in files:
            for name, labels in self._labels_in(file):
                self._labels.setdefault(name, []).append(labels)
        if not self._labels:
            raise FormatError(f"{', '.join(map(str, files))}: expected labels of frames, found none")
        self.centred = centred
        self._area_masks = sorted(root.glob(AREA_MASKS.format(split="*")))
        super().__init__(root, list(self._labels), CLASS_NAMES)

    @classmethod
    def open(
        cls, root: str | Path, split: str | None = None, list_file: ListFile | None = None
    ) -> BDD100K | BDD100KMasks:
        """Open a split, given label files, or everything.

        Args:
            root: folder that holds ``images/`` and ``labels/``.
            split: ``train``, ``val`` or ``test``; None takes all there is.
            list_file: label files, folders of them, or list files (``.txt``) of the SAD release, in place of a split.

        Raises:
            SourceError: the root is no folder.
            FormatError: the split is unknown, or its labels are missing or damaged.
        """
        root = check_root(root, EXPECTED)
        if list_file is None:
            list_file = _find_labels(root, split)
        masks = [path.suffix.lower() == ".txt" for path in list_files(root, list_file)]
        if any(masks):
            return BDD100KMasks(root, list_file)
        return cls(root, list_file)

    def picture(self, index: int) -> Path:
        """Return the file of a frame: below ``images/``, in the root, or beside its labels."""
        return self._find(self.keys[index]) or inside(self._folders[0], self.keys[index], "labels")

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the lanes from left to right and the drivable area of a frame.

        Raises:
            FormatError: the labels are damaged.
        """
        key = self.keys[index]
        parts = [frame for labels in self._labels[key] for frame in _read(labels)]
        shapes = tuple(shape for frame in parts for shape in frame.shapes)
        scene = to_scene(LabelledFrame(key, shapes), size, centred=self.centred)
        return scene if scene.classes is not None else Scene(size, scene.lanes, self._read_mask(key, size))

    def _labels_in(self, path: Path) -> Iterator[tuple[str, Path | LabelledFrame]]:
        """Yield names and labels of the frames of a file; of a folder's files only the names, as far as they tell."""
        if path.is_dir():
            for file in sorted(path.glob("*.json")):
                if self._find(f"{file.stem}.jpg") is not None:
                    yield f"{file.stem}.jpg", file
                else:
                    yield from self._labels_in(file)
            return
        for frame in bdd100k_labels.read(path):
            yield relative_name(frame.name, frame.where), frame

    def _find(self, name: str) -> Path | None:
        paths = (inside(folder, name, "labels") for folder in self._folders)
        return next((path for path in paths if path.is_file()), None)

    def _read_mask(self, name: str, size: tuple[int, int]) -> NDArray[np.uint8] | None:
        png = str(Path(name).with_suffix(".png"))
        paths = (inside(folder, png, "labels") for folder in self._area_masks)
        path = next((path for path in paths if path.is_file()), None)
        return None if path is None else from_mask(read_classes(path, size), str(path))


class BDD100KMasks(LabelledPictures):
    """The frames of list files of the SAD release, with their lane masks as classes: 0 background, 1 lane.

    Args:
        root: folder that the paths in the lists begin at.
        list_file: list file or several. Pictures under ``train_img/`` or ``val_img/`` that are not there are looked
            for in ``images/100k/``, where BDD100K itself has them.
        kind: of the masks; those of the SAD release are binary, BDD100K's own are bitmasks.

    Raises:
        SourceError: the root is no folder.
        FormatError: a list file is missing or damaged, or names a file out of the root.
    """

    def __init__(self, root: str | Path, list_file: ListFile, *, kind: bdd100k.Kind = "binary") -> None:
        root = check_root(root, EXPECTED)
        self.listed = [listed for file in list_files(root, list_file) for listed in bdd100k.read_list(file)]
        self._kind = kind
        super().__init__(root, [str(listed.image) for listed in self.listed], ("background", "lane"))

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        key, where = self.keys[index], self.listed[index].where
        path = inside(self.root, key, where)
        for folder in ("train_img/", "val_img/"):
            if folder in key and not path.is_file():
                return inside(self.root, "images/100k/" + key.partition(folder)[2], where)
        return path

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the lane mask of a frame as classes.

        Raises:
            FormatError: the mask is of another size than the picture, or of another kind.
            SourceError: the mask is missing or damaged.
        """
        listed = self.listed[index]
        path = inside(self.root, str(listed.label), listed.where)
        lanes = bdd100k.read_lanes(path, self._kind, checked=True)
        if lanes.shape != (size[1], size[0]):
            got = f"{lanes.shape[1]} x {lanes.shape[0]}"
            raise FormatError(f"{path}: expected a mask in the frame's size {size}, got {got}")
        return Scene(size, (), lanes.astype(np.uint8))


def _read(labels: Path | LabelledFrame) -> Sequence[LabelledFrame]:
    return [labels] if isinstance(labels, LabelledFrame) else list(bdd100k_labels.read(labels))


def _find_labels(root: Path, split: str | None) -> list[Path]:
    """Return the label files of a split or of all, those of the benchmark's layout first."""
    if split is not None and split not in SPLITS:
        raise FormatError(unknown_name("BDD100K split", split, SPLITS) + "; or name a label file")
    splits = SPLITS if split is None else (split,)
    for layout in (LABELS[:2], *((name,) for name in LABELS[2:]), (SAD_LIST,)):
        found = [root / name.format(split=part) for part in splits for name in layout]
        found = [path for path in found if path.exists()]
        if found:
            return found
    loose = sorted({*root.glob("*.json"), *root.glob("labels/*.json")}) if split is None else []
    if not loose:
        names = ", ".join(name.format(split=split or "SPLIT") for name in (*LABELS, SAD_LIST))
        raise FormatError(f"{root}: expected labels as one of {names}, found none; name a label file")
    return loose
