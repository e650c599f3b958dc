"""From a trained network to files that run without torch."""

from lanelight.export.onnx import export_onnx
from lanelight.export.parity import Parity, compare

__all__ = ["Parity", "compare", "export_onnx"]
