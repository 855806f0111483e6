"""A full disk, a file-size limit and a read-only folder, at random moments of what is written.

What there was stays whole, the model is kept elsewhere or both places are named, and no half file
is left. The full disk is a small one in memory, mounted where only the process itself sees it.
"""

import collections
import contextlib
import ctypes
import functools
import io
import os
import pathlib
import sys
import tempfile
import warnings
from dataclasses import replace

import numpy as np
from campaigns.kills import child

from minigen import data, flows, training
from minigen.cli import chapters
from minigen.cli.main import main
from minigen.core import tree
from minigen.homework.wall import ownroot as own

STEPS, DUMPABLE = 12, 4


def arrays(model):
    return {name: a.tobytes() for name, a in tree.flatten(model.params).items()}


def own_disk(folder):
    """An empty disk of 300 kB at `folder`, in namespaces of this process."""
    own.checked(ctypes.CDLL(None).prctl(DUMPABLE, 1, 0, 0, 0), "prctl")  # may name its own users
    uid, gid = os.getuid(), os.getgid()
    own.checked(own.libc.unshare(own.NEWUSER | own.NEWNS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                       ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
        pathlib.Path(f"/proc/self/{name}").write_text(text, encoding="utf-8")
    own.mount("none", str(folder), "tmpfs", own.NOSUID | own.NODEV, "size=300k,mode=700")


def fill(folder, left):
    """Fill the disk until about `left` bytes are free."""
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize > left:
            file.write(bytes(4096))


def limit(folder, left):
    """No file of this process may be longer than `left` bytes."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (left, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def close(folder, left):
    """Nothing can be written into a folder any more, nor into the run's in it."""
    for path in (folder / "m.run", folder / "run", folder):
        if path.exists():
            path.chmod(0o500)


TROUBLES = {"full disk": fill, "file-size limit": limit, "read-only folder": close}


def saved(folder, trouble, at, rng):
    """`save` over an older file."""
    path, new = folder / "m.npz", flows.real_nvp(2, 2, (8,), rng=rng)
    before = path.read_bytes()
    trouble()
    try:
        training.save(path, new)
    except OSError as error:
        if str(path) not in str(error):
            return "unnamed", str(error)
        return "named", "" if path.read_bytes() == before else "the old file is gone"
    return "in place", "" if arrays(training.load(path)) == arrays(new) else "another model"


def fitted(folder, trouble, at, rng):
    """`fit` that keeps its run, and meets the trouble after step `at`."""
    flow, run = flows.real_nvp(2, 2, (8,), rng=rng), folder / "run"

    def watch(step, found):
        if step == at:
            trouble()

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        done = training.fit(flow, data.toy("moons"), rng=rng, steps=STEPS, batch=16,
                            checkpoint=run, checkpoint_every=2, callback=watch)  # fmt: skip
    if done.steps != STEPS:
        return "stopped", f"after {done.steps} steps"
    return kept(flow, run / "model.npz", [str(w.message) for w in said])


def trained(folder, trouble, at, rng):
    """`minigen train` over an older file, with the trouble before it or as its steps begin."""
    path, name = folder / "m.npz", "real_nvp"
    before, model = path.read_bytes(), chapters.MODELS[name]
    seen = []

    def fit(flow, *args, **given):
        seen.append(flow)
        trouble()
        return model.family.fit(flow, *args, **given)

    if at % 2:
        trouble()
    else:
        chapters.MODELS[name] = replace(model, family=replace(model.family, fit=fit))
    command = ["train", name, "--data", "moons", "--steps", "4", "--layers", "1", "--hidden", "8",
               "--quiet", "--out", str(path)]  # fmt: skip
    out, err = io.StringIO(), io.StringIO()
    with (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
          warnings.catch_warnings()):  # fmt: skip
        warnings.simplefilter("always")  # printed, as for a user
        code = main(command)
    text = out.getvalue() + err.getvalue()
    if "Traceback" in text or code not in (0, 1, 2):
        return "raw", text[-300:]
    if code == 0:
        training.load(path)
        return "in place", ""
    if path.read_bytes() != before:
        return "lost", "the old file is gone"
    if not seen or "expected a folder that can be written" in text:
        return "refused before its steps", "" if str(folder) in text else text[-300:]
    return kept(seen[0], path, text.split("\n"))


def kept(model, path, said):
    """Whether a model is at its place, or elsewhere and its place named, or both places named."""
    if not said or not any(line.strip() for line in said):
        return "in place", "" if arrays(training.load(path)) == arrays(model) else "another model"
    places = [line.split("written to ")[1].split()[0] for line in said if "written to " in line]
    found = [pathlib.Path(place) for place in places if pathlib.Path(place).name == path.name]
    if found:
        good = arrays(training.load(found[-1])) == arrays(model)
        return "elsewhere", "" if good else "another model"
    if path.exists() and path.parent.name == "run":
        return "in place", "" if arrays(training.load(path)) == arrays(model) else "another model"
    other = [p for p in pathlib.Path(tempfile.gettempdir()).rglob(path.name)
             if path.parent not in p.parents]  # fmt: skip
    if other:
        return "elsewhere", "" if arrays(training.load(other[-1])) == arrays(model) else "another"
    good = any("; nor " in line and str(path.parent) in line for line in said)
    return "both places named", "" if good else "; ".join(said)[-300:]


ACTIONS = {"save": saved, "fit": fitted, "train": trained}


def tried(folder, kind, action, seed):
    """One trial in this process: (what came of it, what is wrong or "")."""
    rng = np.random.default_rng(seed)
    here, elsewhere = folder / "here", folder / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    if kind == "full disk":
        own_disk(here)
    (here / "run").mkdir()
    tempfile.tempdir = str(here if rng.random() < 0.3 else elsewhere)
    training.save(here / "m.npz", flows.real_nvp(2, 1, (4,), rng=rng))
    left = int(rng.choice([0, rng.integers(1, 40_000)]))
    at = int(rng.integers(1, STEPS + 1))
    what, wrong = ACTIONS[action](here, lambda: TROUBLES[kind](here, left), at, rng)
    strays = [p for place in (here, elsewhere) for p in place.rglob("*.tmp")]
    return what, wrong or (f"stray {strays}" if strays else "")


def reported(work):
    """What a function of no arguments gives in a process of its own: two lines of text."""

    def told(pipe):
        try:
            pipe.write("\n".join(work()))
        except BaseException as error:
            pipe.write(f"raw\n{type(error).__name__}: {error}")

    pid, reading = child(told)
    with open(reading, encoding="utf-8") as pipe:
        what, _, wrong = pipe.read().partition("\n")
    os.waitpid(pid, 0)
    return what, wrong


def run(seed, count):
    """One row of `count` trials of each trouble; no full disk where namespaces are refused."""
    rng, failures = np.random.default_rng(seed), []
    found, trials = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as place:
        no_disk = reported(lambda: ("", str(own_disk(place) or "")))[1]
    kinds = [kind for kind in TROUBLES if kind != "full disk" or not no_disk]
    with tempfile.TemporaryDirectory() as place:
        flow = flows.real_nvp(2, 2, (8,), rng=rng)  # the processes that follow inherit its kernels
        training.fit(flow, data.toy("moons"), rng=rng, steps=2, batch=16, checkpoint=place)
        for kind in kinds:
            for k in range(count):
                folder, one = pathlib.Path(place) / f"{kind}{k}", int(rng.integers(2**32))
                folder.mkdir()
                action = list(ACTIONS)[k % len(ACTIONS)]
                what, wrong = reported(functools.partial(tried, folder, kind, action, one))
                trials += 1
                found[what] += 1
                if wrong or not what:
                    failures.append(f"{kind}, {action}: {what}: {wrong}")
            print(f"{kind}: {dict(found)} {failures}", file=sys.stderr, flush=True)
            for path in pathlib.Path(place).rglob("*"):  # so that they can be removed
                if path.is_dir():
                    path.chmod(0o700)
    return [{"campaign": ", ".join(kinds), "trials": trials,
             "failed": len(failures), "worst": failures[:10],
             "note": ", ".join(f"{n} {what}" for what, n in found.items())}]  # fmt: skip
