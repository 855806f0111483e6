"""The campaign of wrong backward passes, and that of right ones."""

import collections
import time

import numpy as np
import zoo

from minigen import check

from .judge import SCALES, Point, verdict
from .packages import installed
from .planted import PLANTED
from .syntax import mutants
from .targets import draw, targets


def everything():
    """(target, mutant) of the whole campaign: by syntax, and by hand."""
    for target in targets():
        for mutant in mutants(target.function):
            yield target, mutant
    yield from PLANTED()


def campaign(pairs, say=print):
    """Judge every pair at every scale, by the other packages too; the rows of the report."""
    rows, start = [], time.perf_counter()
    for n, (target, mutant) in enumerate(pairs):
        verdicts = [verdict(target, mutant, scale, compare=True) for scale in SCALES]
        rows.append((target, mutant, verdicts))
        if n % 100 == 99:
            alive = sum(any(v.changed and not v.caught for v in vs) for *_, vs in rows)
            say(f"{n + 1} mutants, {alive} survive, {time.perf_counter() - start:.0f} s")
    return rows


def table(*columns):
    """The head of a table of Markdown."""
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def summary(rows):
    """The report as Markdown."""
    out = table("loss scale", "mutants that change an output", "caught", "at the first draw")
    for scale, vs in by_scale(rows):
        caught, first = sum(v.caught for v in vs), sum(v.first for v in vs)
        out.append(f"| {scale:g} | {len(vs)} | {caught} | {first} |")
    same = sum(all(not v.changed and not v.raised for v in vs) for *_, vs in rows)
    raised = sum(all(not v.changed for v in vs) and any(v.raised for v in vs) for *_, vs in rows)
    what = (
        f"{len(rows)} mutants of {len({t.label for t, *_ in rows})} functions: {raised} only ever"
    )
    out += ["", f"{what} raise an error and are not counted, {same} never change an output.", ""]
    return "\n".join(
        [*out, *by_package(rows), *by_kind(rows), *survivors(rows), *equivalents(rows)]
    )


def by_scale(rows):
    """(scale, verdicts on the mutants that change an output) of each scale."""
    for k, scale in enumerate(SCALES):
        yield scale, [v[k] for *_, v in rows if v[k].changed]


def by_package(rows):
    """How many of the mutants each installed package misses, and how often it cannot tell."""
    heads = [(f"{name} {version} misses", "void") for name, version in installed().items()]
    out = table("loss scale", "mutants", *sum(heads, ()))
    for scale, vs in by_scale(rows):
        counts = [
            (sum(n in v.missed for v in vs), sum(n in v.void for v in vs)) for n in installed()
        ]
        out.append(f"| {scale:g} | {len(vs)} | " + " | ".join(map(str, sum(counts, ()))) + " |")
    return [*out, ""]


def by_kind(rows):
    """How many of each kind, and how many of them the other packages miss."""
    kinds, missed = collections.Counter(), collections.Counter()
    for _, m, vs in rows:
        if vs[0].changed:
            kind = f"{m.kind}: {m.after}" if m.kind == "by hand" else m.kind
            kinds[kind] += 1
            missed.update((kind, name) for name in vs[0].missed)
    names = installed()
    out = table("kind of mistake (loss scale 1)", "mutants", *(f"{x} misses" for x in names))
    for kind, n in kinds.most_common():
        out.append("| " + " | ".join(map(str, (kind, n, *(missed[kind, x] for x in names)))) + " |")
    return [*out, ""]


def survivors(rows):
    out = ["Survivors:", ""]
    for t, m, vs in rows:
        scales = [f"{s:g}" for s, v in zip(SCALES, vs, strict=True) if v.changed and not v.caught]
        if scales:
            out.append(f"- {t.label}: `{m.before}` -> `{m.after}` at scale {', '.join(scales)}")
    return [*out, *([] if len(out) > 2 else ["none."]), ""]


def equivalents(rows):
    out = ["<details><summary>Mutants that never change an output</summary>", ""]
    for t, m, vs in rows:
        if all(not v.changed and not v.raised for v in vs):
            out.append(f"- {t.label}: `{m.before}` -> `{m.after}`")
    return [*out, "", "</details>", ""]


def alarms(draws, say=print):
    """Right layers, checked at every scale: (checks, entries compared, alarms)."""
    checks, entries, wrong = 0, 0, []
    for name in zoo.ZOO:
        for k in range(draws):
            case = draw(name, 1000 + k)
            for scale in SCALES:
                p = Point(name, case.layer, case.inputs, case.given, scale, k)
                rng = np.random.default_rng(k)
                report = check.gradients(p.layer, *p.inputs, given=p.given, rng=rng, entries=8)
                checks += 1
                entries += sum(min(a.size, 8) for a in p.probe.points.values())
                if not report:
                    wrong.append(f"{name}, draw {k}, scale {scale:g}: {report}")
        say(f"{name}: {checks} checks, {entries} entries, {len(wrong)} alarms")
    return checks, entries, wrong
