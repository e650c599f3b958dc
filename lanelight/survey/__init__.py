"""Look over a data set: what is wrong with it, what is in it, which frames are worth keeping."""

from lanelight.survey.check import Health, check
from lanelight.survey.dedup import Differences, find_different
from lanelight.survey.findings import KINDS, Finding, Tally
from lanelight.survey.page import write_page
from lanelight.survey.parts import open_parts
from lanelight.survey.sheet import draw_labels
from lanelight.survey.stats import Statistics, count, heat_picture

__all__ = [
    "KINDS",
    "Differences",
    "Finding",
    "Health",
    "Statistics",
    "Tally",
    "check",
    "count",
    "draw_labels",
    "find_different",
    "heat_picture",
    "open_parts",
    "write_page",
]
