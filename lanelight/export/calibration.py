"""The pictures that a network is quantised on and judged by: the user's own, as the network sees them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lanelight.decode import decoder_from_dict
from lanelight.errors import SourceError
from lanelight.frames import Image, Source
from lanelight.frames.preprocess import preprocessed, steps_from
from lanelight.geometry import Scene, Viewport
from lanelight.runtime.backends import open_session
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import network_input
from lanelight.runtime.session import Array

MOST = 100  # frames by default: ranges settle long before
KEPT = 12  # whole frames, for measuring speed


@dataclass(frozen=True, eq=False)
class Calibration:
    """Frames as a network sees them.

    Attributes:
        source: what they come from, in words.
        pictures: (H, W, 3) uint8 RGB in the size of the network's input, preprocessed.
        views: of each frame.
        frames: the first few of them whole, (H, W, 3) uint8 RGB.
        problems: what could not be read, a line each.
    """

    source: str
    pictures: list[Image] = field(default_factory=list)
    views: list[Viewport] = field(default_factory=list)
    frames: list[Image] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.pictures)

    def images(self) -> Iterator[Array]:
        """Yield what the network's input is, float32 (1, 3, H, W) RGB in [0, 1]."""
        for picture in self.pictures:
            yield network_input(picture, Viewport.whole((picture.shape[1], picture.shape[0])))

    def scenes(self, model: Path, manifest: Manifest, *, backend: str, threads: int | None = None) -> list[Scene]:
        """Return what a network finds on the frames.

        Args:
            model: its file.
            manifest: how its outputs are decoded.
            backend: runtime.
            threads: of the runtime; None is all.
        """
        decode = decoder_from_dict(manifest.decoder)
        session = open_session(
            model, backend, threads=threads, input_name=manifest.input, outputs=tuple(manifest.outputs)
        )
        found = [
            decode({name: array[0] for name, array in session(image).items()}, view)
            for image, view in zip(self.images(), self.views, strict=True)
        ]
        session.close()
        return found


def calibration_of(sources: Sequence[Source], manifest: Manifest, *, most: int = MOST) -> Calibration:
    """Read frames, evenly spread over all there are.

    Args:
        sources: of frames.
        manifest: of the network: what it sees of a frame.
        most: about how many frames to take.

    Raises:
        SourceError: not one frame can be read.
    """
    found = Calibration(", ".join(Path(source.name).name or source.name for source in sources))
    every = max(1, math.ceil(sum(source.count or 0 for source in sources) / most))
    steps = steps_from(manifest.preprocess, f"model {manifest.name!r}")
    for source in sources:
        try:
            for taken, frame in enumerate(source.frames(every), start=1):
                view = manifest.viewport.view((frame.image.shape[1], frame.image.shape[0]))
                found.pictures.append(preprocessed(view.apply(frame.image), steps))
                found.views.append(view)
                if len(found.frames) < KEPT:
                    found.frames.append(frame.image)
                if source.count is None and taken == most:  # a camera, or a stream, has no end
                    break
        except SourceError as error:
            found.problems.append(str(error))
    if not found.pictures:
        raise SourceError("; ".join(found.problems) or f"{found.source}: expected at least one frame, got none")
    return found
