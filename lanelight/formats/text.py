"""Text files that appear whole or not at all, and files of one JSON object a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from lanelight.errors import FormatError, OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[TextIO]:
    """Open a text file that takes its name only when the block ends without an error.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = Path(path)
    part = part_name(path)
    try:
        file = part.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with file:
            yield file
        part.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any) -> None:
    """Write plain values as an indented JSON file, whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    with replacing(path) as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def part_name(path: Path) -> Path:
    """Return the name a file has until it is complete: in the same folder, so that renaming is one step."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Return the error for a file that cannot be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}; choose a folder that exists and is yours")


def read_text(path: str | Path) -> str:
    """Return the text of a file.

    Raises:
        FormatError: the file is missing, unreadable or not text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: expected UTF-8 text, found other bytes at offset {error.start}") from error
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}") from error


def json_lines(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each line stands (``"FILE line N"``) and its JSON object; blank lines are skipped.

    Raises:
        FormatError: the file cannot be read, or a line is not a JSON object.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise FormatError(f"{where}: expected one JSON object, found {line[:40]!r} ({error})") from error
        if not isinstance(entry, dict):
            raise FormatError(f"{where}: expected one JSON object, found {line[:40]!r}")
        yield where, entry
