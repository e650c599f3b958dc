"""A map of ids with a palette gives the ids, whatever colours they have."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from lanelight.errors import SourceError
from lanelight.frames import read_image, read_map


def palette_png(ids: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], bits: int) -> bytes:
    """Return a PNG of one byte row after the other, with random colours and a transparent first one."""
    rows = np.unpackbits(ids[..., None], axis=2)[..., 8 - bits :].reshape(len(ids), -1)
    data = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)
    colours = np.random.default_rng(0).integers(0, 256, 3 * 2**bits).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, 3, 0, 0, 0)
    chunks = {b"IHDR": header, b"PLTE": colours, b"tRNS": b"\0", b"IDAT": zlib.compress(data), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_ids_with_a_palette_are_read_as_ids(tmp_path: Path, bits: int) -> None:
    ids = np.random.default_rng(bits).integers(0, 2**bits, (7, 13)).astype(np.uint8)
    (tmp_path / "map.png").write_bytes(palette_png(ids, bits))
    assert np.array_equal(read_map(tmp_path / "map.png"), ids)


def test_the_same_file_read_as_a_picture_has_its_colours(tmp_path: Path) -> None:
    ids = np.zeros((4, 5), np.uint8)
    (tmp_path / "map.png").write_bytes(palette_png(ids, 8))
    first = np.random.default_rng(0).integers(0, 256, 3 * 256).astype(np.uint8)[:3]
    assert np.array_equal(read_image(tmp_path / "map.png"), np.broadcast_to(first, (4, 5, 3)))


@pytest.mark.parametrize("length", [20, 26, 40, 900])
def test_a_cut_palette_file_is_named(tmp_path: Path, length: int) -> None:
    data = palette_png(np.random.default_rng(1).integers(0, 256, (30, 30)).astype(np.uint8), 8)
    (tmp_path / "map.png").write_bytes(data[:length])
    with pytest.raises(SourceError, match=r"map\.png: .*cut off"):
        read_map(tmp_path / "map.png")
