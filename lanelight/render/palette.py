"""Colours that stay apart for colour-blind eyes and on asphalt.

The hues follow Okabe and Ito, "Color Universal Design" (2008), lightened where they would sink into the road.
"""

from __future__ import annotations

from lanelight.geometry import Lane

Color = tuple[int, int, int]

SLOT_COLORS: tuple[Color, ...] = (
    (240, 228, 66),  # yellow: left of the ego lane
    (86, 200, 255),  # sky blue: the ego lane's left line
    (255, 140, 30),  # orange: the ego lane's right line
    (220, 130, 200),  # reddish purple: right of the ego lane
    (0, 190, 140),  # bluish green: further slots
    (250, 250, 250),
)
EGO_FILL: Color = (0, 190, 140)
TRUE: Color = (0, 190, 140)
FALSE: Color = (255, 140, 30)
MISSED: Color = (86, 200, 255)
# Classes of pixels by name, as Cityscapes draws them; a name of CamVid has the colour of what it is there.
CLASS_COLORS: dict[str, Color] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "pavement": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "tree": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "pedestrian": (220, 20, 60),
    "rider": (255, 0, 0),
    "cyclist": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
TEXT: Color = (255, 255, 255)
SHADE: Color = (16, 16, 20)


def lane_color(lane: Lane, place: int = 0) -> Color:
    """Return the RGB colour of a lane: by slot, else by track, else by its place in the scene."""
    key = next((value for value in (lane.slot, lane.track) if value is not None), place)
    return SLOT_COLORS[key % len(SLOT_COLORS)]
