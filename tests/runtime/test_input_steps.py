"""Steps on the picture that weights expect reach the network in the predictor."""

from __future__ import annotations

from dataclasses import replace

import fake_network
import numpy as np
import pytest

from lanelight.errors import ModelError
from lanelight.frames.preprocess import Clahe
from lanelight.runtime import Detector
from lanelight.runtime.predictor import decoder_of, network_input
from lanelight.runtime.session import Array, Precision


class Listening:
    """A session that keeps what it is shown and finds nothing."""

    backend, threads, device = "listening", 1, "cpu"
    precision: Precision = "float32"
    at_once = 1

    def __init__(self) -> None:
        self.shown: list[Array] = []

    def __call__(self, images: Array) -> dict[str, Array]:
        self.shown.append(images)
        width, height = fake_network.TARGET
        return {"lanes": np.zeros((1, 5, height, width), np.float32), "exist": np.full((1, 4), -9, np.float32)}

    def close(self) -> None:
        """Do nothing."""


def test_the_network_is_shown_the_picture_after_its_steps() -> None:
    step, frame = Clahe(4.0, (4, 4)), fake_network.painted((640, 360))
    manifest = replace(fake_network.manifest(), preprocess=[step.to_dict()])
    session = Listening()
    with Detector(session, manifest, decoder_of(manifest)) as detector:
        assert detector.predict(frame).lanes == ()
    view = manifest.viewport.view((640, 360))
    seen = step(view.apply(frame)).transpose(2, 0, 1)[None] / np.float32(255)
    assert np.allclose(session.shown[0], seen, atol=1e-6)
    assert not np.allclose(session.shown[0], network_input(frame, view), atol=0.01)


def test_a_manifest_with_a_step_of_another_kind_or_setting_is_refused() -> None:
    with pytest.raises(ModelError, match="model 'markers': unknown preprocess step 'dehaze'"):
        replace(fake_network.manifest(), preprocess=[{"kind": "dehaze"}])
    with pytest.raises(ModelError, match="model 'markers': preprocess step clahe: expected its own settings"):
        replace(fake_network.manifest(), preprocess=[{"kind": "clahe", "size": 8}])
