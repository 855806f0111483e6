"""Which automatic mutants survive, and why: the part of the report on the source."""

from .equivalent import EQUIVALENT

HEAD = """| module | mutants | judged | caught | of these by the clock | equivalent | gaps |
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
    """Mutants, judged, caught, of these by the clock, equivalent, gaps."""
    same = len(record["alive"]) - len(gaps(file, record))
    caught = record["judged"] - len(record["alive"])
    hung = record["hung"]
    return record["mutants"], record["judged"], caught, hung, same, len(gaps(file, record))


def line(cells):
    """A row of the table."""
    return f"| {' | '.join(map(str, cells))} |"


def gaps(file, record):
    """The survivors that no reason explains: [line, before, after] of each."""
    known = {text for texts in EQUIVALENT.get(file, {}).values() for text in texts}
    return [change for change in record["alive"] if change[2] not in known]


def survived(file, record):
    """The survivors of a file, each below the reason why it does."""
    alive = {after for _, _, after in record["alive"]}
    reasons = {why: alive.intersection(texts) for why, texts in EQUIVALENT.get(file, {}).items()}
    reasons["**no test finds it**"] = {after for _, _, after in gaps(file, record)}
    blocks = [
        "\n".join([f"- {why}", "", *(f"      {text}" for text in sorted(texts))])
        for why, texts in reasons.items()
        if texts
    ]
    return "\n\n".join([f"### {file}", *blocks]) if blocks else ""
