"""Measure networks side by side: each in a process of its own, the processes taking turns on the same real frames."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import numpy as np

from lanelight.errors import ModelError
from lanelight.frames import Image
from lanelight.geometry import FloatArray, Scene
from lanelight.runtime.bench_process import ENDED, SCENES, STEPS, Loaded, Round, serve
from lanelight.runtime.cost import Cost
from lanelight.runtime.differences import SceneDifference, scene_difference
from lanelight.runtime.predictor import Detector
from lanelight.runtime.session import Precision

# Threads of OpenMP that spin after their work would take the processor from what runs next and count as its CPU time.
WAITING, QUIET, SPINNING = "OMP_WAIT_POLICY", "PASSIVE", "ACTIVE"


@dataclass(frozen=True)
class Contestant:
    """A network in a runtime. Both functions are called in another process: `pickle` must know them.

    Attributes:
        model: what it is called in the results.
        backend: name of the runtime.
        load: returns the detector; it computes with the number of threads that is compared.
        cost: counts the network; None where it cannot be counted.
        precision: that it computes in. What it finds in another than float32 is compared with what the contestant of
            the same model and backend in float32 finds, where there is one.
        spins: its threads of OpenMP spin while they wait for work, which some runtimes are faster with. Its process is
            stopped while others have their turn, or it would take their processors. Linux and macOS alone.
    """

    model: str
    backend: str
    load: Callable[[], Detector]
    cost: Callable[[], Cost | None]
    precision: Precision = "float32"
    spins: bool = False


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found about a contestant.

    Attributes:
        contestant: which.
        loaded: what its process told after loading.
        wall_ms: step of `STEPS` -> (rounds, frames) duration of each call, ms.
        cpu_ms: the same, of all threads of its process together, ms.
        peak_mb: largest resident memory of its process without the frames, MB; None where the system does not tell.
        cost: of the network; None where it could not be counted.
        difference: of what it found from what it finds in float32; None where it computes in that, or nothing else did.
    """

    contestant: Contestant
    loaded: Loaded
    wall_ms: Mapping[str, FloatArray]
    cpu_ms: Mapping[str, FloatArray]
    peak_mb: float | None
    cost: Cost | None
    difference: SceneDifference | None = None


def measure(
    contestants: Sequence[Contestant],
    frames: Sequence[Image],
    *,
    rounds: int,
    watch: Callable[[int], None] | None = None,
) -> list[Measured]:
    """Run all contestants over all frames, round after round; a first round warms up and is not counted.

    In each round every contestant runs all frames, one after the other, and every second round the order is turned
    round: what else the machine does meets all of them alike.

    Args:
        contestants: what is compared.
        frames: (H, W, 3) uint8 RGB.
        rounds: how many count.
        watch: called with the number of frames done, warm-up included, of all contestants together.

    Raises:
        LanelightError: a network cannot be loaded or run, or its process ended.
    """
    with ExitStack() as stack:
        runners = [stack.enter_context(_Runner(each)) for each in contestants]
        loaded = [runner.load(frames) for runner in runners]  # one after the other: loading takes all processors
        found: list[list[Round]] = [[] for _ in runners]
        done = 0
        for turn in range(rounds + 1):
            places = range(len(runners))
            for place in places if turn % 2 else reversed(places):
                result = runners[place].run()
                done += len(frames)
                if watch is not None:
                    watch(done)
                if turn:
                    found[place].append(result)
        differences = [_difference(runner, runners) for runner in runners]
        ends = [runner.finish() for runner in runners]
    return [
        Measured(runner.contestant, told, *_stacked(results), *end, difference)
        for runner, told, results, end, difference in zip(runners, loaded, found, ends, differences, strict=True)
    ]


def _difference(runner: _Runner, others: Sequence[_Runner]) -> SceneDifference | None:
    """Compare what a contestant finds with what it finds in float32, after all rounds."""
    mine = runner.contestant
    if mine.precision == "float32":
        return None
    wanted = (mine.model, mine.backend, "float32")
    for other in others:
        each = other.contestant
        if (each.model, each.backend, each.precision) == wanted:
            return scene_difference(other.scenes(), runner.scenes())
    return None


def _stacked(results: Sequence[Round]) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    wall = {step: np.stack([result.wall_ms[step] for result in results]) for step in STEPS}
    return wall, {step: np.stack([result.cpu_ms[step] for result in results]) for step in STEPS}


class _Runner:
    """The process of a contestant, from outside."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        context = get_context("spawn")  # a fork would share the memory that is to be measured
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, contestant.load, contestant.cost), daemon=True)
        with _waiting(SPINNING if contestant.spins else os.environ.get(WAITING, QUIET)):
            self._process.start()
        theirs.close()

    def load(self, frames: Sequence[Image]) -> Loaded:
        """Hand the frames over and wait until the network is loaded."""
        for frame in frames:
            self._say(frame)
        told: Loaded = self._ask(None)
        return told

    def run(self) -> Round:
        """Run all frames once."""
        result: Round = self._ask(True)
        return result

    def scenes(self) -> list[Scene]:
        """Return what is found on all frames."""
        found: list[Scene] = self._ask(SCENES)
        return found

    def finish(self) -> tuple[float | None, Cost | None]:
        """Return peak memory and cost."""
        peak, cost = self._ask(ENDED)
        return peak, cost

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal("SIGCONT")
        self._pipe.close()
        if error is not None:
            self._process.kill()
        self._process.join()

    def _ask(self, word: object) -> Any:
        self._signal("SIGCONT")
        self._say(word)
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise self._ended() from error
        self._signal("SIGSTOP")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _signal(self, name: str) -> None:
        """Stop a process whose threads spin, or let it go on."""
        if self.contestant.spins and self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, signal.Signals[name])

    def _say(self, word: object) -> None:
        try:
            self._pipe.send(word)
        except (BrokenPipeError, ConnectionError) as error:
            raise self._ended() from error

    def _ended(self) -> ModelError:
        self._process.join()
        return ModelError(
            f"{self.contestant.model} on {self.contestant.backend}: its process ended by itself (exit code "
            f"{self._process.exitcode}; -9 is the system short of memory); measure fewer networks at once"
        )


@contextmanager
def _waiting(policy: str) -> Iterator[None]:
    """Let threads of processes that start within the block spin or rest between two calls."""
    given = os.environ.get(WAITING)
    os.environ[WAITING] = policy
    try:
        yield
    finally:
        if given is None:
            del os.environ[WAITING]
        else:
            os.environ[WAITING] = given
