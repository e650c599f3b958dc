from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import get_args

import cv2
import fakes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lanelight.datasets import CULane, FrameDataset, LabelledPictures, Native, TuSimple, open_dataset
from lanelight.datasets.conversion import Images, convert
from lanelight.datasets.layout import guess_format
from lanelight.datasets.writers import WRITERS
from lanelight.errors import FormatError, OutputError, SourceError
from lanelight.formats import tusimple
from lanelight.frames.size import read_size
from lanelight.geometry import Lane, Scene

LANE_FORMATS = ("native", "culane", "tusimple", "bdd100k")


def opened(kind: str, root: Path) -> LabelledPictures:
    fake = {"native": fakes.native, "culane": fakes.culane, "tusimple": fakes.tusimple, "bdd100k": fakes.bdd100k}[kind]
    fake(root)
    return open_dataset(kind, root, "train" if kind == "culane" else None)


def facts(data: FrameDataset) -> list[tuple[object, ...]]:
    """Return everything that is known about every frame, comparable."""
    return [
        (
            key,
            frame.tobytes(),
            scene.size,
            [
                (repr(lane.points.tolist()), lane.score, lane.slot, lane.track, dict(lane.attributes))
                for lane in scene.lanes
            ],
            None if scene.classes is None else scene.classes.tolist(),
        )
        for key, frame, scene in (data[index] for index in range(len(data)))
    ]


@pytest.mark.parametrize("kind", LANE_FORMATS)
def test_a_format_holds_all_of_its_own(tmp_path: Path, kind: str) -> None:
    data = opened(kind, tmp_path / "from")
    report = convert(data, kind, tmp_path / "to", images="copy")
    assert not [what for what, loss in report.losses.items() if not loss.noted]
    back = open_dataset(kind, tmp_path / "to", "train")
    assert facts(back) == facts(data)
    assert (report.frames, report.lanes) == (len(data), sum(len(data[i][2].lanes) for i in range(len(data))))


@pytest.mark.parametrize("kind", LANE_FORMATS)
def test_native_holds_all_of_every_format(tmp_path: Path, kind: str) -> None:
    data = opened(kind, tmp_path / "from")
    assert not convert(data, "native", tmp_path / "to", images="copy").losses
    assert facts(Native(tmp_path / "to")) == facts(data)


@pytest.mark.parametrize("first", LANE_FORMATS)
@pytest.mark.parametrize("second", LANE_FORMATS)
def test_what_is_not_held_is_reported(tmp_path: Path, first: str, second: str) -> None:
    data = opened(first, tmp_path / "from")
    report = convert(data, second, tmp_path / "to", images="copy")
    back = open_dataset(second, tmp_path / "to", "train")
    assert [key for key, *_ in facts(back)] == [key for key, *_ in facts(data)]
    held = not [what for what, loss in report.losses.items() if not loss.noted]
    assert held == (facts(back) == facts(data))


def test_the_report_counts_each_kind_of_loss_with_the_first_frames(tmp_path: Path) -> None:
    report = convert(Native(fakes.native(tmp_path / "from")), "culane", tmp_path / "to")
    lost = {what: (loss.count, loss.frames, loss.examples) for what, loss in report.losses.items() if not loss.noted}
    first = (1, 1, ["a/0.png"])
    assert lost == {
        "slots": first, "scores": first, "tracks": first, "attributes": first, "class maps": first,
        "points without coordinates": first,
    }  # fmt: skip
    assert report.as_json()["noted"] == {
        "lanes of fewer than two points, which the scorer never counts as found": {
            "count": 1, "frames": 1, "examples": ["a/0.png"]
        }
    }  # fmt: skip


def test_the_same_data_set_comes_back_through_a_chain_of_all_formats(tmp_path: Path) -> None:
    lanes = [
        Lane(np.array([(bottom + k * step, 710.0 - 10 * k) for k in range(30)]), slot=slot)
        for slot, (bottom, step) in enumerate([(100, 12.5), (500, 4.25), (800, -4.0), (1200, -13.0)])
    ]
    data: FrameDataset = _Drawn([Scene((1280, 720), lanes), Scene((1280, 720))])
    for number, kind in enumerate(("native", "tusimple", "bdd100k", "culane", "tusimple", "native")):
        out = tmp_path / str(number)
        convert(data, kind, out, images="copy")
        data = open_dataset(kind, out, "train")
    points = [lane.points.tolist() for lane in data[0][2].lanes]
    assert points == [lane.points.tolist() for lane in lanes]
    assert data[1][2].lanes == ()


