"""Decoders: raw network outputs -> Scene, NumPy only, the same for every runtime."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lanelight.decode.area import LaneAreaDecoder
from lanelight.decode.base import Decoder
from lanelight.decode.classes import ClassDecoder
from lanelight.decode.embedding import EmbeddingDecoder
from lanelight.decode.end_to_end import EndToEndClasses, EndToEndLanes
from lanelight.decode.masks import BenchmarkMaskDecoder, MaskDecoder
from lanelight.decode.priors import BenchmarkPriorDecoder, PriorDecoder
from lanelight.errors import ModelError, unknown_name

KnownDecoder = (
    MaskDecoder
    | BenchmarkMaskDecoder
    | LaneAreaDecoder
    | PriorDecoder
    | BenchmarkPriorDecoder
    | ClassDecoder
    | EmbeddingDecoder
    | EndToEndLanes
    | EndToEndClasses
)

DECODERS: dict[str, type[KnownDecoder]] = {
    "masks": MaskDecoder,
    "benchmark_masks": BenchmarkMaskDecoder,
    "lane_area": LaneAreaDecoder,
    "priors": PriorDecoder,
    "benchmark_priors": BenchmarkPriorDecoder,
    "classes": ClassDecoder,
    "embedding": EmbeddingDecoder,
    "end_to_end_lanes": EndToEndLanes,
    "end_to_end_classes": EndToEndClasses,
}

LARGEST = 10_000  # of a threshold: pixels, rows, points; a file with larger ones would have us fill the memory

__all__ = [
    "DECODERS",
    "BenchmarkMaskDecoder",
    "BenchmarkPriorDecoder",
    "ClassDecoder",
    "Decoder",
    "EmbeddingDecoder",
    "EndToEndClasses",
    "EndToEndLanes",
    "LaneAreaDecoder",
    "MaskDecoder",
    "PriorDecoder",
    "decoder_from_dict",
]


def decoder_from_dict(entry: Mapping[str, Any]) -> Decoder:
    """Build the decoder that a manifest names.

    Args:
        entry: ``{"kind": name, threshold: value, ...}``.

    Raises:
        ModelError: an unknown kind or threshold, or a number that no threshold can be.
    """
    kind = str(entry.get("kind"))
    if kind not in DECODERS:
        raise ModelError(unknown_name("decoder", kind, DECODERS))
    values = {key: value for key, value in entry.items() if key != "kind"}
    for key, value in values.items():
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= LARGEST):
            raise ModelError(f"decoder {kind!r}: expected {key} from -{LARGEST} to {LARGEST}, got {value!r:.40}")
    try:
        return DECODERS[kind](**values)
    except TypeError as error:
        raise ModelError(f"decoder {kind!r}: expected its own thresholds, got {sorted(values)} ({error})") from error
