from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.datasets.appearance import Blur, HueSaturation, Lightness, Noise, Table, shuffled
from lanelight.datasets.augment import AUGMENTS, Augment, augment_entry
from lanelight.datasets.placement import Affine, Window
from lanelight.datasets.remembered import Remembered
from lanelight.errors import LanelightError
from lanelight.geometry import Lane, Scene, Viewport, ViewportPolicy
from lanelight.geometry.warp import IGNORE, flip

FRAME = (1280, 720)
SIZE = (512, 224)
POLICY = ViewportPolicy(target=SIZE)
LINE = 1  # class of the painted line
STEPS = {"shuffle": 0.0, "table": None, "lightness": None, "hue": None, "blur": None, "noise": None}


def road() -> tuple[NDArray[np.uint8], Scene]:
    """Return a grey frame with a white line from the bottom to the horizon in slot 1, and its class map."""
    rows = np.arange(719.0, 300.0, -4.0)
    points = np.stack([500 + 0.8 * (719 - rows), rows], axis=1)
    classes = np.zeros((FRAME[1], FRAME[0]), np.uint8)
    cv2.polylines(classes, [np.round(points).astype(np.int32)], False, LINE, 9)
    frame = np.full((FRAME[1], FRAME[0], 3), 60, np.uint8)
    frame[classes == LINE] = 255
    return frame, Scene(FRAME, [Lane(points, slot=1)], classes)


