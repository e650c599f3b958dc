"""Damaged label files raise nothing but a `LanelightError`, and no name in them leads out of the root."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import fakes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.datasets import open_dataset
from lanelight.errors import LanelightError
from lanelight.formats import bdd100k, bdd100k_labels, camvid, culane, culane_lists, native, tusimple
from lanelight.formats.text import json_items, json_lines

OPENED: list[str] = []
_listening = [False]


def _note_opened(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _listening[0] and isinstance(args[0], str):
        OPENED.append(args[0])


sys.addaudithook(_note_opened)  # cannot be taken away again; it does nothing unless it listens


@contextmanager
def noting_opened_files() -> Iterator[list[str]]:
    OPENED.clear()
    _listening[0] = True
    try:
        yield OPENED
    finally:
        _listening[0] = False


@dataclass
class Folder:
    """A healthy data set and its file that is to be damaged."""

    kind: str
    root: Path
    file: Path

    @property
    def list_file(self) -> Path | None:
        return None if self.kind == "native" else self.file

    def read_all(self) -> None:
        """Read every frame as a user does who goes on after a damaged one."""
        with noting_opened_files() as opened, suppress(LanelightError):
            data = open_dataset(self.kind, self.root, None, self.list_file)
            for index in range(len(data)):
                with suppress(LanelightError):
                    data[index]
        root = self.root.resolve()
        outside = [path for path in opened if not Path(path).resolve().is_relative_to(root)]
        assert not outside, outside


def _healthy(kind: str, root: Path) -> Folder:
    places: dict[str, Callable[[], Path]] = {
        "native": lambda: fakes.native(root) / "lanes.jsonl",
        "culane": lambda: fakes.culane(root) / "list/train_gt.txt",
        "tusimple": lambda: fakes.tusimple(root, frames=2),
        "bdd100k": lambda: fakes.bdd100k(root),
        "cityscapes": lambda: _written(fakes.cityscapes(root) / "list.txt"),
        "camvid": lambda: fakes.camvid(root) / "val.txt",
    }
    return Folder(kind, root, places[kind]())


def _written(path: Path) -> Path:
    path.write_text("leftImg8bit/val/frankfurt/frankfurt_000001_000019_leftImg8bit.png\n")
    return path


KINDS = ("native", "culane", "tusimple", "bdd100k", "cityscapes", "camvid")
JSON_KINDS = ("native", "tusimple", "bdd100k")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folder]:
    made = {}
    for kind in KINDS:
        outer = tmp_path_factory.mktemp(kind)
        cv2.imwrite(str(outer / "secret.jpg"), np.zeros((720, 1280, 3), np.uint8))
        (outer / "secret.lines.txt").write_text("1 2 3 4\n")
        cv2.imwrite(str(outer / "secret.png"), np.zeros((180, 320), np.uint8))
        (outer / "root").mkdir()
        made[kind] = _healthy(kind, outer / "root")
    return made


TRAVERSAL = [
    "../secret.jpg",
    "/../secret.jpg",
    "a/../../secret.jpg",
    "..",
    "frames/../../secret.jpg",
    "./../secret.jpg",
]
ABSOLUTE = ["/etc/passwd", "//etc/passwd", "\x00", "a\x00.jpg", "\ud800.jpg", "x" * 5000, "x" * 300, "", ".", "/"]
JUNK: list[Any] = [
    None, True, -1, 0, 1.5, 1e308, -1e308, float("nan"), float("inf"), 10**400, "", "x", [], {}, [[]],
    [None], [[1]], [{}], {"points": 1}, *TRAVERSAL, *ABSOLUTE,
]  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))


def _replaced(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], junk)
    return copy


@pytest.mark.parametrize("kind", JSON_KINDS)
@given(data=st.data())
def test_values_of_wrong_kinds_are_reported(folders: dict[str, Folder], kind: str, data: st.DataObject) -> None:
    folder = folders[kind]
    healthy = folder.file.read_text()
    whole = kind == "bdd100k"
    items = [json.loads(healthy)] if whole else [json.loads(line) for line in healthy.splitlines()]
    number = data.draw(st.integers(0, len(items) - 1))
    path = data.draw(st.sampled_from(list(_places(items[number]))))
    items[number] = _replaced(items[number], path, data.draw(st.sampled_from(JUNK)))
    try:
        folder.file.write_text("\n".join(json.dumps(item) for item in items))
        folder.read_all()
    finally:
        folder.file.write_text(healthy)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_damaged_bytes_are_reported(folders: dict[str, Folder], kind: str, data: st.DataObject) -> None:
    folder = folders[kind]
    healthy = folder.file.read_bytes()
    at = data.draw(st.integers(0, len(healthy)))
    junk = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"[" * 100_000, b"{", b"\n", b"9" * 5000, b"1e999", b"NaN"])
    )
    rest = data.draw(st.sampled_from([b"", healthy[at:], healthy[at + len(junk) :]]))
    try:
        folder.file.write_bytes(healthy[:at] + junk + rest)
        folder.read_all()
    finally:
        folder.file.write_bytes(healthy)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("culane", "driver_23_30frame/05151640_0419.MP4/00001.lines.txt"),
        ("culane", "driver_23_30frame/05151640_0419.MP4/00001.jpg"),
        ("native", "classes/a/0.png"),
        ("cityscapes", "gtFine/val/frankfurt/frankfurt_000001_000019_gtFine_labelIds.png"),
        ("camvid", "valannot/0001TP_000001.png"),
    ],
)
@given(data=st.data())
def test_damaged_lane_files_maps_and_pictures_are_reported(
    folders: dict[str, Folder], kind: str, name: str, data: st.DataObject
) -> None:
    folder = folders[kind]
    path = folder.root / name
    healthy = path.read_bytes()
    at = data.draw(st.integers(0, len(healthy)))
    junk = data.draw(st.binary(max_size=8) | st.sampled_from([b"1e999 ", b"nan", b"\x00" * 40]))
    try:
        path.write_bytes(healthy[:at] + junk + data.draw(st.sampled_from([b"", healthy[at + len(junk) :]])))
        folder.read_all()
    finally:
        path.write_bytes(healthy)


@pytest.mark.parametrize("name", TRAVERSAL + ABSOLUTE)
@pytest.mark.parametrize("kind", KINDS)
def test_names_that_lead_out_of_the_root_are_refused(folders: dict[str, Folder], kind: str, name: str) -> None:
    folder = folders[kind]
    healthy = folder.file.read_text()
    written = json.dumps(name)[1:-1] if kind in JSON_KINDS else name.encode("utf-8", "replace").decode()
    old = {
        "native": "a/0.png",
        "culane": "/driver_23_30frame/05151640_0419.MP4/00001.jpg",
        "tusimple": "clips/0000/1/20.jpg",
        "bdd100k": "0000f77c-6257be51.jpg",
        "cityscapes": "leftImg8bit/val/frankfurt/frankfurt_000001_000019_leftImg8bit.png",
        "camvid": "/SegNet/CamVid/val/0001TP_000001.png",
    }[kind]
    assert old in healthy
    try:
        folder.file.write_text(healthy.replace(old, written))
        folder.read_all()
        if name.endswith("secret.jpg"):
            with pytest.raises(LanelightError, match=r"expected a name below the root|expected the name of a file"):
                open_dataset(kind, folder.root, None, folder.list_file)
    finally:
        folder.file.write_text(healthy)


def test_class_maps_outside_the_root_are_not_read(folders: dict[str, Folder]) -> None:
    folder = folders["native"]
    healthy = folder.file.read_text()
    try:
        folder.file.write_text(healthy.replace("classes/a/0.png", "../secret.png"))
        with pytest.raises(LanelightError, match="expected a name below the root"):
            open_dataset("native", folder.root)[0]
    finally:
        folder.file.write_text(healthy)


@given(content=st.binary(max_size=200) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_no_reader_takes_arbitrary_bytes_amiss(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary"
    path.write_bytes(content)
    readers: list[Callable[[Path], object]] = [
        native.read, culane.read_lanes, culane_lists.read_list, tusimple.read, tusimple.read_labels, bdd100k.read_list,
        camvid.read_list, lambda file: list(bdd100k_labels.read(file)), lambda file: list(json_items(file)),
        lambda file: list(json_lines(file)),
    ]  # fmt: skip
    for read in readers:
        with suppress(LanelightError):
            read(path)
