from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.datasets.synthetic import NOT_ROAD, WORLDS, RoadConfig
from lanelight.datasets.synthetic.bonnet import LEAST_ROAD, Bonnet, add_bonnet, draw_bonnet
from lanelight.datasets.synthetic.photo import Photo
from lanelight.datasets.synthetic.road import BEHIND_M
from lanelight.datasets.synthetic.windscreen import Windscreen, add_mirrored, add_stamp
from lanelight.datasets.synthetic.world import camera_at, draw_world, paint

STRAIGHT = replace(
    WORLDS["plain"], size=(820, 295), photometric=False, traffic=(0, 0), highway_curvature_per_m=0.0, grade=0.0
)
HIGH = Bonnet(top=0.33, fall=0.6, gloss=0.9, squeeze=2.0, cowl=0.1, creases=((0.2, 0.3, 0.03, 0.4),))


def test_the_bonnet_covers_the_picture_and_changes_no_label() -> None:
    for seed in range(4):
        bare = draw_world(STRAIGHT, np.random.default_rng(seed))
        covered = replace(bare, photo=Photo(bonnet=HIGH))
        camera = camera_at(bare, BEHIND_M)
        open_frame, open_scene, _ = paint(bare, camera, BEHIND_M)
        frame, scene, _ = paint(covered, camera, BEHIND_M)
        edge = int(295 * (1 - HIGH.top))
        np.testing.assert_array_equal(frame[: edge - 3], open_frame[: edge - 3])
        assert (np.abs(frame[-40:, 400:420].astype(int) - open_frame[-40:, 400:420]).max(axis=2) > 3).mean() > 0.9
        assert len(scene.lanes) == len(open_scene.lanes) > 1
        for a, b in zip(scene.lanes, open_scene.lanes, strict=True):
            np.testing.assert_array_equal(a.points, b.points)
        assert scene.classes is not None
        assert (scene.classes[-20:, 380:440] == NOT_ROAD).all()


def test_lines_run_straight_through_the_bonnet_to_the_last_row_or_the_side() -> None:
    config = replace(STRAIGHT, photometric=True, bonnet_share=1.0)
    ends = 0
    for seed in range(8):
        world = draw_world(config, np.random.default_rng(seed))
        assert world.photo.bonnet is not None
        scene = paint(world, camera_at(world, BEHIND_M), BEHIND_M)[1]
        for lane in scene.lanes:
            x, y = lane.points[0]
            at_side = min(x + 0.5, 819.5 - x)
            assert y == pytest.approx(294.5, abs=0.01) or at_side == pytest.approx(0.0, abs=0.01)
            ends += y > 294
            low = lane.points[lane.points[:, 1] > 295 * (1 - 0.36)]
            if len(low) > 3:  # on a straight road seen by a straight lens a line is one
                fit = np.polyfit(low[:, 1], low[:, 0], 1)
                assert np.abs(np.polyval(fit, low[:, 1]) - low[:, 0]).max() < 0.3
    assert ends > 8


def test_a_glossy_bonnet_mirrors_what_is_above_it_and_a_matt_black_one_does_not() -> None:
    def shown(gloss: float) -> NDArray[np.float32]:
        scene = np.full((120, 200, 3), 0.1, np.float32)
        scene[60:84] = (0.9, 0.1, 0.1)  # red just above the edge, in row 84
        add_bonnet(scene, Bonnet(top=0.3, fall=0.0, colour=(0.01,) * 3, gloss=gloss, inner_gloss=1.0, squeeze=1.0), 1.0)
        return scene

    glossy, matt = shown(1.0), shown(0.0)
    assert (glossy[90:95, 20:180, 0] > 0.6).all()  # 6 px below the edge is what lies 6 px above it
    assert (glossy[115:, 20:180, 0] < 0.2).all()  # and farther down what is above the red
    assert (matt[90:] < 0.02).all()
    assert (glossy[:80] == matt[:80]).all()


def test_bonnets_reach_a_third_of_the_height_vary_and_leave_some_road() -> None:
    rng = np.random.default_rng(0)
    config = RoadConfig()
    found = [draw_bonnet(config, rng, horizon=0.4, sunny=True) for _ in range(400)]
    seen = [bonnet for bonnet in found if bonnet is not None]
    assert len(seen) / len(found) == pytest.approx(config.bonnet_share, abs=0.08)
    tops = np.array([bonnet.top for bonnet in seen])
    assert tops.min() < 0.05
    assert tops.max() > 0.3
    levels = np.array([max(bonnet.colour) for bonnet in seen])
    assert levels.min() < 0.02
    assert levels.max() > 0.5
    crowded = [draw_bonnet(config, rng, horizon=0.7, sunny=False) for _ in range(100)]
    assert all(bonnet.top <= 0.3 - LEAST_ROAD + 1e-9 for bonnet in crowded if bonnet is not None)
    assert draw_bonnet(replace(config, bonnet_share=0.0), rng, horizon=0.4, sunny=False) is None


def test_what_is_on_the_windscreen_stays_where_it_is_told() -> None:
    plain = np.full((180, 320, 3), 90, np.uint8)
    shown = plain.copy()
    add_mirrored(shown, Windscreen(papers=((0.5, 0.5, 0.25, 0.25, 30.0),), digits="123"))
    assert (shown >= plain).all()
    assert shown[112, 200].min() > 105
    np.testing.assert_array_equal(shown[:, :150], plain[:, :150])
    add_stamp(shown, Windscreen(stamp="12:34", stamp_at=(0.02, 0.97), stamp_px=0.06))
    assert shown[160:, :80].max() > 200
    np.testing.assert_array_equal(shown[:85], plain[:85])
