"""What stops a run says why."""

from __future__ import annotations

import errno
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from train.tiny import Tiny, small_recipe, tiny_recipe, write_roads

from lanelight.errors import LanelightError, OutputError
from lanelight.models import MODELS
from lanelight.train import DataPart, run
from lanelight.train.health import explained


class _Broken(Tiny):
    """Divides zero by zero in one term of its third loss."""

    calls = 0

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        terms = super().loss(outputs, targets)
        self.calls += 1
        return {**terms, "exist": terms["exist"] * 0 / (0 if self.calls == 3 else 1)}


class _Greedy(Tiny):
    """Wants a million gigabytes."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"lanes": torch.empty(1 << 50), "exist": images}


class _Deaf(Tiny):
    """Has Ctrl-C pressed in its third loss, where the exception vanishes as it does in a finalizer."""

    calls = 0

    def loss(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls == 3:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return super().loss(outputs, targets)


def test_an_interrupt_that_vanished_ends_the_run_after_the_pass(
    roads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", _Deaf)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_recipe(roads), tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_a_loss_that_is_no_number_names_term_batch_and_frames(
    roads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", _Broken)
    told = (
        r"at step 2: term exist, batch 2, samples 4 to 5 \(data.0\[\d\], data.0\[\d\]\); all terms: mask \d.*exist nan"
    )
    with pytest.raises(LanelightError, match=told):
        run(tiny_recipe(roads), tmp_path / "run")


def test_too_little_memory_says_what_to_lower(roads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", _Greedy)
    with pytest.raises(LanelightError, match=r"lower batch \(now 2; double accumulate.*size \(now 128x56\)"):
        run(tiny_recipe(roads), tmp_path / "run")


def test_errors_of_the_machine_are_explained_and_others_are_not() -> None:
    smoke = small_recipe()
    assert "batch" in str(explained(torch.OutOfMemoryError("CUDA out of memory"), smoke))
    killed = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")
    assert "workers (now 0)" in str(explained(killed, smoke))
    full = explained(OSError(errno.ENOSPC, "No space left on device", "x/events"), smoke)
    assert isinstance(full, OutputError)
    assert "x/events" in str(full)
    for other in (OSError(errno.ENOENT, "No such file"), RuntimeError("shapes"), ValueError("x")):
        assert explained(other, smoke) is None


@pytest.mark.slow
def test_a_damaged_picture_is_named_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", Tiny)
    roads = write_roads(tmp_path / "roads")
    for picture in (roads / "train").rglob("*.png"):
        picture.write_bytes(b"no picture")
    broken: Any = DataPart(kind="native", frames=str(roads / "train"), split="train")
    with pytest.raises(LanelightError) as raised:
        run(replace(tiny_recipe(roads), data=(broken,), workers=1), tmp_path / "run")
    assert ".png" in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert "\n" not in str(raised.value)
