"""Random damage to checkpoints: none loads as something else, none raises anything else."""

import pathlib
import tempfile
import time

import numpy as np

from minigen import training
from minigen.core import tree

from campaigns.crafted import models  # isort: skip


def damaged(whole, rng):
    """A copy with a few bytes changed, removed, inserted, doubled or zeroed, or cut short."""
    torn = bytearray(whole)
    for _ in range(int(rng.integers(1, 4))):
        at, kind = int(rng.integers(len(torn))), int(rng.integers(7))
        n = int(rng.integers(1, 65))
        if kind == 0:
            torn[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            torn[at] = int(rng.integers(256))
        elif kind == 2:
            del torn[at : at + n]
        elif kind == 3:
            torn[at:at] = rng.bytes(n)
        elif kind == 4:
            torn[at : at + n] = bytes(len(torn[at : at + n]))
        elif kind == 5:
            torn[at:at] = torn[at : at + n]
        else:
            del torn[max(at, 1) :]
    return bytes(torn)


def run(seed, count):
    """One row {campaign, trials, failed, seconds, worst}."""
    rng = np.random.default_rng(seed)
    failures, slowest = [], 0.0
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "m.npz"
        whole = {}
        for name, model in models().items():
            training.save(path, model)
            arrays = {n: a.tobytes() for n, (_, a) in tree.arrays(model).items()}
            whole[name] = path.read_bytes(), repr(model), arrays
        for _ in range(count):
            content, text, arrays = whole[str(rng.choice(list(whole)))]
            torn = damaged(content, rng)
            path.write_bytes(torn)
            begun = time.process_time()
            try:
                model = training.load(path)
                found = {n: a.tobytes() for n, (_, a) in tree.arrays(model).items()}
                if repr(model) != text or found != arrays:
                    failures.append("loaded as something else")
            except training.CheckpointError:
                pass
            except BaseException as error:
                failures.append(f"raw {type(error).__name__}: {error}")
            slowest = max(slowest, time.process_time() - begun)
    return [{"campaign": "random corruptions", "trials": count, "failed": len(failures),
             "worst": failures[:10],
             "note": f"slowest {slowest:.3f} s"}]  # fmt: skip
