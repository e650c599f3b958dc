"""A real, tiny ONNX network that tells classes by their colours, and class data sets painted in these colours.

The likeliest class of a pixel is the one whose colour of `class_colors` is nearest, so pictures painted in them have a
known answer from file to file. Frame 0 is labelled as it is painted, but for void; in frame 1 a car stands in the
labels alone; in frame 2 the persons are labelled rider.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lanelight.decode import ClassDecoder
from lanelight.formats import camvid, cityscapes
from lanelight.frames import write_image
from lanelight.geometry import ViewportPolicy
from lanelight.render import class_colors
from lanelight.runtime import Manifest

SIZE = (256, 128)  # (width, height) of the frames and of the network's input
FRAMES = 3
CITYSCAPES_NAMES, CAMVID_NAMES = cityscapes.TRAIN_NAMES, camvid.TRAIN_NAMES
PERSON, RIDER, CAR = 24, 25, 26  # label ids

Map = NDArray[np.uint8]


def write_model(folder: Path, names: Sequence[str] = CITYSCAPES_NAMES, *, ids: bool = True) -> Path:
    """Write the network and its manifest, and return the model file.

    Args:
        folder: where.
        names: of its classes.
        ids: whether the graph chooses the class itself, or gives logits.
    """
    model = folder / "colours.onnx"
    onnx.save(_graph(names, ids), str(model))
    Manifest(
        name="colours",
        version="1",
        viewport=ViewportPolicy(SIZE, fit="stretch"),
        decoder=ClassDecoder(tuple(names)).to_dict(),
        outputs=("classes",),
        slots=0,
        classes=tuple(names),
    ).save(model)
    return model


def painted(classes: Map, names: Sequence[str]) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) in which every pixel has the colour of its class."""
    return _colors(names)[classes]


def label_ids(index: int) -> Map:
    """Return the true label ids of a frame of Cityscapes, (128, 256) uint8."""
    ids = np.full((SIZE[1], SIZE[0]), 23, np.uint8)  # sky
    ids[40:70] = 11  # building
    ids[70:] = 7  # road
    ids[60:100, 20:60] = RIDER if index == 2 else PERSON
    ids[60:100, 70:90] = RIDER if index == 2 else PERSON
    if index < 2:
        ids[80:120, 150:230] = CAR
    ids[120:] = 1  # ego vehicle: void
    return ids


def instance_ids(index: int) -> NDArray[np.uint16]:
    """Return the true instance ids of a frame of Cityscapes, (128, 256) uint16."""
    ids = label_ids(index)
    found = ids.astype(np.uint16)
    right = np.arange(SIZE[0]) >= 65
    for label in (PERSON, RIDER, CAR):
        found[ids == label] = label * 1000
    found[(ids >= PERSON) & (ids <= RIDER) & right] += 1
    return found


def shown_train_ids(index: int) -> Map:
    """Return what the picture of a frame shows, in train ids."""
    ids = label_ids(0).copy()
    if index:
        ids[ids == CAR] = 7
    ids[ids == 1] = 7
    return cityscapes.to_train_ids(ids)


def write_cityscapes(root: Path, *, instances: bool = True) -> Path:
    """Write a Cityscapes folder with a split ``val`` of three frames, and return it."""
    for index in range(FRAMES):
        frame = f"val/ulm/ulm_{index:06d}_000019"
        for kind in ("leftImg8bit", "gtFine"):
            (root / kind / "val/ulm").mkdir(parents=True, exist_ok=True)
        picture = painted(shown_train_ids(index), CITYSCAPES_NAMES)
        write_image(root / "leftImg8bit" / f"{frame}_leftImg8bit.png", picture)
        cityscapes.write_label_ids(root / "gtFine" / f"{frame}{cityscapes.LABEL_IDS}", label_ids(index))
        if instances:
            cv2.imwrite(str(root / "gtFine" / f"{frame}{cityscapes.INSTANCE_IDS}"), instance_ids(index))
    return root


def write_camvid(root: Path) -> Path:
    """Write a CamVid folder with a list of three frames of the split ``test``, and return it."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    lines = []
    for index in range(FRAMES):
        true, shown = camvid_ids(index)
        write_image(root / f"images/drive_{index}.png", painted(shown, CAMVID_NAMES))
        camvid.write_classes(root / f"labels/drive_{index}.png", true)
        lines.append(f"images/drive_{index}.png labels/drive_{index}.png drive test\n")
    (root / "list.txt").write_text("".join(lines))
    return root


def camvid_ids(index: int) -> tuple[Map, Map]:
    """Return (true, shown) ids of a frame of CamVid: in frame 1 a car is missed; rows from 120 on are void."""
    shown = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    shown[70:] = 3
    true = shown.copy()
    if index == 1:
        true[80:100, 100:140] = 8
    true[120:] = camvid.VOID
    return true, shown


def _colors(names: Sequence[str]) -> NDArray[np.uint8]:
    return np.array([color or (0, 0, 0) for color in class_colors(names)], np.uint8)


def _graph(names: Sequence[str], ids: bool) -> onnx.ModelProto:
    """Build images -> classes: logits 2 c x - c c, the largest of which is of the nearest colour c."""
    colors = _colors(names).astype(np.float32) / 255
    nodes = [helper.make_node("Conv", ["images", "w", "b"], ["logits" if ids else "classes"])]
    if ids:
        nodes.append(helper.make_node("ArgMax", ["logits"], ["places"], axis=1, keepdims=0))
        nodes.append(helper.make_node("Cast", ["places"], ["classes"], to=TensorProto.UINT8))
    height, width = SIZE[1], SIZE[0]
    out: list[str | int] = ["batch", height, width] if ids else ["batch", len(names), height, width]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("classes", TensorProto.UINT8 if ids else TensorProto.FLOAT, out)],
        [
            numpy_helper.from_array(2 * colors[:, :, None, None], "w"),
            numpy_helper.from_array(-(colors**2).sum(axis=1), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model
