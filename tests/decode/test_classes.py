from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.decode import ClassDecoder, decoder_from_dict
from lanelight.decode.classes import likeliest
from lanelight.errors import ModelError
from lanelight.geometry import Viewport

NAMES = ("sky", "road", "car")


def _logits(
    ids: np.ndarray[tuple[int, ...], np.dtype[np.integer]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.stack([(ids == k) * 5.0 for k in range(len(NAMES))]).astype(np.float32)


@given(seed=st.integers(0, 1000), classes=st.sampled_from([1, 2, 19, 255]), ties=st.booleans())
def test_the_largest_logit_is_found_and_the_first_of_equals(seed: int, classes: int, ties: bool) -> None:
    logits = np.random.default_rng(seed).normal(size=(classes, 4, 5)).astype(np.float32)
    logits = np.round(logits) if ties else logits
    before = logits.copy()
    assert np.array_equal(likeliest(logits), logits.argmax(axis=0))
    assert np.array_equal(logits, before)


def test_each_pixel_of_the_frame_gets_the_class_of_the_nearest_of_the_network() -> None:
    ids = np.array([[0, 1, 2], [2, 2, 1]])
    scene = ClassDecoder(NAMES)({"classes": _logits(ids)}, Viewport.whole((12, 4), (3, 2)))
    assert scene.lanes == ()
    assert scene.classes is not None
    assert scene.classes.dtype == np.uint8
    assert np.array_equal(scene.classes, np.repeat(np.repeat(ids, 2, axis=0), 4, axis=1))


def test_a_large_map_is_thinned_about_the_centres_of_the_frames_pixels() -> None:
    ids = np.arange(9).reshape(1, 9) % 3
    scene = ClassDecoder(NAMES)({"classes": _logits(ids)}, Viewport.whole((3, 1), (9, 1)))
    assert scene.classes is not None
    assert scene.classes.tolist() == [[1, 1, 1]]  # the middle one of each three


def test_what_the_network_does_not_see_has_no_class() -> None:
    view = Viewport((8, 6), (2, 3, 8, 6), (6, 3))
    scene = ClassDecoder(NAMES)({"classes": _logits(np.ones((3, 6), int))}, view)
    assert scene.classes is not None
    assert (scene.classes[3:, 2:] == 1).all()
    assert (scene.classes[:3] == 255).all()
    assert (scene.classes[:, :2] == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_a_graph_that_chooses_by_itself_gives_the_same_scene(dtype: type) -> None:
    ids = np.random.default_rng(0).integers(0, 3, (7, 9))
    view = Viewport((40, 30), (0, 10, 40, 30), (9, 7))
    first = ClassDecoder(NAMES)({"classes": _logits(ids)}, view).classes
    second = ClassDecoder(NAMES)({"classes": ids.astype(dtype)}, view).classes
    assert first is not None
    assert second is not None
    assert np.array_equal(first, second)


def test_a_manifest_names_the_classes() -> None:
    decoder = ClassDecoder(NAMES)
    assert decoder_from_dict(json.loads(json.dumps(decoder.to_dict()))) == decoder
    assert decoder_from_dict({"kind": "classes"}) == ClassDecoder()
    assert ClassDecoder().names[0::9] == ("road", "terrain", "bicycle")


def test_other_outputs_are_refused() -> None:
    view = Viewport.whole((4, 4))
    with pytest.raises(ModelError, match=r"shape \(3, H, W\), or ids \(H, W\), got \(5, 4, 4\)"):
        ClassDecoder(NAMES)({"classes": np.zeros((5, 4, 4), np.float32)}, view)
    for wrong in (3, -1):
        with pytest.raises(ModelError, match=f"expected ids 0 to 2, got {min(wrong, 0)} to {max(wrong, 0)}"):
            ClassDecoder(NAMES)({"classes": np.diag([wrong, 0, 0, 0]).astype(np.float32)}, view)
    with pytest.raises(ModelError, match="expected names of 2 to 255 classes, got 1"):
        ClassDecoder(("road",))
