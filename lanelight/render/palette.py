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
TEXT: Color = (255, 255, 255)
SHADE: Color = (16, 16, 20)


def lane_color(lane: Lane, place: int = 0) -> Color:
    """Return the RGB colour of a lane: by slot, else by track, else by its place in the scene."""
    key = next((value for value in (lane.slot, lane.track) if value is not None), place)
    return SLOT_COLORS[key % len(SLOT_COLORS)]
