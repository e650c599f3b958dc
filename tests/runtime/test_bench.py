"""Networks are measured side by side, each in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import fake_network
import numpy as np
import pytest

from lanelight.errors import ModelError
from lanelight.geometry import Scene, Viewport
from lanelight.runtime import BACKENDS, Detector, Manifest
from lanelight.runtime.bench import WAITING, Contestant, Measured, measure
from lanelight.runtime.bench_process import STEPS
from lanelight.runtime.bench_rows import COLUMNS, rows_of
from lanelight.runtime.cost import Cost, graph_cost
from lanelight.runtime.session import Array

ROUNDS, FRAMES = 2, 3


def contestant(model: Path, backend: str) -> Contestant:
    return Contestant(
        model.name,
        backend,
        partial(Detector.load, model, backend=backend, threads=1),
        partial(graph_cost, model, fake_network.TARGET),
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_network.write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def measured(model: Path) -> list[Measured]:
    frames = [fake_network.painted((320, 192), shift_px=2.0 * index) for index in range(FRAMES)]
    seen: list[int] = []
    found = measure([contestant(model, name) for name in BACKENDS], frames, rounds=ROUNDS, watch=seen.append)
    assert seen == [FRAMES * turn for turn in range(1, (ROUNDS + 1) * len(BACKENDS) + 1)]
    return found


def test_a_file_in_8_bits_says_so(tmp_path: Path) -> None:
    model = fake_network.write_model(tmp_path)
    replace(Manifest.load(model), int8={"frames": 3}).save(model)
    (found,) = measure([contestant(model, "onnxruntime")], [fake_network.painted((320, 192))], rounds=1)
    (row,) = rows_of([found], source="painted")
    assert row["precision"] == "int8"


def test_every_call_of_every_round_is_measured_but_those_of_the_warm_up(measured: list[Measured]) -> None:
    assert [each.contestant.backend for each in measured] == list(BACKENDS)
    for each in measured:
        assert set(each.wall_ms) == set(each.cpu_ms) == set(STEPS)
        assert {values.shape for values in [*each.wall_ms.values(), *each.cpu_ms.values()]} == {(ROUNDS, FRAMES)}
        parts = np.sum([each.wall_ms[step] for step in STEPS if step != "end_to_end"], axis=0)
        assert (parts > 0).all()
        assert (parts <= each.wall_ms["end_to_end"]).all()
        assert (each.loaded.threads, each.loaded.input, each.loaded.device) == (1, fake_network.TARGET, "cpu")
        assert each.loaded.load_s > 0
        assert each.cost is not None
        assert each.cost.parameters == 22


def test_memory_is_that_of_each_process_without_the_starting_one(model: Path) -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("needs a system that tells memory in /proc")
    ballast = np.ones(400_000_000, np.uint8)  # of this process, not of the one that is measured
    (found,) = measure([contestant(model, "onnxruntime")], [fake_network.painted((320, 192))], rounds=1)
    assert ballast.all()
    assert found.peak_mb is not None
    assert 30 < found.peak_mb < 400


def test_rows_have_medians_and_ratios_to_the_first(measured: list[Measured]) -> None:
    rows = rows_of(measured, source="painted")
    assert [row["backend"] for row in rows] == list(BACKENDS)
    assert {tuple(row) for row in rows} == {COLUMNS}
    for row, each in zip(rows, measured, strict=True):
        assert row["network_ms_p50"] == pytest.approx(np.median(each.wall_ms["network"]), abs=1e-3)
        assert row["network_ms_p95"] >= row["network_ms_p50"]
        base = np.median(measured[0].cpu_ms["end_to_end"])
        assert row["end_to_end_cpu_times_faster"] == pytest.approx(
            base / np.median(each.cpu_ms["end_to_end"]), abs=0.006
        )
        assert (row["input"], row["source"], row["frames"], row["rounds"]) == ("256x128", "painted", FRAMES, ROUNDS)
    assert [rows[0][key] for key in rows[0] if "times_faster" in key] == [1.0] * 4


class Sleeping:
    """A network that waits in its own time, and computes nothing."""

    backend, threads, device, precision, at_once = "sleeping", 3, "cpu", "float32", 1

    def __call__(self, images: Array) -> dict[str, Array]:
        time.sleep(0.05)
        return {"lanes": images}

    def close(self) -> None:
        """Do nothing."""


class Nothing:
    """A decoder that finds no lanes, and fails where threads would spin while they wait."""

    def __call__(self, outputs: Mapping[str, Array], view: Viewport) -> Scene:
        assert outputs["lanes"].dtype == np.float32
        assert os.environ[WAITING] == "PASSIVE"
        return Scene(view.source)


def sleeping() -> Detector:
    return Detector(Sleeping(), fake_network.manifest(), Nothing())  # type: ignore[arg-type]


class Spinning(Sleeping):
    """A network whose threads would go on computing between two calls."""

    def __init__(self, told: Path) -> None:
        assert os.environ[WAITING] == "ACTIVE"
        told.write_text(str(os.getpid()))

    def __call__(self, images: Array) -> dict[str, Array]:
        return {"lanes": images}


class Watching(Sleeping):
    """A network that fails where another process goes on while it has its turn."""

    def __init__(self, told: Path) -> None:
        self.stat = Path("/proc", told.read_text(), "stat")

    def __call__(self, images: Array) -> dict[str, Array]:
        end = time.monotonic() + 20
        while self.stat.read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < end, "not stopped"
            time.sleep(0.01)
        return {"lanes": images}


class Silent:
    """A decoder that finds no lanes."""

    def __call__(self, outputs: Mapping[str, Array], view: Viewport) -> Scene:
        assert "lanes" in outputs
        return Scene(view.source)


def with_session(kind: Callable[[Path], Sleeping], told: Path) -> Detector:
    return Detector(kind(told), fake_network.manifest(), Silent())  # type: ignore[arg-type]


def failing() -> Detector:
    raise ModelError("markers.onnx: no such network")


def dying() -> Detector:
    os._exit(7)


def no_cost() -> Cost | None:
    return None


def test_waiting_is_wall_time_and_no_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WAITING, raising=False)
    frames = [fake_network.painted((320, 192))]
    (found,) = measure([Contestant("sleeping", "none", sleeping, no_cost)], frames, rounds=2)
    assert (found.wall_ms["network"] >= 50).all()
    assert (found.wall_ms["decode"] < 50).any()
    assert np.median(found.cpu_ms["network"]) < 25
    assert found.cost is None
    assert WAITING not in os.environ


def test_a_process_whose_threads_spin_is_stopped_while_others_have_their_turn(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").is_file():
        pytest.skip("needs a system that tells the state of processes in /proc")
    told = tmp_path / "pid"
    spinning = Contestant("spinning", "none", partial(with_session, Spinning, told), no_cost, spins=True)
    watching = Contestant("watching", "none", partial(with_session, Watching, told), no_cost)
    found = measure([spinning, watching], [fake_network.painted((320, 192))], rounds=3)
    assert [each.wall_ms["network"].shape for each in found] == [(3, 1), (3, 1)]
    assert not Path("/proc", told.read_text()).exists()


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (failing, r"^markers\.onnx: no such network$"),
        (dying, r"bad on none: its process ended by itself \(exit code 7"),
    ],
)
def test_what_goes_wrong_in_a_process_is_told_here(load: Callable[[], Detector], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        measure([Contestant("bad", "none", load, no_cost)], [fake_network.painted((320, 192))], rounds=1)
