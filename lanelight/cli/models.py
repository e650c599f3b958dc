"""`lanelight models`: the bundled networks and the architectures."""

from __future__ import annotations

from typing import Any

from lanelight.errors import LanelightError, ModelError, unknown_name
from lanelight.formats.text import write_json

# name: summary; the same names as `lanelight.models.MODELS`, which needs torch.
ARCHITECTURES: dict[str, str] = {
    "enet": "ENet with an existence branch (Paszke et al. 2016); the ENet-SAD network trained without distillation",
    "enet_sad": "ENet-SAD (Hou et al. 2019): ENet with self attention distillation, existence branch, 4 lane slots",
    "enet_semantic": "ENet (Paszke et al. 2016): one class per pixel, 0.35 M parameters",
    "scnn": "SCNN (Pan et al. 2018): VGG16, message passing between rows and columns, existence branch, 4 lane slots",
    "scnn_sad": "SCNN-SAD: the SCNN network trained with self attention distillation between its own features",
    "clrnet_r18": "CLRNet (Zheng et al. 2022) on ResNet-18: 192 line priors refined in three stages; a teacher",
    "clrnet_r34": "CLRNet on ResNet-34",
    "clrnet_r50": "CLRNet on ResNet-50",
    "clrnet_r101": "CLRNet on ResNet-101: the teacher of CLRKDNet on ResNet-18",
    "clrnet_dla34": "CLRNet on DLA-34: the teacher of CLRKDNet on DLA-34",
    "clrkdnet_r18": "CLRKDNet (Qi et al. 2024) on ResNet-18: CLRNet with one map and one stage, taught by a CLRNet",
    "clrkdnet_dla34": "CLRKDNet on DLA-34",
    "fast_scnn": "Fast-SCNN (Poudel et al. 2019): one class per pixel at any size, two branches, 1.14 M parameters",
    "segnet_instance": "SegNet on VGG16: a lane mask and an embedding that tells any number of lanes apart",
    "enet_instance": "ENet with the same two outputs (after Neven et al. 2018), 0.69 M parameters",
}


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="show the card of this network")
    parser.add_argument(
        "--layers", action="store_true", help="show the parts of an architecture (needs the train extra)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON")


def run(args: Any) -> int:
    """Run the verb."""
    if args.layers:
        print(layers(args.name))
        return 0
    if args.name:
        print(card(args.name))
        return 0
    table = {"bundled": bundled_rows(), "architectures": ARCHITECTURES}
    if args.json:
        write_json(args.json, table)
    _print(table)
    return 0


def bundled_rows() -> list[dict[str, Any]]:
    """Return one row for each bundled name: summary, size in bytes, backend and licence (None where absent)."""
    from lanelight.runtime.bundled import BUNDLED, find_model
    from lanelight.runtime.manifest import Manifest

    rows: list[dict[str, Any]] = []
    for name, bundled in BUNDLED.items():
        row: dict[str, Any] = {
            "name": name,
            "summary": bundled.summary,
            "bytes": None,
            "backend": None,
            "licence": None,
        }
        try:
            path = find_model(name)
            manifest = Manifest.load(path)
            row |= {"bytes": path.stat().st_size, "backend": manifest.backend, "licence": manifest.licence}
        except LanelightError as error:  # the table still helps where one file is damaged; the row says so
            row["problem"] = str(error)
        rows.append(row)
    return rows


def card(name: str) -> str:
    """Return the text of a network's card.

    Raises:
        ModelError: an unknown name, or a bundled network without its card.
    """
    from lanelight.runtime.bundled import BUNDLED, WEIGHTS

    if name in BUNDLED:
        path = WEIGHTS / f"{BUNDLED[name].stem}.md"
        try:
            return path.read_text(encoding="utf-8").rstrip()
        except OSError as error:
            raise ModelError(f"{path}: the card cannot be read: {error.strerror}; install lanelight again") from error
    if name in ARCHITECTURES:
        return f"{name}: {ARCHITECTURES[name]}\n\nNo weights come with it; train them: `lanelight recipes`."
    raise ModelError(unknown_name("model", name, {*BUNDLED, *ARCHITECTURES}))


def layers(name: str | None) -> str:
    """Return the parts of an architecture at its own default size, with their numbers of parameters.

    Raises:
        ModelError: an unknown name.
    """
    from lanelight.models import MODELS

    if name not in MODELS:
        raise ModelError(unknown_name("architecture", str(name), MODELS))
    model = MODELS[name]()
    rows = [
        (part, type(module).__name__, sum(p.numel() for p in module.parameters()))
        for part, module in model.named_children()
        if not part.startswith("tap_")  # a name for a feature, without a weight
    ]
    rows += [(name, "Parameter", own.numel()) for name, own in model.named_parameters(recurse=False)]
    rows.append(("all", f"{type(model).__name__} {model.size[0]}x{model.size[1]}", sum(row[2] for row in rows)))
    return "\n".join(f"{part:<14}{kind:<22}{count:>12,}" for part, kind, count in rows)


def _print(table: dict[str, Any]) -> None:
    print("bundled networks (lanelight predict SOURCE --model NAME)")
    wide = max(len(row["name"]) for row in table["bundled"])
    for row in table["bundled"]:
        facts = row.get("problem") or f"{row['bytes'] / 1e6:.1f} MB, {row['backend']}, {row['licence']}"
        print(f"  {row['name']:<{wide}}  {row['summary']} ({facts})")
    print("\narchitectures (lanelight train; extra: pip install 'lanelight[train]')")
    wide = max(map(len, table["architectures"]))
    for name, summary in table["architectures"].items():
        print(f"  {name:<{wide}}  {summary}")
