"""Scenes as pictures: overlays, colours, contact sheets."""

from lanelight.render.classes import class_colors, color_map, draw_triptych
from lanelight.render.comparison import draw_comparison
from lanelight.render.overlay import draw_lanes
from lanelight.render.palette import lane_color
from lanelight.render.sheet import contact_sheet

__all__ = [
    "class_colors",
    "color_map",
    "contact_sheet",
    "draw_comparison",
    "draw_lanes",
    "draw_triptych",
    "lane_color",
]