def colourful() -> NDArray[np.uint8]:
    """Return a smooth picture of many colours."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (160, 96), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def samples(augment: Augment, count: int = 12) -> Iterator[tuple[NDArray[np.uint8], Scene]]:
    """Yield samples of the road from different seeds."""
    frame, scene = road()
    for seed in range(count):
        yield augment.apply(frame, scene, POLICY.view(FRAME), np.random.default_rng(seed))


@pytest.mark.parametrize("name", sorted(AUGMENTS))
def test_line_lane_and_classes_stay_together_in_every_preset(name: str) -> None:
    seen = 0
    for image, scene in samples(replace(AUGMENTS[name], **STEPS)):  # type: ignore[arg-type]
        assert image.shape == (SIZE[1], SIZE[0], 3)
        assert scene.size == SIZE
        assert scene.classes is not None
        for lane in scene.lanes:
            points = lane.resample(2.0).points
            inside = ((points > 3) & (points < np.array(SIZE) - 4)).all(axis=1)
            x, y = np.round(points[inside]).astype(int).T
            assert (scene.classes[y, x] == LINE).all()
            assert (image[y, x] > 110).all()
            seen += int(inside.sum())
        off_road = scene.classes == IGNORE
        deep = cv2.erode(off_road.astype(np.uint8), np.ones((5, 5), np.uint8)) == 1
        assert (image[deep] == AUGMENTS[name].fill).all()
    assert seen > 300


@pytest.mark.parametrize("name", sorted(AUGMENTS))
def test_the_same_generator_gives_the_same_sample_and_another_one_another(name: str) -> None:
    frame, scene = road()
    before = frame.copy()
    rngs = [np.random.default_rng(seed) for seed in (1, 1, 2)]
    first, again, other = (AUGMENTS[name].apply(frame, scene, POLICY.view(FRAME), rng) for rng in rngs)
    np.testing.assert_array_equal(first[0], again[0])
    for lane, same in zip(first[1].lanes, again[1].lanes, strict=True):
        np.testing.assert_array_equal(lane.points, same.points)
    assert rngs[0].random() == rngs[1].random()
    assert np.array_equal(first[0], other[0]) == (name == "none")
    np.testing.assert_array_equal(frame, before)  # the frame may be shared


def test_what_lies_outside_the_frame_keeps_its_colour_whatever_the_light() -> None:
    bright = Augment(affine=Affine(degrees=(8.0, 10.0)), fill=(1, 2, 3), table=Table(brightness=0.5), noise=Noise(30.0))
    for image, scene in samples(bright, 4):
        outside = np.asarray(scene.classes) == IGNORE
        assert outside.any()
        assert (image[outside] == (1, 2, 3)).mean() > 0.99  # the rim is where two roundings may differ


def test_a_flip_moves_slots_to_the_other_side() -> None:
    slots = {scene.lanes[0].slot for _, scene in samples(AUGMENTS["road"])}
    assert slots == {1, 2}
    six = replace(AUGMENTS["none"], flip=1.0, slots=6)
    assert {scene.lanes[0].slot for _, scene in samples(six, 1)} == {4}


def test_without_augmentation_the_network_sees_what_the_detector_sees() -> None:
    frame, scene = road()
    view = POLICY.view(FRAME)
    image, there = AUGMENTS["none"].apply(frame, scene, view, np.random.default_rng(0))
    np.testing.assert_array_equal(image, view.apply(frame))
    expected = view.to_target(scene.lanes[0].points)
    np.testing.assert_allclose(there.lanes[0].points[1:], expected[expected[:, 1] < SIZE[1] - 0.5], atol=1e-9)


def test_a_size_in_place_of_a_view_shows_the_whole_frame() -> None:
    frame, scene = road()
    image, there = Augment().apply(frame, scene, (320, 180), np.random.default_rng(0))
    np.testing.assert_array_equal(image, Viewport.whole(FRAME, (320, 180)).apply(frame))
    assert there.size == (320, 180)


def test_crops_of_the_bundled_networks_recipe_are_resized_as_the_detector_resizes() -> None:
    frame, scene = road()
    augment = replace(AUGMENTS["road"], **STEPS)  # type: ignore[arg-type]
    widths = []
    for seed in range(20):
        warp = augment.warp(POLICY.view(FRAME), np.random.default_rng(seed))
        assert warp.view is not None
        image, _ = augment.apply(frame, scene, POLICY.view(FRAME), np.random.default_rng(seed))
        there = warp.view.apply(frame)
        np.testing.assert_array_equal(image, there[:, ::-1] if warp.mirrors else there)
        widths.append((warp.view.crop[2] - warp.view.crop[0]) / FRAME[0])
        assert warp.view.crop[1] >= POLICY.view(FRAME).crop[1]
    assert 0.75 <= min(widths) < 0.85
    assert 0.9 < max(widths) <= 1


def test_frames_of_the_networks_own_size_are_not_cropped_by_it() -> None:
    view = POLICY.view(SIZE)
    warp = replace(AUGMENTS["road"], flip=0.0).warp(view, np.random.default_rng(0))
    assert warp.view == view


@pytest.mark.parametrize(
    ("window", "target", "widths"),
    [
        (Window(scale=(1.0, 2.0)), (512, 224), (640, 1280)),
        (Window(scale=(0.5, 2.0), of="frame"), (512, 224), (256, 1024)),
        (Window(steps=(0.5, 2.0), of="frame"), (512, 224), (256, 1024)),
    ],
)
def test_a_window_shows_as_much_of_the_frame_as_its_scale_says(
    window: Window, target: tuple[int, int], widths: tuple[int, int]
) -> None:
    view = Viewport.whole(FRAME, target)
    drawn = [window.draw(view, np.random.default_rng(seed)) for seed in range(60)]
    shown = np.array([x1 - x0 for x0, _, x1, _ in drawn])
    assert widths[0] <= shown.min() < 1.1 * widths[0]
    assert 0.9 * widths[1] < shown.max() <= widths[1]
    if window.steps:
        assert set(shown.tolist()) == set(widths)
    x0 = np.array([crop[0] for crop in drawn])
    assert (x0 >= 0).all()
    assert (x0 + shown <= FRAME[0]).all()


def test_what_a_window_lacks_is_at_the_top() -> None:
    view = Viewport.whole((100, 50), (200, 150))
    x0, y0, x1, y1 = Window(of="frame").draw(view, np.random.default_rng(0))
    assert (x1 - x0, y1 - y0, y1) == (200, 150, 50)
    assert -100 <= x0 <= 0


def test_the_turns_scales_and_shifts_of_the_clrnet_recipe_have_its_ranges() -> None:
    affine = AUGMENTS["clrnet"].affine
    assert affine is not None
    size = (800, 320)
    matrices = np.array([affine.draw(size, np.random.default_rng(seed)) for seed in range(400)])
    changed = np.abs(matrices - np.eye(3)).max(axis=(1, 2)) > 0
    assert 0.62 < changed.mean() < 0.78
    scale = np.sqrt(np.linalg.det(matrices[changed]))
    degrees = np.degrees(np.arctan2(matrices[changed, 0, 1], matrices[changed, 0, 0]))
    middle = (np.array(size) - 1) / 2
    shift = (matrices[changed, :2, :2] @ middle + matrices[changed, :2, 2] - middle) / size
    for values, low, high in (
        (scale, 0.8, 1.2),
        (degrees, -10, 10),
        (shift[:, 0], -0.1, 0.1),
        (shift[:, 1], -0.1, 0.1),
    ):
        span = high - low
        assert low - 1e-9 <= values.min() < low + 0.05 * span
        assert high - 0.05 * span < values.max() <= high + 1e-9


STEPS_OF_COLOUR = [
    Table(contrast=0.3, brightness=0.2, gamma=0.3, tint=0.1),
    Lightness(factor=(0.85, 1.15), add=10),
    HueSaturation(hue=7, saturation=10, joined=True),
    HueSaturation(hue=10, saturation=10, value=10),
    Blur(),
    Blur(kinds=("motion",)),
    Blur(kinds=("median",)),
    Noise(8.0),
    shuffled,
]


@pytest.mark.parametrize("step", STEPS_OF_COLOUR, ids=str)
def test_a_step_changes_colours_by_its_generator_alone(step: Table) -> None:
    image = colourful()
    before = image.copy()
    results = [step(image, np.random.default_rng(seed)) for seed in (3, 3, *range(10, 20))]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(image, before)
    assert all(result.shape == image.shape and result.dtype == np.uint8 for result in results)
    assert any(not np.array_equal(result, image) for result in results[2:])


@pytest.mark.parametrize("step", [Table(p=0, contrast=0.5), Lightness(p=0), HueSaturation(p=0), Blur(p=0), Noise(0.0)])
def test_a_step_of_probability_nought_leaves_the_picture_alone(step: Table) -> None:
    image = colourful()
    assert step(image, np.random.default_rng(0)) is image


def test_lightness_is_multiplied_and_shifted_and_hue_stays() -> None:
    image = np.full((4, 4, 3), (120, 80, 40), np.uint8)
    step = Lightness(factor=(1.15, 1.15), spaces=("HSV",))
    np.testing.assert_allclose(step(image, np.random.default_rng(0))[0, 0], (138, 92, 46), atol=1)
    grey = np.full((4, 4, 3), 100, np.uint8)
    shifts = {int(Lightness(add=10)(grey, np.random.default_rng(seed))[0, 0, 0]) - 100 for seed in range(300)}
    assert min(shifts) <= -9
    assert max(shifts) >= 9
    assert max(map(abs, shifts)) <= 14  # Lab and Luv are not linear in the grey level


def test_noise_has_the_deviation_that_was_drawn() -> None:
    grey = np.full((200, 300, 3), 128, np.uint8)
    deviations = [float(Noise(6.0)(grey, np.random.default_rng(seed)).std()) for seed in range(40)]
    assert max(deviations) < 6.2
    assert min(deviations) == 0  # below one grey level there is none
    assert 2 < np.mean(deviations) < 4


def test_a_motion_blur_keeps_the_brightness() -> None:
    image = colourful()
    for seed in range(20):
        blurred = Blur(kinds=("motion",))(image, np.random.default_rng(seed))
        assert abs(float(blurred.mean()) - float(image.mean())) < 1.0


def test_recipes_of_earlier_versions_are_read_as_what_they_were() -> None:
    flat = {"flip": 0.5, "zoom": 0.75, "gain": 0.25, "tint": 0.08, "gamma": 0.3, "blur": 0.15, "noise": 6.0}
    assert augment_entry(flat) == augment_entry("road")
    assert augment_entry({"flip": 1.0}) == {"flip": 1.0}
    with pytest.raises(LanelightError, match="did you mean 'clrnet'"):
        augment_entry("clrnett")


def test_flipped_twice_a_sample_is_as_before() -> None:
    for image, scene in samples(AUGMENTS["clrnet"], 4):
        back, there = flip(*flip(image, scene))
        np.testing.assert_array_equal(back, image)
        for lane, again in zip(scene.lanes, there.lanes, strict=True):
            np.testing.assert_allclose(lane.points, again.points, atol=1e-9)
            assert lane.slot == again.slot


class _Counting:
    """A data set that counts how often a frame was made."""

    def __init__(self) -> None:
        self.made = 0

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[str, np.ndarray, Scene]:
        self.made += 1
        frame = np.full((32, 48, 3), (200, 100, 50), np.uint8)
        classes = np.arange(32 * 48, dtype=np.uint8).reshape(32, 48)
        return str(index), frame, Scene((48, 32), [Lane(np.array([[1.0, 2.0], [3.0, 4.0]]), slot=2)], classes)


def test_a_remembered_frame_is_made_once_and_keeps_colours_lanes_and_classes() -> None:
    source = _Counting()
    frames = Remembered(source)
    first, again = frames[1], frames[1]
    assert source.made == 1
    assert len(frames) == 2
    for key, frame, scene in (first, again):
        assert key == "1"
        assert np.abs(frame.astype(int) - (200, 100, 50)).max() <= 3  # JPEG; red stays red
        assert scene.lanes[0].slot == 2
        assert scene.classes is not None
        assert np.array_equal(scene.classes.ravel(), np.arange(32 * 48, dtype=np.uint8))
