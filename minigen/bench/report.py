"""The sections of a measurement, one after the other, and their words for the terminal."""

from minigen.bench import cold, compare, growth, memory, profile
from minigen.bench.workloads import WORKLOADS


def steps(rounds):
    return [row for work in WORKLOADS for row in compare.measure(work, rounds)]


SECTIONS = {
    "steps": steps,
    "growth": growth.measure,
    "memory": lambda rounds: memory.measure(),
    "cold": lambda rounds: cold.measure(),
    "profile": lambda rounds: profile.measure(),
}


def text(section, rows):
    """The rows of a section as a table."""
    lines = list(LINES[section](rows))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def steps_lines(rows):
    yield "workload", "by", "x floor", "quartiles", "ms", "quartiles"
    for r in rows:
        yield (
            r["workload"], r["name"], f"{r['ratio']:.2f}",
            f"{r['ratio_low']:.2f}-{r['ratio_high']:.2f}", f"{r['ms']:.2f}",
            f"{r['ms_low']:.2f}-{r['ms_high']:.2f}",
        )  # fmt: skip


def growth_lines(rows):
    yield "growth", "size", "x floor", "ms", "grew as size^"
    for r in rows:
        power = f"{r['power']:.2f}" if "power" in r else ""
        size = f"{r['letter']} = {r['size']}"
        yield r["what"], size, f"{r['ratio']:.2f}", f"{r['ms']:.2f}", power


def memory_lines(rows):
    yield "memory", "peak MB", "caches MB", "parameters MB", "peak / (caches + parameters)"
    for r in rows:
        sizes = [f"{r[key] / 1e6:.2f}" for key in ("peak", "caches", "parameters")]
        yield r["workload"], *sizes, f"{r['peak'] / (r['caches'] + r['parameters']):.2f}"


def cold_lines(rows):
    yield "a fresh process", "seconds"
    for r in rows:
        yield r["what"], f"{r['seconds']:.2f}"


def profile_lines(rows):
    yield "share of a step", "floor", *profile.KINDS
    for r in rows:
        yield r["workload"], *(f"{r[key]:.0%}" for key in ("floor", *profile.KINDS))


LINES = {
    "steps": steps_lines, "growth": growth_lines, "memory": memory_lines, "cold": cold_lines,
    "profile": profile_lines,
}  # fmt: skip
