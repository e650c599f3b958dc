"""Labels of every tool, with their pictures, become native data sets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drawn_scenes
import fake_network
import numpy as np
import pytest

from lanelight.datasets import Native
from lanelight.datasets.drawn import DrawnFrames, import_labels
from lanelight.datasets.label_files import Labelled, format_of
from lanelight.errors import FormatError, LanelightError, OutputError, SourceError
from lanelight.formats import bdd100k_labels, cvat, label_studio, labelme
from lanelight.formats.drawing import Meaning
from lanelight.frames import write_image
from lanelight.geometry import Lane, Scene

NAMES = ("a.jpg", "day/b.png")
SIZE = (64, 48)


def road() -> Scene:
    """Return two lanes with slots on a small picture."""
    lanes = [[[10.0, 47.0], [28.0, 20.0]], [[50.0, 47.0], [36.0, 20.0]]]
    return Scene(SIZE, [Lane(np.array(points), slot=slot) for slot, points in enumerate(lanes, start=1)])


def pictures(root: Path, *names: str, size: tuple[int, int] = SIZE) -> Path:
    for name in names or NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(root / name, np.full((size[1], size[0], 3), 90, np.uint8))
    return root


def write_cvat(root: Path) -> None:
    cvat.write(root / "annotations.xml", [(name, road()) for name in NAMES])


def write_labelme(root: Path) -> None:
    for name in NAMES:
        labelme.write((root / name).with_suffix(".json"), Path(name).name, road())


def write_label_studio(root: Path) -> None:
    label_studio.write(root / "tasks.json", [(name, road()) for name in NAMES], model="m")


def write_coco(root: Path) -> None:
    annotations = [
        {
            "image_id": image, "category_id": lane.slot,
            "keypoints": [n for x, y in (lane.points + 0.5).tolist() for n in (x, y, 2)],
        }
        for image in range(len(NAMES))
        for lane in road().lanes
    ]  # fmt: skip
    images = [{"id": k, "file_name": name, "width": 64, "height": 48} for k, name in enumerate(NAMES)]
    categories = [{"id": slot, "name": f"lane_{slot}"} for slot in (1, 2)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "coco.json").write_text(json.dumps(document))


def write_bdd100k(root: Path) -> None:
    frames = [bdd100k_labels.from_lanes(name, road().lanes, SIZE) for name in NAMES]
    bdd100k_labels.write(root / "labels.json", frames)


WRITERS: dict[str, Callable[[Path], None]] = {
    "cvat": write_cvat, "labelme": write_labelme, "label_studio": write_label_studio, "coco": write_coco,
    "bdd100k": write_bdd100k,
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("told", [True, False])
def test_labels_of_every_tool_become_the_same_data_set(tmp_path: Path, kind: str, told: bool) -> None:
    root = pictures(tmp_path / "in")
    WRITERS[kind](root)
    found, report = import_labels(root, None, tmp_path / "out", kind=kind if told else "auto")
    assert (found.failed, report.failed, report.frames, report.lanes) == ([], [], 2, 4)
    data = Native(tmp_path / "out")
    assert sorted(data.keys) == sorted(NAMES)
    for index in range(2):
        key, frame, scene = data[index]
        assert frame.shape == (48, 64, 3)
        assert drawn_scenes.same(scene, road())
        assert data.picture(index).read_bytes() == (root / key).read_bytes()
    assert len(Native.open(tmp_path / "out", "train")) == 2


def test_each_file_of_a_mixed_folder_is_told_by_its_content(tmp_path: Path) -> None:
    root = pictures(tmp_path)
    for write in WRITERS.values():
        write(root)
    (root / "notes.json").write_text('{"notes": 1}')
    (root / "voc.xml").write_text("<annotation/>")
    kinds = Counter(format_of(path) for path in [*root.rglob("*.json"), *root.rglob("*.xml")])
    assert kinds == {None: 2, "cvat": 1, "labelme": 2, "label_studio": 1, "coco": 1, "bdd100k": 1}


def test_bad_files_and_pictures_are_named_and_the_rest_is_taken(tmp_path: Path) -> None:
    root = pictures(tmp_path / "in", "a.jpg", "b.jpg", "c.jpg")
    pictures(root, "small.jpg", size=(32, 24))
    for name in ("a", "b", "c", "small", "gone"):
        labelme.write(root / f"{name}.json", f"{name}.jpg", road())
    (root / "b.json").write_text((root / "b.json").read_text()[:200])
    labelme.write(root / "again.json", "a.jpg", road())
    (root / "notes.json").write_text('{"notes": 1}')
    found, report = import_labels(root, None, tmp_path / "out")
    assert report.frames == 2
    assert found.passed == [root / "notes.json"]
    told = "\n".join(found.failed + report.failed)
    assert len(found.failed + report.failed) == 4
    for message in (
        "b.json: expected JSON",
        "gone.jpg in",
        "a.jpg has labels already",
        "small.json: expected a picture",
    ):
        assert message in told
    assert sorted(Native(tmp_path / "out").keys) == ["a.jpg", "c.jpg"]


def test_pictures_elsewhere_are_found_and_those_without_lanes_may_be_left_out(tmp_path: Path) -> None:
    pictures(tmp_path / "pictures")
    (tmp_path / "in").mkdir()
    cvat.write(tmp_path / "in" / "a.xml", [("a.jpg", road()), ("day/b.png", Scene(SIZE))])
    found, report = import_labels(tmp_path / "in" / "a.xml", tmp_path / "pictures", tmp_path / "all")
    assert (found.unlabelled, report.frames) == (1, 2)
    found, report = import_labels(
        tmp_path / "in", tmp_path / "pictures", tmp_path / "some", unlabelled=False, split="val"
    )
    assert (found.unlabelled, report.frames) == (1, 1)
    assert len(Native.open(tmp_path / "some", "val")) == 1


def area(label: str) -> str:
    return f'<polygon label="{label}" points="10.5,47.5;50.5,47.5;50.5,20.5;10.5,20.5" z_order="0"/>'


def test_areas_become_class_maps_with_their_names(tmp_path: Path) -> None:
    root = pictures(tmp_path / "in", "a.jpg")
    shapes = area("road") + area("car")
    (root / "a.xml").write_text(
        f'<annotations><image id="0" name="a.jpg" width="64" height="48">{shapes}</image></annotations>'
    )
    found, _ = import_labels(root, None, tmp_path / "out", meaning=Meaning(classes={"road": 2}))
    assert found.labels == {("area", "road", "class 2"): 1, ("area", "car", ""): 1}
    data = Native(tmp_path / "out")
    assert data.class_names == ("background", "class 1", "road")
    _, _, scene = data[0]
    assert scene.classes is not None
    assert (scene.classes[30, 30], scene.classes[5, 5]) == (2, 0)
    with pytest.raises(FormatError, match="unknown label of an area 'raod': did you mean 'road'"):
        import_labels(root, None, tmp_path / "no", meaning=Meaning(classes={"raod": 1}))
    with pytest.raises(FormatError, match="unknown label of a line 'lane'"):
        import_labels(root, None, tmp_path / "no", meaning=Meaning(lanes=frozenset({"lane"})))
    assert not (tmp_path / "no").exists()


def test_tracks_are_imported_with_the_frames_of_their_video(tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 12)
    shapes = [
        f'<polyline frame="{frame}" keyframe="1" outside="0" occluded="0" points="{9 + frame}.5,100.5;60.5,50.5"/>'
        for frame in (3, 7, 11, 40)
    ]
    size = "<meta><original_size><width>320</width><height>192</height></original_size></meta>"
    (tmp_path / "a.xml").write_text(
        f'<annotations>{size}<track id="2" label="lane">{"".join(shapes)}</track></annotations>'
    )
    found, report = import_labels(tmp_path / "a.xml", video, tmp_path / "out")
    assert found.failed == []
    [failed] = report.failed
    assert "frame 40" in failed
    assert "ends before it" in failed
    data = Native(tmp_path / "out")
    assert list(data.keys) == ["000003.jpg", "000007.jpg", "000011.jpg"]
    for index, number in enumerate((3, 7, 11)):
        _, frame, scene = data[index]
        assert scene.lanes[0].points.tolist() == [[9 + number, 100], [60, 50]]
        assert scene.lanes[0].track == 2
        expected = fake_network.painted((320, 192), shift_px=2.0 * (number % 10))
        assert np.abs(frame.astype(int) - expected).mean() < 3


def test_frames_may_be_asked_for_again(tmp_path: Path) -> None:
    video = fake_network.write_video(tmp_path / "drive.mp4", 6)

    def labelled(number: int) -> tuple[str, Labelled]:
        return f"{number:06d}.jpg", Labelled(f"frame_{number}", None, "a.xml", Scene, Counter())

    data = DrawnFrames(video, [labelled(1), labelled(4)])
    frames = [data[index][1] for index in (1, 0, 0, 1)]
    assert np.array_equal(frames[0], frames[3])
    assert np.array_equal(frames[1], frames[2])
    assert not np.array_equal(frames[0], frames[1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda root: root / "missing", SourceError, "found neither"),
        (lambda root: root, SourceError, "expected label files .*found none"),
        (lambda root: text(root, "a.zip", "PK"), SourceError, "unzip it"),
        (lambda root: text(root, "a.json", '{"notes": 1}'), FormatError, "found other ones"),
        (lambda root: text(root, "a.json", "[]"), FormatError, "found other ones"),
        (lambda root: text(root, "a.json", '{"shapes": 1, "imagePath": "a.jpg"'), FormatError, "expected JSON"),
        (lambda root: text(root, "a.xml", "<annotations>"), FormatError, "found damage"),
        (lambda root: text(root, "a.xml", "no xml"), FormatError, "found no element"),
        (lambda root: text(root, "a.xml", "<annotation/>"), FormatError, "found other ones"),
    ],
)
def test_a_wrong_source_is_an_error_and_nothing_is_written(
    tmp_path: Path, make: Callable[[Path], Path], error: type[LanelightError], message: str
) -> None:
    root = pictures(tmp_path / "in")
    with pytest.raises(error, match=message):
        import_labels(make(root), root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def text(root: Path, name: str, content: str) -> Path:
    (root / name).write_text(content)
    return root / name


def test_nothing_is_written_where_no_label_can_be_taken(tmp_path: Path) -> None:
    root = pictures(tmp_path / "in")
    for name in ("a.xml", "b.xml"):
        cvat.write(root / name, [("elsewhere.jpg", road())])
    with pytest.raises(FormatError, match=r"found none that can be taken; the first: .*a\.xml.*elsewhere"):
        import_labels(root, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path, "secret.jpg")
    root = pictures(tmp_path / "in", "a.jpg")
    task: dict[str, Any] = {"data": {"image": "/data/local-files/?d=../secret.jpg"}, "annotations": [{"result": []}]}
    (root / "tasks.json").write_text(json.dumps([task]))
    with pytest.raises(FormatError, match="below the root"):
        import_labels(root, None, tmp_path / "out")


def test_an_unknown_format_and_a_full_folder_are_errors(tmp_path: Path) -> None:
    root = pictures(tmp_path / "in")
    write_cvat(root)
    with pytest.raises(FormatError, match="did you mean 'cvat'"):
        import_labels(root, None, tmp_path / "out", kind="cvta")
    with pytest.raises(OutputError, match="new or empty"):
        import_labels(root, None, root)
