"""Who does the work of many equal tasks: processes of this machine, or a Dask cluster.

Grading, the campaigns of the tests and the sweeps of seeds in `benchmarks` share it.
"""

import argparse
import concurrent.futures
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from minigen.core import validate

T = TypeVar("T")

WAIT = 20  # seconds for a scheduler to answer, and for its first worker


def option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dask", metavar="ADDRESS", help="of a Dask scheduler whose workers do it: tcp://host:8786"
    )


def options(command: argparse.ArgumentParser) -> None:
    """`--dask` and `--jobs`; without either, a program does its work itself."""
    option(command)
    command.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="so many processes of this machine"
    )


def mapped(args: argparse.Namespace, work: Callable[..., T], *cases: Iterable[Any]) -> Iterator[T]:
    """work(*case) of each case, in their order, by whom the options name."""
    with executor(args.dask, args.jobs) as workers:
        yield from (workers.map if workers else map)(work, *cases)


@contextlib.contextmanager
def cluster(address: str) -> Iterator[concurrent.futures.Executor]:
    """The workers of a Dask scheduler, as an executor."""
    try:
        import distributed  # type: ignore[reportMissingImports]
    except ImportError as error:
        what = "distributed to be installed: pip install 'minigen[dask]'"
        raise validate.expected("--dask", what, error) from None
    try:
        client: Any = distributed.Client(address, timeout=WAIT)
    except (OSError, ValueError, TypeError) as error:
        raise validate.expected(
            "--dask", "the address of a scheduler", f"{address} ({error})"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)  # they may just be starting
        except TimeoutError:
            what = "a scheduler with workers"
            raise validate.expected("--dask", what, f"{address} without any") from None
        yield client.get_executor(pure=False)


@contextlib.contextmanager
def executor(address: str | None, jobs: int = 0) -> Iterator[concurrent.futures.Executor | None]:
    """The cluster at an address, or so many processes of this machine, or None."""
    if address is not None:
        with cluster(address) as found:
            yield found
    elif jobs:
        with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
            yield pool
    else:
        yield None
