"""Export a trained network as one graph from frame to lanes, and compare the two on rendered roads."""

from __future__ import annotations

from pathlib import Path

from lanelight.errors import ModelError
from lanelight.export.draft import drafted
from lanelight.export.end_to_end import Agreement, agreement, export_end_to_end
from lanelight.export.run import unseen_roads
from lanelight.train.trained import load_trained


def export_run_end_to_end(
    trained: Path, out: Path, *, source_size: tuple[int, int], licence: str = "", data: str = ""
) -> Agreement:
    """Export a trained network with crop, resize, decoding and NMS as ONNX.

    Args:
        trained: a training run, a file of weights in one, a file that `lanelight convert` wrote, or a bundled name.
        out: the .onnx file.
        source_size: (width, height) of the frames, px.
        licence: of the weights; empty: that of a bundled network.
        data: what they were trained on; empty: that of a bundled network.

    Raises:
        ModelError: the network cannot be exported so, or the graph finds other lanes or classes than the trained
            network; `out` stays as it was.
        OutputError: the place cannot be written.
    """
    network = load_trained(trained)
    with drafted(out) as draft:
        manifest = export_end_to_end(
            network.model,
            draft,
            name=network.name,
            source_size=source_size,
            viewport=network.viewport,
            licence=licence or network.licence,
            data=data or network.data,
            recipe=network.recipe,
        )
        found = agreement(network.model, draft, unseen_roads(network, source_size))
        if not found.holds:
            what = "lanes" if found.other_class is None else "classes"
            raise ModelError(
                f"{out}: the end-to-end graph finds other {what} than the trained network: {found.to_dict()}"
            )
    manifest.save(out)
    return found
