"""The campaign of wrong backward passes, and that of right ones."""

import collections
import functools
import time

import zoo

from minigen.core import text

from .comparison import ENTRIES, SCALES, Point, outcome
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


def outcomes_of(k, every):
    """The outcomes of pair k, which a worker makes anew, since functions do not travel."""
    return [outcome(*_chosen(every)[k], scale, compare=True) for scale in SCALES]


@functools.cache
def _chosen(every):
    return list(everything())[::every]


def campaign(pairs, say=print, executor=None, every=1):
    """[(target, mutant, a Outcome at each scale)], the other packages' included.

    With an executor its workers take the pairs, which must be each `every`-th of everything.
    """
    rows, start = [], time.perf_counter()
    if executor:
        found = executor.map(outcomes_of, range(len(pairs)), [every] * len(pairs))
    else:
        found = ([outcome(t, m, scale, compare=True) for scale in SCALES] for t, m in pairs)
    for n, ((target, mutant), outcomes) in enumerate(zip(pairs, found, strict=True), 1):
        rows.append((target, mutant, outcomes))
        if n % 100 == 0:
            say(f"{n} mutants, {time.perf_counter() - start:.0f} s", flush=True)
    return rows


def summary(rows):
    """Tables by loss scale and by kind of mistake, and the survivors.

    "void" counts the mutants to which another package objects, but to the right code as well.
    """
    others = installed()
    by_scale = [
        (f"{scale:g}", len(vs), sum(v.caught for v in vs), sum(v.first for v in vs),
         *(f"{sum(n in v.missed for v in vs)} ({sum(n in v.void for v in vs)})" for n in others))
        for k, scale in enumerate(SCALES)
        for vs in [[v[k] for *_, v in rows if v[k].changed]]
    ]  # fmt: skip
    kinds, missed = collections.Counter(), collections.Counter()
    for _, m, vs in rows:
        if vs[0].changed:
            kind = f"{m.kind}: {m.after}" if m.kind == "by hand" else m.kind
            kinds[kind] += 1
            missed.update((kind, name) for name in vs[0].missed)
    by_kind = [(kind, n, *(missed[kind, x] for x in others)) for kind, n in kinds.most_common()]
    heads = [f"{name} {version} misses" for name, version in others.items()]
    return "\n\n".join([
        f"{len(rows)} mutants of {len({t.label for t, *_ in rows})} functions; those that change a "
        "gradient are counted.",
        text.table(by_scale, ("loss scale", "mutants", "caught", "at the first draw",
                              *(f"{head} (void)" for head in heads))),
        text.table(by_kind, ("kind of mistake (loss scale 1)", "mutants", *heads)),
        "\n".join(survivors(rows)) or "No survivors.",
    ])  # fmt: skip


def survivors(rows):
    """A line for each mutant that changes a gradient and passes the check."""
    for t, m, vs in rows:
        scales = [f"{s:g}" for s, v in zip(SCALES, vs, strict=True) if v.changed and not v.caught]
        if scales:
            yield f"{t.label}: {m.before} -> {m.after} at scale {', '.join(scales)}"


def alarms(draws, say=print):
    """Right layers, checked at every scale: how many checks and entries, and the false alarms."""
    checks, entries, wrong = 0, 0, []
    for name in zoo.ZOO:
        for k in range(draws):
            for scale in SCALES:
                point = Point(draw(name, 1000 + k), scale, k)
                report = point.report(k)
                checks += 1
                entries += sum(min(a.size, ENTRIES) for a in point.probe.points.values())
                if not report:
                    wrong.append(f"{name}, draw {k}, scale {scale:g}: {report}")
        say(f"{name}: {checks} checks, {entries} entries, {len(wrong)} false alarms", flush=True)
    return "\n".join([f"{checks} checks of right layers: {len(wrong)} false alarms.", *wrong])
