"""`lanelight convert`: a released checkpoint of a reference implementation -> ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lanelight.cli.arguments import share, size


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="the released file (.pth), or ours (.safetensors)")
    parser.add_argument("--model", required=True, metavar="NAME", help="a network from `lanelight models`")
    parser.add_argument("--size", type=size, metavar="WxH", help="input size of its training (that of its release)")
    parser.add_argument(
        "--top", type=share, metavar="F", help="share of the frame's height that its training cut off above (none)"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the .safetensors file to write")


def run(args: Any) -> int:
    """Run the verb."""
    import json
    from dataclasses import replace

    from lanelight.geometry import ViewportPolicy
    from lanelight.models import MODELS, checkpoints

    source, out = Path(args.checkpoint), Path(args.out)
    converted = checkpoints.read(source, args.model)
    seen = converted.viewport or ViewportPolicy(target=checkpoints.default_size(args.model), fit="stretch")
    seen = replace(seen, target=args.size or seen.target, top=seen.top if args.top is None else args.top)
    model = checkpoints.load(source, args.model, size=seen.target)
    facts = {"viewport": json.dumps(seen.to_dict()), "origin": f"converted from {source.name}"}
    checkpoints.save(model, out, network=args.model, facts=facts)
    parts = ", ".join(f"{key}={value}" for key, value in converted.parts.items())
    print(f"{out}: {len(model.state_dict())} tensors of {MODELS[args.model].__name__} ({parts})")
    cut = f", without the top {seen.top:.1%}" if seen.top else ""
    print(f"sees the whole frame{cut} in {seen.target[0]}x{seen.target[1]} px")
    print(f"dropped: {_by_part(converted.dropped) or 'nothing'}")
    return 0


def _by_part(names: Sequence[str]) -> str:
    """Return names of tensors in one line: of a part of the network that lost several, the part and how many."""
    counts = Counter(name.partition(".")[0] for name in names)
    alone = {name.partition(".")[0]: name for name in names}
    return ", ".join(alone[part] if count == 1 else f"{part} ({count} tensors)" for part, count in counts.items())
