"""From data sets to batches: which frame comes when, how it is augmented, what the network should say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lanelight.datasets import BDD100K, open_dataset
from lanelight.datasets.base import FrameDataset, LabelledPictures
from lanelight.datasets.line_maps import LineMapFrames
from lanelight.datasets.remembered import Remembered
from lanelight.datasets.synthetic import WORLDS, SyntheticRoads
from lanelight.decode import LaneAreaDecoder
from lanelight.errors import LanelightError, unknown_name
from lanelight.frames import Image
from lanelight.geometry import Scene, Viewport
from lanelight.geometry.ego import slotted
from lanelight.geometry.warp import IGNORE
from lanelight.models import LaneModel
from lanelight.train.order import ORDERS
from lanelight.train.recipe import DataPart, Recipe

Sample = dict[str, Tensor]
ENDLESS = 1_000_000_000  # rendered roads have no last item; an index is drawn from this many


def frames_of(part: DataPart, size: tuple[int, int]) -> FrameDataset:
    """Open one source of frames.

    Args:
        part: which.
        size: (width, height) of the network's input; rendered roads are rendered in it.
    """
    return SOURCES[part.kind](part, size)


def _synthetic(part: DataPart, size: tuple[int, int]) -> FrameDataset:
    if part.world not in WORLDS:
        raise LanelightError(f"recipe: {unknown_name('world', part.world, WORLDS)}")
    config = replace(WORLDS[part.world], size=part.size or size)
    # Without their classes, road and markings: what an augmentation shows beside the frame would be unknown in them.
    roads = Slotted(SyntheticRoads(config, seed=part.seed, length=part.pool or ENDLESS))
    return Remembered(roads) if part.pool else roads


def _clips(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    return LineMapFrames.clips(_folder(part.frames), _folder(part.maps))


def _stills(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    masks = None if part.masks is None else _folder(part.masks)
    return LineMapFrames.stills(_folder(part.frames), _folder(part.maps), masks=masks, aspect=part.aspect)


class Slotted:
    """A data set whose lanes have slots, counted from the vehicle where their source gives none.

    Of its classes only lanes are kept, as 1, and unknown pixels, as 255.

    Attributes:
        has_masks: its lanes are pixels of a class.

    Args:
        frames: the data set behind it.
        lane_class: id of lanes in its classes; None where they are something else, such as a drivable area.
    """

    def __init__(self, frames: FrameDataset, lane_class: int | None = None) -> None:
        self._frames, self._lane_class = frames, lane_class
        self.has_masks = lane_class is not None

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene)."""
        key, frame, scene = self._frames[index]
        return key, frame, Scene(scene.size, slotted(scene).lanes, self._lanes(scene.classes))

    def _lanes(self, classes: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        """Return the class map with lanes and unknown pixels alone, None where it then is empty."""
        if classes is None:
            return None
        kept = np.where(classes == IGNORE, np.uint8(IGNORE), np.uint8(0))
        if self._lane_class is not None:
            kept[classes == self._lane_class] = 1
        return kept if kept.any() else None


def open_labelled(part: DataPart) -> LabelledPictures:
    """Open a data set of labelled lanes as it is, its lanes without slots of ours.

    Raises:
        LanelightError: the folder, or a list in it, is not there or cannot be read.
    """
    root = _found(part.frames, "data.root=DIR")
    for name in part.lists:
        if not (root / name).is_file():
            raise LanelightError(
                f"{root / name}: expected a list of frames, found none; write it with `lanelight data dedup "
                f"{part.kind} --root {root} --split train --out {root / name}`, or name another in the recipe's lists"
            )
    return open_dataset(part.kind, root, part.split, part.lists or None)


def _labelled(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    data = open_labelled(part)
    if isinstance(data, BDD100K):
        data.centred = True  # a marking is one line, not its two borders
    return Slotted(data, data.class_names.index("lane") if "lane" in data.class_names else None)


SOURCES: dict[str, Callable[[DataPart, tuple[int, int]], FrameDataset]] = {
    "synthetic": _synthetic,
    "clips": _clips,
    "stills": _stills,
    "native": _labelled,
    "culane": _labelled,
    "tusimple": _labelled,
    "bdd100k": _labelled,
}


def _folder(name: str) -> Path:
    return _found(name, "data.1.frames=DIR")


def _found(name: str, setting: str) -> Path:
    """Return a folder that is there; the error names the setting by which another one is named."""
    path = Path(name)
    if not path.is_dir():
        raise LanelightError(
            f"recipe: expected the data folder {name!r}, found none; name yours, for example --set {setting}"
        )
    return path


class TrainingFrames(Dataset[Sample]):
    """Training samples without end: sample i is a function of the recipe's seed and i alone.

    Args:
        recipe: shares, viewport, augmentation, seed.
        model: whose `target` says what is wanted.
    """

    def __init__(self, recipe: Recipe, model: LaneModel) -> None:
        self.recipe = recipe
        self.target = model.target
        self.parts = [frames_of(part, recipe.size) for part in recipe.data]
        for number, part in enumerate(self.parts):
            if isinstance(part, Slotted) and part.has_masks and not isinstance(model.decoder, LaneAreaDecoder):
                raise LanelightError(
                    f"recipe {recipe.name}: expected lanes as lines in data.{number}, got masks that do not tell one "
                    "lane from another; only a network with one channel learns from them: --set parts.channels=1"
                )
        lengths, shares = [len(part) for part in self.parts], [part.share for part in recipe.data]
        self.order = ORDERS[recipe.order](lengths, shares, recipe.seed)

    def __getitem__(self, index: int) -> Sample:
        """Return ``index``, ``images`` (3, H, W) uint8 RGB and the targets of one frame."""
        number, place, rng = self.order(index)
        _, frame, scene = self.parts[number][place]
        image, seen = self.recipe.augment.apply(frame, scene, self.recipe.viewport.view(scene.size), rng)
        targets = _tensors(self.target(seen, Viewport.whole(seen.size)))
        return {"index": torch.tensor(index), "images": _tensor(image), **targets}

    def origin(self, index: int) -> str:
        """Say where a sample comes from: ``data.1[35]`` is frame 35 of the recipe's second part."""
        number, place, _ = self.order(index)
        return f"data.{number}[{place}]"


class StepBatches(Sampler[list[int]]):
    """Which samples a process takes at each pass: a function of the pass, of the process and of their number alone.

    All processes together take the samples in order, so that a run with two processes and half the batch sees what a
    run with one process sees.

    Args:
        batch: samples a pass.
        count: passes of the whole run.
        first: pass to begin with, where a run goes on.
        rank: number of this process.
        world: processes.
    """

    def __init__(self, batch: int, count: int, *, first: int = 0, rank: int = 0, world: int = 1) -> None:
        self.batch, self.count, self.first, self.rank, self.world = batch, count, first, rank, world

    def __len__(self) -> int:
        """Return the passes of the whole run, wherever it begins: what has been done counts too."""
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        for number in range(self.first, self.count):
            start = (number * self.world + self.rank) * self.batch
            yield list(range(start, start + self.batch))


class StepLoader(DataLoader[Sample]):
    """Batches from a given pass on.

    Lightning asks a loader for its state and warns where it has none. Ours needs none: it is built for the pass.

    Args:
        frames: the samples.
        batches: which of them.
        workers: processes that prepare them.
    """

    def __init__(self, frames: Dataset[Sample], batches: StepBatches, workers: int) -> None:
        super().__init__(
            frames,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,  # what they remember lasts for the run
            generator=torch.Generator(),  # else it draws a number from the process's own generator
        )

    def state_dict(self) -> dict[str, object]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take nothing."""


def _tensor(image: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _tensors(targets: dict[str, Any]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.asarray(array, order="C")) for name, array in targets.items()}
