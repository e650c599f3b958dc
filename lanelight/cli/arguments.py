"""Types of command-line values, a wrong one being wrong usage (exit code 2), and the look of `--help`."""

from __future__ import annotations

import argparse
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence

from lanelight.errors import unknown_name


def positive(text: str | int) -> int:
    """Read a whole number above 0."""
    try:
        value = int(text)
    except ValueError as error:
        raise ArgumentTypeError(f"expected a whole number, got {text!r}") from error
    if value < 1:
        raise ArgumentTypeError(f"expected a whole number above 0, got {text}")
    return value


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


class HelpFormatter(argparse.HelpFormatter):
    """Help that names the defaults that are values; what happens without an option stands in its own text."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        silent = (None, False, True, argparse.SUPPRESS)
        if action.help is None or "%(default)" in action.help or action.default in silent:
            return action.help
        return f"{action.help} (default: %(default)s)"
