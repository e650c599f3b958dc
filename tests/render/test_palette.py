from __future__ import annotations

from lanelight.formats.camvid import CLASS_NAMES, VOID
from lanelight.formats.cityscapes import TRAIN_LABELS
from lanelight.render.palette import CLASS_COLORS


def test_every_class_of_cityscapes_and_camvid_has_a_colour_of_its_own() -> None:
    for names in ([label.name for label in TRAIN_LABELS], CLASS_NAMES[:VOID]):
        assert len({CLASS_COLORS[name] for name in names}) == len(names)
