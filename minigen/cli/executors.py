"""Who does the work of many equal tasks: processes of this machine, or a Dask cluster."""

import argparse
import concurrent.futures
import contextlib
from collections.abc import Iterator
from typing import Any

from minigen.core import validate


def option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dask", metavar="ADDRESS", help="of a Dask scheduler whose workers do it: tcp://host:8786"
    )


@contextlib.contextmanager
def cluster(address: str) -> Iterator[concurrent.futures.Executor]:
    """The workers of a Dask scheduler, as an executor."""
    try:
        import distributed  # type: ignore[reportMissingImports]
    except ImportError as error:
        what = "distributed to be installed: pip install 'minigen[dask]'"
        raise validate.expected("--dask", what, error) from None
    try:
        client: Any = distributed.Client(address, timeout=20)
    except (OSError, ValueError, TypeError) as error:
        raise validate.expected(
            "--dask", "the address of a scheduler", f"{address} ({error})"
        ) from None
    with client:
        if not client.scheduler_info().get("workers"):
            raise validate.expected("--dask", "a scheduler with workers", f"{address} without any")
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
