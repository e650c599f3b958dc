"""`BenchmarkScore`: what scoring the files of one benchmark gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lanelight.geometry import Scene
from lanelight.metrics.base import Figures

Watch = Callable[[int, int], None]  # called now and then with the numbers of frames done and in all


class BenchmarkScore(ABC):
    """The figures of a set of prediction files, and what is known of each frame.

    Attributes:
        figures: the benchmark's figures, as `lanelight score DATASET --json` writes them.
        names: of the frames, in the order of the list or of the files.
        warnings: what the user should know before trusting the figures, one sentence each.
        void: true classes whose pixels do not count.
    """

    figures: Figures
    names: Sequence[str]
    warnings: Sequence[str]
    void: frozenset[int] = frozenset()

    @abstractmethod
    def frame(self, index: int) -> Figures:
        """Return the figures of one frame, as ``--per-image`` writes them behind its name."""

    @abstractmethod
    def badness(self, index: int) -> tuple[float, ...]:
        """Return how bad a frame is; tuples compare, larger is worse."""

    @abstractmethod
    def caption(self, index: int) -> str:
        """Return one frame's name and main figures in a line of about 60 characters."""

    @abstractmethod
    def scenes(self, index: int) -> tuple[Scene, Scene]:
        """Read one frame's files again and return (predicted, true) scenes."""

    def oddities(self) -> Iterator[str]:
        """Yield what is odd in the files but scored without a word by the benchmark, by file and line."""
        return iter(())

    @abstractmethod
    def picture(self, index: int, images: Path) -> Path | None:
        """Return the picture of a frame below the folder `images`, or None where there is none."""

    def worst(self, number: int) -> list[int]:
        """Return the indices of the worst frames, the worst first; equal ones in the order of the list."""
        return sorted(range(len(self.names)), key=self.badness, reverse=True)[:number]


def short_name(name: str, *, longest: int = 36) -> str:
    """Return the end of a frame's name, which tells it from its neighbours."""
    return name if len(name) <= longest else f"...{name[3 - longest :]}"
