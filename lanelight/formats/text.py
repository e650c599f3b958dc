"""Text files that appear whole or not at all, JSON read with care, and names that stay below their root."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from lanelight.errors import FormatError, OutputError

LONGEST_NAME, LONGEST_PART = 1000, 255  # letters of a name, bytes of one of its parts: no file system takes more
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_NAME = re.compile(r"[\x00-\x1f\ud800-\udfff]")  # control characters, and halves of a character
NOT_JSON = (ValueError, RecursionError)  # what `json` raises for damaged text, and for lists in lists without end


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


@contextmanager
def json_writer(path: str | Path) -> Iterator[Callable[[Any], object]]:
    """Open a file of one JSON value a line, which appears whole or not at all; yield what writes a line.

    Raises:
        OutputError: the folder cannot be written.
    """
    with replacing(path) as file:
        yield lambda value: file.write(json.dumps(value) + "\n")


def make_folder(folder: Path) -> None:
    """Make a folder and its parents.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def part_name(path: Path) -> Path:
    """Return the name a file has until it is complete: in the same folder, so that renaming is one step."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Return the error for a file that cannot be written."""
    do = "make room on the disk" if error.errno in NO_SPACE else "choose a folder that exists and is yours"
    return OutputError(f"cannot write {path}: {error.strerror or error}; {do}")


def read_text(path: str | Path) -> str:
    """Return the text of a file.

    Raises:
        FormatError: the file is missing, unreadable or not text.
    """
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: expected UTF-8 text, found other bytes at offset {error.start}") from error


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file.

    Raises:
        FormatError: the file is missing or unreadable.
    """
    try:
        return Path(path).read_bytes()
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
        except NOT_JSON as error:
            raise FormatError(f"{where}: expected one JSON object, found {line[:40]!r} ({error})") from error
        if not isinstance(entry, dict):
            raise FormatError(f"{where}: expected one JSON object, found {line[:40]!r}")
        yield where, entry


def json_items(path: str | Path) -> Iterator[tuple[str, Any]]:
    """Yield where each item of a JSON file stands (``"FILE item N"``) and the item itself.

    A list is read item by item, so that label files of a gigabyte do not become objects all at once; anything else is
    a single item.

    Raises:
        FormatError: the file cannot be read or is not JSON.
    """
    text = read_text(path)
    decoder = json.JSONDecoder()
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        yield f"{path}", _decoded(decoder, text, at, path)[0]
        return
    at, number = _after_space(text, at + 1), 0
    while text[at : at + 1] != "]":
        number += 1
        item, at = _decoded(decoder, text, at, path)
        yield f"{path} item {number}", item
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise FormatError(f"{path}: expected , or ] behind item {number}, found {text[at : at + 20]!r}; not JSON")


def inside(root: str | Path, name: str, where: str) -> Path:
    """Return the path of a file that a data file names; it lies below the root, whatever the name says.

    Links in the root are followed: they are the user's own.

    Args:
        root: folder of the data.
        name: as it stands in the file.
        where: file and line of the name, for the message.

    Raises:
        FormatError: as `relative_name`.
    """
    return Path(root, relative_name(name, where))


def relative_name(name: str, where: str) -> str:
    """Return a name from a data file as a path below a root: ``a/b``, without leading slashes, ``.`` and ``//``.

    Leading slashes count as the root's, as in the lists of CULane.

    Args:
        name: as it stands in the file, with forward slashes.
        where: file and line of the name, for the message.

    Raises:
        FormatError: the name is empty, no text for a file name, or leads out of the root.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or NO_NAME.search(name):
        raise FormatError(f"{where}: expected the name of a file, found {name[:80]!r}")
    if len(name) > LONGEST_NAME or any(len(part.encode()) > LONGEST_PART for part in parts):
        raise FormatError(f"{where}: expected the name of a file, found {len(name)} letters: {name[:40]!r}...")
    if ".." in parts:
        raise FormatError(f"{where}: expected a name below the root of the data, found {name[:80]!r}; remove the ..")
    return "/".join(parts)


def _decoded(decoder: json.JSONDecoder, text: str, at: int, path: str | Path) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, at)
    except NOT_JSON as error:
        raise FormatError(f"{path}: expected JSON, found {text[at : at + 40]!r} ({error})") from error


def _after_space(text: str, at: int) -> int:
    """Return the next place that is no white space."""
    while text[at : at + 1].isspace():
        at += 1
    return at
