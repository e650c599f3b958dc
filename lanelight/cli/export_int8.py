"""`lanelight export --int8`: convolutions in 8 bits, where that costs no more than was allowed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive, share
from lanelight.errors import ModelError

if TYPE_CHECKING:
    from lanelight.export.int8 import Attempt, Int8Report
    from lanelight.export.int8_loss import Loss


def add_arguments(parser: Any) -> None:
    """Add the options of 8 bits."""
    parser.add_argument(
        "--int8", action="store_true", help="compute convolutions in 8 bits; refused where lanes change too much"
    )
    parser.add_argument(
        "--calibration",
        metavar="DIR",
        help="with --int8: your frames, as a folder, video or glob; ranges are taken and lanes compared on them",
    )
    parser.add_argument(
        "--calibration-frames", type=positive, metavar="N", help="about how many of them, evenly spread (100)"
    )
    parser.add_argument(
        "--int8-drop",
        type=share,
        metavar="F",
        help="largest 1 - F1 of the lanes (of classes 1 - mIoU) against the float network's (0.02)",
    )


def check(args: Any) -> None:
    """Check that the options of 8 bits come together.

    Raises:
        ModelError: one lacks another, or a limit that nothing meets.
    """
    if not args.int8:
        for name in ("calibration", "calibration_frames", "int8_drop"):
            if getattr(args, name) is not None:
                raise ModelError(f"--{name.replace('_', '-')}: expected --int8 with it; add that, or leave it out")
        return
    if args.calibration is None:
        raise ModelError("--int8: expected --calibration DIR with it: frames of what the network is used on; name them")
    if args.format != "onnx":
        raise ModelError(f"--int8: expected --format onnx, got {args.format}; OpenVINO reads that file too")
    if args.end_to_end:
        raise ModelError(
            "--int8: expected no --end-to-end with it: the decoding in such a graph has to stay in float; export one"
        )
    if args.dynamic_size:
        raise ModelError("--int8: expected no --dynamic-size with it: ranges are of one size; leave one of them out")
    if args.int8_drop == 0:
        raise ModelError("--int8-drop: expected more than 0: 8 bits always change a little; give for example 0.01")


def run(args: Any) -> int:
    """Export, print what it costs and gains, and return 0."""
    from lanelight.cli.datasets import check_folders
    from lanelight.export.calibration import MOST
    from lanelight.export.int8 import DROP, export_int8
    from lanelight.formats.text import write_json

    check_folders(args.json)
    out = Path(args.out)
    report = export_int8(
        args.model,
        out,
        calibration=[args.calibration],
        limit=DROP if args.int8_drop is None else args.int8_drop,
        most=args.calibration_frames or MOST,
        backend=args.backend,
        licence=args.licence,
        data=args.data,
    )
    _print(report)
    print(f"wrote {out} and {out.with_suffix('.json')}")
    if args.json:
        write_json(args.json, report.to_dict())
    return 0


def _print(report: Int8Report) -> None:
    for problem in report.problems:
        print(f"note: {problem}")
    lanes = f", {report.lanes} lanes" if report.lanes else ""
    print(f"calibrated and compared on {report.frames} frames of {report.source}{lanes}")
    *before, last = report.attempts
    for attempt in before:
        print(f"{_way(attempt)}: cost too much, {attempt.drop:.4f}")
    print(f"{_way(last)}:")
    for each in last.losses:
        print(_told(each))
    print(f"drop {last.drop:.4f}, at most {report.limit:g} allowed")
    print(f"{report.float_mb:.2f} MB -> {report.int8_mb:.2f} MB")
    for name, speed in report.speed.items():
        print(
            f"{name}: network alone {speed.float_cpu_ms:.1f} -> {speed.int8_cpu_ms:.1f} ms of CPU time, "
            f"{speed.times_faster:.2f} times faster"
        )
    print(f"the manifest names {report.backend}")


def _way(attempt: Attempt) -> str:
    in_8_bits = attempt.convolutions - attempt.in_float
    ends = ", the most sensitive in float" if attempt.in_float else ""
    steps = "256 steps from smallest to largest" if attempt.shifted else "127 steps a sign"
    return f"{in_8_bits} of {attempt.convolutions} convolutions in 8 bits{ends}, {steps}"


def _told(loss: Loss) -> str:
    if loss.other_class is not None:
        return f"{loss.backend}: mIoU {loss.score:.4f}, {loss.other_class:.3%} of the pixels have another class"
    apart = "" if loss.px is None else f", lanes {loss.px:.2f} px apart on average, {loss.px_largest:.1f} px at most"
    return f"{loss.backend}: F1 {loss.score:.4f}{apart}"
