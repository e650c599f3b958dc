"""`lanelight ros`: the lanes in a robot's camera images, as a node of ROS 1."""

from __future__ import annotations

import threading
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from lanelight.cli.arguments import share
from lanelight.cli.detectors import HELP, add_runtime_options, open_detector
from lanelight.cli.signals import INTERRUPTED, finishing_on_signals

IMAGES, OVERLAY, LANES = "/usb_cam/image_raw", "/lane_image", "/lanes"


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "remap", nargs="*", type=remapping, metavar="NAME:=VALUE", help="remappings, as rosrun and roslaunch pass them"
    )
    parser.add_argument("--model", default="default", metavar="NAME|PATH", help=HELP)
    add_runtime_options(parser)
    parser.add_argument("--images", default=IMAGES, metavar="TOPIC", help="camera; .../compressed for CompressedImage")
    parser.add_argument("--overlay", default=OVERLAY, metavar="TOPIC", help="gets the images with lanes drawn in")
    parser.add_argument("--lanes", default=LANES, metavar="TOPIC", help="gets the lanes, JSON in std_msgs/String")
    parser.add_argument("--name", default="lanelight", metavar="NAME", help="of the node; ROS makes it unique")
    parser.add_argument("--score", type=share, metavar="F", help="smallest score of a lane, 0 to 1 (the model's own)")
    parser.add_argument(
        "--track",
        action="store_true",
        default=True,
        help="number, smooth and bridge lanes from image to image (default)",
    )
    parser.add_argument("--no-track", dest="track", action="store_false", help="lanes of each image by itself")
    parser.add_argument("--ros-path", metavar="DIR", help="folder with rospy, where Python does not find it by itself")


def run(args: Any) -> int:
    """Run the verb."""
    from lanelight.runtime.ros_node import LaneNode, Topics

    topics = Topics(args.images, args.overlay, args.lanes)
    packages = Path(args.ros_path) if args.ros_path else None
    stop = threading.Event()
    node = LaneNode(topics, name=args.name, words=args.remap, packages=packages)
    with open_detector(
        args.model,
        backend=args.backend,
        threads=args.threads,
        score=args.score,
        precision=args.precision,
        size=args.size,
    ) as detector:
        detector.warm_up()
        with finishing_on_signals(stop):
            print(f"{detector.manifest.name}, {detector.backend}: {topics.images} -> {topics.overlay}, {topics.lanes}")
            report = node.run(detector, track=args.track, stop=stop)
    unread = f", {report.unreadable} not readable" if report.unreadable else ""
    print(f"{report.answered} images answered, {report.passed_over} passed over for newer ones{unread}")
    return INTERRUPTED if stop.is_set() else 0


def remapping(text: str) -> str:
    """Read a remapping of ROS."""
    if ":=" not in text:
        raise ArgumentTypeError(f"expected NAME:=VALUE, got {text!r}")
    return text
