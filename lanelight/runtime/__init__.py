"""Run exported networks: manifest, sessions, detector, and the job from frames to files. No torch."""

from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.bundled import BUNDLED, find_model
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import Detector, Result
from lanelight.runtime.session import Session
from lanelight.runtime.timings import Timings

__all__ = ["BACKENDS", "BUNDLED", "Detector", "Manifest", "Result", "Session", "Timings", "find_model", "open_session"]
