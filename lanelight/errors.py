"""The errors that users of lanelight meet; every message says what was expected, what was found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LanelightError(Exception):
    """Any mistake in what lanelight was given; the command line prints it as one line and exits with 1."""


class SourceError(LanelightError):
    """A picture, folder, video, camera or stream that cannot be read."""


class FormatError(LanelightError):
    """A label, prediction or list file that does not follow its format."""


class ModelError(LanelightError):
    """A network, manifest or checkpoint that cannot be used."""


class OutputError(LanelightError):
    """A place that cannot be written."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a misspelt name: the nearest known one, then all of them.

    Args:
        kind: what is named, for example ``"model"``.
        name: what the user wrote.
        known: every valid name.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {kind} {name!r}: {hint}known: {', '.join(names)}"
