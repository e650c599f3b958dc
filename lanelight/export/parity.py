"""Does the exported network say what the trained one says? In arrays and in lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lanelight.export.onnx import chosen_in_graph
from lanelight.geometry import FloatArray, ViewportPolicy
from lanelight.geometry.priors import Priors
from lanelight.models import LaneModel
from lanelight.runtime.backends import open_session
from lanelight.runtime.differences import Differences
from lanelight.runtime.predictor import network_input
from lanelight.runtime.session import Array

SAME_SCORES = 1e-4  # largest difference of logits, as a share of the largest, up to which scores count as the same
OTHER_CLASS_AT_MOST = 1e-3  # share of a frame's pixels


@dataclass(frozen=True)
class Parity:
    """How far an exported network is from the trained one, over some frames.

    Attributes:
        backend: runtime of the exported network.
        frames: number of frames.
        error: output name -> difference that 99.9 % of the elements stay below, as a share of the largest absolute
            value of that output. Max-pooling passes single pixels to a neighbour where two inputs are all but equal.
            ``priors`` have three entries: ``priors/logits``, ``priors/line`` (start, direction and length), and
            ``priors/xs``, each x as a share of 1 + |x|, since nearly level priors have an x of any size. Classes that
            the graph chose itself have none: `other_class` tells about them.
        largest: output name -> the largest difference of all, in the same measure.
        same_lanes: frames on which both found lanes in the same slots, and as many without one.
        lane_px: largest distance between the two in x, px of the source frame, over lanes found by both.
        other_class: largest share of a frame's pixels in which their classes differ; None for a network of lanes.
        size: (width, height) of the input, px.
    """

    backend: str
    frames: int
    error: dict[str, float]
    largest: dict[str, float]
    same_lanes: int
    lane_px: float
    other_class: float | None = None
    size: tuple[int, int] = (0, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @property
    def holds(self) -> bool:
        """Say whether the lanes are the same: same slots everywhere, nowhere more than half a pixel apart.

        Of classes, one pixel in a thousand may differ: where two are all but equally likely, rounding chooses.
        """
        return (
            self.same_lanes == self.frames and self.lane_px <= 0.5 and (self.other_class or 0.0) <= OTHER_CLASS_AT_MOST
        )


def compare(
    model: LaneModel,
    exported: str | Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    backend: str,
    viewport: ViewportPolicy | None = None,
    prepared: bool = False,
) -> Parity:
    """Run both networks on the same frames.

    Args:
        model: the trained network.
        exported: its exported file.
        frames: (H, W, 3) uint8 RGB of any sizes.
        backend: runtime of the exported network.
        viewport: how frames are shown; by default a band in the network's size.
        prepared: prepare a file that takes many sizes for this one, as `Detector` does.
    """
    policy = viewport or ViewportPolicy(target=model.size)
    asked = policy.target if prepared else None
    session = open_session(Path(exported), backend, outputs=model.OUTPUTS, size=asked)
    model.eval()
    chosen = chosen_in_graph(model)
    compared = [name for name in model.OUTPUTS if name not in chosen]
    differences: dict[str, list[FloatArray]] = {}
    magnitude: dict[str, float] = {}
    scenes = Differences()
    for frame in frames:
        view = policy.view((frame.shape[1], frame.shape[0]))
        images = network_input(frame, view, model.preprocess)
        with torch.inference_mode():
            eager = model(torch.from_numpy(images))
        arrays = session(images)
        for name in compared:
            for part, gaps, size in measured(name, arrays[name], eager[name].numpy()):
                differences.setdefault(part, []).append(gaps.ravel())
                magnitude[part] = max(magnitude.get(part, 1e-12), size)
        (first,) = model.decode(eager, [view])
        alike = with_same_scores(arrays, {name: eager[name].numpy() for name in model.OUTPUTS})
        second = model.decoder({name: array[0] for name, array in alike.items()}, view)
        scenes.add(first, second)
    session.close()
    every = {name: np.concatenate(parts) / magnitude[name] for name, parts in differences.items()}
    error = {name: float(np.quantile(values, 0.999)) for name, values in every.items()}
    largest = {name: float(values.max()) for name, values in every.items()}
    found = (scenes.same_lanes, scenes.lane_px, scenes.other_class)
    return Parity(backend, len(frames), error, largest, *found, policy.target)


def measured(name: str, have: Array, want: Array) -> Iterator[tuple[str, FloatArray, float]]:
    """Yield how far an output is from what it should be: the names of its parts, differences, and largest value.

    Args:
        name: of the output; ``priors`` have parts.
        have: of the exported network, any shape.
        want: of the trained one, the same shape.
    """
    if name != "priors":
        yield name, np.abs(have - want), float(np.abs(want).max())
        return
    ours, theirs = Priors(have), Priors(want)
    yield from measured(f"{name}/logits", ours.logits, theirs.logits)
    yield from measured(f"{name}/line", _line(ours), _line(theirs))
    yield f"{name}/xs", np.abs(ours.xs - theirs.xs) / (1 + np.abs(theirs.xs)), 1.0


def with_same_scores(have: Mapping[str, Array], want: Mapping[str, Array]) -> dict[str, Array]:
    """Return outputs with the logits of ``priors`` that they should have, where theirs are the same but for rounding.

    Of lanes that are one and the same the decoder keeps the best, and between equally good ones the last bits choose.

    Args:
        have: outputs of the exported network.
        want: outputs of the trained one.
    """
    if "priors" not in have:
        return dict(have)
    logits, wanted = Priors(have["priors"]).logits, Priors(want["priors"]).logits
    if np.abs(logits - wanted).max() > SAME_SCORES * np.abs(wanted).max():
        return dict(have)
    rows = have["priors"].copy()
    Priors(rows).logits[:] = wanted
    return {**have, "priors": rows}


def _line(priors: Priors[Array]) -> Array:
    return np.concatenate([priors.line, priors.length[..., None]], axis=-1)
