"""pytest in forks of a process that has imported everything but the package: cheap runs.

A run of pytest spends its first seconds on numpy, scipy and numba. A fork of a process that has
them begins with the package itself. Times are CPU times: a machine that pauses changes nothing.
"""

import contextlib
import gc
import importlib
import multiprocessing
import os
import pathlib
import signal
import sys
import time

import hypothesis
import pytest

FORK = multiprocessing.get_context("fork")
SURVIVES = pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED
NEAREST = 2  # test files
FACTOR = 10  # a test that takes its own seconds as often, and the patience besides, hangs


class Recorder:
    """Notes of each test its seconds and the files whose functions it calls.

    Among them is the file of a dataclass whose `__init__`, which stands in no file, is called.
    """

    def __init__(self):
        self.seconds, self.files, self.modules = {}, {}, ()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        files, start = set(), time.process_time()
        sys.settrace(lambda frame, *_: files.add(frame.f_globals.get("__file__")))
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self.seconds[item.nodeid] = time.process_time() - start
            self.files[item.nodeid] = {os.path.relpath(f) for f in files - {None}}

    def pytest_sessionfinish(self):
        """The names of the modules that are not of the working folder."""
        here = os.getcwd()
        files = {name: getattr(m, "__file__", None) for name, m in sys.modules.items()}
        self.modules = [n for n, f in files.items() if f and not f.startswith(here)]

    def tests(self, file):
        """{test: seconds} of the tests that call a function of a file.

        The first are those that call the fewest other files, and of as many the quickest. A test
        that calls nothing of the package looks at it otherwise, at defaults: it may judge any file.
        """
        ours = {
            test: {f for f in files if f.startswith("minigen")}
            for test, files in self.files.items()
        }
        order = sorted(
            (test for test, files in ours.items() if file in files or not files),
            key=lambda test: (not ours[test], len(ours[test]), self.seconds[test]),
        )
        return {test: self.seconds[test] for test in order}


class Judge:
    """Runs the tests named, the quickest first; a test that hangs ends the process."""

    def __init__(self, tests, patience):
        self.tests, self.patience, self.failed = tests, patience, ""

    def pytest_sessionstart(self):
        quick = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # a failure is not shrunk
        hypothesis.settings.register_profile("quick", hypothesis.settings(), phases=quick)
        hypothesis.settings.load_profile("quick")

    def pytest_collection_modifyitems(self, items):
        chosen = [item for item in items if item.nodeid in self.tests]
        items[:] = sorted(chosen, key=lambda item: self.tests[item.nodeid])

    def pytest_runtest_setup(self, item):
        signal.setitimer(signal.ITIMER_PROF, self.patience + FACTOR * self.tests[item.nodeid])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed = report.nodeid


def run(root, plugin, files, environment):
    """(exit code of pytest in a fork, the plugin as it came back); a signal is negative."""
    ours, theirs = FORK.Pipe(duplex=False)
    child = FORK.Process(target=answer, args=(theirs, root, plugin, files, environment))
    child.start()
    theirs.close()
    with contextlib.suppress(EOFError):
        plugin = ours.recv()
    child.join()
    return child.exitcode, plugin


def answer(pipe, root, plugin, files, environment):
    """In the fork: pytest on the files, in the folder, silently; the plugin goes back."""
    os.chdir(root)
    os.environ.update(environment, PYTHONPATH=str(root), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    sys.path.insert(0, str(root))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *files], plugins=[plugin])
    pipe.send(plugin)
    os._exit(code)


def recorded(root, files, environment):
    """The Recorder of a run of all tests of the files, which must pass.

    What the tests import from elsewhere is then imported here: the next forks have it.
    """
    recorder = passed(root, Recorder(), files, environment)
    for name in recorder.modules:
        with contextlib.suppress(Exception):  # some modules are made by others, not imported
            importlib.import_module(name)
    gc.freeze()  # no fork need look through what is here now
    return recorder


def passed(root, plugin, files, environment):
    """The plugin after a run that must pass, and that leaves the compiled files for the next."""
    sys.dont_write_bytecode = False
    code, plugin = run(root, plugin, files, environment)
    sys.dont_write_bytecode = True  # a mutant may be as long and as old as the one before
    if code not in SURVIVES:
        raise RuntimeError(f"pytest fails without any mutant: exit code {code}")
    return plugin


def judged(root, tests, environment, patience):
    """(exit code, the test that fails) of the tests {name: seconds}, the quickest first.

    To collect all test files takes longer than most mutants live: the first NEAREST go before.
    patience: seconds of CPU for a test besides ten times its own.
    """
    files = list(dict.fromkeys(map(file_of, tests)))
    for some in filter(None, (files[:NEAREST], files[NEAREST:])):
        code, judge = run(root, Judge(tests, patience), some, environment)
        if code not in SURVIVES:
            break
    return code, judge.failed


def file_of(test):
    """The file of a test, from its name."""
    return test.split("::")[0]


def forget(path):
    """Remove the compiled file of a source."""
    for compiled in (path.parent / "__pycache__").glob(f"{pathlib.Path(path).stem}.*"):
        compiled.unlink()
