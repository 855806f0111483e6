"""Automatic mutants of the numeric modules, judged by the tests of each module.

The mutants are cosmic-ray's (`automatic.py`). A module's tests are those that call a function of
it, found by running them all once. The nearest are asked first, as many as take QUICK seconds; of
what survives them without a known reason all are asked. All run on the NumPy twins; mutants of
kernels that survive it are compiled, too.
"""

import hashlib
import itertools
import json
import os
import random
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed

from . import forks
from .copies import ROOT, Copy
from .equivalent import CHOSEN, EQUIVALENT
from .survivors import unexplained

MOST = 400  # mutants of a module; of a larger number a sample, drawn with a fixed seed
QUICK = 5  # seconds of tests that a mutant is judged by at first
MODULES = (
    "kernels/*.py core/numeric.py core/tree.py nn/*.py prob/*.py flows/*.py diffusion/*.py "
    "metric/*.py markov/*.py check/*.py training/optimizers.py data/baseline.py "
    "data/quadrature.py data/toys_mixture.py data/toys_checkerboard.py data/toys_rings.py "
    "data/toys_warped.py"
)
TEXT = "__init__.py jit.py heap.py contract.py report.py"  # no numbers in them
OTHER = (  # tests of other things, of whole programs, and of training
    "bench cache check_page cli data_csv diffusion_training floors grader* homework* markov_text "
    "mutation plot readme tutorials"
)
TWINS = {"MINIGEN_BACKEND": "numpy"}, 10  # the environment, and the patience with a test
COMPILED = {"MINIGEN_BACKEND": "", "MINIGEN_CACHE": "compiled"}, 60  # it compiles first


def modules(names=()):
    """The files of MODULES below minigen/, or those among them that are named or in a folder."""
    found = {f for pattern in MODULES.split() for f in (ROOT / "minigen").glob(pattern)}
    kept = sorted(f for f in found if f.name not in TEXT.split())
    files = [f.relative_to(ROOT / "minigen").as_posix() for f in kept]
    return [f for f in files if not names or any(f == n or f.startswith(f"{n}/") for n in names)]


def tests():
    """The test files that may judge, from the root."""
    found = sorted(ROOT.glob("tests/test_*.py"))
    others = [f"test_{name}.py" for name in OTHER.split()]
    return [f"tests/{f.name}" for f in found if not any(f.match(name) for name in others)]


def campaign(files, path):
    """Judge the mutants of these files; the file at `path` keeps a record of each.

    Of a module that is as it was then, those not judged yet are judged, and its survivors that
    nobody has explained again.
    """
    records = read(path)
    with Copy() as copy:
        recorder = forks.recorded(copy.root, tests(), TWINS[0])
    with ProcessPoolExecutor(os.cpu_count(), forks.FORK) as pool:
        asked = {
            pool.submit(judged, f, recorder.tests(f"minigen/{f}"), records.get(f)): f for f in files
        }
        for done in as_completed(asked):
            file, record = asked[done], done.result()
            records[file] = record
            text = json.dumps(dict(sorted(records.items())), indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
            print(file, {k: v for k, v in record.items() if k != "alive"}, flush=True)


def read(path):
    """{file: record} of all campaigns so far."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def judged(file, tests, before=None):
    """The record of a file: how many mutants, judged, stopped by the clock; and the survivors."""
    from .automatic import mutant, places

    text = (ROOT / "minigen" / file).read_text(encoding="utf-8")
    found = list(places(text))
    random.Random(0).shuffle(found)
    record = {"source": digest(text), "mutants": len(found), "judged": len(found[:MOST])}
    mutants = [mutant(text, *place) for place in found[:MOST]]
    judged, alive, hung = 0, [], 0
    if before and before["source"] == record["source"]:
        judged, alive, hung = (before[k] for k in ("judged", "alive", "hung"))
    again = doubtful(file, alive)
    alive = [change for change in alive if change not in again]
    trials = [m for m in mutants[:judged] if m[1] in again] + mutants[judged:]
    quick = nearest(tests, QUICK)
    with Copy() as copy:
        if trials:
            files = sorted(set(map(forks.file_of, tests)))
            forks.passed(copy.root, forks.Judge(quick, TWINS[1]), files, TWINS[0])
        for source, change in trials:
            code = code_of(copy.root, file, source, quick)
            if code in forks.SURVIVES and doubtful(file, [change]):
                code = code_of(copy.root, file, source, tests)
            alive += [change] if code in forks.SURVIVES else []
            hung += code == -signal.SIGPROF
    return record | {"hung": hung, "alive": sorted(alive)}


def doubtful(file, changes):
    """Those of the changes of a file that nobody has explained."""
    return unexplained(changes, EQUIVALENT.get(file, {}), CHOSEN.get(file, {}))


def nearest(tests, seconds):
    """The first of {test: seconds}, as many as take so many seconds together."""
    total = itertools.accumulate(tests.values())
    return dict(item for item, t in zip(tests.items(), total, strict=True) if t <= seconds)


def code_of(root, file, source, tests):
    """The exit code of pytest for a mutant of a file; that of a signal is negative."""
    path = root / "minigen" / file
    path.write_text(source, encoding="utf-8")
    forks.forget(path)
    for how in (TWINS, COMPILED) if file.startswith("kernels/") else (TWINS,):
        code = forks.judged(root, tests, *how)[0]
        if code not in forks.SURVIVES:
            break
    return code


def digest(text):
    """Tells one source from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
