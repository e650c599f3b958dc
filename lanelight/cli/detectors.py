"""What the MODEL of a command line means: a bundled name, an exported file, a training run, or weights."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive
from lanelight.cli.arguments import size as read_size
from lanelight.errors import ModelError

if TYPE_CHECKING:
    from lanelight.runtime import Detector
    from lanelight.runtime.cost import Cost
    from lanelight.runtime.session import Precision

BACKENDS = ("auto", "onnxruntime", "openvino", "torch")
PRECISIONS = ("float32", "bf16")
RECIPE_FILE, WEIGHTS_SUFFIX = "recipe.json", ".safetensors"
HELP = "bundled name, exported file (.onnx, .xml), training run, or weights (.safetensors) of a run or converted"


def add_runtime_options(parser: Any) -> None:
    """Declare the options that say by what a network is run."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default="auto",
        help="runtime; auto: the model's faster one, for a training run torch",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="threads of the network (all processors)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="bf16: faster on processors with AMX or AVX512_BF16, lanes move; OpenVINO and torch have it",
    )
    parser.add_argument(
        "--size",
        type=read_size,
        metavar="WxH",
        help="input of the network, px, where it takes many sizes (see `lanelight export --dynamic-size`)",
    )


def open_detector(
    model: str,
    *,
    backend: str,
    threads: int | None,
    score: float | None = None,
    precision: Precision = "float32",
    size: tuple[int, int] | None = None,
    frames_at_once: int = 1,
) -> Detector:
    """Load the network that a command line names.

    Args:
        model: bundled name, exported file, run folder, or a file of weights in one or of `lanelight convert`.
        backend: of `BACKENDS`; a run has "torch" alone, a network of the package all.
        threads: of the network; None is all.
        score: smallest score of a lane; None keeps the network's.
        precision: of its products.
        size: (width, height) of its input, px; None keeps the network's.
        frames_at_once: how many frames of files it works on at the same time; torch takes one after the other.

    Raises:
        LanelightError: there is no such network, or the backend cannot run it, or not in this precision.
        ModuleNotFoundError: a run was named, and torch is not installed.
    """
    from lanelight.runtime.bundled import BUNDLED

    run = Path(model) if model in BUNDLED and backend == "torch" else _trained(model)
    if run is None:
        from lanelight.runtime import Detector

        return Detector.load(
            model,
            backend=backend,
            threads=threads,
            score=score,
            precision=precision,
            size=size,
            frames_at_once=frames_at_once,
        )
    if backend not in ("auto", "torch"):
        raise ModelError(
            f"{model}: expected --backend torch for a training run, got {backend}, which runs exported models; "
            f"export it first: lanelight export {run} --out NAME.onnx"
        )
    from lanelight.train.session import load_detector

    return load_detector(model, threads=threads, score=score, precision=precision, size=size)


def runtime_of(detector: Detector) -> str:
    """Return the name of a detector's runtime, with its precision where that is not float32."""
    return detector.backend if detector.precision == "float32" else f"{detector.backend} in {detector.precision}"


def backends_of(model: str) -> tuple[str, ...]:
    """Return the runtimes that can run what a command line names, and check that it is there and whole.

    Raises:
        LanelightError: there is no such network, or it is damaged.
    """
    if _trained(model) is not None:
        return ("torch",)
    from lanelight.runtime import Manifest, find_model
    from lanelight.runtime.backends import runtimes_of
    from lanelight.runtime.bundled import BUNDLED

    path = find_model(model)
    Manifest.load(path)
    if model in BUNDLED and find_spec("torch"):
        return (*runtimes_of(path), "torch")
    return runtimes_of(path)


def cost_of(model: str) -> Cost | None:
    """Return what a network costs on paper, None for an exported one with an operation that OpenVINO does not know.

    Raises:
        LanelightError: there is no such network.
        ModuleNotFoundError: a run was named, and torch is not installed.
    """
    if _trained(model) is not None:
        from lanelight.train.cost import trained_cost

        return trained_cost(model)
    from lanelight.runtime import Manifest, find_model
    from lanelight.runtime.cost import graph_cost

    path = find_model(model)
    manifest = Manifest.load(path)
    try:
        return graph_cost(path, manifest.viewport.target, manifest.input)
    except RuntimeError:  # a graph for ONNX Runtime alone; its speed can be measured all the same
        return None


def _trained(model: str) -> Path | None:
    """Return the run folder that is meant, or the weights without one, or None where neither is meant.

    Raises:
        ModelError: a folder without a recipe.
    """
    from lanelight.runtime.bundled import BUNDLED

    path = Path(model)
    weights = path.suffix.lower() == WEIGHTS_SUFFIX
    if model in BUNDLED or not (path.is_dir() or weights):
        return None
    if weights and not path.is_file():
        raise ModelError(f"{path}: expected weights of a training run, found no such file")
    folder = path.parent if weights else path
    if weights and not (folder / RECIPE_FILE).is_file():
        return path  # converted; what is wrong with others is told where they are read
    if not (folder / RECIPE_FILE).is_file():
        raise ModelError(
            f"{path}: expected a training run, which holds {RECIPE_FILE} beside its weights, found none; "
            "name the run's folder, or an exported model"
        )
    return folder
