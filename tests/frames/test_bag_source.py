"""Robots' recordings as sources: what is read, by which clock, and what is said of those that cannot be."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import fake_network
import numpy as np
import pytest
import robot_bags
from numpy.typing import NDArray
from robot_bags import DELAY_NS, FORMS, START_NS, STEP_NS, Topic

from lanelight.errors import SourceError
from lanelight.frames import Source, Stamp, find_sources, write_image
from lanelight.frames.bag import BagSource


def pictures(count: int = 5, size: tuple[int, int] = (64, 48)) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8) for _ in range(count)]


def bag(folder: Path, form: str, **topics: Topic) -> Path:
    names = {f"/{name}/image_raw": topic for name, topic in topics.items()}
    return robot_bags.write(folder / ("drive.bag" if form == "ros1" else "drive"), form, names, texts=2)


def only(path: Path | str, topic: str | None = None) -> Source:
    (source,) = find_sources([path], topic=topic)
    return source


@pytest.mark.parametrize("form", FORMS)
def test_a_bag_gives_its_images_with_their_times_and_headers(form: str, tmp_path: Path) -> None:
    shown = pictures()
    source = only(bag(tmp_path, form, cam=Topic(shown)))
    assert isinstance(source, BagSource)
    assert (source.kind, source.stem, source.topic) == ("video", "drive", "/cam/image_raw")
    assert (source.size, source.fps, source.count) == ((64, 48), 25.0, 5)
    for _ in range(2):  # a recording may be read again
        frames = list(source)
        assert [frame.index for frame in frames] == list(range(5))
        assert [frame.time_s for frame in frames] == [0.0, 0.04, 0.08, 0.12, 0.16]
        for index, (frame, picture) in enumerate(zip(frames, shown, strict=True)):
            time_ns = START_NS + index * STEP_NS
            assert frame.stamp == Stamp(time_ns, "front", time_ns + DELAY_NS)
            np.testing.assert_array_equal(frame.image, picture)


@pytest.mark.parametrize("form", ["mcap", "sqlite3"])
def test_the_file_of_a_ros_2_bag_is_read_without_its_folder(form: str, tmp_path: Path) -> None:
    folder = bag(tmp_path, form, cam=Topic(pictures()))
    (file,) = (path for path in folder.iterdir() if path.suffix != ".yaml")
    assert len(list(only(file))) == 5


@pytest.mark.parametrize("encoding", ["rgb8", "png"])
def test_raw_and_compressed_images_are_read(encoding: str, tmp_path: Path) -> None:
    shown = pictures(2)
    frames = list(only(bag(tmp_path, "ros1", cam=Topic(shown, encoding))))
    np.testing.assert_array_equal([frame.image for frame in frames], shown)


def test_every_third_image_keeps_its_number_and_time(tmp_path: Path) -> None:
    frames = list(only(bag(tmp_path, "mcap", cam=Topic(pictures(7)))).frames(3))
    assert [(frame.index, frame.time_s, frame.name) for frame in frames] == [
        (0, 0.0, "000000"), (3, 0.12, "000003"), (6, 0.24, "000006"),
    ]  # fmt: skip


def test_headers_without_a_time_leave_it_to_the_recorder(tmp_path: Path) -> None:
    source = only(bag(tmp_path, "ros1", cam=Topic(pictures(), stamped=False)))
    assert source.fps == 25.0
    frames = list(source)
    assert [frame.time_s for frame in frames] == [0.0, 0.04, 0.08, 0.12, 0.16]
    assert frames[1].stamp == Stamp(0, "front", START_NS + STEP_NS + DELAY_NS)


@pytest.mark.parametrize("form", FORMS)
def test_of_several_topics_one_must_be_chosen(form: str, tmp_path: Path) -> None:
    path = bag(tmp_path, form, left=Topic(pictures(3)), right=Topic(pictures(2), "jpeg"))
    with pytest.raises(
        SourceError,
        match=r"expected one topic of images, got /left/image_raw \(3\), /right/image_raw \(2\); .* --topic",
    ):
        find_sources([path])
    assert len(list(only(path, "/right/image_raw"))) == 2
    with pytest.raises(SourceError, match=r"unknown topic '/wrong/image_raw': did you mean '/right/image_raw'\?"):
        find_sources([path], topic="/wrong/image_raw")


def test_a_topic_on_which_nothing_was_recorded_needs_no_choice(tmp_path: Path) -> None:
    path = bag(tmp_path, "mcap", left=Topic(pictures(3)), right=Topic([]))
    assert only(path).count == 3
    with pytest.raises(SourceError, match="no images on /right/image_raw: nothing was recorded"):
        find_sources([path], topic="/right/image_raw")


@pytest.mark.parametrize("form", FORMS)
def test_a_bag_without_images_names_what_it_has(form: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"expected a topic of images .* got /chatter \(std_msgs/msg/String\)"):
        find_sources([bag(tmp_path, form)])


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_bag_is_told(form: str, tmp_path: Path) -> None:
    path = robot_bags.write(tmp_path / ("empty.bag" if form == "ros1" else "empty"), form, {})
    with pytest.raises(SourceError, match=r"empty.*: expected a topic of images .* got no topics"):
        find_sources([path])


@pytest.mark.parametrize("name", ["a.bag", "a.mcap", "a.db3"])
@pytest.mark.parametrize("content", [b"", b"#ROSBAG V2.0\n", b"no bag at all" * 50])
def test_a_file_that_is_no_bag_is_told_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=rf"{name}: the bag is damaged or was not closed; .*reindex"):
        find_sources([tmp_path / name])


def test_a_damaged_metadata_file_is_told_by_name(tmp_path: Path) -> None:
    path = bag(tmp_path, "mcap", cam=Topic(pictures()))
    (path / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 9}\n")
    with pytest.raises(SourceError, match=r"drive: the bag is damaged .*relative_file_paths"):
        find_sources([path])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
def test_a_bag_that_is_cut_off_is_told_by_name(form: str, share: float, tmp_path: Path) -> None:
    path = bag(tmp_path, form, cam=Topic(pictures(40)))
    (file,) = [path] if form == "ros1" else (one for one in path.iterdir() if one.suffix != ".yaml")
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(SourceError, match=r"drive.*: the bag is damaged"):
        list(only(path))


def test_damage_in_the_middle_leaves_the_images_before_it(tmp_path: Path) -> None:
    path = bag(tmp_path, "mcap", cam=Topic(pictures(400)))  # several chunks
    (file,) = path.glob("*.mcap")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40_000] = b"\xff" * 40_000
    file.write_bytes(content)
    seen: list[int] = []
    with pytest.raises(SourceError, match=r"drive.*damaged"):
        seen.extend(frame.index for frame in only(path))
    assert seen == list(range(len(seen)))
    assert 100 < len(seen) < 400


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spoilt", [0, 2])
def test_an_image_that_cannot_be_read_is_left_out_and_told_at_the_end(form: str, spoilt: int, tmp_path: Path) -> None:
    source = only(bag(tmp_path, form, cam=Topic(pictures(), spoilt={spoilt: b"\x00\x01\x00\x00rubbish"})))
    assert source.size == (64, 48)
    seen: list[int] = []
    with pytest.raises(SourceError, match=rf"/cam/image_raw image {spoilt}: .*damaged"):
        seen.extend(frame.index for frame in source)
    assert seen == [index for index in range(5) if index != spoilt]


def test_images_of_which_none_can_be_read_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"/depth/image_raw image 0: unknown encoding '16UC1'"):
        find_sources([bag(tmp_path, "ros1", depth=Topic(pictures(), "16UC1"))])


def test_bags_are_found_in_a_folder_and_by_a_pattern(tmp_path: Path) -> None:
    bag(tmp_path, "ros1", cam=Topic(pictures(2)))
    bag(tmp_path, "mcap", cam=Topic(pictures(3)))
    write_image(tmp_path / "a.png", np.zeros((48, 64, 3), np.uint8))
    fake_network.write_video(tmp_path / "film.mp4", 2)
    kinds = [(source.kind, source.stem, source.count) for source in find_sources([tmp_path])]
    assert kinds == [("images", "a", 1), ("video", "drive", 3), ("video", "drive", 2), ("video", "film", 2)]
    assert len(find_sources([str(tmp_path / "*.bag")])) == 1


def test_the_files_of_a_folder_found_with_it_are_not_read_twice(tmp_path: Path) -> None:
    bag(tmp_path, "mcap", cam=Topic(pictures(3)))
    assert [source.name for source in find_sources([str(tmp_path / "**")])] == [str(tmp_path / "drive")]


def test_a_folder_that_only_looks_like_a_bag_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures.bag").mkdir()
    write_image(tmp_path / "pictures.bag" / "a.png", np.zeros((48, 64, 3), np.uint8))
    assert only(tmp_path / "pictures.bag").kind == "images"


def test_a_topic_without_a_bag_is_a_mistake(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(SourceError, match=r"--topic /cam: expected a bag among the sources, got .*a\.png"):
        find_sources([tmp_path / "a.png"], topic="/cam")


def test_without_rosbags_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bag(tmp_path, "ros1", cam=Topic(pictures(1)))
    monkeypatch.setitem(sys.modules, "rosbags", None)
    with pytest.raises(SourceError, match=r"reading a bag needs rosbags: pip install 'lanelight\[ros\]'"):
        find_sources([path])


def test_the_files_of_a_bag_are_known_so_that_nothing_replaces_them(tmp_path: Path) -> None:
    path = bag(tmp_path, "sqlite3", cam=Topic(pictures(1)))
    assert {file.name for file in only(path).files} == {"drive.db3", "metadata.yaml"}
    copy = Path(shutil.copy(path / "drive.db3", tmp_path))
    assert only(copy).files == (copy,)
