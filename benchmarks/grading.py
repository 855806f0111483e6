"""Grade a class by a Dask cluster of this machine and by the pool: the same marks, and the times.

    python benchmarks/grading.py [--students 300] [--parts 6] [--workers 2]

The class is that of tests/classroom.py, without attacks. Its parts are graded by one and by the
other in turn. Seconds, and those of the processors with all child processes. Wants distributed.
"""

import argparse
import pathlib
import resource
import sys
import tempfile
import time
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

import classroom

from minigen import homework


def cpu() -> float:
    """Seconds of the processor that this process and its children have taken."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def handed_in(folder: pathlib.Path, students: range) -> pathlib.Path:
    """A folder with the modules of some students."""
    folder.mkdir()
    for k in students:
        text, _, _ = classroom.honest(f"Student {k:03d}", k)
        (folder / f"Student {k:03d}.py").write_text(text, encoding="utf-8")
    return folder


def main() -> None:
    from distributed import Client, LocalCluster  # type: ignore[reportMissingImports]

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--parts", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as place,
        LocalCluster(args.workers, threads_per_worker=1, dashboard_address=None) as workers,
        Client(workers) as client,
    ):
        home, totals, same = pathlib.Path(place), {"dask": [0.0, 0.0], "pool": [0.0, 0.0]}, 0
        ways: dict[str, Any] = {"dask": client.get_executor(pure=False), "pool": None}

        def graded(folder: pathlib.Path, way: str) -> list[dict[str, Any]]:
            return homework.grade(
                folder, classroom.KEY, home / f"{folder.name} {way}", "coupling", seed=300,
                jobs=args.workers, executor=ways[way], progress=False,
            )  # fmt: skip

        first = handed_in(home / "first", range(args.workers))
        _ = [graded(first, way) for way in ways]  # imports and compiles
        for part in range(args.parts):
            ends = [k * args.students // args.parts for k in (part, part + 1)]
            folder, records = handed_in(home / f"part {part}", range(*ends)), []
            for way in sorted(ways, reverse=part % 2 == 1):
                begun, used = time.perf_counter(), cpu() + sum(client.run(cpu).values())
                records.append(graded(folder, way))
                used = cpu() + sum(client.run(cpu).values()) - used
                totals[way][0] += time.perf_counter() - begun
                totals[way][1] += used
            same += sum(a == b for a, b in zip(*records, strict=True))
            said = (f"{way} {s:.0f} s, CPU {c:.0f} s" for way, (s, c) in totals.items())
            print(f"{ends[1]} submissions, {same} records the same;", *said, flush=True)
        (dask, pool) = totals.values()
        print(f"dask / pool: {dask[0] / pool[0]:.2f}, CPU {dask[1] / pool[1]:.2f}")


if __name__ == "__main__":
    main()
