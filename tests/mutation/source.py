"""Automatic mutants of a module's source by cosmic-ray, judged by that module's tests.

cosmic-ray changes operators, comparisons, numbers, conditions and loops, one place at a time;
strings and messages are not touched. The work is done in a copy. It is not a dependency of the
project: `pip install cosmic-ray` first.
"""

import json
import os
import random
import re
import sqlite3
import subprocess
import sys

from .copies import Copy

ZOO = "tests/test_contract.py -k"
TESTS = {
    "flows/coupling.py": f"tests/test_flows.py {ZOO} 'Coupling or flow or relu'",
    "flows/chain.py": f"tests/test_flows.py {ZOO} 'Chain or flow or real'",
    "flows/maf.py": f"tests/test_maf_iaf.py {ZOO} 'MAF or maf or iaf'",
    "flows/iaf.py": f"tests/test_maf_iaf.py {ZOO} 'IAF or maf or iaf'",
    "flows/elementwise.py": f"tests/test_flows.py {ZOO} 'Affine or Exp or Logit'",
    "prob/gaussian.py": f"tests/test_prob.py {ZOO} 'Gaussian or StandardNormal or prob'",
    "prob/kl.py": f"tests/test_prob.py {ZOO} 'KL or prob'",
    "diffusion/posterior.py": f"tests/test_diffusion.py {ZOO} 'Posterior or diffusion'",
    "diffusion/forward.py": f"tests/test_diffusion.py {ZOO} 'Step or Marginal or diffusion'",
    "metric/triplet.py": f"tests/test_triplet.py {ZOO} 'Triplet'",
}
# an operator stands for its usual confusions, not for bit operations that only raise an error
UNUSUAL = "Replace(Binary|Unary)Operator_.*_(Bit\\w+|LShift|RShift|Mod|FloorDiv|Pow|Invert|Not)$"
LEFT_OUT = [f"core/{UNUSUAL}", "core/RemoveDecorator", "core/ReplaceComparisonOperator_Is.*"]
CONFIG = """[cosmic-ray]
module-path = "minigen/{file}"
timeout = 300.0
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"
"""


def campaign(files, most=24):
    """The report on these files: `most` mutants of each, drawn with a fixed seed."""
    return "\n\n".join(judged(file, most) for file in files or TESTS)


def judged(file, most):
    with Copy() as copy:
        config = copy.root / "mutants.toml"
        text = CONFIG.format(file=file, python=sys.executable, tests=TESTS[file])
        config.write_text(text, encoding="utf-8")
        tool(copy, "init", config.name, "session.sqlite")
        total = thinned(copy.root / "session.sqlite", most)
        tool(copy, "exec", config.name, "session.sqlite")
        lines = tool(copy, "dump", "session.sqlite").splitlines()
    return written(file, total, [json.loads(line) for line in lines])


def tool(copy, *words):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(copy.root), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("MINIGEN_BACKEND", None)
    command = [sys.executable, "-m", "cosmic_ray.cli", *words]
    run = subprocess.run(command, cwd=copy.root, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"cosmic-ray {words[0]}: {run.stdout[-1000:]}{run.stderr[-1000:]}")
    return run.stdout


def thinned(path, most):
    """Leave out operators that are, and keep `most` of the mutants; returns how many there were."""
    with sqlite3.connect(path) as session:
        rows = session.execute("select job_id, operator_name from mutation_specs").fetchall()
        jobs = sorted(j for j, name in rows if not any(re.match(p, name) for p in LEFT_OUT))
        kept = set(random.Random(0).sample(jobs, min(most, len(jobs))))
        gone = [(j,) for j, _ in rows if j not in kept]
        session.executemany("delete from mutation_specs where job_id = ?", gone)
        session.executemany("delete from work_items where job_id = ?", gone)
    return len(jobs)


def written(file, total, results):
    """The part of the report on one file."""
    alive = [(w, r) for w, r in results if r and r["test_outcome"] == "survived"]
    head = (
        f"### {file}\n\n{len(results) - len(alive)} of {len(results)} killed, of {total} mutants."
    )
    blocks = []
    for work, result in alive:
        changed = [x for x in result["diff"].splitlines() if re.match(r"[-+](?![-+])", x)]
        name = work["mutations"][0]["operator_name"]
        blocks.append("\n".join([f"- survives: {name}", "", *(f"      {x}" for x in changed)]))
    return "\n\n".join([head, *blocks])
