"""The sections of a measurement, a table at a time, and their words for the terminal."""

from minigen.bench import cold, compare, growth, memory, profile
from minigen.bench.workloads import WORKLOADS


def steps(rounds):
    """A table for each workload."""
    for work in WORKLOADS:
        yield compare.measure(work, rounds)


SECTIONS = {
    "steps": steps,
    "growth": lambda rounds: [growth.measure(rounds)],
    "memory": lambda rounds: [memory.measure()],
    "cold": lambda rounds: [cold.measure()],
    "profile": lambda rounds: [profile.measure()],
}


def text(section, rows):
    """The rows of one of a section's tables; numbers stand to the right."""
    return aligned(list(LINES[section](rows)))


def aligned(lines):
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    widths[0] = max(widths[0], *(len(w.name) for w in WORKLOADS))
    return "\n".join("  ".join(cells(line, widths)).rstrip() for line in lines)


def cells(line, widths):
    yield line[0].ljust(widths[0])
    yield from (cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))


def steps_lines(rows):
    """The fastest first."""
    yield rows[0]["workload"], "x floor", "quartiles", "minigen is", "ms", "quartiles"
    for r in sorted(rows, key=lambda r: r["ratio"]):
        yield (
            f"  {r['name']}", f"{r['ratio']:.2f}", f"{r['ratio_low']:.2f}-{r['ratio_high']:.2f}",
            "" if r["name"] in ("floor", "minigen") else ahead(r["to_minigen"]),
            f"{r['ms']:.2f}", f"{r['ms_low']:.2f}-{r['ms_high']:.2f}",
        )  # fmt: skip


def ahead(ratio):
    """How much faster minigen is than what takes `ratio` of its time."""
    return f"{ratio:.2f} x faster" if ratio >= 1 else f"{1 / ratio:.2f} x slower"


def verdict(rows):
    """minigen against each peer, over all the workloads measured."""
    names = dict.fromkeys(r["name"] for r in rows if r["name"] not in ("floor", "minigen"))
    ratios = {n: {r["workload"]: r["to_minigen"] for r in rows if r["name"] == n} for n in names}
    return "\n".join(against(name, ratios[name]) for name in names)


def against(name, ratios):
    """One peer; ratios = {workload: its time by minigen's}."""
    won = [ratio for ratio in ratios.values() if ratio >= 1]
    lost = [f"{work} by {1 / ratio:.2f} x" for work, ratio in ratios.items() if ratio < 1]
    by = f", by {min(won):.2f} to {max(won):.2f} x" if won else ""
    slower = f"; slower in {', '.join(lost)}" if lost else ""
    return f"minigen is faster than {name} in {len(won)} of {len(ratios)} workloads{by}{slower}"


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
