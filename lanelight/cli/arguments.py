"""Types of command-line values, a wrong one being wrong usage (exit code 2), and the look of `--help`."""

from __future__ import annotations

import argparse
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from lanelight.errors import LanelightError, unknown_name

MOST_STEPS = 1000  # of a range; more is a slip of the pen


def positive(text: str | int) -> int:
    """Read a whole number above 0."""
    return _whole(text, 1, "above 0")


def seed(text: str | int) -> int:
    """Read a whole number from 0 on."""
    return _whole(text, 0, "from 0 on")


def share(text: str | float) -> float:
    """Read a number in [0, 1]."""
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"expected a number, got {text!r}") from error
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"expected a number from 0 to 1, got {text}")
    return value


def size(text: str | Sequence[int]) -> tuple[int, int]:
    """Read WIDTHxHEIGHT, px."""
    words = text.lower().split("x") if isinstance(text, str) else [str(n) for n in text]
    if len(words) != 2 or not all(word.isdigit() and int(word) > 0 for word in words):
        raise ArgumentTypeError(f"expected WIDTHxHEIGHT, for example 800x288, got {text!r}")
    return int(words[0]), int(words[1])


def words_of(known: Sequence[str]) -> Callable[[str | Sequence[str]], tuple[str, ...]]:
    """Return a reader of comma-separated words out of `known`."""

    def words(text: str | Sequence[str]) -> tuple[str, ...]:
        given = text.split(",") if isinstance(text, str) else list(text)
        for word in given:
            if word not in known:
                raise ArgumentTypeError(unknown_name("word", word, known))
        return tuple(given)

    return words


def thresholds(words: Sequence[str]) -> list[float]:
    """Read numbers and ranges start:stop:step, both ends included, each number once; decimal, so that none is off.

    Raises:
        LanelightError: a word is neither.
    """
    found: list[float] = []
    for word in words:
        try:
            parts = [Decimal(part) for part in str(word).split(":")]
        except InvalidOperation:
            parts = []
        if len(parts) == 3 and parts[2] > 0 and parts[0] <= parts[1]:
            steps = (parts[1] - parts[0]) / parts[2]
            if steps > MOST_STEPS:
                raise LanelightError(f"--iou: expected at most {MOST_STEPS} steps, got {word!r}; give a larger step")
            found += [float(parts[0] + step * parts[2]) for step in range(int(steps) + 1)]
        elif len(parts) == 1 and parts[0].is_finite():
            found.append(float(parts[0]))
        else:
            raise LanelightError(
                f"--iou: expected a number or start:stop:step, for example 0.5:0.95:0.05, got {word!r}"
            )
    return list(dict.fromkeys(found))


def _whole(text: str | int, least: int, told: str) -> int:
    """Read a whole number of at least `least`, which `told` says in words."""
    try:
        value = int(text)
    except ValueError as error:
        raise ArgumentTypeError(f"expected a whole number, got {text!r}") from error
    if value < least:
        raise ArgumentTypeError(f"expected a whole number {told}, got {text}")
    return value


class HelpFormatter(argparse.HelpFormatter):
    """Help that names the defaults that are values; what happens without an option stands in its own text."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        silent = (None, False, True, argparse.SUPPRESS)
        if action.help is None or "%(default)" in action.help or action.default in silent:
            return action.help
        return f"{action.help} (default: %(default)s)"
