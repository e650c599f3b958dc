"""`lanelight export`: a trained network -> ONNX or OpenVINO with manifest and parity report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lanelight.cli import export_int8
from lanelight.cli.arguments import size
from lanelight.errors import ModelError

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}  # format -> of the file


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="bundled name, training run, or weights (.safetensors) of a run or converted; with --int8 also an .onnx",
    )
    parser.add_argument("--format", choices=list(SUFFIXES), help="of the file (what its name ends in tells)")
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="the .onnx file to write, or the .xml of OpenVINO (weights beside it in .bin); its manifest lies beside",
    )
    parser.add_argument(
        "--backend", choices=["onnxruntime", "openvino"], help="the faster runtime; measured by default"
    )
    parser.add_argument("--licence", default="", metavar="NAME", help="licence of the weights, for the manifest")
    parser.add_argument("--data", default="", metavar="TEXT", help="what they were trained on, for the manifest")
    parser.add_argument(
        "--dynamic-size",
        action="store_true",
        help="leave the size of the input open, to be chosen with --size where the file is used "
        "(enet_instance, enet_semantic, fast_scnn, segnet_instance)",
    )
    parser.add_argument(
        "--end-to-end",
        action="store_true",
        help="put crop, resize, decoding and NMS into the graph: frame in, lanes out",
    )
    parser.add_argument(
        "--source-size",
        type=size,
        metavar="WxH",
        help="of the frames that an end-to-end graph takes (default: 1280x720)",
    )
    export_int8.add_arguments(parser)
    parser.add_argument("--json", metavar="FILE", help="write the parity report as JSON")


def run(args: Any) -> int:
    """Run the verb."""
    args.format = _format(args.format, Path(args.out))
    export_int8.check(args)
    if args.int8:
        return export_int8.run(args)
    if args.end_to_end:
        return _run_end_to_end(args)
    if args.source_size is not None:
        raise ModelError("--source-size: expected --end-to-end with it: other graphs take frames of any size; add it")
    from lanelight.export.run import export_run
    from lanelight.formats.text import write_json

    out = Path(args.out)
    report = export_run(
        Path(args.model),
        out,
        backend=args.backend,
        licence=args.licence,
        data=args.data,
        dynamic_size=args.dynamic_size,
    )
    for parity in report.parity:
        errors = ", ".join(f"{name} {error:.1e}" for name, error in parity.error.items())
        found = (
            f"lanes in the same slots on {parity.same_lanes} of {parity.frames} frames, "
            f"at most {parity.lane_px:.3f} px apart"
            if parity.other_class is None
            else f"classes differ in at most {parity.other_class:.3%} of a frame"
        )
        shares = "of the largest value (xs: of 1 + |x|)" if "priors/xs" in parity.error else "of the largest value"
        near = f"99.9 % of the elements within {errors} {shares}; " if errors else ""
        at = f", {parity.size[0]}x{parity.size[1]}" if args.dynamic_size else ""
        print(f"{parity.backend}{at}: {near}{found}")
    times = ", ".join(f"{name} {ms:.1f} ms" for name, ms in report.latency_ms.items())
    print(f"network alone: {times}; the manifest names {report.backend}")
    print(f"wrote {_files(out)}")
    if args.json:
        write_json(args.json, report.to_dict())
    return 0


def _format(given: str | None, out: Path) -> str:
    """Return the format of a file, which its name tells too.

    Raises:
        ModelError: the two disagree, or the name ends in neither.
    """
    told = next((name for name, suffix in SUFFIXES.items() if suffix == out.suffix.lower()), None)
    wanted = given or told or "onnx"
    if told != wanted:
        suffix = SUFFIXES[wanted]
        other = f", or leave --format {given} out" if given and told else ""
        raise ModelError(
            f"--out: expected a name that ends in {suffix} for the format {wanted}, got {out.name}; "
            f"name it {out.with_suffix(suffix).name}{other}"
        )
    return wanted


def _files(out: Path) -> str:
    names = [out, out.with_suffix(".bin")] if out.suffix.lower() == ".xml" else [out]
    return f"{', '.join(map(str, names))} and {out.with_suffix('.json')}"


def _run_end_to_end(args: Any) -> int:
    from lanelight.export.end_to_end_run import export_run_end_to_end
    from lanelight.formats.text import write_json

    out, source_size = Path(args.out), args.source_size or (1280, 720)
    if args.dynamic_size or args.format != "onnx":
        what = "--dynamic-size" if args.dynamic_size else f"--format {args.format}"
        raise ModelError(
            f"--end-to-end: expected no {what} with it: the graph is one ONNX file of fixed shapes; drop one"
        )
    if args.backend == "openvino":
        raise ModelError("--end-to-end: expected --backend onnxruntime, which the graph is compared with; leave it out")
    found = export_run_end_to_end(Path(args.model), out, source_size=source_size, licence=args.licence, data=args.data)
    if found.other_class is None:
        print(
            f"onnxruntime: {found.lanes} lanes, in the same slots on {found.same_lanes} of {found.frames} frames, "
            f"at most {found.lane_px:.3f} px apart"
        )
    else:
        print(f"onnxruntime: classes differ in at most {found.other_class:.3%} of a frame")
    print(f"wrote {out}, for frames of {source_size[0]}x{source_size[1]}, and {out.with_suffix('.json')}")
    if args.json:
        write_json(args.json, found.to_dict())
    return 0
