from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import drawn_scenes
import numpy as np
import pytest
from hypothesis import given

from lanelight.errors import FormatError, OutputError
from lanelight.formats import cvat
from lanelight.formats.drawing import Meaning, to_scene
from lanelight.geometry import Lane, Scene

IMAGES = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>7</id><name>road</name><labels><label><name>lane</name></label></labels></task></meta>
  <image id="0" name="day 1/a &amp; b.jpg" width="1280" height="720" subset="train">
    <polyline label="lane" source="manual" occluded="0" points="900.50,400.50;880.50,719.50" z_order="0">
      <attribute name="slot">2</attribute>
      <attribute name="color">white</attribute>
    </polyline>
    <polyline label="lane_1" source="manual" occluded="1" points="400.5,719.5;600.5,400.5" z_order="0"></polyline>
    <polygon label="road" source="manual" occluded="0" points="100.5,500.5;700.5,500.5;700.5,710.5" z_order="1"/>
    <box label="car" source="manual" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4" z_order="0"/>
    <tag label="night" source="manual"/>
  </image>
  <image id="1" name="b.jpg" width="640" height="360"/>
</annotations>
"""

VIDEO = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><mode>interpolation</mode><original_size><width>1280</width><height>720</height></original_size></task>
  </meta>
  <track id="4" label="lane" source="manual">
    <polyline frame="10" keyframe="1" outside="0" occluded="0" points="400.5,719.5;600.5,400.5" z_order="0">
      <attribute name="slot">1</attribute>
    </polyline>
    <polyline frame="11" keyframe="0" outside="0" occluded="0" points="402.5,719.5;602.5,400.5" z_order="0"/>
    <polyline frame="12" keyframe="1" outside="1" occluded="0" points="402.5,719.5;602.5,400.5" z_order="0"/>
  </track>
  <track id="5" label="lane" source="manual">
    <polyline frame="11" keyframe="1" outside="0" occluded="0" points="900.5,719.5;700.5,400.5" z_order="0"/>
  </track>
</annotations>
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "annotations.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_pictures_are_read_with_lanes_from_left_to_right_and_the_near_end_first(tmp_path: Path) -> None:
    (name, scene), (other, empty) = cvat.read(written(tmp_path, IMAGES))
    assert (name, scene.size, other, empty.size, empty.lanes) == (
        "day 1/a & b.jpg",
        (1280, 720),
        "b.jpg",
        (640, 360),
        (),
    )
    left, right = scene.lanes
    assert (left.points.tolist(), left.slot, dict(left.attributes)) == ([[400, 719], [600, 400]], 1, {})
    assert (right.points.tolist(), right.slot) == ([[880, 719], [900, 400]], 2)
    assert dict(right.attributes) == {"color": "white"}
    assert scene.classes is None


def test_areas_become_classes_when_asked_and_other_shapes_are_told(tmp_path: Path) -> None:
    drawing, _ = cvat.drawings(written(tmp_path, IMAGES))
    assert drawing.others == ("box car",)
    scene = to_scene(drawing, meaning=Meaning(classes={"road": 3}))
    assert scene.classes is not None
    assert scene.classes[600, 690] == 3
    assert scene.classes[600, 110] == 0
    assert (scene.classes == 3).sum() == pytest.approx(600 * 210 / 2, rel=0.02)


def test_tracks_are_read_frame_by_frame(tmp_path: Path) -> None:
    found = dict(cvat.read(written(tmp_path, VIDEO)))
    assert list(found) == ["frame_000010", "frame_000011", "frame_000012"]
    assert [(lane.track, lane.slot) for lane in found["frame_000010"].lanes] == [(4, 1)]
    assert [(lane.track, lane.slot) for lane in found["frame_000011"].lanes] == [(4, 1), (5, None)]
    assert found["frame_000011"].lanes[0].points.tolist() == [[402, 719], [602, 400]]
    assert found["frame_000012"].lanes == ()


@given(drawn_scenes.scenes)
def test_reading_what_was_written_and_writing_it_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, scene: Scene
) -> None:
    folder = tmp_path_factory.mktemp("cvat")
    cvat.write(folder / "a.xml", [("a.jpg", scene)])
    [(_, once)] = cvat.read(folder / "a.xml")
    cvat.write(folder / "b.xml", [("a.jpg", once)])
    [(name, twice)] = cvat.read(folder / "b.xml")
    assert name == "a.jpg"
    assert drawn_scenes.same(once, twice)
    before = sorted(str(drawn_scenes.facts(lane)[1:]) for lane in scene.lanes)
    assert sorted(str(drawn_scenes.facts(lane)[1:]) for lane in once.lanes) == before


def test_the_lanes_of_a_road_come_back_as_they_were(tmp_path: Path) -> None:
    cvat.write(tmp_path / "a.xml", [("a.jpg", drawn_scenes.road())])
    [(_, back)] = cvat.read(tmp_path / "a.xml")
    assert drawn_scenes.same(back, drawn_scenes.road())


def test_the_file_has_all_that_cvat_asks_for(tmp_path: Path) -> None:
    lane = Lane(np.array([[9.5, 19.5], [np.nan, 5.0], [12.25, 3.0]]), 0.5, slot=1, track=8)
    dot = Lane(np.array([[1.0, 2.0]]))
    with cvat.writing(tmp_path / "a.xml") as sink:
        sink(40, 'b "1" & <2>.jpg', Scene((64, 48), [lane, dot]))
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    image = root.find("image")
    assert image is not None
    assert image.attrib == {"id": "40", "name": 'b "1" & <2>.jpg', "width": "64", "height": "48"}
    [polyline] = image
    assert polyline.attrib["points"] == "10.0,20.0;12.75,3.5"
    assert {"label", "source", "occluded", "z_order"} <= polyline.attrib.keys()
    assert {one.attrib["name"]: one.text for one in polyline} == {"slot": "1", "score": "0.5", "track": "8"}


def test_the_label_set_names_every_attribute_once(tmp_path: Path) -> None:
    cvat.write_labels(tmp_path / "labels.json", ["lane", "kerb"], ["color", "slot", "score"])
    lane, kerb = json.loads((tmp_path / "labels.json").read_text())
    assert (lane["name"], kerb["name"], lane["type"]) == ("lane", "kerb", "polyline")
    assert [one["name"] for one in lane["attributes"]] == ["slot", "score", "track", "color"]
    assert lane["attributes"][0]["values"][:4] == ["none", "0", "1", "2"]


def test_a_slot_nobody_has_set_is_none(tmp_path: Path) -> None:
    text = IMAGES.replace('name="slot">2<', 'name="slot">none<')
    _, scene = next(cvat.read(written(tmp_path, text)))
    assert scene.lanes[1].slot is None


BOMB = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<annotations><image id="0" name="&d;.jpg" width="1" height="1"/></annotations>"""
FOREIGN = """<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<annotations><image id="0" name="&a;.jpg" width="1" height="1"/></annotations>"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found damage"),
        ("no xml", "found damage"),
        (IMAGES[:400], "found damage|expected images"),
        (IMAGES.encode().decode("latin-1") + "<", "found damage"),
        (BOMB, "no document type"),
        (FOREIGN, "no document type"),
        ("<annotation/>", "expected CVAT's <annotations>"),
        ("<annotations/>", "found neither"),
        ('<?xml version="1.0" encoding="nonsense"?><annotations/>', "found damage"),
        ("<annotations>" + "<a>" * 50, "levels deep"),
        (IMAGES.replace("900.50,400.50", "nan,1"), "annotations.xml: element 3 .*expected px"),
        (IMAGES.replace("900.50,400.50", "1e400,1"), "expected px"),
        (IMAGES.replace("900.50,400.50", "1e9,1"), "expected px"),
        (IMAGES.replace("900.50,400.50", "1,2,3"), "inhomogeneous"),
        (IMAGES.replace("900.50,400.50", ""), "could not convert"),
        (IMAGES.replace('width="1280"', 'width="-1"'), "whole numbers of px"),
        (IMAGES.replace('width="1280"', 'width="99999999"'), "whole numbers of px"),
        (IMAGES.replace('width="1280" ', ""), "KeyError"),
        (IMAGES.replace("day 1/a &amp; b.jpg", "../../etc/passwd"), "below the root"),
        (IMAGES.replace('name="slot">2<', 'name="slot">left<'), "attribute slot: expected a number"),
        (IMAGES.replace('name="slot">2<', 'name="slot">-3<'), "slot: expected 0 or more"),
        (VIDEO.replace('frame="10"', 'frame="x"'), "element 3 .track."),
        (VIDEO.replace('frame="10"', 'frame="-1"'), "frame: expected 0 or more"),
        (VIDEO.replace("original_size", "size"), "not in the file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        list(cvat.read(written(tmp_path, text)))
    assert "annotations.xml" in str(caught.value)


def test_a_text_that_xml_cannot_hold_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    lane = Lane(np.zeros((2, 2)), attributes={"note": "\x00"})
    with pytest.raises(OutputError, match="characters that XML does not have"):
        cvat.write(tmp_path / "a.xml", [("a.jpg", Scene((8, 8), [lane]))])
    assert list(tmp_path.iterdir()) == []
