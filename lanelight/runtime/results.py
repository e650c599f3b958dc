"""Rows of measured results as CSV: every one says on which machine, when and at which revision it was measured."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lanelight import machine
from lanelight.errors import OutputError
from lanelight.formats.text import make_folder, read_text, replacing

ORIGIN = ("machine", "date", "revision")
PACKAGE = Path(__file__).resolve().parents[1]


def append_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows with their `origin` to a CSV file, which is made where it is missing.

    Args:
        path: of the file.
        rows: column -> value, the same columns in all of them.

    Raises:
        OutputError: the file has other columns, or the place cannot be written.
        FormatError: the file is there and cannot be read.
    """
    path = Path(path)
    columns = [*rows[0], *ORIGIN]
    check_columns(path, tuple(rows[0]))
    before = read_text(path) if path.is_file() else ""
    told = origin()
    make_folder(path.absolute().parent)
    with replacing(path) as file:
        file.write(before)
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        if not before:
            writer.writeheader()
        writer.writerows({**row, **told} for row in rows)


def check_columns(path: str | Path, columns: Sequence[str]) -> None:
    """Check that rows of these columns can be appended to a file, which may be missing.

    Raises:
        OutputError: the file has other columns.
        FormatError: the file is there and cannot be read.
    """
    path = Path(path)
    before = read_text(path) if path.is_file() else ""
    expected = [*columns, *ORIGIN]
    if before and (known := next(csv.reader(before.splitlines()[:1]))) != expected:
        raise OutputError(
            f"{path}: expected the columns {', '.join(expected)}, got {', '.join(known)}; move the file away, or name "
            "another one"
        )


def origin() -> dict[str, str]:
    """Return machine, date (UTC) and revision of what is measured now."""
    values = (machine.description(), f"{datetime.now(UTC):%Y-%m-%d}", revision())
    return dict(zip(ORIGIN, values, strict=True))


def revision() -> str:
    """Return the commit of this package, with + where files differ from it, or its version outside of a repository."""
    from lanelight import __version__

    # An environment may lie in somebody else's repository: only one that has this very file tells the revision.
    if not _git("ls-files", "--error-unmatch", __file__):
        return __version__
    return _git("describe", "--always", "--dirty=+") or __version__


def _git(*words: str) -> str:
    command = ["git", "-C", str(PACKAGE), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git on this machine: nothing to tell, which is what an empty answer says
        return ""
