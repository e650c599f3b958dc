"""`lanelight convert`: a released checkpoint of a reference implementation -> ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lanelight.cli.arguments import size


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="the released file (.pth), or ours (.safetensors)")
    parser.add_argument("--model", required=True, metavar="NAME", help="a network from `lanelight models`")
    parser.add_argument("--size", type=size, default=(800, 288), metavar="WxH", help="input size of its training")
    parser.add_argument("--out", required=True, metavar="FILE", help="the .safetensors file to write")


def run(args: Any) -> int:
    """Run the verb."""
    from lanelight.models import MODELS, checkpoints

    source, out = Path(args.checkpoint), Path(args.out)
    converted = checkpoints.read(source, args.model)
    model = checkpoints.load(source, args.model, size=args.size)
    checkpoints.save(model, out, network=args.model)
    parts = ", ".join(f"{key}={value}" for key, value in converted.parts.items())
    print(f"{out}: {len(model.state_dict())} tensors of {MODELS[args.model].__name__} ({parts})")
    print(f"dropped: {', '.join(converted.dropped) or 'nothing'}")
    return 0
