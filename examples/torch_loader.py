"""Train anything on lanes: a data set in a plain PyTorch loader. python examples/torch_loader.py NAME FOLDER.

NAME is a format that lanelight reads (`native`, `tusimple`, ...), FOLDER holds the data.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lanelight.datasets import FrameDataset, open_dataset
from lanelight.datasets.augment import AUGMENTS
from lanelight.errors import LanelightError
from lanelight.geometry import ViewportPolicy

Sample = tuple[torch.Tensor, torch.Tensor]
ROWS = 40


class Samples(Dataset[Sample]):
    """Augmented pictures (3, H, W) uint8 and x of four lanes at `ROWS` rows, NaN where there is none."""

    def __init__(self, frames: FrameDataset, epoch: int, seed: int = 0) -> None:
        self.frames, self.epoch, self.seed = frames, epoch, seed
        self.policy, self.augment = ViewportPolicy(target=(512, 224)), AUGMENTS["clrnet"]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Sample:
        _, frame, scene = self.frames[index]
        rng = np.random.default_rng((self.seed, self.epoch, index))  # whichever worker: the same sample
        image, seen = self.augment.apply(frame, scene, self.policy.view(scene.size), rng)
        x = np.full((4, ROWS), np.nan, dtype=np.float32)
        for place, lane in enumerate(seen.lanes[:4]):
            x[place] = lane.x_at(np.linspace(image.shape[0] - 1, 0, ROWS))
        return torch.from_numpy(image.transpose(2, 0, 1).copy()), torch.from_numpy(x)


if __name__ == "__main__":
    try:
        data = open_dataset(*sys.argv[1:3])
        for epoch in range(2):
            for images, x in DataLoader(Samples(data, epoch), batch_size=2, shuffle=True, num_workers=2):
                print(f"epoch {epoch}: {tuple(images.shape)}, {int((~x.isnan()).any(dim=2).sum())} lanes")
    except (TypeError, LanelightError) as error:
        sys.exit(f"error: {error}; usage: python examples/torch_loader.py NAME FOLDER")