class _Drawn:
    """Frames that are no files."""

    def __init__(self, scenes: list[Scene]) -> None:
        self._scenes = scenes

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> tuple[str, NDArray[np.uint8], Scene]:
        width, height = self._scenes[index].size
        return f"{index:03d}", np.full((height, width, 3), 90, np.uint8), self._scenes[index]


anything = st.floats(width=64) | st.sampled_from([1e308, -1e308, 0.0, 710.0, 700.0, 160.0])
odd_lanes = st.builds(
    Lane,
    points=st.lists(st.tuples(anything, anything), max_size=5).map(lambda points: np.array(points).reshape(-1, 2)),
    score=st.floats(0, 1),
    slot=st.none() | st.integers(-1, 5),
    track=st.none() | st.integers(0, 9),
    attributes=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@pytest.mark.parametrize("kind", LANE_FORMATS)
@given(lanes=st.lists(odd_lanes, max_size=4))
def test_every_scene_can_be_written_and_read_and_what_changed_is_reported(
    tmp_path_factory: pytest.TempPathFactory, kind: str, lanes: list[Lane]
) -> None:
    out = tmp_path_factory.mktemp("odd") / "to"
    scene = Scene((1280, 720), lanes)
    report = convert(_Drawn([scene]), kind, out)
    data = open_dataset(kind, out, "train")
    held = not [what for what, loss in report.losses.items() if not loss.noted]
    assert held == _is_same(scene, data.scene(0, scene.size))


def test_frames_in_memory_are_written_as_pictures_but_cannot_be_linked_to(tmp_path: Path) -> None:
    data = _Drawn([Scene((64, 48))])
    convert(data, "tusimple", tmp_path / "to", images="copy", split="val")
    back = TuSimple.open(tmp_path / "to", "val")
    assert back.keys == ["000.jpg"]
    assert back[0][1].shape == (48, 64, 3)
    with pytest.raises(OutputError, match="expected frames that are picture files"):
        convert(data, "tusimple", tmp_path / "other", images="link")


def test_pictures_are_brought_only_where_asked_for(tmp_path: Path) -> None:
    data = TuSimple(tmp_path / "from", fakes.tusimple(tmp_path / "from", frames=1))
    for images in get_args(Images):
        out = tmp_path / images
        convert(data, "culane", out, images=images)
        picture = out / data.keys[0]
        assert picture.is_file() == (images != "none")
        assert picture.is_symlink() == (images == "link")
        if images != "none":
            assert picture.read_bytes() == data.picture(0).read_bytes()
            assert len(CULane.open(out)) == 1
        assert not list(out.rglob("*.part"))


def test_a_damaged_frame_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = fakes.culane(tmp_path / "from")
    data = CULane(root)
    data.picture(1).unlink()
    done: list[int] = []
    report = convert(data, "tusimple", tmp_path / "to", watch=done.append)
    assert report.frames == 2
    assert len(report.failed) == 1
    assert "00001.jpg" in report.failed[0]
    assert done == [1, 2, 3]
    names = [entry.raw_file for entry in tusimple.read_labels(tmp_path / "to/label_data_train.json")]
    assert names == [data.keys[0], data.keys[2]]


def test_a_frame_that_is_listed_again_is_written_once(tmp_path: Path) -> None:
    root = fakes.culane(tmp_path / "from")
    report = convert(CULane(root, ["list/train_gt.txt", "list/test.txt"]), "native", tmp_path / "to")
    assert report.frames == 3
    assert report.losses["frames listed again"].examples == ["driver_23_30frame/05151640_0419.MP4/00002.jpg"]


def test_nothing_is_written_into_a_folder_with_files(tmp_path: Path) -> None:
    data = Native(fakes.native(tmp_path / "from"))
    for out in (tmp_path / "from", tmp_path / "from/lanes.jsonl"):
        with pytest.raises(OutputError, match="expected a new or empty folder"):
            convert(data, "culane", out)
    with pytest.raises(FormatError, match="unknown lane format 'culan': did you mean 'culane'"):
        convert(data, "culan", tmp_path / "to")
    with pytest.raises(OutputError, match="unknown split 'all'"):
        convert(data, "culane", tmp_path / "to", split="all")


def test_an_interruption_leaves_no_half_label_file(tmp_path: Path) -> None:
    data = TuSimple(tmp_path / "from", fakes.tusimple(tmp_path / "from"))

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    for kind in ("tusimple", "bdd100k"):
        with pytest.raises(KeyboardInterrupt):
            convert(data, kind, tmp_path / kind, watch=stop)
        assert not [path for path in (tmp_path / kind).rglob("*") if path.is_file()]


def test_classes_go_into_the_native_format_with_their_names(tmp_path: Path) -> None:
    for kind, fake in (("cityscapes", fakes.cityscapes), ("camvid", fakes.camvid)):
        data = open_dataset(kind, fake(tmp_path / kind))
        assert not convert(data, "native", tmp_path / f"{kind}_native", images="link").losses
        back = Native(tmp_path / f"{kind}_native")
        assert back.class_names == data.class_names
        assert facts(back) == facts(data)
        report = convert(data, "culane", tmp_path / f"{kind}_culane")
        assert report.losses["class maps"].count == len(data)


def test_class_maps_of_pictures_that_differ_in_their_suffix_do_not_collide(tmp_path: Path) -> None:
    root = fakes.native(tmp_path / "from")
    lines = (root / "lanes.jsonl").read_text().replace('"1.jpg"', '"a/0.jpg", "classes": "classes/1.png"')
    (root / "lanes.jsonl").write_text(lines)
    (root / "frames/1.jpg").rename(root / "frames/a/0.jpg")
    cv2.imwrite(str(root / "classes/1.png"), np.full((180, 320), 1, np.uint8))
    convert(Native(root), "native", tmp_path / "to", images="copy")
    assert facts(Native(tmp_path / "to")) == facts(Native(root))
    with pytest.raises(OutputError, match="expected one lane file a picture"):
        convert(Native(root), "culane", tmp_path / "culane")


@pytest.mark.parametrize("kind", LANE_FORMATS)
def test_the_format_of_a_folder_is_guessed(tmp_path: Path, kind: str) -> None:
    convert(opened(kind, tmp_path / "from"), kind, tmp_path / "to", images="copy")
    assert guess_format(tmp_path / "from") == kind
    assert guess_format(tmp_path / "to") == kind


def test_other_json_files_are_no_labels(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps({"name": "smoke", "data": [{"frames": "own"}]}, indent=2))
    with pytest.raises(FormatError, match="found none of them"):
        guess_format(tmp_path)


def test_folders_of_no_or_several_formats_are_not_guessed(tmp_path: Path) -> None:
    assert guess_format(fakes.cityscapes(tmp_path / "a")) == "cityscapes"
    assert guess_format(fakes.camvid(tmp_path / "b")) == "camvid"
    with pytest.raises(SourceError, match="nowhere"):
        guess_format(tmp_path / "nowhere")
    (tmp_path / "c").mkdir()
    with pytest.raises(FormatError, match=r"native: lanes\.jsonl; .*name the format"):
        guess_format(tmp_path / "c")
    fakes.tusimple(tmp_path / "c")
    fakes.native(tmp_path / "c")
    with pytest.raises(FormatError, match="it could be native or tusimple"):
        guess_format(tmp_path / "c")


@pytest.mark.parametrize(
    ("kind", "folder"),
    [("tusimple", "tusimple"), ("culane", "culane_clip"), ("bdd100k", "bdd_sample"), ("camvid", "camvid11")],
)
def test_real_data_come_back_from_their_own_and_from_the_native_format(
    shared: Path, tmp_path: Path, kind: str, folder: str
) -> None:
    data = open_dataset(kind, shared / "data" / folder)
    for first, second in pairwise([kind, "native", kind, "native"]):
        if second not in WRITERS:
            continue
        report = convert(data, second, tmp_path / f"{first}_{second}{len(list(tmp_path.iterdir()))}", images="link")
        assert report.frames == len(data)
        assert all(loss.noted for loss in report.losses.values())
        back = open_dataset(second, max(tmp_path.iterdir(), key=lambda path: int(path.name[-1])))
        for index in range(len(data)):
            size = read_size(data.picture(index))
            _assert_same(data.scene(index, size), back.scene(index, size))
        data = back


def _assert_same(a: Scene, b: Scene) -> None:
    assert _is_same(a, b)
    assert (a.classes is None) == (b.classes is None)
    assert a.classes is None or b.classes is None or (a.classes == b.classes).all()


def _is_same(a: Scene, b: Scene) -> bool:
    first, second = (
        [
            (repr((lane.points + 0.0).tolist()), lane.score, lane.slot, lane.track, dict(lane.attributes))
            for lane in scene.lanes
        ]
        for scene in (a, b)
    )
    return first == second
