"""Which frame a sample shows: drawn, or shuffled so that every frame has its turn; functions of seed and index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError

BLOCK = 1000  # samples in which parts have exactly their shares
LARGEST = 1 << 24  # longer data sets, such as rendered roads without end, are not shuffled but taken in order
MIXING, SHUFFLING = 0x6D697869, 0x73687566  # keep these generators apart from those of samples


class Drawn:
    """Draw part and frame of each sample independently; some frames come twice before others come once.

    Args:
        lengths: frames of each part.
        shares: of each part.
        seed: of the run.
    """

    def __init__(self, lengths: Sequence[int], shares: Sequence[float], seed: int) -> None:
        self.lengths, self.seed = lengths, seed
        self.shares = np.array(shares) / sum(shares)

    def __call__(self, index: int) -> tuple[int, int, np.random.Generator]:
        """Return number of the part, number of the frame in it, and the generator for its augmentation."""
        rng = np.random.default_rng((self.seed, index))
        part = int(rng.choice(len(self.lengths), p=self.shares))
        return part, int(rng.integers(self.lengths[part])), rng


class Shuffled:
    """Show every frame of a part once, in an order of its own for each epoch, before any comes again.

    Args:
        lengths: frames of each part.
        shares: of each part.
        seed: of the run.

    Raises:
        LanelightError: a part's share is less than one in `BLOCK`.
    """

    def __init__(self, lengths: Sequence[int], shares: Sequence[float], seed: int) -> None:
        self.lengths, self.seed = lengths, seed
        ends = np.round(np.cumsum(np.array(shares) / sum(shares)) * BLOCK).astype(int)
        self.quotas = np.diff(ends, prepend=0)
        if not self.quotas.all():
            raise LanelightError(f"recipe: expected shares of at least 1/{BLOCK} each, got {list(shares)}")
        self._kept: dict[int, tuple[int, NDArray[np.integer]]] = {}
        self._mixed: tuple[int, NDArray[np.integer]] = (-1, np.zeros(0, int))

    def __call__(self, index: int) -> tuple[int, int, np.random.Generator]:
        """Return number of the part, number of the frame in it, and the generator for its augmentation."""
        block, place = divmod(index, BLOCK)
        parts = self._mix(block)
        part = int(parts[place])
        turn = block * int(self.quotas[part]) + int((parts[:place] == part).sum())
        return part, self._frame(part, turn), np.random.default_rng((self.seed, index))

    def _mix(self, block: int) -> NDArray[np.integer]:
        """Return the parts of a block's samples."""
        if self._mixed[0] != block:
            parts = np.repeat(np.arange(len(self.quotas)), self.quotas)
            self._mixed = block, np.random.default_rng((self.seed, MIXING, block)).permutation(parts)
        return self._mixed[1]

    def _frame(self, part: int, turn: int) -> int:
        epoch, place = divmod(turn, self.lengths[part])
        if self.lengths[part] > LARGEST:
            return place
        if self._kept.get(part, (-1,))[0] != epoch:
            rng = np.random.default_rng((self.seed, SHUFFLING, part, epoch))
            self._kept[part] = epoch, rng.permutation(self.lengths[part])
        return int(self._kept[part][1][place])


ORDERS: dict[str, type[Drawn | Shuffled]] = {"drawn": Drawn, "shuffled": Shuffled}
