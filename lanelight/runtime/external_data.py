"""Whether an ONNX file keeps weights in other files, found without loading it and without the package of ONNX.

Such a file can name any other one on the machine, and the checksum in the manifest says nothing about what is in there.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from lanelight.errors import ModelError

VARINT, FIXED64, TEXT, FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers

# Where tensors stand: message -> field number -> message (onnx.proto3).
MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
DEEPEST = 100  # messages inside one another; the readers of protocol buffers stop there as well


def check_in_one_piece(model: Path) -> None:
    """Make sure that an ONNX file holds all its weights itself.

    A file that is no ONNX at all passes: the runtime says what is wrong with it.

    Raises:
        ModelError: weights lie in another file, wherever that is, or the file cannot be read.
    """
    try:
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = next(_places(content, 0, len(content), "model", 0), None)
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        if model.is_file() and not model.stat().st_size:
            return
        raise ModelError(f"{model}: the model file cannot be read: {error}") from error
    if place is not None:
        raise ModelError(
            f"{model}: expected a network with all weights in its own file, got some in {place!r:.120}; "
            "save it in one piece (onnx.save without save_as_external_data), or export it again"
        )


def _places(content: mmap.mmap, start: int, end: int, message: str, depth: int) -> Iterator[str]:
    """Yield the names of other files in a message."""
    if depth > DEEPEST:
        return
    for number, first, last in _parts(content, start, end):
        inner = MESSAGES[message].get(number)
        if inner == "entry":
            pair = {key: content[a:b] for key, a, b in _parts(content, first, last)}
            if pair.get(1) == b"location":
                yield pair.get(2, b"").decode("utf-8", "replace")
        elif inner is not None:
            yield from _places(content, first, last, inner, depth + 1)


def _parts(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number and the range of each part of a message that is a message or text, until it makes no sense."""
    at = start
    while at < end:
        key, at = _varint(content, at, end)
        kind = key & 7
        if kind == VARINT:
            _, at = _varint(content, at, end)
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        elif kind == TEXT:
            length, at = _varint(content, at, end)
            if at + length > end:
                return
            yield key >> 3, at, at + length
            at += length
        else:
            return


def _varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """Return the number at a place and the place behind it; of a number that is cut off, what there is of it."""
    value = shift = 0
    while at < end and shift < 70:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            break
    return value, at
