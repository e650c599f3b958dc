"""`InputSizes`: the sizes of input that one network takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lanelight.errors import ModelError

LARGEST = 1 << 14  # px a side, as `ViewportPolicy` has it


@dataclass(frozen=True)
class InputSizes:
    """The rule that width and height of a network's input obey.

    Attributes:
        multiple: both are multiples of it, px.
        least: smallest of both, px, a multiple too.

    Raises:
        ModelError: numbers that are no such rule.
    """

    multiple: int
    least: int

    def __post_init__(self) -> None:
        known = isinstance(self.multiple, int) and isinstance(self.least, int)
        if not known or not 1 <= self.multiple <= self.least <= LARGEST or self.least % self.multiple:
            raise ModelError(
                f"sizes of input: expected a multiple from 1 px on and a least size that is one, "
                f"got {self.multiple!r:.40} and {self.least!r:.40}"
            )

    def __str__(self) -> str:
        """Say the rule in words."""
        multiples = f"in multiples of {self.multiple}, " if self.multiple > 1 else "of "
        return f"{multiples}at least {self.least}x{self.least}"

    def check(self, network: str, size: tuple[int, int]) -> None:
        """Make sure that a network can have a size of input.

        Args:
            network: its name, for the message.
            size: (width, height) px.

        Raises:
            ModelError: it cannot.
        """
        if size[0] % self.multiple or size[1] % self.multiple or min(size) < self.least:
            raise ModelError(f"{network}: expected a size {self}, got {size[0]}x{size[1]}")

    def smaller(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return about three quarters of a size, as far as the rule has one; where it has none, a larger one."""
        first, second = (max(self.least, side * 3 // 4 // self.multiple * self.multiple) for side in size)
        return (first, second) if (first, second) != size else (first + self.multiple, second + self.multiple)

    def to_dict(self) -> dict[str, int]:
        """Return the rule as the manifest stores it."""
        return asdict(self)
