"""BDD100K's masks of the drivable area: 0 direct, 1 alternative, 2 neither, 255 not labelled.

As classes of a Scene the ids are those of the label files: 0 neither, 1 direct, 2 alternative, 255 not labelled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError, OutputError
from lanelight.frames import write_image

UInt8 = NDArray[np.uint8]

IGNORE, UNKNOWN = 255, 254
_CLASS_OF = np.full(256, UNKNOWN, np.uint8)
_CLASS_OF[[0, 1, 2, IGNORE]] = 1, 2, 0, IGNORE
_VALUE_OF = np.full(256, UNKNOWN, np.uint8)
_VALUE_OF[[1, 2, 0, IGNORE]] = 0, 1, 2, IGNORE


def from_mask(values: UInt8, where: str) -> UInt8:
    """Return the classes of a mask, (H, W).

    Raises:
        FormatError: it holds another value.
    """
    classes = _CLASS_OF[values]
    if (classes == UNKNOWN).any():
        raise FormatError(f"{where}: expected 0, 1, 2 or 255 in a mask, found {values[classes == UNKNOWN][0]}")
    return np.asarray(classes, dtype=np.uint8)


def write_mask(path: Path, classes: UInt8) -> None:
    """Write classes as a mask.

    Raises:
        OutputError: they hold another id, or the file cannot be written.
    """
    values = _VALUE_OF[classes]
    if (values == UNKNOWN).any():
        found = classes[values == UNKNOWN][0]
        raise OutputError(f"{path}: expected the classes 0, 1, 2 or 255 of drivable areas, got {found}")
    write_image(path, np.asarray(values, dtype=np.uint8))
