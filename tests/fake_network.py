"""A real, tiny ONNX network that finds lines painted in four marker colours.

Every network test runs on it, through ONNX Runtime and OpenVINO alike: a frame painted with coloured lines decodes to
exactly these lanes, so that the whole path from file to file has a known answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lanelight.frames import VideoWriter
from lanelight.geometry import ViewportPolicy
from lanelight.runtime import Manifest

TARGET = (256, 128)  # (width, height) of the network's input
MARKERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))  # RGB of slots 0 to 3
GREY = 60


def write_model(folder: Path, name: str = "markers", *, target: tuple[int, int] = TARGET) -> Path:
    """Write the network NAME.onnx and its manifest, and return the model file."""
    model = folder / f"{name}.onnx"
    onnx.save(_graph(target), str(model))
    manifest(name, target).save(model)
    return model


def manifest(name: str = "markers", target: tuple[int, int] = TARGET) -> Manifest:
    """Return the manifest of the network, not yet saved."""
    return Manifest(
        name=name,
        version="1",
        viewport=ViewportPolicy(target, fit="stretch"),
        decoder={"kind": "masks"},
        outputs=("lanes", "exist"),
        slots=4,
        licence="Apache-2.0",
        data="marker colours",
    )


def marker_lines(size: tuple[int, int], shift_px: float = 0.0) -> dict[int, NDArray[np.float64]]:
    """Return slot -> (2, 2) px of four straight lines, bottom end first, for a frame of (width, height)."""
    width, height = size
    bottoms, tops = (0.06, 0.32, 0.68, 0.94), (0.38, 0.46, 0.54, 0.62)
    return {
        slot: np.array([[bottom * width + shift_px, height - 1.0], [top * width + shift_px, 0.45 * height]])
        for slot, (bottom, top) in enumerate(zip(bottoms, tops, strict=True))
    }


def painted(
    size: tuple[int, int], *, shift_px: float = 0.0, slots: tuple[int, ...] = (0, 1, 2, 3)
) -> NDArray[np.uint8]:
    """Return a grey frame (H, W, 3) uint8 RGB with the lines of some slots in their marker colours."""
    frame = np.full((size[1], size[0], 3), GREY, np.uint8)
    for slot, line in marker_lines(size, shift_px).items():
        if slot in slots:
            ends = [tuple(int(v) for v in np.round(end * 16)) for end in line]
            cv2.line(frame, ends[0], ends[1], MARKERS[slot], max(5, size[0] // 60), cv2.LINE_8, 4)
    return frame


def write_video(
    path: Path, frames: int, size: tuple[int, int] = (320, 192), fps: float = 25.0, *, grain: int = 0
) -> Path:
    """Write an H.264 video whose painted lines move to the right, 2 px every frame, and return its path.

    Grain of some brightness steps makes every frame cost bytes, so that a part of the file holds a part of the frames.
    """
    rng = np.random.default_rng(0)
    with VideoWriter(path, fps=fps, crf=10) as writer:
        for index in range(frames):
            frame = painted(size, shift_px=2.0 * (index % 10))
            if grain:
                frame[: size[1] // 3] += rng.integers(0, grain, (size[1] // 3, size[0], 3)).astype(np.uint8)
            writer.write(frame)
    return path


def _graph(target: tuple[int, int]) -> onnx.ModelProto:
    """Build images -> lanes logits (B, 5, H, W) and exist logits (B, 4).

    A marker's logit is w . rgb + b: about +8 on its own colour and far below on the others and on grey.
    """
    weights = np.zeros((5, 3, 1, 1), np.float32)
    bias = np.zeros(5, np.float32)
    for slot, color in enumerate(MARKERS):
        on = np.array(color, np.float32) / 255
        direction = 2 * on - 1  # the dot product is largest on the colour itself
        weights[slot + 1, :, 0, 0] = 24 * direction
        bias[slot + 1] = 8 - 24 * float(on.sum())
    width, height = target
    nodes = [
        helper.make_node("Conv", ["images", "w", "b"], ["lanes"]),
        helper.make_node("Slice", ["lanes", "one", "five", "axis"], ["masks"]),
        helper.make_node("Sigmoid", ["masks"], ["chances"]),
        helper.make_node("GlobalAveragePool", ["chances"], ["shares"]),
        helper.make_node("Flatten", ["shares"], ["flat"]),
        # A line covers about 1 % of the frame: its share becomes a logit of several units, no line one of -4.
        helper.make_node("Mul", ["flat", "gain"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "offset"], ["exist"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "w": weights, "b": bias, "one": np.array([1], np.int64), "five": np.array([5], np.int64),
        "axis": np.array([1], np.int64), "gain": np.array(1600, np.float32), "offset": np.array(4, np.float32),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "markers",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, height, width])],
        [
            helper.make_tensor_value_info("lanes", TensorProto.FLOAT, ["batch", 5, height, width]),
            helper.make_tensor_value_info("exist", TensorProto.FLOAT, ["batch", 4]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model
