"""The grader: attacks earn nothing and leave nothing, honest files are graded as they deserve."""

import concurrent.futures
import hashlib
import io
import json
import multiprocessing
import os
import pathlib
import pickle
import re
import stat
import zipfile

import numpy as np
import pytest
import test_homework_bank as bank
from test_grader_hostile import HOSTILE
from test_homework import BANKS
from test_homework_coupling import BANK

from minigen import homework
from minigen.homework.grading import grader, gradescope, submissions
from minigen.homework.grading.submissions import Submission
from minigen.homework.handout import variants
from minigen.homework.marking.pairs import PairCheck
from minigen.homework.wall import Limits, Lost, Refused, Worker, frames, process, reached

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
KEY = "spring"
LEVEL = reached()[0]
WALLED = pytest.mark.skipif(LEVEL < 2, reason="needs the wall of level 2")
QUICK = Limits(call=1.0, load=6.0, total=10.0, memory=1024)
VARIANT = variants.drawn(BANK.assignment, KEY)
SAMPLE = (
    "1 patched worker", "2 ndarray subclass", "3 os._exit", "4 a huge frame", "5 descriptors",
    "6 paths", "7 imports", "8 loop", "9 daemon", "10 memory", "11 writes", "12 writes into inputs",
)  # fmt: skip


def honest():
    return bank.header_and(BANK, VARIANT)


def named(name):
    """A file name of UTF-8 bytes, as students' archives have them, in whatever locale."""
    return os.fsdecode(name.encode("utf-8"))


@pytest.fixture
def graded(tmp_path):
    """Grades one file of this text, or files of these texts, as a class of its own."""

    def run(text, out="out", **options):
        texts = text if isinstance(text, dict) else {"a": text}
        (tmp_path / "in").mkdir(exist_ok=True)
        for name, content in texts.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / "in" / f"{name}.py").write_bytes(data)
        options = {"name": "coupling", "isolation": LEVEL, "progress": False} | options
        records = homework.grade(tmp_path / "in", KEY, tmp_path / out, **options)
        return records if isinstance(text, dict) else records[0]

    return run


def place(text, folder):
    """The text of an attack with the paths of this run."""
    paths = {"CHECKOUT": CHECKOUT, "CANARY": "kept/canary.txt", "OUT": "out", "SUBMISSIONS": "in"}
    for word, path in paths.items():
        text = text.replace(word, str(folder / path))
    return text


def prepare(folder, names):
    """A class with attacks among honest files."""
    (folder / "in").mkdir()
    (folder / "kept").mkdir()
    (folder / "kept" / "canary.txt").write_text("the instructor's secret", encoding="utf-8")
    (folder / "in" / "honest.py").write_text(honest(), encoding="utf-8")
    for name in names:
        (folder / "in" / f"{name}.py").write_text(place(HOSTILE[name], folder), encoding="utf-8")
    (folder / "in" / "zz honest.py").write_text(honest(), encoding="utf-8")


