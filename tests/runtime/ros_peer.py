"""The other side of `lanelight ros`: a robot's camera and a listener, run by whichever Python has ROS 1.

    python ros_peer.py PLAN.json

It publishes the frames of the plan one by one, each after the answer to the one before, then a burst of the last one,
and prints as JSON what came back. No NumPy: Debian's ROS needs none.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

ANSWER_S = 40.0
SILENCE_S = 1.0
BURST_FROM_S = 5000  # stamps of the burst


class Peer:
    """Publishes and listens."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.ros = import_module("rospy")
        self.sensor, std = import_module("sensor_msgs.msg"), import_module("std_msgs.msg")
        self.lanes: list[str] = []
        self.overlays: list[dict[str, Any]] = []
        self.ros.init_node("peer", anonymous=True, disable_signals=True)
        kind = self.sensor.CompressedImage if plan["compressed"] else self.sensor.Image
        self.camera = self.ros.Publisher(plan["images"], kind, queue_size=100)
        self.ros.Subscriber(plan["lanes"], std.String, lambda message: self.lanes.append(message.data))
        self.ros.Subscriber(plan["overlay"], self.sensor.Image, self.keep)
        self.wait(lambda: self.camera.get_num_connections() > 0, "nobody listens to the images")

    def keep(self, message: Any) -> None:
        """Keep an overlay: its fields, and its pixels in a file."""
        file = Path(self.plan["folder"]) / f"overlay{len(self.overlays)}.rgb"
        file.write_bytes(message.data)
        size = [message.width, message.height, message.step]
        stamp_ns, frame_id = message.header.stamp.to_nsec(), message.header.frame_id
        self.overlays.append(
            {"stamp_ns": stamp_ns, "frame_id": frame_id, "encoding": message.encoding, "size": size, "file": str(file)}
        )

    def wait(self, there: Any, otherwise: str) -> None:
        """Wait until something is there."""
        end = time.monotonic() + ANSWER_S
        while not there():
            if time.monotonic() > end:
                raise SystemExit(otherwise)
            time.sleep(0.02)

    def wait_for_answers(self, count: int, otherwise: str) -> None:
        """Wait until so many images have been answered on both topics."""
        self.wait(lambda: min(len(self.lanes), len(self.overlays)) >= count, otherwise)

    def send(self, frame: dict[str, Any], second: int) -> None:
        """Publish one frame."""
        data = Path(frame["file"]).read_bytes()
        if self.plan["compressed"]:
            message = self.sensor.CompressedImage(format="jpeg", data=data)
        else:
            width, height = frame["size"]
            message = self.sensor.Image(width=width, height=height, encoding=frame["encoding"], data=data)
            message.step = len(data) // height
        message.header.stamp = self.ros.Time(second, 7)
        message.header.frame_id = "front_camera"
        self.camera.publish(message)

    def run(self) -> dict[str, Any]:
        """Do all that the plan says and return what came back."""
        answers = 0
        while not self.overlays:  # until all four connections stand, messages may be lost
            self.send(self.plan["frames"][0], 1)
            time.sleep(0.5)
        time.sleep(SILENCE_S)
        self.lanes.clear()
        self.overlays.clear()
        for second, frame in enumerate(self.plan["frames"], start=100):
            self.send(frame, second)
            if frame.get("unreadable"):
                time.sleep(SILENCE_S)  # no answer comes that could be waited for
            else:
                answers += 1
                self.wait_for_answers(answers, f"no answer to image {second}")
        for index in range(self.plan["burst"]):
            self.send(self.plan["frames"][0], BURST_FROM_S + index)
            time.sleep(0.01)
        if self.plan["burst"]:
            last_ns = (BURST_FROM_S + self.plan["burst"] - 1) * 10**9 + 7
            self.wait(lambda: self.overlays[-1]["stamp_ns"] == last_ns, "no answer to the newest image")
        time.sleep(SILENCE_S)
        return {"lanes": self.lanes, "overlays": self.overlays}


if __name__ == "__main__":
    peer = Peer(json.loads(Path(sys.argv[1]).read_text()))
    print(json.dumps(peer.run()))
    peer.ros.signal_shutdown("done")
