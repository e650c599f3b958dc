"""From a trained network to files that run without torch."""

from lanelight.export.end_to_end import Agreement, agreement, export_end_to_end
from lanelight.export.onnx import export_onnx
from lanelight.export.openvino import export_openvino
from lanelight.export.parity import Parity, compare

__all__ = ["Agreement", "Parity", "agreement", "compare", "export_end_to_end", "export_onnx", "export_openvino"]