def snapshot(folder):
    """The hash of every file but those that any Python process may write beside a module."""
    files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def survivors():
    """Jails and workers that this process, or nobody, is the parent of."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent in (1, os.getpid()) and (b"/jail.py" in text or b"worker.py" in text):
            found.append(text)
    return found


def attack(folder, names, limits=QUICK, seed=5):
    """Grades a class under attack and checks everything that was promised."""
    prepare(folder, names)
    kept = folder / "in", folder / "kept", pathlib.Path(homework.__file__).parent
    before = [*map(snapshot, kept)]
    graded = homework.grade(
        folder / "in", KEY, folder / "out", seed=seed, isolation=LEVEL, limits=limits,
        progress=False,
    )  # fmt: skip
    assert before == [*map(snapshot, kept)]
    by = {r["student"]: r for r in graded}
    for student in ("honest", "zz honest"):
        assert by[student]["earned"] == by[student]["points"], by[student]
    for name in names:
        record = by[name]
        assert record["earned"] == 0, record
        assert not any("LEAK" in m["why"] or "secret" in m["why"] for m in record["marks"]), record
    results = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["submissions"] == graded
    return by


@WALLED
def test_no_attack_earns_a_point_or_leaves_a_trace(tmp_path):
    attack(tmp_path, SAMPLE)
    assert not survivors()


@WALLED
@pytest.mark.parametrize("name", ["8 sleeps, ignoring signals", "8 loop while loading"])
def test_nothing_outlives_its_limit(tmp_path, name):
    record = attack(tmp_path, [name])[name]
    assert any(re.search("no answer within|time or files", m["why"]) for m in record["marks"])
    assert not survivors()


def test_the_wall_asked_for_is_built_or_refused(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(grader, "reached", lambda: (0, "a machine without users"))
    with pytest.raises(Refused, match="isolation: expected a wall of level 1, got 0"):
        homework.grade(tmp_path / "in", KEY, tmp_path / "out", "coupling")
    assert not (tmp_path / "out").exists()


def test_the_level_reached_stands_in_the_record(tmp_path, graded):
    assert graded(honest(), name=None)["level"] == LEVEL
    (page,) = (tmp_path / "out" / "pages").iterdir()
    assert "Graded in" in page.read_text(encoding="utf-8")


def test_the_same_submission_key_and_seed_give_the_same_grade(graded):
    text = honest().replace("dlogdet[:, None]", "2 * dlogdet[:, None]")
    first, second = (graded(text, out, seed=11) for out in ("out0", "out1"))
    assert first == second and 0 < first["earned"] < first["points"]


def test_a_stopped_run_goes_on_and_a_changed_record_is_found_out(tmp_path, graded, monkeypatch):
    texts = dict.fromkeys(("a", "b"), honest())
    first = graded(texts)
    path = tmp_path / "out" / "records" / f"{Submission('a').id}.json"
    path.write_text(json.dumps(first[0] | {"earned": 999}), encoding="utf-8")
    marked, marks = [], grader._Run.marks
    monkeypatch.setattr(
        grader._Run, "marks", lambda r, s, v: marked.append(s.student) or marks(r, s, v)
    )
    assert graded(texts) == first
    assert marked == ["a"]


def looked(folder):
    """What the submissions in a folder are."""
    with submissions.Looker(LEVEL, Limits(), "coupling") as looker:
        return [looker.look(entries) for entries in submissions.find(folder)]


BROKEN = {
    "syntax error": ("def f(:\n", "SyntaxError"),
    "import error": ("import torch\n", "No module named 'torch' -- only NumPy|No module named"),
    "deep nesting": ("(" * 5000 + ")" * 5000, "could not be loaded"),
    "null bytes": ("x = 1\0\n", "save it in UTF-8"),
    "not UTF-8": ("\xff\xfe", "save it in UTF-8"),
    "empty": ("", "defines no function|returned no cache"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_so(graded, name):
    text, says = BROKEN[name]
    record = graded(text.encode("latin-1"))
    assert record["earned"] == 0
    assert all(re.search(says, m["why"]) for m in record["marks"]), record


def test_parts_that_are_right_keep_their_points(graded):
    backward = "def coupling_backward(dy, dlogdet, cache)"
    record = graded(honest().replace(backward, "def coupling_backward(dy)"))
    right = {m["part"] for m in record["marks"] if m["earned"]}
    assert right == {"coupling_forward", "coupling_inverse", "nvp6", "nvp6_counterexample"}
    assert any("takes 1 positional argument" in m["why"] for m in record["marks"])


def test_files_folders_and_zips_are_read_and_nothing_is_unpacked(tmp_path):
    (tmp_path / "one.py").write_text("1", encoding="utf-8")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "coupling.py").write_text("2", encoding="utf-8")
    (tmp_path / "two" / "helper.py").write_text("x", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "three.zip", "w") as z:
        z.writestr("../../coupling.py", "3")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("coupling.py", "0" * (1 << 24))
    link = zipfile.ZipInfo("coupling.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as z:
        z.writestr(link, "/etc/passwd")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    (tmp_path / "book.ipynb").write_text("{}", encoding="utf-8")
    found = {s.student: s for s in looked(tmp_path)}
    assert [found[n].source for n in ("one", "two", "three")] == [b"1", b"2", b"3"]
    assert all(found[n].problem for n in ("bomb", "link", "broken", "book"))
    assert not (tmp_path.parent.parent / "coupling.py").exists()


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
def test_links_and_pipes_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.py").write_text("secret", encoding="utf-8")
    (tmp_path / "in" / "a.py").symlink_to(tmp_path / "secret.py")
    (tmp_path / "in" / "b").mkdir()
    (tmp_path / "in" / "b" / "coupling.py").symlink_to(tmp_path / "secret.py")
    os.mkfifo(tmp_path / "in" / "c.py")
    assert all(s.problem and not s.source for s in looked(tmp_path / "in"))


def test_a_page_escapes_what_the_student_wrote(tmp_path, graded):
    graded("def coupling_forward(*a):\n    raise ValueError('<script>alert(1)</script>')\n")
    (path,) = (tmp_path / "out" / "pages").iterdir()
    page = path.read_text(encoding="utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_worker_knows_only_numpy():
    source = b"""
import sys
def f(x):
    assert not [m for m in sys.modules if m.split(".")[0] in ("minigen", "scipy", "pytest")]
    return x
