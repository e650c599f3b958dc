from __future__ import annotations

import numpy as np
import pytest

from lanelight.decode import LaneAreaDecoder, decoder_from_dict
from lanelight.errors import ModelError
from lanelight.geometry import Viewport


def test_pixels_above_the_threshold_are_lane_in_the_size_of_the_frame() -> None:
    logits = np.full((1, 4, 8), -8.0, np.float32)
    logits[0, :, 2:4] = 8.0
    scene = LaneAreaDecoder()({"lanes": logits}, Viewport.whole((80, 40), (8, 4)))
    assert scene.lanes == ()
    assert scene.classes is not None
    assert scene.classes.shape == (40, 80)
    columns = np.flatnonzero(scene.classes.all(axis=0))
    assert np.array_equal(columns, np.flatnonzero(scene.classes.any(axis=0)))
    # Half way between the centres of two columns lies the border between them: x = 20 and x = 40.
    assert (columns[0], columns[-1]) == (20, 39)


def test_what_the_network_does_not_see_is_background() -> None:
    view = Viewport((80, 60), (0, 20, 80, 60), (8, 4))
    scene = LaneAreaDecoder()({"lanes": np.full((1, 4, 8), 3.0, np.float32)}, view)
    assert scene.classes is not None
    assert not scene.classes[:20].any()
    assert scene.classes[20:].all()


def test_the_probability_decides_and_equal_to_the_threshold_is_background() -> None:
    logits = np.array([[[0.0, 0.1, -0.1, 200.0]]], np.float32)
    view = Viewport.whole((4, 1))
    scene = LaneAreaDecoder()({"lanes": logits}, view)
    assert scene.classes is not None
    assert scene.classes.tolist() == [[0, 1, 0, 1]]
    strict = LaneAreaDecoder(threshold=0.9)({"lanes": logits}, view).classes
    assert strict is not None
    assert strict.tolist() == [[0, 0, 0, 1]]


def test_a_manifest_names_it_and_its_threshold() -> None:
    decoder = decoder_from_dict({"kind": "lane_area", "threshold": 0.25})
    assert decoder == LaneAreaDecoder(threshold=0.25)
    assert decoder_from_dict(decoder.to_dict()) == decoder
    with pytest.raises(ModelError, match="between 0 and 1"):
        decoder_from_dict({"kind": "lane_area", "threshold": 1.5})


def test_masks_of_slots_are_refused() -> None:
    with pytest.raises(ModelError, match=r"shape \(1, H, W\), got \(5, 4, 8\)"):
        LaneAreaDecoder()({"lanes": np.zeros((5, 4, 8), np.float32)}, Viewport.whole((8, 4)))
