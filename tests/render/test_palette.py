from __future__ import annotations

from lanelight.formats import camvid, cityscapes
from lanelight.render.palette import CLASS_COLORS


def test_every_class_of_cityscapes_and_camvid_has_a_colour_of_its_own() -> None:
    for names in (cityscapes.TRAIN_NAMES, camvid.TRAIN_NAMES):
        assert len({CLASS_COLORS[name] for name in names}) == len(names)
