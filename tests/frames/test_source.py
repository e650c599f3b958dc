"""What users may name as a source, and in which order its frames come."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lanelight.errors import SourceError
from lanelight.frames import VideoWriter, find_sources, write_image
from lanelight.frames.source import ImageSource, LiveSource, VideoSource, natural_key


def picture(path: Path, brightness: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((20, 30, 3), brightness, np.uint8))
    return path


def video(path: Path, count: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path) as writer:
        for _ in range(count):
            writer.write(np.full((48, 64, 3), 90, np.uint8))
    return path


def test_pictures_of_a_folder_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("f10.png", "f9.png", "f1.PNG", "notes.txt", ".hidden.png"):
        if name.endswith("txt"):
            (tmp_path / name).write_text("")
        else:
            picture(tmp_path / name)
    (source,) = find_sources([tmp_path])
    assert [(frame.index, frame.name, frame.time_s) for frame in source] == [
        (0, "f1.PNG", None), (1, "f9.png", None), (2, "f10.png", None),
    ]  # fmt: skip
    assert (source.kind, source.count, source.stem) == ("images", 3, tmp_path.name)


def test_one_picture_is_a_source(tmp_path: Path) -> None:
    (source,) = find_sources([str(picture(tmp_path / "a.jpg"))])
    assert (source.count, source.stem) == (1, "a")
    assert next(iter(source)).image.shape == (20, 30, 3)


def test_pictures_named_one_by_one_make_one_source(tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in ("b.png", "a.png")]
    (source,) = find_sources(paths)
    assert isinstance(source, ImageSource)
    assert source.paths == tuple(paths)


def test_a_glob_finds_pictures_also_in_sub_folders(tmp_path: Path) -> None:
    for name in ("x/1.png", "y/2.png", "y/z/10.png"):
        picture(tmp_path / name)
    (source,) = find_sources([f"{tmp_path}/**/*.png"])
    assert source.count == 3


def test_pictures_of_the_same_name_keep_different_names(tmp_path: Path) -> None:
    for name in ("x/1.png", "y/1.png"):
        picture(tmp_path / name)
    (source,) = find_sources([f"{tmp_path}/*/1.png"])
    names = [frame.name for frame in source]
    assert len(set(names)) == 2
    assert all(name.endswith("_1.png") for name in names)


def test_a_folder_may_hold_videos_too(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    video(tmp_path / "b.mp4")
    sources = find_sources([tmp_path])
    assert [source.kind for source in sources] == ["images", "video"]


def test_a_video_tells_size_rate_and_count_and_can_be_read_twice(tmp_path: Path) -> None:
    (source,) = find_sources([video(tmp_path / "b.mp4")])
    assert isinstance(source, VideoSource)
    assert (source.size, source.count, source.live) == ((64, 48), 6, False)
    assert source.fps == pytest.approx(25)
    assert [frame.name for frame in source.frames(4)] == ["000000", "000004"]
    assert len(list(source)) == 6


def test_a_picture_that_cannot_be_read_is_left_out_and_named_at_the_end(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_text("no picture")
    frames = iter(find_sources([tmp_path])[0])
    assert [next(frames).name, next(frames).name] == ["0.png", "2.png"]
    with pytest.raises(SourceError, match=r"1\.png"):
        next(frames)


def test_several_pictures_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_text("no picture")
    with pytest.raises(SourceError, match="3 of 3 pictures could not be read"):
        list(find_sources([tmp_path])[0])


@pytest.mark.parametrize("name", ["missing.mp4", "missing/", "*.nothing", "missing"])
def test_a_name_that_leads_nowhere_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"no such file|no picture, video or bag"):
        find_sources([f"{tmp_path}/{name}"])


def test_an_empty_folder_and_an_empty_list_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a folder with pictures, videos or bags, got 0"):
        find_sources([tmp_path])
    with pytest.raises(SourceError, match="at least one source"):
        find_sources([])


def test_numbers_sort_by_value() -> None:
    names = ["a10b2", "a2", "a10b1", "A1", "1", "10", "b"]
    assert sorted(map(Path, names), key=natural_key) == [
        Path(name) for name in ["1", "10", "A1", "a2", "a10b1", "a10b2", "b"]
    ]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve a folder over HTTP on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_video_behind_an_address_is_read_like_a_file(tmp_path: Path, served: str) -> None:
    video(tmp_path / "b.mp4")
    (source,) = find_sources([f"{served}/b.mp4"])
    assert isinstance(source, LiveSource)
    assert not source.live
    assert "/" not in source.stem
    assert [frame.time_s for frame in source] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2], abs=1e-3)
