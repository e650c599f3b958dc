"""`lanelight predict` from words to files, and every kind of wrong input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_network
import pytest

from lanelight.cli import main
from lanelight.cli.folders import folders, numbered
from lanelight.formats import native
from lanelight.frames import VideoReader, write_image


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(model: Path, *words: str | Path) -> int:
    return main(["predict", "--model", str(model), "--threads", "1", *map(str, words)])


def error_of(capfd: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr."""
    told = capfd.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize("backend", ["auto", "onnxruntime", "openvino"])
def test_a_video_becomes_lanes_a_video_and_a_sheet(
    model: Path, place: Path, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_network.write_video(place / "drive.mp4", 20)
    assert predict(model, "drive.mp4", "--backend", backend) == 0
    out = place / "runs" / "predict"
    assert {path.name for path in out.iterdir()} == {"lanes.jsonl", "drive.mp4", "sheet.png"}
    told = capsys.readouterr()
    assert "drive.mp4: 20 frames, 4.00 lanes a frame" in told.out
    assert all(word in told.out for word in ("frames/s", "read", "network", "decode", "draw", "write", "sheet.png"))
    assert told.err == ""


@pytest.mark.parametrize(("words", "tracks"), [((), [0, 1, 2, 3]), (("--no-track",), [None] * 4)])
def test_lanes_of_a_video_are_numbered_unless_it_is_unwanted(
    model: Path, place: Path, words: tuple[str, ...], tracks: list[int | None]
) -> None:
    fake_network.write_video(place / "drive.mp4", 6)
    assert predict(model, "drive.mp4", "--save", "lanes", *words) == 0
    _, records = native.read(place / "runs" / "predict" / "lanes.jsonl")
    assert [[lane.track for lane in record.scene.lanes] for record in records] == [tracks] * 6


def test_the_figures_are_written_as_json(model: Path, place: Path) -> None:
    fake_network.write_video(place / "drive.mp4", 10)
    assert predict(model, "drive.mp4", "--json", "new/figures.json", "--save", "lanes") == 0
    figures = json.loads((place / "new" / "figures.json").read_text())
    assert (figures["model"], figures["backend"], figures["threads"]) == ("markers", "onnxruntime", 1)
    assert figures["frames_at_once"] == 1
    (source,) = figures["sources"]
    assert (source["frames"], source["lanes_per_frame"]) == (10, 4.0)
    assert source["frames_per_second"] > 0
    assert source["stages"]["network"]["count"] == 10
    assert source["outputs"] == {"lanes": "runs/predict/lanes.jsonl"}


def test_frames_of_files_share_the_threads_and_a_single_picture_has_them_all(model: Path, place: Path) -> None:
    fake_network.write_video(place / "drive.mp4", 5)
    write_image(place / "one.png", fake_network.painted((320, 192)))
    words = ("--threads", "3", "--save", "lanes", "--json", "figures.json")
    for source, at_once in (("drive.mp4", 3), ("one.png", 1)):
        assert main(["predict", source, "--model", str(model), *words]) == 0
        figures = json.loads((place / "figures.json").read_text())
        assert (figures["threads"], figures["frames_at_once"]) == (3, at_once)


def test_predicting_needs_no_torch(model: Path, place: Path) -> None:
    fake_network.write_video(place / "drive.mp4", 3)
    script = (
        "import sys; sys.modules['torch'] = None; from lanelight.cli import main; "
        "sys.exit(main(['predict', 'drive.mp4', '--model', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(model)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_second_run_does_not_replace_the_first(model: Path, place: Path) -> None:
    fake_network.write_video(place / "drive.mp4", 3)
    assert predict(model, "drive.mp4", "--save", "lanes") == 0
    assert predict(model, "drive.mp4", "--save", "lanes", "--limit", "2") == 0
    counts = [len(native.read(place / "runs" / name / "lanes.jsonl")[1]) for name in ("predict", "predict2")]
    assert counts == [3, 2]
    assert numbered(place / "runs" / "predict").name == "predict3"


def test_pictures_become_pictures(model: Path, place: Path) -> None:
    (place / "in").mkdir()
    for number in range(3):
        write_image(place / "in" / f"{number}.jpg", fake_network.painted((320, 192)))
    assert predict(model, "in", "--out", "out") == 0
    assert {path.name for path in (place / "out").iterdir()} == {"frames", "lanes.jsonl"}
    assert {path.name for path in (place / "out" / "frames").iterdir()} == {"0.jpg", "1.jpg", "2.jpg"}


def test_several_sources_get_a_folder_each(model: Path, place: Path) -> None:
    for folder in ("a", "b"):
        (place / folder).mkdir()
        fake_network.write_video(place / folder / "drive.mp4", 3)
    assert predict(model, "a/drive.mp4", "b/drive.mp4", "--out", "out", "--save", "lanes") == 0
    assert {path.name for path in (place / "out").iterdir()} == {"drive", "drive_2"}
    assert folders(Path("o"), ["a", "a_2", "a"]) == [Path("o/a"), Path("o/a_2"), Path("o/a_3")]


def test_an_odd_frame_size_and_a_high_score_are_no_problem(model: Path, place: Path) -> None:
    fake_network.write_video(place / "drive.mp4", 3, size=(322, 194))
    assert predict(model, "drive.mp4", "--score", "1", "--out", "out") == 0
    assert [len(record.scene.lanes) for record in native.read(place / "out" / "lanes.jsonl")[1]] == [0, 0, 0]


def wrong_sources(place: Path) -> None:
    (place / "empty").mkdir()
    (place / "text.mp4").write_text("this is no video\n" * 50)
    (place / "text.jpg").write_text("this is no picture\n" * 50)
    whole = fake_network.write_video(place / "whole.mp4", 30).read_bytes()
    index = whole.find(b"moov")
    (place / "index.mp4").write_bytes(whole[: index + 400])


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("missing.mp4", "no such file"),
        ("empty", "expected a folder with pictures, videos or bags"),
        ("text.mp4", "expected a video"),
        ("text.jpg", "expected a picture"),
        ("index.mp4", "expected a video"),
        ("*.png", "no picture, video or bag matches"),
    ],
)
def test_a_wrong_source_is_one_line_and_nothing_is_written(
    model: Path, place: Path, source: str, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong_sources(place)
    assert predict(model, source) == 1
    assert told in error_of(capfd)
    assert not (place / "runs").exists()


def test_a_cut_video_keeps_its_frames_and_exits_with_1(
    model: Path, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = fake_network.write_video(place / "whole.mp4", 60, grain=60)
    data = whole.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    (place / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    assert predict(model, "cut.mp4", "--out", "out") == 1
    count = len(native.read(place / "out" / "lanes.jsonl")[1])
    assert 10 < count < 50
    assert f"cut.mp4: the video is cut off or damaged: {count} of 60 frames" in error_of(capfd)
    with VideoReader(place / "out" / "cut.mp4") as reader:
        assert len(list(reader.frames())) == count


def test_a_bad_picture_in_a_folder_is_named_and_the_others_are_kept(
    model: Path, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "in").mkdir()
    for number in range(3):
        write_image(place / "in" / f"{number}.jpg", fake_network.painted((320, 192)))
    cut = place / "in" / "1.jpg"
    cut.write_bytes(cut.read_bytes()[:2000])
    assert predict(model, "in", "--out", "out") == 1
    assert "1.jpg: the picture is cut off" in error_of(capfd)
    assert {path.name for path in (place / "out" / "frames").iterdir()} == {"0.jpg", "2.jpg"}


def test_one_bad_source_does_not_keep_the_next_from_its_turn(
    model: Path, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / "bad.jpg").write_text("no picture")
    fake_network.write_video(place / "good.mp4", 3)
    assert predict(model, "bad.jpg", "good.mp4", "--out", "out") == 1
    assert "bad.jpg" in error_of(capfd)
    assert len(native.read(place / "out" / "good" / "lanes.jsonl")[1]) == 3


def test_a_wrong_model_is_one_line(model: Path, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake_network.write_video(place / "drive.mp4", 3)
    assert predict(Path("defualt"), "drive.mp4") == 1
    assert "did you mean 'default'" in error_of(capfd)
    broken = fake_network.write_model(place, "broken")
    broken.write_bytes(broken.read_bytes()[:-100])
    assert predict(broken, "drive.mp4") == 1
    assert "corrupted" in error_of(capfd)
    newer = fake_network.write_model(place, "newer").with_suffix(".json")
    newer.write_text(newer.read_text().replace("lanelight-model/1", "lanelight-model/2"))
    assert predict(newer, "drive.mp4") == 1
    assert "upgrade lanelight" in error_of(capfd)
    assert predict(model, "drive.mp4", "--backend", "torch") == 1
    assert "lanelight[train]" in error_of(capfd)
    assert not (place / "runs").exists()


def test_an_unwritable_output_folder_is_found_before_any_work(
    model: Path, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_network.write_video(place / "drive.mp4", 3)
    (place / "file").write_text("")
    # The model is unknown too: the folder is looked at first.
    assert predict(Path("unknown"), "drive.mp4", "--out", "file/out") == 1
    assert "is a file; choose another --out" in error_of(capfd)
    assert predict(model, "drive.mp4", "--json", "file/figures.json") == 1
    assert "is a file" in error_of(capfd)
    assert predict(model, "drive.mp4", "--out", ".") == 1
    assert "would replace this source" in error_of(capfd)


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_leaves_a_playable_video_and_whole_lines(model: Path, place: Path, times: int) -> None:
    fake_network.write_video(place / "drive.mp4", 1500, size=(640, 384))
    words = ["predict", "drive.mp4", "--model", str(model), "--threads", "1", "--out", "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lanelight", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    part = place / "out"
    wait_for(lambda: any(path.stat().st_size > 60_000 for path in part.glob(".lanes.jsonl*")), process)
    for _ in range(times):  # `timeout` sends the signal twice
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "interrupted; what was found so far is kept" in out
    assert {path.name for path in part.iterdir()} == {"lanes.jsonl", "drive.mp4", "sheet.png"}
    _, records = native.read(part / "lanes.jsonl")
    assert 10 < len(records) < 1500
    with VideoReader(part / "drive.mp4") as reader:
        assert reader.count == len(records)
        assert [index for index, _, _ in reader.frames()] == list(range(len(records)))


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    """Wait until a condition holds, or fail when the process ends before."""
    assert callable(condition)
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
