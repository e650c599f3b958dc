"""Class maps to learn from: pictures and maps in two folders, ids outside a table, drives, rendered roads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import painted_classes
import pytest

from lanelight.datasets import CamVid, Cityscapes
from lanelight.datasets.class_maps import ClassMaps
from lanelight.datasets.road_classes import MARKING, ROAD, RoadClasses, road_classes
from lanelight.datasets.synthetic import SyntheticRoads
from lanelight.errors import FormatError, LanelightError, SourceError
from lanelight.frames import read_map, write_image
from lanelight.geometry import Lane, Scene


@pytest.fixture
def road(tmp_path: Path) -> Path:
    return painted_classes.write("road", tmp_path / "road")


def test_pictures_and_maps_of_the_same_names_belong_together(road: Path) -> None:
    data = ClassMaps(road / "images", road / "masks", select=("p_train_*", "p_orig_*"))
    assert data.keys == ["p_orig_0.jpg", "p_train_0.jpg", "p_train_1.jpg"]
    key, frame, scene = data[2]
    assert (key, frame.shape, scene.size, scene.lanes) == ("p_train_1.jpg", (160, 160, 3), (160, 160), ())
    assert scene.classes is not None
    assert ((scene.classes == 255) == painted_classes.road_mask(1)).all()


def test_white_can_stand_for_a_class(road: Path) -> None:
    classes = ClassMaps(road / "images", road / "masks", white=1)[1][2].classes
    assert classes is not None
    assert set(np.unique(classes).tolist()) == {0, 1}


def test_stretched_pictures_get_their_aspect_back_with_their_maps(road: Path) -> None:
    _, frame, scene = ClassMaps(road / "images", road / "masks", white=1, aspect=16 / 9)[0]
    assert (frame.shape, scene.size) == ((90, 160, 3), (160, 90))
    assert scene.classes is not None
    agree = (frame[..., 0] < 145) == (scene.classes == 1)
    assert agree.mean() > 0.97


@pytest.mark.parametrize(
    ("damage", "error", "told"),
    [
        (lambda road: (road / "masks" / "pS_orig_0.png").unlink(), SourceError, r"pS_orig_0\.png"),
        (
            lambda road: write_image(road / "masks" / "pS_orig_0.png", np.zeros((80, 160), np.uint8)),
            FormatError,
            r"pS_orig_0\.png: expected class ids of 8 bits in the frame's size \(160, 160\), got 160 x 80",
        ),
        (
            lambda road: [file.unlink() for file in (road / "masks").iterdir()],
            FormatError,
            "such as pS_orig_0.png",
        ),
        (lambda road: [file.unlink() for file in (road / "images").iterdir()], FormatError, "expected pictures"),
        (lambda road: (road / "masks").rename(road / "labels"), SourceError, "expected a folder of class maps"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(
    road: Path, damage: Callable[[Path], object], error: type[LanelightError], told: str
) -> None:
    damage(road)
    with pytest.raises(error, match=told):
        ClassMaps(road / "images", road / "masks")[0]


def test_a_pattern_that_fits_nothing_is_told(road: Path) -> None:
    with pytest.raises(FormatError, match=r"expected pictures named q_\*, found none"):
        ClassMaps(road / "images", road / "masks", select=("q_*",))


def test_drives_of_camvid_are_chosen_by_the_names_of_their_pictures(tmp_path: Path) -> None:
    root = painted_classes.write("camvid", tmp_path)
    data = CamVid(root, ignore_void=True, select=("0001TP_*", "0016E5_*"))
    assert sorted({key.split("/")[1][:6] for key in data.keys}) == ["0001TP", "0016E5"]
    assert len(data) == 4
    assert len(data.class_names) == 11
    assert {path.name for path in (data.picture(index) for index in range(4))} == {Path(key).name for key in data.keys}
    with pytest.raises(FormatError, match="expected pictures named Seq05VD"):
        CamVid(root, select=("Seq05VD_*",))


def test_ids_outside_the_table_are_told_with_their_file(tmp_path: Path) -> None:
    root = painted_classes.write("cityscapes", tmp_path / "cityscapes")
    data = Cityscapes(root, "val", ids="trainIds")
    ids = np.asarray(read_map(data.label(0)), np.uint8)
    ids[:3], ids[5] = 40, 255
    write_image(data.label(0), ids)
    with pytest.raises(FormatError, match=r"000019_gtFine_labelIds.png: expected label ids 0 to 33, got 40, 255;"):
        data[0]
    root = painted_classes.write("camvid", tmp_path / "camvid")
    small = CamVid(root, ignore_void=True)
    file = root / str(small.listed[0].label)
    ids = np.asarray(read_map(file), np.uint8)
    ids[0] = 12
    write_image(file, ids)
    with pytest.raises(FormatError, match=r"0001TP_000000.png: expected class ids 0 to 11, got 12; give SegNet's"):
        small[0]


def test_a_rendered_road_has_its_markings_where_its_lines_are() -> None:
    data = RoadClasses(SyntheticRoads(seed=2, length=6))
    assert data.class_names == ("other", "road", "marking")
    for index in range(len(data)):
        _, _, scene = data[index]
        assert scene.classes is not None
        shares = np.bincount(scene.classes.ravel(), minlength=3) / scene.classes.size
        assert len(shares) == 3
        assert shares[ROAD] > 4 * shares[MARKING] > 0


def test_paint_is_as_wide_as_beside_lanes_of_usual_width() -> None:
    lanes = [Lane(np.array([[x, 199.0], [x, 0.0]])) for x in (50.0, 150.0)]
    classes = np.zeros((200, 200), np.uint8)
    classes[50:, 48:152] = 2
    found = road_classes(Scene((200, 200), lanes, classes))
    widths = (found[100:180] == MARKING).sum(axis=1)
    assert (np.abs(widths - 2 * 4.5) <= 2).all()
    assert (found[:45] == 0).all()  # a line is hidden where there is no road
    alone = road_classes(Scene((200, 200), lanes[:1], classes))
    assert (alone[100:180] == MARKING).any(axis=1).all()
