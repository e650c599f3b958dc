"""A network small enough that a whole run takes seconds, in `MODELS` under the name ``tiny`` while a test asks for it.

As a program: train it as the arguments say, so that tests can start it twice, or kill it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from lanelight.datasets.writers import WRITERS
from lanelight.decode import MaskDecoder
from lanelight.frames import write_image
from lanelight.geometry import Lane, Scene, Viewport, ViewportPolicy
from lanelight.models import MODELS
from lanelight.models.base import LaneModel
from lanelight.models.drawing import draw_lane
from lanelight.train import DataPart, Processes, Recipe, resume, run
from lanelight.train.recipe import Optimizer


class Tiny(LaneModel):
    """Two convolutions; batch norm and dropout only where they are asked for.

    Args:
        size: (width, height) of the input, px.
        noisy: with batch norm and dropout.
        _parts: what builders of real networks take too.
    """

    OUTPUTS: ClassVar[tuple[str, ...]] = ("lanes", "exist")

    def __init__(self, size: tuple[int, int], *, noisy: bool = False, **_parts: Any) -> None:
        super().__init__()
        self.normalize, self.size, self.decoder = nn.Identity(), size, MaskDecoder()
        self.first = nn.Conv2d(3, 8, 3, padding=1, stride=2)
        self.noise = nn.Sequential(nn.BatchNorm2d(8), nn.Dropout(0.3)) if noisy else nn.Identity()
        self.last = nn.ConvTranspose2d(8, 5, 2, stride=2)
        self.exist = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return ``lanes`` and ``exist``."""
        x = self.noise(F.relu(self.first(self.normalize(images))))
        return {"lanes": self.last(x), "exist": self.exist(x.mean(dim=(2, 3)))}

    def target(self, scene: Scene, view: Viewport) -> dict[str, NDArray[Any]]:
        """Draw the lanes."""
        mask = np.zeros(view.target[::-1], dtype=np.uint8)
        for lane in scene.lanes:
            if lane.slot is not None and 0 <= lane.slot < 4:
                draw_lane(mask, lane, view, lane.slot + 1, 3)
        return {"lanes": mask.astype(np.int64)}

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return two plain means."""
        return {
            "mask": F.cross_entropy(outputs["lanes"], targets["lanes"]),
            "exist": 0.1 * outputs["exist"].square().mean(),
        }


class NoisyTiny(Tiny):
    """`Tiny` with batch norm and dropout."""

    def __init__(self, size: tuple[int, int], **parts: Any) -> None:
        super().__init__(size, noisy=True, **parts)


def write_roads(root: Path) -> Path:
    """Write a data set of 12 small pictures, 8 to train on and 4 to validate on."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        with WRITERS["native"](root / split, split=split) as writer:
            for number in range(count):
                feet = np.sort(rng.uniform(10, 310, 4))
                scene = Scene((320, 180), [Lane(np.array([[x, 179.0], [160.0, 60.0]])) for x in feet])
                write_image(writer.write(f"{number}.png", scene), rng.integers(0, 255, (180, 320, 3), np.uint8))
    return root


def small_recipe() -> Recipe:
    """Return a recipe of a few seconds on rendered roads, in this process alone."""
    size = (128, 56)
    return Recipe(
        name="smoke",
        size=size,
        width_px=3,
        viewport=ViewportPolicy(target=size),
        data=(DataPart(kind="synthetic", seed=1),),
        val_frames=8,
        optim=Optimizer(warmup_steps=5),
        steps=40,
        batch=4,
        val_every=20,
        exported="last",
        workers=0,
    )


def tiny_recipe(roads: Path) -> Recipe:
    """Return a recipe on the data of `write_roads`."""
    part = DataPart(kind="native", frames=str(roads / "train"), split="train")
    return replace(
        small_recipe(),
        network="tiny",
        data=(part,),
        validation=DataPart(kind="native", frames=str(roads / "val"), split="val"),
        batch=2,
        exported="best",
    )


def program(words: list[str]) -> None:
    """Run ``FOLDER JSON DEVICES``: train the recipe in the JSON text."""
    torch.set_num_threads(1)
    MODELS["tiny"], MODELS["noisy"] = Tiny, NoisyTiny
    folder, text, devices = words
    processes = Processes.chosen(int(devices), 1)
    if text == "resume":
        resume(folder, processes=processes)
    else:
        run(Recipe.from_dict(json.loads(text)), Path(folder), processes=processes)


if __name__ == "__main__":
    program(sys.argv[1:])
