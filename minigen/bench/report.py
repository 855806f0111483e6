"""The sections of a measurement, and their tables for the terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from minigen.bench import cold, compare, growth, memory, profile
from minigen.bench.workloads import WORKLOADS
from minigen.core import text

Rows = list[dict[str, Any]]
SECTIONS = ("steps", "growth", "memory", "cold", "profile")


def measured(section: str, rounds: int, peers: compare.Peers | None = None) -> Iterator[Rows]:
    """Measure a section of SECTIONS, and yield the rows of each of its tables.

    Parameters
    ----------
    section : str
        One of "steps", "growth", "memory", "cold", "profile".
    rounds : int
        Rounds of each timing.
    peers : callable, optional
        For "steps": peers(workload) gives {name: function that does the workload once}.

    Yields
    ------
    list of dict
        The rows of one table.

    Examples
    --------
    >>> [rows] = mg.bench.measured("growth", rounds=5)  # doctest: +SKIP
    >>> print(mg.bench.table("growth", rows))  # doctest: +SKIP
    """
    if section == "steps":
        yield from (compare.measure(work, rounds, peers) for work in WORKLOADS)
    elif section == "growth":
        yield growth.measure(rounds)
    else:
        yield {"memory": memory, "cold": cold, "profile": profile}[section].measure()


def table(section: str, rows: Rows) -> str:
    """The rows of one of a section's tables as text.

    Parameters
    ----------
    section : str
        One of SECTIONS.
    rows : list of dict
        As `measured` yields them.

    Returns
    -------
    str
        Lines with aligned columns.

    Examples
    --------
    >>> print(mg.bench.table("cold", [{"what": "python alone", "seconds": 0.02}]))
    a fresh process              seconds
    ------------------------------------
    python alone                   0.02
    """
    head, *lines = _LINES[section](rows)
    width = max(len(work.name) for work in WORKLOADS)
    return text.table([(name.ljust(width), *cells) for name, *cells in lines], head)


def summary(rows: Rows) -> str:
    """minigen against each peer, over all workloads of the section "steps": a line for each.

    Parameters
    ----------
    rows : list of dict
        All rows that `measured` yields for the section "steps".

    Returns
    -------
    str
        The lines; none where no peer was measured.

    Examples
    --------
    >>> mg.bench.summary([{"name": "peer", "workload": "step", "to_minigen": 1.5}])
    'minigen is faster than peer in 1 of 1 workloads, by 1.50 to 1.50 x'
    """
    names = dict.fromkeys(r["name"] for r in rows if r["name"] not in ("floor", "minigen"))
    ratios = {n: {r["workload"]: r["to_minigen"] for r in rows if r["name"] == n} for n in names}
    return "\n".join(_against(name, ratios[name]) for name in names)


def _against(name: str, ratios: dict[str, float]) -> str:
    """One peer; ratios = {workload: its time / minigen's time}."""
    won = [ratio for ratio in ratios.values() if ratio >= 1]
    lost = [f"{work} by {1 / ratio:.2f} x" for work, ratio in ratios.items() if ratio < 1]
    by = f", by {min(won):.2f} to {max(won):.2f} x" if won else ""
    slower = f"; slower in {', '.join(lost)}" if lost else ""
    return f"minigen is faster than {name} in {len(won)} of {len(ratios)} workloads{by}{slower}"


def _steps(rows: Rows) -> Iterator[tuple[str, ...]]:
    """The fastest first."""
    yield rows[0]["workload"], "x floor", "quartiles", "minigen is", "ms", "quartiles"
    for r in sorted(rows, key=lambda r: r["ratio"]):
        yield (
            f"  {_named(r)}", f"{r['ratio']:7.2f}",
            f"{r['ratio_low']:6.2f}-{r['ratio_high']:.2f}",
            "" if r["name"] in ("floor", "minigen") else _speed(r["to_minigen"]),
            f"{r['ms']:8.2f}", f"{r['ms_low']:8.2f}-{r['ms_high']:.2f}",
        )  # fmt: skip


def _named(row: dict[str, Any]) -> str:
    """The name, with the number of threads where it is not minigen's own choice."""
    threads = row.get("threads", "default")
    return row["name"] if threads == "default" else f"{row['name']}, {threads} threads"


def _speed(ratio: float) -> str:
    """How much faster minigen is than a peer that needs `ratio` times its time."""
    return f"{ratio:5.2f} x faster" if ratio >= 1 else f"{1 / ratio:5.2f} x slower"


def _growth(rows: Rows) -> Iterator[tuple[str, ...]]:
    yield "growth", "size", "x floor", "ms", "grew as size^"
    for r in rows:
        power = f"{r['power']:5.2f}" if "power" in r else ""
        size = f"{r['letter']} = {r['size']}"
        yield r["what"], size, f"{r['ratio']:7.2f}", f"{r['ms']:8.2f}", power


def _memory(rows: Rows) -> Iterator[tuple[str, ...]]:
    yield "memory", "peak MB", "caches MB", "parameters MB", "peak / (caches + parameters)"
    for r in rows:
        sizes = [f"{r[key] / 1e6:7.2f}" for key in ("peak", "caches", "parameters")]
        yield r["workload"], *sizes, f"{r['peak'] / (r['caches'] + r['parameters']):5.2f}"


def _cold(rows: Rows) -> Iterator[tuple[str, ...]]:
    yield "a fresh process", "seconds"
    for r in rows:
        yield r["what"], f"{r['seconds']:6.2f}"


def _profile(rows: Rows) -> Iterator[tuple[str, ...]]:
    yield "share of a step", "floor", *profile.KINDS
    for r in rows:
        yield r["workload"], *(f"{r[key]:5.0%}" for key in ("floor", *profile.KINDS))


_LINES: dict[str, Callable[[Rows], Iterator[tuple[str, ...]]]] = {
    "steps": _steps, "growth": _growth, "memory": _memory, "cold": _cold, "profile": _profile,
}  # fmt: skip
