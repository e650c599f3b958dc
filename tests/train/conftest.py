"""What tests of runs share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from train.tiny import NoisyTiny, Tiny, write_roads

from lanelight.models import MODELS


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few labelled frames, for `tiny_recipe`."""
    return write_roads(tmp_path_factory.mktemp("roads"))


@pytest.fixture
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let recipes name the small networks, and run them on one thread, whose sums are always the same."""
    monkeypatch.setitem(MODELS, "tiny", Tiny)
    monkeypatch.setitem(MODELS, "noisy", NoisyTiny)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
