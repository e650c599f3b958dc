"""Pictures and videos in and out: RGB uint8 arrays, times in seconds."""

from lanelight.frames.image import Image, read_image, read_map, write_image
from lanelight.frames.source import Frame, Source, Stamp, find_sources
from lanelight.frames.video import VideoReader, VideoWriter

__all__ = [
    "Frame",
    "Image",
    "Source",
    "Stamp",
    "VideoReader",
    "VideoWriter",
    "find_sources",
    "read_image",
    "read_map",
    "write_image",
]
