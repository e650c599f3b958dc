"""Class maps of a predict job: in the benchmark's ids and names, beside the truth, and never over other files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import class_network
import numpy as np
import pytest

from lanelight.datasets import Native
from lanelight.errors import FormatError, LanelightError, OutputError
from lanelight.formats import camvid
from lanelight.formats.cityscapes import to_label_ids
from lanelight.frames import VideoWriter, find_sources, read_image, read_map, write_image
from lanelight.geometry import Scene
from lanelight.render import draw_triptych
from lanelight.runtime import Detector
from lanelight.runtime.class_ids import ClassFiles, frame_of
from lanelight.runtime.outputs import Outputs, check_kinds
from lanelight.runtime.stream import run_job
from lanelight.score.cityscapes import score


@pytest.fixture
def detector(tmp_path: Path) -> Iterator[Detector]:
    with Detector.load(class_network.write_model(tmp_path), backend="onnxruntime", threads=1) as loaded:
        yield loaded


def predict(detector: Detector, source: Path, folder: Path, *kinds: str, gold: Path | None = None) -> Outputs:
    (found,) = find_sources([source])
    names = detector.manifest.classes
    with Outputs(
        folder, found, kinds, model="colours", timings=detector.timings, class_names=names, gold=gold
    ) as outputs:
        run_job(detector, found, outputs)
    return outputs


def frame(index: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return class_network.painted(class_network.shown_train_ids(index), class_network.CITYSCAPES_NAMES)


def test_cityscapes_maps_can_be_submitted(detector: Detector, tmp_path: Path) -> None:
    root = class_network.write_cityscapes(tmp_path / "data")
    outputs = predict(detector, root / "leftImg8bit/val/ulm", tmp_path / "out", "classes")
    assert list(outputs.paths) == ["lanes", "classes"]
    files = sorted((tmp_path / "out/classes").iterdir())
    assert [file.name for file in files] == [f"ulm_{k:06d}_000019_labelIds.png" for k in range(3)]
    for index, file in enumerate(files):
        assert np.array_equal(read_map(file), to_label_ids(class_network.shown_train_ids(index)))
    assert score(root / "gtFine", tmp_path / "out/classes").figures["per_class"]["building"] == 1


def test_the_log_names_the_maps_so_that_the_folder_is_a_data_set(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "a.png", frame())
    predict(detector, tmp_path / "in", tmp_path / "out", "classes")
    header, line = map(json.loads, (tmp_path / "out/lanes.jsonl").read_text().splitlines())
    assert header["class_names"][7] == "road"
    assert line["classes"] == "classes/a_labelIds.png"
    write_image(tmp_path / "out/a.png", frame())
    _, _, scene = Native(tmp_path / "out")[0]
    assert scene.classes is not None
    assert np.array_equal(scene.classes, to_label_ids(class_network.shown_train_ids(0)))


def test_logits_and_ids_give_the_same_files(tmp_path: Path) -> None:
    source = class_network.write_camvid(tmp_path / "data") / "images"
    written = []
    for ids in (True, False):
        (tmp_path / f"{ids}").mkdir()
        model = class_network.write_model(tmp_path / f"{ids}", class_network.CAMVID_NAMES, ids=ids)
        for backend in ("onnxruntime", "openvino"):
            out = tmp_path / f"{ids}_{backend}"
            with Detector.load(model, backend=backend, threads=1) as loaded:
                predict(loaded, source, out, "classes")
            written.append([read_map(file) for file in sorted((out / "classes").iterdir())])
    for maps in written:
        assert np.array_equal(maps, [class_network.camvid_ids(k)[1] for k in range(3)])


def test_a_triptych_shows_input_truth_and_prediction(
    detector: Detector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = class_network.write_cityscapes(tmp_path / "data")
    (root / "gtFine/val/ulm/ulm_000002_000019_gtFine_labelIds.png").unlink()
    pictures = root / "leftImg8bit/val/ulm"
    with caplog.at_level(logging.WARNING):
        predict(detector, pictures, tmp_path / "out", "triptych", gold=root / "gtFine")
    files = sorted((tmp_path / "out/triptych").iterdir())
    assert [file.name for file in files] == [f"ulm_{k:06d}_000019.jpg" for k in range(3)]
    three, _, two = (read_image(file) for file in files)
    assert three.shape[1] > 3 * 256 > two.shape[1] > 2 * 256
    assert "no map of that name" in caplog.text
    assert "ulm_000002_000019" in caplog.text
    # Where frame 1 has its car in the labels alone, truth and prediction differ.
    missed = read_image(files[1]).astype(int)
    truth, seen = (missed[28 + 90 : 28 + 110, 6 + k * 262 + 160 : 6 + k * 262 + 220].mean(axis=(0, 1)) for k in (1, 2))
    assert truth == pytest.approx((0, 0, 142), abs=12)
    assert seen == pytest.approx((128, 64, 128), abs=12)


def test_a_video_has_a_map_for_each_frame(detector: Detector, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "drive.mp4", fps=25.0, crf=10) as writer:
        for _ in range(3):
            writer.write(frame())
    predict(detector, tmp_path / "drive.mp4", tmp_path / "out", "classes", "video", "sheet")
    files = sorted((tmp_path / "out/classes").iterdir())
    assert [file.name for file in files] == [f"00000{k}_labelIds.png" for k in range(3)]
    assert (read_map(files[0]) == to_label_ids(class_network.shown_train_ids(0))).mean() > 0.9


def test_nothing_is_written_over(detector: Detector, tmp_path: Path) -> None:
    source = class_network.write_camvid(tmp_path / "data") / "images"
    predict(detector, source, tmp_path / "out", "classes")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.png")}
    with pytest.raises(OutputError, match="class maps are there already"):
        predict(detector, source, tmp_path / "out", "classes")
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.png")}
    write_image(source / "drive_0.jpg", frame())
    with pytest.raises(OutputError, match="whose class map it would replace"):
        predict(detector, source, tmp_path / "other", "classes")
    assert not (tmp_path / "other").exists()


def test_what_the_network_does_not_find_is_refused(detector: Detector, tmp_path: Path) -> None:
    source = class_network.write_camvid(tmp_path / "data") / "images"
    (found,) = find_sources([source])
    with pytest.raises(OutputError, match="expected a network with classes of pixels"):
        Outputs(tmp_path / "out", found, ("classes",), model="lanes", timings=detector.timings)
    with pytest.raises(OutputError, match="--save culane: expected a network that finds lanes"):
        check_kinds(("frames", "culane"), detector.manifest)
    check_kinds(("frames", "classes"), detector.manifest)
    with pytest.raises(OutputError, match="expected --save triptych"):
        predict(detector, source, tmp_path / "out", "classes", gold=source)
    with pytest.raises(FormatError, match="expected a folder"):
        predict(detector, source, tmp_path / "out", "triptych", gold=tmp_path / "nowhere")


def test_classes_keep_their_numbers_where_no_benchmark_has_them() -> None:
    road = ClassFiles.of(("other", "road"))
    assert road.names == ("other", "road")
    assert road.to_file[[0, 1, 255]].tolist() == [0, 1, 255]
    assert road.from_file[[0, 1, 7, 255]].tolist() == [0, 1, 255, 255]
    assert road.name("a.b.jpg") == "a.b.png"
    names = class_network.CAMVID_NAMES
    form = ClassFiles.of(names[::-1])
    assert form.to_file[[0, 10, 255]].tolist() == [10, 0, camvid.VOID]
    assert form.from_file[[0, 10, camvid.VOID]].tolist() == [10, 0, 255]


def test_names_of_frames() -> None:
    assert frame_of("aachen_000000_000019_leftImg8bit.png") == "aachen_000000_000019"
    assert frame_of("000012") == "000012"


def test_a_scene_without_classes_has_no_triptych() -> None:
    with pytest.raises(LanelightError, match="prediction without"):
        draw_triptych(frame(), Scene(class_network.SIZE), None, class_network.CITYSCAPES_NAMES)
