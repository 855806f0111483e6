"""`minigen ...`: the arguments of every command, and what a mistake in them looks like.

Exit codes: 0 done, 1 failed, 2 a mistake in the arguments or the input, 130 interrupted.
"""

import argparse
import importlib
import importlib.metadata
import os
import sys

COMMANDS = ("demo", "check", "train", "sample", "evaluate", "homework", "bench")


def main(argv=None):
    """Run one command and return its exit code."""
    try:
        args = parser().parse_args(argv)
        return args.run(args) or 0
    except KeyboardInterrupt:
        return say("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone: so do we, without a word
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except FloatingPointError as error:
        return say(error, 1)
    except OSError as error:
        return say(f"{error.filename}: {error.strerror}" if error.filename else error, 2)
    except (ValueError, TypeError) as error:
        if not is_bad_input(error):
            raise
        return say(error, 2)


def say(message, code):
    """One line on standard error; return the exit code."""
    print(f"minigen: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def is_bad_input(error):
    """Whether a door refused something: all doors speak the same way. Else it is our mistake."""
    return ": expected " in str(error) or type(error).__name__ == "CheckpointError"


def parser():
    """The parser of the whole command line; each command adds its own arguments.

    The commands are imported here, so that Ctrl-C while they load is as quiet as later.
    """
    top = argparse.ArgumentParser(
        prog="minigen",
        description="Generative models from scratch in NumPy, every gradient by hand.",
    )
    version = importlib.metadata.version("minigen")
    top.add_argument("--version", action="version", version=f"minigen {version}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"minigen.cli.{name}")
        about = module.__doc__.strip().splitlines()[0]
        command = commands.add_parser(
            name, help=about, description=module.__doc__, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        module.arguments(command)
        command.set_defaults(run=module.run)
    return top
