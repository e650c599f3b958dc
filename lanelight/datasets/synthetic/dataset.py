"""`SyntheticRoads`: endless rendered views of roads with exact lanes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.road import BEHIND_M
from lanelight.datasets.synthetic.world import camera_at, draw_world, paint
from lanelight.errors import LanelightError
from lanelight.geometry import Scene


class SyntheticRoads:
    """A data set of rendered views; item i depends on the seed and i alone.

    Args:
        config: ranges of everything random.
        seed: of the whole set.
        length: number of items.

    Raises:
        LanelightError: a negative seed or length.
    """

    def __init__(self, config: RoadConfig | None = None, *, seed: int, length: int) -> None:
        if seed < 0 or length < 0:
            raise LanelightError(f"SyntheticRoads: expected a seed and length of 0 or more, got {seed=}, {length=}")
        self.config = RoadConfig() if config is None else config
        self.seed = seed
        self._length = length

    def __len__(self) -> int:
        """Return the number of items."""
        return self._length

    def __getitem__(self, index: int) -> tuple[str, NDArray[np.uint8], Scene]:
        """Return key, frame (H, W, 3) uint8 RGB and Scene of an item.

        Lanes run from the vehicle outwards to where a crest hides them or they are too narrow to tell apart; classes
        are `labels.NOT_ROAD`, `labels.EGO_LANE` and `labels.OTHER_LANE`.

        Raises:
            IndexError: the index is outside the set.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"SyntheticRoads: expected an index in 0..{self._length - 1}, got {index}")
        rng = np.random.default_rng([self.seed, index])
        world = draw_world(self.config, rng)
        frame, scene, _ = paint(world, camera_at(world, BEHIND_M), BEHIND_M)
        return f"synthetic/{self.seed}/{index:08d}", frame, scene
