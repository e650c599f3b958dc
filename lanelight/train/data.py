"""From data sets to batches: which frame comes when, how it is augmented, what the network should say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lanelight.datasets.base import FrameDataset
from lanelight.decode import ClassDecoder, LaneAreaDecoder
from lanelight.errors import FormatError, LanelightError
from lanelight.frames.preprocess import preprocessed
from lanelight.geometry import Scene, Viewport
from lanelight.models import LaneModel
from lanelight.train.order import ORDERS
from lanelight.train.recipe import Recipe
from lanelight.train.sources import Slotted, frames_of

Sample = dict[str, Tensor]


class TrainingFrames(Dataset[Sample]):
    """Training samples without end: sample i is a function of the recipe's seed and i alone.

    Args:
        recipe: shares, viewport, augmentation, seed.
        model: whose `target` says what is wanted.
    """

    def __init__(self, recipe: Recipe, model: LaneModel) -> None:
        self.recipe = recipe
        self.target = model.target
        self.labels, self.preprocess = model.LABELS, model.preprocess
        if recipe.crop is not None and self.labels != "classes":
            raise LanelightError(
                f"recipe {recipe.name}: expected no crop for {recipe.network}, whose weights are for one size, got "
                f"{recipe.crop[0]}x{recipe.crop[1]}; set crop=null"
            )
        self.viewport = recipe.viewport if recipe.crop is None else replace(recipe.viewport, target=recipe.crop)
        self.parts = [frames_of(part, recipe.size, self.labels) for part in recipe.data]
        for number, part in enumerate(self.parts):
            if self.labels == "classes":
                self._check_classes(number, part, model)
            elif isinstance(part, Slotted) and part.has_masks and not isinstance(model.decoder, LaneAreaDecoder):
                raise LanelightError(
                    f"recipe {recipe.name}: expected lanes as lines in data.{number}, got masks that do not tell one "
                    "lane from another; only a network with one channel learns from them: --set parts.channels=1"
                )
        lengths, shares = [len(part) for part in self.parts], [part.share for part in recipe.data]
        self.order = ORDERS[recipe.order](lengths, shares, recipe.seed)

    def __getitem__(self, index: int) -> Sample:
        """Return ``index``, ``images`` (3, H, W) uint8 RGB and the targets of one frame."""
        number, place, rng = self.order(index)
        key, frame, scene = self.parts[number][place]
        if self.labels == "classes":
            scene = Scene(scene.size, (), scene.classes)
        image, seen = self.recipe.augment.apply(frame, scene, self.viewport.view(scene.size), rng)
        try:
            targets = _tensors(self.target(seen, Viewport.whole(seen.size)))
        except LanelightError as error:
            raise FormatError(f"{self.origin(index)} ({key}): {error}") from error
        return {"index": torch.tensor(index), "images": _tensor(preprocessed(image, self.preprocess)), **targets}

    def origin(self, index: int) -> str:
        """Say where a sample comes from: ``data.1[35]`` is frame 35 of the recipe's second part."""
        number, place, _ = self.order(index)
        return f"data.{number}[{place}]"

    def _check_classes(self, number: int, part: FrameDataset, model: LaneModel) -> None:
        """Make sure that ids mean the same to a source and to the network, and that its frames are large enough.

        Raises:
            LanelightError: they do not, or are not.
        """
        given = tuple(getattr(part, "class_names", ()))
        own = model.decoder.names if isinstance(model.decoder, ClassDecoder) else ()
        if given and given != own:
            raise LanelightError(
                f"recipe {self.recipe.name}: expected a network with the classes of data.{number}, {', '.join(given)}; "
                f"got one with {', '.join(own)}; set parts.classes={len(given)} and parts.names={json.dumps(given)}"
            )
        window = self.recipe.augment.window
        if window is not None and not window.beyond:
            window.check(self.viewport.view(part[0][2].size))


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
