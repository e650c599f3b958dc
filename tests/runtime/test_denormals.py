"""Denormals are flushed in networks, and only there."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lanelight.runtime import BACKENDS, open_session
from lanelight.runtime.denormals import SUPPORTED, flushed

TINY = np.float32(1e-40)  # the smallest normal float32 is 1.2e-38

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="denormals are flushed on x86-64 Linux only")


def kept() -> bool:
    """Tell whether this thread keeps denormals."""
    return bool((np.full(8, TINY) * np.float32(1)).all())


def shrinking(path: Path, channels: int = 8, layers: int = 1) -> Path:
    """Write a network of 3x3 convolutions whose weights take 1e-20 to 1e-40 and keep it there."""
    rng = np.random.default_rng(0)
    nodes, constants, last = [], [], "images"
    for layer in range(layers):
        size = 1e-20 if layer == 0 else 1 / (channels * 9)
        weights: NDArray[np.float32] = (size * rng.uniform(0.9, 1.1, (channels, channels, 3, 3))).astype(np.float32)
        constants.append(numpy_helper.from_array(weights, f"w{layer}"))
        nodes.append(helper.make_node("Conv", [last, f"w{layer}"], [f"x{layer}"], pads=[1, 1, 1, 1]))
        last = f"x{layer}"
    shape = [1, channels, 64, 64]
    graph = helper.make_graph(
        nodes, "shrinking",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)], constants,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def test_a_block_flushes_and_gives_the_thread_back_as_it_was() -> None:
    assert kept()
    with flushed():
        assert not kept()
        with flushed():
            assert not kept()
        assert not kept()
    assert kept()


@pytest.mark.parametrize(("threads", "at_once"), [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_networks_flush_in_every_thread_and_leave_the_caller_alone(
    tmp_path: Path, backend: str, threads: int, at_once: int
) -> None:
    model = shrinking(tmp_path / "shrinking.onnx")
    images = np.full((1, 8, 64, 64), 1e-20, np.float32)
    expected = 1e-40 * 72
    assert 0 < expected < 1.2e-38
    for _ in range(2):  # a second session in the same process behaves like the first
        session = open_session(model, backend, threads=threads, at_once=at_once)
        assert kept()
        assert not session(images)["x0"].any()
        assert kept()
    found = []
    other = threading.Thread(target=lambda: found.append((bool(session(images)["x0"].any()), kept())))
    other.start()
    other.join()
    assert found == [(False, True)]


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_faded_picture_costs_no_more_than_a_bright_one(tmp_path: Path, backend: str) -> None:
    session = open_session(shrinking(tmp_path / "shrinking.onnx", 16, 4), backend, threads=1)
    durations = []
    for value in (1e-20, 1.0):
        images = np.full((1, 16, 64, 64), value, np.float32)
        session(images)
        durations.append(min(_cpu_seconds(lambda images=images: session(images)) for _ in range(8)))
    faded, bright = durations
    assert faded < 3 * bright  # unflushed it is many times as slow on processors that handle denormals in microcode


def _cpu_seconds(call: object) -> float:
    assert callable(call)
    start = time.process_time()
    call()
    return time.process_time() - start
