"""The `lanelight` command: verbs, exit codes, one-line errors. Parsing and printing only."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module

from lanelight import __version__
from lanelight.cli.arguments import HelpFormatter
from lanelight.errors import LanelightError, unknown_name

NESTED = "nested"  # in place of a module: lanelight.cli.VERB holds a table like this one
# verb: (module with `add_arguments(parser)` and `run(args) -> int`, summary); imported only when its verb is used.
VERBS: dict[str, tuple[str, str]] = {
    "predict": ("lanelight.cli.predict", "find lanes in pictures, videos, bags, cameras and streams"),
    "ros": ("lanelight.cli.ros", "find lanes in the images of a robot's camera, as a node of ROS 1"),
    "eval": ("lanelight.cli.eval", "run a network over a data set and score it"),
    "score": ("lanelight.cli.score", "score prediction files exactly as a benchmark's own tool does"),
    "bench": ("lanelight.cli.bench", "measure how fast networks are, runtimes side by side"),
    "train": ("lanelight.cli.train", "train a network from a recipe"),
    "export": ("lanelight.cli.export", "write a trained network as ONNX or OpenVINO, with manifest and parity report"),
    "data": (NESTED, "make, check, convert and import data sets"),
    "convert": ("lanelight.cli.convert", "read a released checkpoint of a reference implementation"),
    "models": ("lanelight.cli.models", "list the bundled networks and architectures, or show the card of one"),
    "recipes": ("lanelight.cli.recipes", "list the training recipes, or show one"),
}

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
TRAIN_EXTRA = frozenset({"lightning", "onnx", "onnxscript", "safetensors", "tensorboard", "torch"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: the words after the program's name; None takes those of the process.

    Returns:
        0 done, 1 a mistake in what was given (printed as one line on stderr), 2 wrong usage, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if words[:1] in (["-V"], ["--version"]):
        print(f"lanelight {__version__}")
        return DONE
    return _choose("lanelight", VERBS, words, debug)


def _choose(program: str, verbs: Mapping[str, tuple[str, str]], words: Sequence[str], debug: bool) -> int:
    """Run the verb that the first word names, out of a table."""
    first = words[0] if words else ""
    if first in verbs:
        module, summary = verbs[first]
        if module == NESTED:
            return _choose(f"{program} {first}", import_module(f"lanelight.cli.{first}").VERBS, words[1:], debug)
        return _run(f"{program} {first}", module, summary, words[1:], debug)
    if first in ("", "-h", "--help"):
        print(_overview(program, verbs))
        return DONE if first else USAGE
    print(f"usage: {program} VERB [options]\nerror: {unknown_name('verb', first, verbs)}", file=sys.stderr)
    return USAGE


def _run(program: str, module: str, summary: str, words: Sequence[str], debug: bool) -> int:
    """Run a verb and turn what it raises into an exit code."""
    try:
        return _run_verb(program, module, summary, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:  # how argument parsers end: --help and wrong usage
        return end.code if isinstance(end.code, int) else USAGE
    except BrokenPipeError:  # the reader of our output, `head` for example, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except LanelightError as error:
        return _failure(str(error), debug)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in TRAIN_EXTRA:
            raise
        return _failure(f"{program} needs {error.name}: pip install 'lanelight[train]'", debug)


def _run_verb(program: str, module: str, summary: str, words: Sequence[str]) -> int:
    from jsonargparse import ArgumentParser

    home = import_module(module)
    parser = ArgumentParser(
        prog=program,
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,  # an option added later must not change what a script's short form means
    )
    home.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return int(home.run(parser.parse_args(list(words))))


def _overview(program: str, verbs: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"lanelight {__version__}: train, distil, evaluate, export and run light lane-detection networks", ""]
    lines += [f"usage: {program} VERB [options]      ({program} VERB --help tells the options)", ""]
    wide = max(map(len, verbs), default=0)
    lines += [f"  {verb:<{wide}}  {summary}" for verb, (_, summary) in verbs.items()]
    lines += ["", "options: --help, --version, --debug (with a verb: show the traceback of an error)"]
    return "\n".join(lines)


def _failure(message: str, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return FAILED
