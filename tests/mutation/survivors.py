"""Which automatic mutants survive, and why: the part of the report on the source."""

from .equivalent import CHOSEN, EQUIVALENT

HEAD = """| module | mutants | judged | caught | of these by the clock | equivalent | others |
|---|---|---|---|---|---|---|"""


def summary(records):
    """The part of the report on {file: record}."""
    rows = [[file, *counts(file, record)] for file, record in records.items()]
    total = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
    mutants, judged, caught, _, same, _ = total
    first = (
        f"{judged} of {mutants} mutants of {len(rows)} modules judged: {caught} caught, "
        f"{same} equivalent; {100 * caught / (judged - same):.1f} % of the others are caught."
    )
    table = "\n".join([HEAD, *(line(row) for row in [*rows, ["all", *total]])])
    survivors = (survived(file, record) for file, record in records.items())
    return "\n\n".join([first, table, *(text for text in survivors if text)])


def counts(file, record):
    """Mutants, judged, caught, of these by the clock, equivalent, other survivors."""
    alive = record["alive"]
    others = unexplained(alive, EQUIVALENT.get(file, {}))
    caught, same = record["judged"] - len(alive), len(alive) - len(others)
    return record["mutants"], record["judged"], caught, record["hung"], same, len(others)


def line(cells):
    """A row of the table."""
    return f"| {' | '.join(map(str, cells))} |"


def unexplained(alive, *reasons):
    """The survivors [line, before, after] of which no dict {why: lines} says why."""
    known = {text for each in reasons for texts in each.values() for text in texts}
    return [change for change in alive if change[2] not in known]


def survived(file, record):
    """The survivors of a file, each below the reason why it does."""
    known = EQUIVALENT.get(file, {}), CHOSEN.get(file, {})
    gaps = unexplained(record["alive"], *known)
    reasons = [*known[0].items()]
    reasons += [(f"not equivalent: {why}", texts) for why, texts in known[1].items()]
    reasons += [("**no test finds it**", [after for _, _, after in gaps])]
    alive = {after for _, _, after in record["alive"]}
    blocks = [block(why, sorted(alive.intersection(texts))) for why, texts in reasons]
    return "\n\n".join([f"### {file}", *filter(None, blocks)]) if alive else ""


def block(why, texts):
    """A reason and the lines that it holds for; nothing where there are none."""
    return "\n".join([f"- {why}", "", *(f"      {text}" for text in texts)]) if texts else ""
