"""Videos: what is written can be played and read back, and damage is told exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.errors import OutputError, SourceError
from lanelight.frames import VideoReader, VideoWriter

FLAGS = np.array([[230, 40, 30], [20, 200, 60], [40, 60, 220]], np.uint8)


def striped(width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """Return three coloured stripes."""
    return np.repeat(FLAGS, height // 3 + 1, axis=0)[:height, None].repeat(width, axis=1)


def numbered(number: int) -> NDArray[np.uint8]:
    """Return a grey frame whose brightness tells its number."""
    return np.full((48, 64, 3), 20 + 3 * number, np.uint8)


def write(path: Path, count: int, fps: float = 25.0) -> Path:
    with VideoWriter(path, fps=fps, crf=10) as writer:
        for number in range(count):
            writer.write(numbered(number))
    return path


def test_frames_come_back_in_order_with_their_times(tmp_path: Path) -> None:
    with VideoReader(write(tmp_path / "a.mp4", 40)) as reader:
        assert (reader.size, reader.count, reader.live) == ((64, 48), 40, False)
        assert reader.fps == pytest.approx(25)
        for number, (index, time_s, image) in enumerate(reader.frames()):
            assert index == number
            assert time_s == pytest.approx(number / 25, abs=1e-3)
            assert abs(float(image.mean()) - (20 + 3 * number)) < 1.4
    assert index == 39


def test_every_third_frame_keeps_its_own_index_and_time(tmp_path: Path) -> None:
    with VideoReader(write(tmp_path / "a.mp4", 10)) as reader:
        assert [(index, time_s) for index, time_s, _ in reader.frames(3)] == [(0, 0), (3, 0.12), (6, 0.24), (9, 0.36)]


def test_times_given_to_the_writer_are_those_read(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.24, 1.0]
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for number, time_s in enumerate(times):
            writer.write(numbered(number), time_s)
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert [time_s for _, time_s, _ in reader.frames()] == pytest.approx(times, abs=1e-3)


@pytest.mark.parametrize("fps", [10.0, 23.976, 29.97, 59.94])
def test_usual_frame_rates_survive(tmp_path: Path, fps: float) -> None:
    with VideoReader(write(tmp_path / "a.mp4", 30, fps)) as reader:
        assert reader.fps == pytest.approx(fps, rel=1e-3)


def test_the_file_is_h264_that_browsers_play_with_its_index_in_front(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 5)
    data = path.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def test_colours_survive_in_opencv_and_in_readers_that_follow_the_tags(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", crf=10) as writer:
        writer.write(striped())
    with VideoReader(tmp_path / "a.mp4") as reader:
        image = next(reader.frames())[2]
    assert np.abs(image[[40, 120, 200], 160].astype(int) - FLAGS).max() <= 6
    with av.open(str(tmp_path / "a.mp4")) as container:
        other = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(other[[40, 120, 200], 160].astype(int) - FLAGS).max() <= 6


def test_odd_sizes_grow_to_even_ones_and_other_sizes_are_fitted_in(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", crf=10) as writer:
        writer.write(np.full((47, 63, 3), 200, np.uint8))
        writer.write(np.full((47, 200, 3), 200, np.uint8))
    with VideoReader(tmp_path / "a.mp4") as reader:
        (_, _, first), (_, _, second) = reader.frames()
    assert first.shape == second.shape == (48, 64, 3)
    assert first.min() > 190
    assert second[0].max() < 30  # a black bar
    assert second[24].min() > 190


def test_the_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(numbered(0))
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    writer.close()


def test_an_interrupted_writer_leaves_a_whole_file_and_an_unused_one_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with VideoWriter(tmp_path / "a.mp4") as writer:
            for number in range(7):
                writer.write(numbered(number))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert len(list(reader.frames())) == 7
    with VideoWriter(tmp_path / "b.mp4"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_writer_in_a_place_that_is_no_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"), VideoWriter(tmp_path / "file" / "a.mp4") as writer:
        writer.write(numbered(0))


def test_a_cut_video_yields_its_frames_and_then_the_shortfall(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = write_noise(tmp_path / "whole.mp4", 50)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    seen: list[int] = []
    with VideoReader(cut) as reader:
        assert reader.count == 50
        with pytest.raises(SourceError, match=r"cut\.mp4: the video is cut off or damaged: (\d+) of 50") as caught:
            seen.extend(index for index, _, _ in reader.frames())  # what came before the error stays in the list
    assert seen == list(range(len(seen)))
    assert 15 < len(seen) < 40
    assert f": {len(seen)} of 50" in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_frames_hidden_by_an_edit_list_are_not_missed(shared: Path) -> None:
    # The header counts 116 frames, of which an edit list hides the first 16.
    with VideoReader(shared / "data" / "udacity_clips" / "i280_small2_shadow.mp4") as reader:
        assert reader.count == 100
        assert len(list(reader.frames())) == 100


def test_a_video_without_its_index_is_told_from_a_text_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    index_last = tmp_path / "last.mp4"
    with av.open(str(index_last), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        container.mux(stream.encode(None))
    data = index_last.read_bytes()
    assert data.find(b"moov") > data.find(b"mdat")
    index_last.write_bytes(data[: data.find(b"moov") - 4])
    with pytest.raises(SourceError, match=r"index \(moov\) is missing"):
        VideoReader(index_last)
    text = tmp_path / "text.mp4"
    text.write_text("hello there")
    with pytest.raises(SourceError, match="begins with b'hello th'"):
        VideoReader(text)
    text.write_text("")
    with pytest.raises(SourceError, match="an empty file"):
        VideoReader(text)
    assert capfd.readouterr() == ("", "")


def test_a_sound_file_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="without a video track"):
        VideoReader(path)


@pytest.mark.parametrize(("place", "what"), [(99, "camera"), ("rtsp://127.0.0.1:9/none", "stream")])
def test_a_camera_or_stream_that_does_not_answer_is_an_error(
    place: str | int, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match=f"expected a {what}"):
        VideoReader(place)
    assert capfd.readouterr() == ("", "")


def write_noise(path: Path, count: int) -> Path:
    """Write frames that do not compress, so that every part of the file holds its share of them."""
    rng = np.random.default_rng(0)
    with VideoWriter(path) as writer:
        for _ in range(count):
            writer.write(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8))
    return path
