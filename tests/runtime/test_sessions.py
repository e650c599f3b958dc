"""Both runtimes compute the same arrays, and refuse what they cannot run."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fake_network
import numpy as np
import openvino
import pytest

from lanelight.errors import ModelError
from lanelight.runtime import BACKENDS, Detector, Manifest, open_session
from lanelight.runtime.openvino import computes_bf16

SHAPE = (3, fake_network.TARGET[1], fake_network.TARGET[0])


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_batch_gives_named_float_arrays_equal_to_the_formula(tmp_path: Path, backend: str) -> None:
    session = open_session(fake_network.write_model(tmp_path), backend, threads=2)
    images = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    outputs = session(images)
    assert (session.backend, session.threads) == (backend, 2)
    assert {name: array.shape for name, array in outputs.items()} == {
        "lanes": (2, 5, *SHAPE[1:]),
        "exist": (2, 4),
    }
    assert all(array.dtype == np.float32 for array in outputs.values())
    red = 24 * (images[:, 0] - images[:, 1] - images[:, 2]) - 16  # the logit of slot 0
    assert np.abs(outputs["lanes"][:, 1] - red).max() < 1e-4
    session.close()


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_an_earlier_result_is_not_overwritten_by_a_later_call(tmp_path: Path, backend: str) -> None:
    session = open_session(fake_network.write_model(tmp_path), backend, threads=1)
    first = session(np.zeros((1, *SHAPE), np.float32))["lanes"]
    kept = first.copy()
    session(np.ones((1, *SHAPE), np.float32))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_callers_at_the_same_time_get_each_their_own(tmp_path: Path, backend: str) -> None:
    session = open_session(fake_network.write_model(tmp_path), backend, threads=2, at_once=3)
    assert (session.threads, session.at_once) == (2, 2)
    pictures = [np.full((1, *SHAPE), level, np.float32) for level in np.linspace(0, 1, 40)]
    one_by_one = [session(picture)["lanes"] for picture in pictures]
    with ThreadPoolExecutor(4) as pool:  # more than can be served at once: they wait
        together = list(pool.map(lambda picture: session(picture)["lanes"], pictures))
    assert np.ptp([lanes[0, 1].mean() for lanes in one_by_one]) > 10
    assert all(np.array_equal(a, b) for a, b in zip(one_by_one, together, strict=True))
    session.close()


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_only_the_wanted_outputs_are_returned_and_a_missing_one_is_an_error(tmp_path: Path, backend: str) -> None:
    model = fake_network.write_model(tmp_path)
    session = open_session(model, backend, threads=1, outputs=("exist",))
    assert list(session(np.zeros((1, *SHAPE), np.float32))) == ["exist"]
    with pytest.raises(ModelError, match="expected outputs classes, got lanes, exist"):
        open_session(model, backend, outputs=("classes",))
    with pytest.raises(ModelError, match="expected one input 'pixels', got images"):
        open_session(model, backend, input_name="pixels")


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("content", [b"", b"no network at all", None])
def test_a_corrupted_file_is_a_model_error_and_prints_nothing(
    tmp_path: Path, backend: str, content: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    model = fake_network.write_model(tmp_path)
    model.write_bytes(model.read_bytes()[:-200] if content is None else content)
    with pytest.raises(ModelError, match=r"markers\.onnx"):
        open_session(model, backend)
    assert capfd.readouterr() == ("", "")


def test_openvino_s_own_format_runs_and_its_weights_are_part_of_the_checksum(tmp_path: Path) -> None:
    source = fake_network.write_model(tmp_path)
    model = tmp_path / "ir.xml"
    openvino.save_model(openvino.Core().read_model(str(source)), str(model), compress_to_fp16=False)
    fake_network.manifest("ir").save(model)
    images = np.random.default_rng(0).random((1, *SHAPE)).astype(np.float32)
    expected = open_session(source, "openvino")(images)
    found = open_session(model, "openvino")(images)
    assert all(np.allclose(found[name], expected[name], atol=1e-5) for name in expected)
    with pytest.raises(ModelError, match="--backend openvino"):
        open_session(model, "onnxruntime")
    weights = bytearray(model.with_suffix(".bin").read_bytes())
    weights[0] ^= 1
    model.with_suffix(".bin").write_bytes(bytes(weights))
    with pytest.raises(ModelError, match="corrupted"):
        Manifest.load(model)


def test_openvino_computes_in_float32_whatever_the_processor_prefers(tmp_path: Path) -> None:
    session = open_session(fake_network.write_model(tmp_path), "openvino", threads=1)
    images = np.full((1, *SHAPE), np.float32(1 + 2**-12), np.float32)  # bfloat16 keeps 8 bits
    red = -24 * (1 + 2**-12) - 16
    assert np.abs(session(images)["lanes"][0, 1] - red).max() < 1e-4


@pytest.mark.skipif(not computes_bf16(), reason="needs a processor with bfloat16")
def test_openvino_computes_in_bfloat16_where_it_is_asked_for(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    session = open_session(model, "openvino", threads=1, precision="bf16")
    images = np.full((1, *SHAPE), np.float32(1 + 2**-12), np.float32)
    assert session.precision == "bf16"
    assert np.abs(session(images)["lanes"][0, 1] + 40).max() < 1e-6  # as of pictures of 1
    with Detector.load(model, threads=1, precision="bf16") as detector:
        assert (detector.backend, detector.precision) == ("openvino", "bf16")
        assert len(detector.predict(fake_network.painted((320, 192))).lanes) == 4


def test_bfloat16_is_refused_where_it_is_not_computed(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    with pytest.raises(ModelError, match="ONNX Runtime has no kernels for it on processors; use --backend openvino"):
        open_session(model, "onnxruntime", precision="bf16")
    with pytest.raises(ModelError, match="unknown precision 'bf61': did you mean 'bf16'"):
        open_session(model, "openvino", precision="bf61")  # type: ignore[arg-type]
    code = f"import lanelight; lanelight.load({str(model)!r}, precision='bf16')"
    older = {**os.environ, "OV_CPU_MAX_ISA": "AVX2"}  # what OpenVINO then takes the processor for
    done = subprocess.run([sys.executable, "-c", code], env=older, capture_output=True, text=True, check=False)
    assert "markers.onnx: expected a processor with AVX512_BF16 or AMX for precision bf16" in done.stderr


def test_an_unknown_backend_is_named_and_torch_tells_its_extra(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    with pytest.raises(ModelError, match="unknown backend 'openvno': did you mean 'openvino'"):
        open_session(model, "openvno")
    with pytest.raises(ModelError, match=r"lanelight\[train\]"):
        open_session(model, "torch")
