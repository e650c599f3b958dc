"""The protocol of decoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import Scene, Viewport

Arrays = Mapping[str, NDArray[np.float32]]


class Decoder(Protocol):
    """Turns the named outputs of a network for one picture into a Scene in px of the source frame."""

    def __call__(self, outputs: Arrays, view: Viewport) -> Scene:
        """Decode one picture.

        Args:
            outputs: name -> array without a batch axis.
            view: what the network saw of the frame.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the entry for a manifest: the kind and every threshold."""
        ...
