import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanelight.datasets.synthetic.camera import Camera, pitch_for_horizon

angle = st.floats(-0.15, 0.15)


@given(angle, angle, st.floats(-3, 3), st.floats(0.7, 1.2), st.tuples(st.floats(0, 511), st.floats(0, 223)))
@settings(max_examples=50, deadline=None)
def test_a_ray_projects_back_to_its_pixel(
    pitch: float, roll: float, heading: float, stretch: float, pixel: tuple[float, float]
) -> None:
    camera = Camera((512, 224), 420.0, (255.5, 80.0), (3.0, -2.0, 1.4), heading, pitch, roll, stretch, -0.1)
    ray = camera.rays(np.array(pixel))
    xy, depth = camera.project(np.array(camera.position) + 17.0 * ray)
    np.testing.assert_allclose(xy, pixel, atol=1e-6)
    assert float(depth) == pytest.approx(17.0)


@given(angle, angle, st.floats(-3, 3), st.floats(0.7, 1.2))
@settings(max_examples=30, deadline=None)
def test_the_twin_sees_the_same_points_through_the_homography(
    pitch: float, roll: float, heading: float, stretch: float
) -> None:
    camera = Camera((512, 224), 420.0, (255.5, 80.0), (3.0, -2.0, 1.4), heading, pitch, roll, stretch)
    twin = camera.twin(1.2)
    pixels = np.array([[0.0, 0.0], [511.0, 0.0], [0.0, 223.0], [511.0, 223.0], [200.0, 100.0]])
    points = np.array(camera.position) + 30.0 * camera.rays(pixels)
    direct = twin.project(points)[0]
    mapped = np.c_[pixels, np.ones(len(pixels))] @ camera.to_twin(twin).T
    np.testing.assert_allclose(mapped[:, :2] / mapped[:, 2:], direct, atol=1e-6)
    assert (direct > -1).all()
    assert (direct < np.array(twin.size)).all()


def test_the_axes_are_right_down_and_ahead() -> None:
    camera = Camera((512, 224), 420.0, (255.5, 80.0), (0.0, 0.0, 1.5), 0.0)  # looks along x, so right is -y
    ahead, right, low = camera.project(np.array([[20.0, 0.0, 1.5], [20.0, -2.0, 1.5], [20.0, 0.0, 0.0]]))[0]
    np.testing.assert_allclose(ahead, [255.5, 80.0])
    np.testing.assert_allclose(right, [255.5 + 42.0, 80.0])
    np.testing.assert_allclose(low, [255.5, 80.0 + 31.5])


def test_the_pitch_puts_the_horizon_into_the_asked_row() -> None:
    pitch = pitch_for_horizon(50.0, 80.0, 420.0)
    camera = Camera((512, 224), 420.0, (255.5, 80.0), (0.0, 0.0, 1.5), 0.0, pitch)
    far = camera.project(np.array([1e7, 0.0, 0.0]))[0]
    assert float(far[1]) == pytest.approx(50.0, abs=1e-3)


def test_a_bending_lens_shows_points_of_the_twin_where_it_projects_them() -> None:
    camera = Camera((512, 224), 420.0, (255.5, 80.0), (0.0, 0.0, 1.5), 0.4, 0.05, 0.03, 1.0, -0.3)
    twin = camera.twin(1.0)
    image = np.zeros((twin.size[1], twin.size[0]), np.float32)
    point = np.array(camera.position) + 20.0 * camera.rays(np.array([420.0, 180.0]))
    x, y = twin.project(point)[0]
    rows, columns = np.mgrid[0 : twin.size[1], 0 : twin.size[0]]
    image += np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 18.0).astype(np.float32)
    seen = camera.seen_from(twin, image, smooth=True)
    total = seen.sum()
    assert float((seen.sum(axis=0) * np.arange(512)).sum() / total) == pytest.approx(420.0, abs=0.15)
    assert float((seen.sum(axis=1) * np.arange(224)).sum() / total) == pytest.approx(180.0, abs=0.15)
