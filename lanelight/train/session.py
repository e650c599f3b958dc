"""A trained network as a `Detector`: its network run by torch, without an export."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from lanelight.machine import usable_processors
from lanelight.models import LaneModel
from lanelight.runtime import Detector, Manifest
from lanelight.runtime.denormals import flushed
from lanelight.runtime.manifest import found_by
from lanelight.runtime.openvino import check_bf16
from lanelight.runtime.predictor import decoder_of
from lanelight.runtime.session import Array, Precision
from lanelight.train.trained import Trained, load_trained


class TorchSession:
    """A network run by torch, on a GPU where there is one.

    It has a thread of its own. Denormals are flushed by each thread for itself, and the threads that torch computes
    with keep the state of the one that first called it: half of the work of a caller that had called before, even of
    one that asks torch itself to flush, would go on unflushed.

    Attributes:
        backend: "torch".
        threads: of the processor; torch has one number for the process, which `close` puts back.
        device: "cpu", or the GPU's name.
        precision: of its products.
        at_once: 1; further callers wait.

    Args:
        model: the network; it is put into evaluation mode.
        threads: as above; None takes every processor this process may use.
        precision: "bf16" lets torch choose bfloat16 where it computes it, mostly in convolutions and products.

    Raises:
        ModelError: "bf16" on a processor without.
    """

    backend = "torch"
    at_once = 1

    def __init__(self, model: LaneModel, *, threads: int | None = None, precision: Precision = "float32") -> None:
        place = "cuda" if torch.cuda.is_available() else "cpu"
        if precision == "bf16" and place == "cpu":
            check_bf16("torch")
        self.precision = precision
        self._device = torch.device(place)
        self.device = torch.cuda.get_device_name() if place == "cuda" else place
        self._model = model.eval().to(self._device)
        self._before = torch.get_num_threads()
        self.threads = threads or usable_processors()
        torch.set_num_threads(self.threads)
        # Each calling thread has a number of its own too, which convolutions go by.
        self._thread = ThreadPoolExecutor(
            1, "lanelight-torch", initializer=torch.set_num_threads, initargs=(self.threads,)
        )

    def __call__(self, images: Array) -> dict[str, Array]:
        """Map float32 (B, 3, H, W) RGB in [0, 1] to output name -> float32 array with the batch first."""
        return self._thread.submit(self._run, images).result()

    def close(self) -> None:
        """End the thread, and put back the number of threads."""
        self._thread.shutdown()
        torch.set_num_threads(self._before)

    @torch.inference_mode()
    def _run(self, images: Array) -> dict[str, Array]:
        low = torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bf16")
        with flushed(), low:
            outputs = self._model(torch.from_numpy(images).to(self._device))
            return {name: outputs[name].float().cpu().numpy() for name in self._model.OUTPUTS}


def load_detector(
    run: str | Path,
    *,
    threads: int | None = None,
    score: float | None = None,
    precision: Precision = "float32",
    size: tuple[int, int] | None = None,
) -> Detector:
    """Return the detector of a trained network; it finds the lanes that the exported network finds.

    Args:
        run: its folder, one of the files of weights in it, or a file that `lanelight convert` wrote.
        threads: of the network; None takes every processor this process may use.
        score: smallest score of a lane in [0, 1]; None keeps the network's.
        precision: of its products, as `TorchSession` has it.
        size: (width, height) of the input, px, of a network that takes many; None: the one it was trained with.

    Raises:
        LanelightError: no recipe or no weights there, or of another network, or one that does not take this size.
    """
    return detector_of(load_trained(run), threads=threads, score=score, precision=precision, size=size)


def detector_of(
    network: Trained,
    *,
    threads: int | None = None,
    score: float | None = None,
    precision: Precision = "float32",
    size: tuple[int, int] | None = None,
) -> Detector:
    """Return the detector of a trained network that is already read; the arguments are those of `load_detector`."""
    model = network.model
    manifest = Manifest(
        name=network.name,
        version="",
        viewport=network.viewport,
        decoder=model.decoder.to_dict(),
        outputs=model.OUTPUTS,
        **found_by(model.decoder),
        preprocess=[step.to_dict() for step in model.preprocess],
        sizes=model.SIZES,
        recipe=network.recipe,
    )
    manifest = manifest if size is None else manifest.at_size(size)
    decoder = decoder_of(manifest, score)
    return Detector(TorchSession(model, threads=threads, precision=precision), manifest, decoder)
