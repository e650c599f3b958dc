"""Does the exported network say what the trained one says? In arrays and in lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lanelight.geometry import FloatArray, Scene, ViewportPolicy
from lanelight.models import LaneModel
from lanelight.runtime.backends import open_session
from lanelight.runtime.predictor import network_input


@dataclass(frozen=True)
class Parity:
    """How far an exported network is from the trained one, over some frames.

    Attributes:
        backend: runtime of the exported network.
        frames: number of frames.
        error: output name -> difference that 99.9 % of the elements stay below, as a share of the largest absolute
            value of that output. Max-pooling passes single pixels to a neighbour where two inputs are all but equal.
        largest: output name -> the largest difference of all, in the same measure.
        same_lanes: frames on which both found lanes in the same slots.
        lane_px: largest distance between the two in x, px of the source frame, over lanes found by both.
        other_class: largest share of a frame's pixels in which their classes differ; None for a network of lanes.
    """

    backend: str
    frames: int
    error: dict[str, float]
    largest: dict[str, float]
    same_lanes: int
    lane_px: float
    other_class: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @property
    def holds(self) -> bool:
        """Say whether the lanes are the same: same slots everywhere, nowhere more than half a pixel apart.

        Of classes, one pixel in a thousand may differ.
        """
        return self.same_lanes == self.frames and self.lane_px <= 0.5 and (self.other_class or 0.0) <= 1e-3


def compare(
    model: LaneModel,
    exported: str | Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    backend: str,
    viewport: ViewportPolicy | None = None,
) -> Parity:
    """Run both networks on the same frames.

    Args:
        model: the trained network.
        exported: its exported file.
        frames: (H, W, 3) uint8 RGB of any sizes.
        backend: runtime of the exported network.
        viewport: how frames are shown; by default a band in the network's size.
    """
    policy = viewport or ViewportPolicy(target=model.size)
    session = open_session(Path(exported), backend, outputs=model.OUTPUTS)
    model.eval()
    differences: dict[str, list[FloatArray]] = {name: [] for name in model.OUTPUTS}
    magnitude = dict.fromkeys(model.OUTPUTS, 1e-12)
    same, apart = 0, 0.0
    other: float | None = None
    for frame in frames:
        view = policy.view((frame.shape[1], frame.shape[0]))
        images = network_input(frame, view)
        with torch.inference_mode():
            eager = model(torch.from_numpy(images))
        arrays = session(images)
        for name in model.OUTPUTS:
            reference = eager[name].numpy()
            differences[name].append(np.abs(arrays[name] - reference).ravel())
            magnitude[name] = max(magnitude[name], float(np.abs(reference).max()))
        (first,) = model.decode(eager, [view])
        second = model.decoder({name: array[0] for name, array in arrays.items()}, view)
        same += {lane.slot for lane in first.lanes} == {lane.slot for lane in second.lanes}
        apart = max(apart, lane_distance(first, second))
        if first.classes is not None and second.classes is not None:
            other = max(other or 0.0, float((first.classes != second.classes).mean()))
    session.close()
    every = {name: np.concatenate(parts) / magnitude[name] for name, parts in differences.items()}
    error = {name: float(np.quantile(values, 0.999)) for name, values in every.items()}
    largest = {name: float(values.max()) for name, values in every.items()}
    return Parity(backend, len(frames), error, largest, same, apart, other)


def lane_distance(first: Scene, second: Scene) -> float:
    """Return the largest distance in x between lanes of the same slot, px; 0 where they share none."""
    apart = 0.0
    for lane in first.lanes:
        other = None if lane.slot is None else second.in_slot(lane.slot)
        if other is not None and len(lane.points):
            gap = np.abs(other.x_at(lane.points[:, 1]) - lane.points[:, 0])
            apart = max(apart, float(np.nanmax(np.append(gap, 0.0))))
    return apart