"""
    with Worker(LEVEL, Limits()) as worker:
        worker.load(source)
        status, (x,) = worker.ask(frames.CALL, "f", [np.ones(2)])
    assert status == frames.DONE and np.array_equal(x, np.ones(2))


def test_without_fork_there_is_still_a_process_and_a_deadline(monkeypatch):
    monkeypatch.setattr(process, "POSIX", False)
    with Worker(0, Limits(load=60.0)) as worker:
        assert worker.load(b"x = 1") == (frames.DONE, [])
    with Worker(0, Limits(load=2.0)) as worker, pytest.raises(Lost, match="no answer within"):
        worker.load(b"while True: pass")


@pytest.mark.parametrize(
    "body", [b"", b"x" * 15, b"x" * 16 + b"\x09\0\0", b"x" * 16 + b"\0\x01\0d"]
)
def test_a_response_that_is_none_is_garbled(body):
    with pytest.raises(frames.Garbled):
        frames.response(body, b"x" * 16)


def test_no_claim_of_a_response_is_believed(rng):
    """Random changes of a right response give arrays within the cap, or Garbled."""
    nonce = b"n" * 16
    good = nonce + b"\0\x02\0" + frames.item(np.ones((2, 3))) + frames.item(np.arange(4))
    assert [v.shape for v in frames.response(good, nonce)[1]] == [(2, 3), (4,)]
    for _ in range(3000):
        body = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            body[rng.integers(16, len(body))] = rng.integers(256)
        try:
            _, values = frames.response(bytes(body), nonce)
        except frames.Garbled:
            continue
        assert sum(np.asarray(v).nbytes for v in values) <= len(good) + 64


@pytest.mark.parametrize("name", ["", "f", "fo", "foo", "four"])
def test_arrays_out_of_a_frame_are_aligned(name):
    """Compiled kernels may read them by instructions that need it, wherever they stood."""
    nonce = b"n" * 16
    items = [np.frombuffer(name.encode(), np.uint8), np.arange(3.0), np.ones(2) * 1j]
    body = nonce + b"\0\x03\0" + b"".join(map(frames.item, items))
    _, (_, *values) = frames.response(body, nonce)
    assert all(v.flags.aligned for v in values)
    assert np.vdot(values[0], values[0]) == 5


def test_the_wheels_metadata_is_the_installed_text():
    """As a message of `email` its description becomes a header of many lines."""
    name, data = gradescope.wheel()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (found,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        text = archive.read(found).decode()
        assert not any("__pycache__" in n for n in archive.namelist())
    headers = text.split("\n\n")[0].splitlines()
    assert all(re.match(r"[A-Za-z-]+: |\s", line) for line in headers)
    assert name.endswith("-py3-none-any.whl") and "Requires-Dist: numpy" in text


def test_gradescope_gets_a_results_file_and_a_bundle(tmp_path, graded):
    record = graded({"coupling": honest()}, single=True)[0]
    results = json.loads(gradescope.results(record))
    assert results["score"] == sum(t["score"] for t in results["tests"]) == record["points"]
    assert {t["status"] for t in results["tests"]} == {"passed"}
    path = homework.bundle("coupling", KEY, tmp_path / "autograder.zip")
    with zipfile.ZipFile(path) as z:
        names = z.namelist()
        wheel = next(n for n in names if n.endswith(".whl"))
        with zipfile.ZipFile(z.open(wheel)) as w:
            inside = w.namelist()
    assert {"setup.sh", "run_autograder", "key.txt"} <= set(names)
    parts = ("wall/jail.py", "sources/coupling.py.in", "sources/coupling.toml")
    assert {f"minigen/homework/{part}" for part in parts} <= set(inside)
    assert not any("tests/" in n for n in inside)
    with pytest.raises(FileExistsError):
        homework.bundle("coupling", KEY, path)


def test_a_fault_of_the_checker_costs_one_task_and_no_run(graded, monkeypatch):
    monkeypatch.setattr(PairCheck, "run", lambda self: 1 / 0)
    record = graded(honest())
    failed = {m["part"] for m in record["marks"] if "the checker failed here: ZeroDiv" in m["why"]}
    assert failed == {m["part"] for m in record["marks"] if not m["earned"]}
    assert record["earned"] == 6


def test_a_wrong_gradient_costs_its_own_points_and_no_others():
    for name, mistake, lost in (
        ("coupling", "sign of dx", {"dx"}),
        ("autoregressive", "no mask going back", {"dx", "dz"}),
        ("markov", "sign of da", {"da"}),
        ("diffusion", "sign of dbeta", {"dbeta"}),
    ):
        (wrong,) = (w for w in BANKS[name].wrong if w.name == mistake)
        _, found = bank.check_wrong(BANKS[name], wrong)
        assert {part.split()[-1] for part in found} == lost


def test_any_executor_gives_the_same_marks(graded):
    """Other processes, and an executor that does each task when it is given."""

    class Here(concurrent.futures.Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = concurrent.futures.Future()
            future.set_result(fn(*pickle.loads(pickle.dumps(args))))
            return future

    texts = {"right": honest(), "empty": "", "wrong": honest().replace("exp", "sin")}
    options = {"seed": 3, "limits": QUICK}
    want = graded(texts, "pool", **options)
    assert graded(texts, "here", executor=Here(), **options) == want
    fresh = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, fresh) as pool:
        assert graded(texts, "processes", executor=pool, **options) == want
    with pytest.raises(TypeError, match="executor: expected a concurrent"):
        graded(texts, "none", executor=3)


def test_a_worker_without_the_wall_of_the_run_ends_it(graded, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(Refused, match="on every worker, got -1"):
        calls = iter([(LEVEL, ""), (-1, "no wall")])
        patched.setattr(grader, "reached", lambda: next(calls))
        graded(honest(), jobs=1)
