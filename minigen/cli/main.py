"""`minigen ...`: the arguments of every command, and what a mistake in them looks like.

Exit codes: 0 done, 1 failed, 2 a mistake in the arguments or the input, 130 interrupted.
"""

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from minigen import __version__
from minigen.core.interrupts import Terminated, held
from minigen.core.validate import InvalidInput

COMMANDS = {  # the first line of each module, known here so that no module is imported for it
    "demo": "Train every model of the notes on real data; write pictures and a report.",
    "check": "Run every derivation of the lecture notes, or some of them, or notes of your own.",
    "audit": "Ask flows of other libraries what minigen asks its own, and print a table.",
    "train": "Train a model and write it to a file.",
    "sample": "Draw samples of a trained model: rows, a picture, or text, by the suffix of OUT.",
    "evaluate": "Measure a trained model on data: likelihood, and the distance to a known truth.",
    "homework": "Hand out homework on the derivations, check it, grade a class.",
    "bench": "Measure the speed: training and sampling against the floor of their matrix products.",
}


class Command(argparse.ArgumentParser):
    """The parser of one command, whose module is imported when the command is used."""

    def __init__(self, *args: Any, module: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.module = module

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        module = importlib.import_module(self.module)
        self.description = module.__doc__
        self.set_defaults(run=module.run)
        module.arguments(self)
        return super().parse_known_args(args, namespace)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if not (sys.argv[1:] if argv is None else argv):
        parser().print_help()
        return 0
    try:
        with held():  # an import that is cut short may raise anything
            args = parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.showwarning = _warned
            return args.run(args) or 0
    except KeyboardInterrupt as error:
        return _say(noted("interrupted", error), 130)
    except Terminated as error:
        return _say(noted("terminated", error), error.code)
    except BrokenPipeError:  # nobody reads our output any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (FloatingPointError, ChildProcessError) as error:
        return _say(noted(error, error), 1)
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}" if error.filename else error, 2)
    except InvalidInput as error:
        return _say(error, 2)


def _warned(message: Warning | str, *_: object, **more: object) -> None:
    """A warning as one line on standard error, without its place in the code."""
    _say(message, 0)


def noted(message: object, error: BaseException) -> str:
    """A message, and what was noted on the way of the error."""
    return "; ".join([str(message), *getattr(error, "__notes__", ())])


def _say(message: object, code: int) -> int:
    """One line on standard error; return the exit code."""
    print(f"minigen: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="minigen",
        description="Generative models from scratch in NumPy, every gradient by hand.",
    )
    top.add_argument("--version", action="version", version=f"minigen {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Command)
    for name, about in COMMANDS.items():
        commands.add_parser(
            name, help=about, module=f"minigen.cli.{name}", allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
    return top
