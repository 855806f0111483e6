"""One flipped bit in the cache of compiled kernels: nothing is killed or wrong, and it heals."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from campaigns.kills import child

from minigen.kernels import dense, optimizers, spline


def computed():
    """What three kernels give, as text."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((5, 3))
    dense.bias_relu(a, np.ones(3))
    theta, g, m, v = rng.standard_normal((4, 7))
    optimizers.adam(theta, g, m, v * v, 0.1, 0.001, 0.01, 1e-8)
    y, slope = spline.forward(rng.standard_normal(9), np.exp(rng.standard_normal((9, 11))), 5.0)
    return np.concatenate([a.ravel(), theta, m, y, slope]).tobytes().hex()


def result(folder):
    """What the kernels give in a new process with its cache in `folder`."""
    os.environ["MINIGEN_CACHE"] = str(folder)
    pid, reading = child(lambda pipe: pipe.write(computed()))
    with open(reading, encoding="utf-8") as pipe:
        found = pipe.read()
    return found if os.waitpid(pid, 0)[1] == 0 else "killed"


def contents(folder):
    """{path: bytes} of the files below a folder."""
    paths = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    found = {}
    for path in paths:
        with open(path, "rb") as file:
            found[path] = file.read()
    return found


def flipped(seed, count):
    """A row of `count` trials: a bit of a file is turned, and two processes are started."""
    rng = np.random.default_rng(seed)
    killed = wrong = ill = 0
    with tempfile.TemporaryDirectory() as folder:
        truth = result(folder)
        whole = contents(folder)
        for _ in range(count):
            path = str(rng.choice(list(whole)))
            torn = bytearray(whole[path])
            torn[rng.integers(len(torn))] ^= 1 << int(rng.integers(8))
            with open(path, "wb") as file:
                file.write(torn)
            found = result(folder)
            killed += found == "killed"
            wrong += found not in ("killed", truth)
            healed = contents(folder)
            ill += healed.keys() != whole.keys() or healed[path] == bytes(torn)
            with open(path, "wb") as file:
                file.write(whole[path])
    failed = killed + wrong + ill
    return {"campaign": "one bit of the kernel cache", "trials": count, "failed": failed}


def run(seed, count):
    """Rows {campaign, trials, failed}, of a process in which no kernel has run."""
    tests = str(pathlib.Path(__file__).parent.parent)
    code = f"from campaigns import cache_bits as c; print(c.json.dumps(c.flipped({seed}, {count})))"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([tests, *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", f"import numba; {code}"], env=environment, capture_output=True,
        check=True,
    )  # fmt: skip
    return [json.loads(done.stdout)]
