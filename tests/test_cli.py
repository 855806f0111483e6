"""The command line: exit codes, one line for each mistake, files that are whole or not there."""

import dataclasses
import functools
import importlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from minigen import load, save
from minigen.cli import chapters, demo, files, results
from minigen.cli.chapter import Chapter, Recipe, Shot, Stage
from minigen.cli.chapters import coupling
from minigen.cli.main import COMMANDS
from minigen.core.validate import InvalidType
from minigen.prob import Gaussian

TINY = ["--steps", "4", "--layers", "2", "--hidden", "8"]


@pytest.fixture
def trained(minigen):
    """Trains a tiny model and returns its file."""

    def run(data, model="real_nvp", out="model.npz"):
        code, _, err = minigen("train", model, "--data", data, "--out", out, *TINY)
        assert code == 0, err
        return out

    return run


def refused(minigen, tmp_path, *argv):
    """The one line with which a command refuses; nothing may have been written."""
    before = sorted(tmp_path.rglob("*"))
    code, out, err = minigen(*argv)
    assert code == 2 and out == "" and "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before
    last = err.strip().splitlines()[-1]
    assert last.startswith("minigen")
    return last


@pytest.mark.parametrize("model", ["real_nvp", "nice"])
def test_train_sample_evaluate_agree_through_files(minigen, trained, model):
    """What `evaluate` prints is the likelihood of the model in the file."""
    file = trained("moons", model)
    assert minigen("sample", file, "-n", 50, "--out", "x.npy")[0] == 0
    x = np.load("x.npy")
    assert x.shape == (50, 2)
    code, out, _ = minigen("evaluate", file, "--data", "x.npy", "--json")
    (row,) = json.loads(out)
    assert code == 0 and row["measure"] == "NLL, nats"
    assert row["value"] == pytest.approx(-load(file).log_prob(x).mean(), rel=1e-6)


def test_the_kl_of_a_toy_is_the_likelihood_above_the_entropy(minigen, trained):
    _, out, _ = minigen("evaluate", trained("moons"), "--data", "moons", "--json")
    entropy, nll, kl = json.loads(out)
    error = 5 * (nll["error"] + kl["error"])
    assert nll["value"] - entropy["value"] == pytest.approx(kl["value"], abs=error)
    assert kl["value"] > 0 and kl["error"] > 0


def test_digits_are_measured_in_bits_beside_the_baselines(minigen, trained):
    file = trained("digits")
    code, out, _ = minigen("evaluate", file, "--data", "digits")
    assert code == 0
    assert "bits/dim" in out and "independent pixels 2.424" in out and "uniform 4.087" in out
    assert minigen("sample", file, "-n", 3, "--out", "x.csv")[0] == 0
    x = np.loadtxt("x.csv", delimiter=",", dtype=np.int64)
    assert x.shape == (3, 64) and x.min() >= 0 and x.max() <= 16


@pytest.mark.parametrize("data", ["moons", "digits"])
def test_samples_as_a_picture(minigen, trained, tmp_path, data):
    assert minigen("sample", trained(data), "-n", 9, "--out", "x.png")[0] == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_bytes(minigen, trained, tmp_path):
    trained("moons", out="a.npz")
    trained("moons", out="b.npz")
    same = ["a.npz", "b.npz"]
    for k, file in enumerate(same):
        minigen("sample", file, "-n", 20, "--out", f"{k}.npy", "--seed", 5)
        minigen("sample", file, "-n", 20, "--out", f"{k}.csv", "--seed", 5)
    minigen("sample", "a.npz", "-n", 20, "--out", "2.npy", "--seed", 6)
    content = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert content["a.npz"] == content["b.npz"]
    assert content["0.npy"] == content["1.npy"] != content["2.npy"]
    assert content["0.csv"] == content["1.csv"]


def test_a_csv_of_ones_own_is_trained_on(minigen, rng):
    np.savetxt("mine.csv", 100 + 5 * rng.standard_normal((60, 3)), delimiter=",")
    argv = ["train", "real_nvp", "--data", "mine.csv", "--out", "m.npz", "--json", *TINY]
    code, out, _ = minigen(*argv)
    facts = json.loads(out)
    assert code == 0 and facts["steps"] == 4 and "best_validation" in facts
    x = load("m.npz").sample(500, rng=rng)
    assert np.all(np.abs(x.mean(axis=0) - 100) < 10)  # in the units of the file


BAD_FILES = {
    "empty.csv": ("", "expected rows of numbers, got an empty file"),
    "ragged.csv": ("1,2\n3,4,5\n", "ragged.csv:2:3: expected as many columns as line 1, 2, got 3"),
    "nan.csv": ("1,2\n3,nan\n", "nan.csv:2:2: expected a finite number, got 'nan'"),
    "narrow.csv": ("1\n2\n3\n", "narrow.csv: expected at least two columns for real_nvp"),
    "constant.csv": ("1,7\n2,7\n3,7\n", "columns that vary"),
    "words.xyz": (
        "hello",
        "--data: expected digits, digits-small, glyphs, text, a file (.csv, .tsv, .npy, .npz,",
    ),
    "words.txt": ("hello", "text: expected at least 5 paragraphs to split, got 1"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_name(minigen, tmp_path, name):
    content, message = BAD_FILES[name]
    (tmp_path / name).write_text(content, encoding="utf-8")
    argv = ["train", "real_nvp", "--data", name, "--out", "m.npz", *TINY]
    assert message in refused(minigen, tmp_path, *argv)


@pytest.mark.parametrize(
    "argv, message",
    [
        ("train real_nvp --data mooons --out m.npz", "got 'mooons'"),
        ("train real_nvp --data gone.csv --out m.npz", "gone.csv: No such file"),
        ("train real_nvp --data moons --out m.npz --layers 0", "expected an integer >= 1, got 0"),
        (
            "train real_nvp --data moons --out m.npz --hidden 8,x",
            "--hidden: expected 64 or 64,64, got 8,x",
        ),
        ("train real_nvp --data moons --out m.npz --lr -1", "expected a number above 0"),
        ("train real_nvp --data moons --out m.txt", "m.txt: suffix: expected one of .npz"),
        ("train real_nvp --data moons --out no/m.npz", "--out: expected a file in an existing"),
        ("train vae --data moons --out m.npz", "no model 'vae'; "),
        ("train rnvp --data moons --out m.npz", "no model 'rnvp'; did you mean real_nvp?"),
        ("train maf --data moon --out m.npz", "did you mean moons?, got 'moon'"),
        ("train maf --data moons --out m.npz --label kind", "--label: expected a table in --data"),
        ("train real_nvp --data moons --out m.npz --seed -1", "expected an integer >= 0"),
        ("sample gone.npz --out x.npy", "gone.npz: No such file"),
        ("sample gone.npz --out x.doc", "x.doc: suffix: expected one of .npy, .csv, .tsv, .png"),
        ("evaluate gone.npz --data moons", "gone.npz: No such file"),
        ("demo --only vae", "invalid choice: 'vae'"),
        ("frobnicate", "invalid choice: 'frobnicate'"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_line(minigen, tmp_path, argv, message):
    assert message in refused(minigen, tmp_path, *argv.split())


def test_data_of_another_shape_is_refused(minigen, trained, tmp_path, rng):
    np.save("three.npy", rng.standard_normal((5, 3)))
    file = trained("moons")
    line = refused(minigen, tmp_path, "evaluate", file, "--data", "three.npy")
    assert line == "minigen: x: expected shape (N, 2), got (5, 3)"
    line = refused(minigen, tmp_path, "evaluate", file, "--data", "digits")
    assert "expected a model of data with 17 levels, got one of continuous levels" in line


def test_a_file_that_is_no_model_is_refused(minigen, tmp_path, rng):
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and then nothing")
    assert "torn.npz: expected an intact minigen checkpoint, got 21 bytes" in refused(
        minigen, tmp_path, "sample", "torn.npz", "--out", "x.npy"
    )
    save("gauss.npz", Gaussian.init(2))
    line = refused(minigen, tmp_path, "sample", "gauss.npz", "--out", "x.npy")
    assert "the class of the model: expected one of Flow" in line


def test_without_a_command_there_is_help(minigen):
    code, out, err = minigen()
    assert code == 0 and out.startswith("usage: minigen") and not err


def test_a_model_of_three_columns_has_a_picture_of_their_pairs(minigen, trained, tmp_path, rng):
    np.save("three.npy", rng.standard_normal((30, 3)))
    assert minigen("sample", trained("three.npy"), "--out", "x.png")[0] == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_setting_that_the_model_lacks_is_refused():
    with pytest.raises(ValueError, match="--layers: expected no such setting for triplet, got 3"):
        Recipe(steps=5).changed("triplet", {"layers": 3})
    assert Recipe(steps=5, layers=2).changed("nice", {"layers": 3, "lr": None}).layers == 3


def test_a_diverging_run_fails_and_leaves_no_file(minigen, tmp_path):
    argv = ["train", "real_nvp", "--data", "moons", "--out", "m.npz", "--lr", "1e30", "--steps", 20]
    with np.errstate(all="ignore"):
        code, _, err = minigen(*argv)
    assert code == 1 and not list(tmp_path.iterdir())
    assert (
        err.startswith("minigen: validation loss inf at step 1: ")
        and " at density." in err
        and err.count("\n") == 1
    )


def test_ctrl_c_ends_quietly_and_leaves_no_file(minigen, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    model = chapters.MODELS["real_nvp"]
    family = dataclasses.replace(model.family, fit=interrupted)
    monkeypatch.setitem(chapters.MODELS, "real_nvp", dataclasses.replace(model, family=family))
    argv = ["train", "real_nvp", "--data", "moons", "--out", "m.npz"]
    assert minigen(*argv) == (130, "", "minigen: interrupted\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [TypeError, ValueError, KeyError])
def test_our_own_mistakes_keep_their_traceback(minigen, monkeypatch, kind):
    """Only the class decides: the words of the message may be those of a refusal."""

    def broken(*args):
        raise kind("b: expected dtype float32, got float64")

    monkeypatch.setattr("minigen.cli.sample.load_state", broken)
    with pytest.raises(kind, match="b: expected dtype"):
        minigen("sample", "x.npz", "--out", "x.npy")


def test_a_refusal_is_exit_code_2_in_any_words(minigen, monkeypatch):
    def refused(*args):
        raise InvalidType("no")

    monkeypatch.setattr("minigen.cli.sample.load_state", refused)
    assert minigen("sample", "x.npz", "--out", "x.npy") == (2, "", "minigen: no\n")


def test_rows_as_csv_are_short(tmp_path):
    path = tmp_path / "x.csv"
    files.write_rows(path, np.array([[1.5, 2.0]]))
    assert path.read_text(encoding="utf-8") == "1.5,2\n"


def test_the_help_of_a_command_is_the_first_line_of_its_module():
    for name, about in COMMANDS.items():
        module = importlib.import_module(f"minigen.cli.{name}")
        assert module.__doc__.splitlines()[0] == about


def test_version_and_help_import_no_model():
    for option in ("--version", "--help"):
        call = f"\ntry:\n    m.main(['{option}'])\nexcept SystemExit:\n    pass\n"
        text = f"import sys, minigen.cli.main as m{call}"
        text += "print('loaded:', *[m for m in sys.modules if m.startswith('minigen.flows')])"
        run = subprocess.run([sys.executable, "-c", text], capture_output=True, encoding="utf-8")
        assert run.stdout.endswith("loaded:\n"), run.stdout + run.stderr


def test_a_tiny_demo_writes_a_report_with_its_pictures(minigen, tmp_path, monkeypatch):
    """Each part of the Real NVP show, with next to no training."""
    monkeypatch.setattr(coupling, "STEPS", dict.fromkeys(coupling.STEPS, (2, 2)))
    short = dict.fromkeys(coupling.GALLERY_STEPS, (2, 2))
    monkeypatch.setattr(coupling, "GALLERY_STEPS", short)
    monkeypatch.setattr("minigen.cli.datasets.TEST_POINTS", 500)
    command = "demo --quick --only real_nvp --jobs 1 --out seen --json"
    code, out, err = minigen(*command.split())
    assert code == 0, err
    page = (tmp_path / "seen" / "report.html").read_text(encoding="utf-8")
    pictures = {p.stem for p in (tmp_path / "seen").glob("*.png")}
    assert {"moons_density", "moons_warp", "moons_training", "digits_samples"} <= pictures
    assert page.count("data:image/png;base64") == len(pictures)
    rows = json.loads(out)["rows"]
    assert (
        json.loads((tmp_path / "seen" / "figures.json").read_text(encoding="utf-8"))["rows"] == rows
    )
    assert {row["data"] for row in rows} >= {"moons", "digits"}
    assert "independent pixels 2.424" in page


def test_a_demo_into_a_file_is_refused(minigen, tmp_path):
    (tmp_path / "seen").write_text("mine", encoding="utf-8")
    assert "--out: expected a folder" in refused(minigen, tmp_path, "demo", "--out", "seen")


def test_a_report_escapes_what_it_quotes(tmp_path, rng):
    from minigen import plot
    from minigen.cli.report import html

    shot = Shot("points", plot.samples(rng.standard_normal((5, 2))), "x < y")
    files.write_picture(tmp_path / "points.png", shot.figure)
    row = results.Row("m", "d", "p(x | y) < 1", 0.25, 0.01, {"floor": 0})
    page = html("a & b", [Chapter("T", "text", (row,), (shot,))], tmp_path)
    assert "p(x | y) &lt; 1" in page and "x &lt; y" in page and "a &amp; b" in page


def test_a_mean_has_the_error_of_its_mean(rng):
    values = rng.standard_normal(400)
    row = results.mean("m", "d", "x", values, {"zero": 0})
    assert row.error == pytest.approx(values.std() / 20)
    assert results.plain([results.Row("m", "d", "x", np.nan)])[0]["value"] is None
    shown = results.text([results.Row("m", "d", "KL", 0.01234, 0.0011, {"perfect": 0})])
    assert "0.0123 +- 0.0011" in shown and "perfect 0" in shown


def test_a_stage_picks_by_its_speed(rng):
    assert Stage(True, rng).pick(4000, 500) == 500
    assert Stage(False, rng).pick(4000, 500) == 4000


def test_each_part_has_random_numbers_of_its_own(minigen, monkeypatch):
    seen = []

    def part(stage):
        seen.append(stage.rng.random())
        return [], []

    class Fake:
        PARTS = part, part

        @staticmethod
        def chapter(parts):
            return Chapter("", "", (), ())

    for only in (["one", "two"], ["two"]):
        monkeypatch.setattr(demo, "CHAPTERS", dict.fromkeys(only, Fake))
        assert minigen("demo", "--jobs", "1")[0] == 0
    assert seen[2:4] == seen[4:] and len(set(seen)) == 4


def test_parts_of_the_demo_are_the_same_in_other_processes(tmp_path, capfd):
    made = []
    for several in (False, True):
        folder = tmp_path / str(several)
        folder.mkdir()
        perform = functools.partial(demo._perform, True, 0, True, folder)
        tasks = [("markov", 0)] * (1 + several)
        parts = demo._by_processes(perform, tasks, 2) if several else map(perform, tasks)
        rows, shots = [*parts][-1]
        made.append((rows, shots, (folder / "transitions.png").read_bytes()))
    assert made[0] == made[1]
    assert capfd.readouterr().err.count("markov on text, 60 steps") == 3


def test_python_m_minigen_is_the_command():
    argv = [sys.executable, "-m", "minigen", "--version"]
    run = subprocess.run(argv, capture_output=True, encoding="utf-8", check=True)
    assert run.stdout.startswith("minigen ")


STOPPED = """
import os, signal, sys
import numpy as np
from minigen.cli.main import main
from minigen.training import loop
step, moment = loop.Descent.step, int(sys.argv[1])
def counted(self, *args):
    if self.steps == moment:
        os.kill(os.getpid(), signal.SIGINT)
    return step(self, *args)
loop.Descent.step = counted
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.kill is another thing here")
def test_a_training_that_was_stopped_goes_on_to_the_same_file(minigen, tmp_path):
    settings = ["real_nvp", "--data", "moons", "--steps", 30, "--layers", 2, "--hidden", 8]
    train = ["train", *settings, "--seed", 3, "--quiet"]
    assert minigen(*train, "--out", "whole.npz")[0] == 0 and not (tmp_path / "whole.run").exists()
    argv = map(str, [sys.executable, "-c", STOPPED, 12, *train, "--out", "m.npz"])
    stopped = subprocess.run(list(argv), capture_output=True, encoding="utf-8")
    assert stopped.returncode == 130 and stopped.stderr.splitlines()[-1] == (
        "minigen: interrupted; m.npz is the best model so far; to go on: "
        "minigen train --out m.npz --resume"
    )
    assert "Traceback" not in stopped.stderr
    assert load("m.npz").features == 2 and (tmp_path / "m.run").is_dir()
    for more, message in [
        (train, "m.run: expected --resume, which goes on with the unfinished run, or --restart"),
        (
            ["train", "--resume", "--lr", 1.0],
            "lr: expected None, that of the run in m.run, got 1.0",
        ),
        (["train", "--resume", "--seed", 4], "seed: expected 3, that of the run"),
        (["train", "maf", "--resume"], "model: expected real_nvp, that of the run"),
    ]:
        code, _, err = minigen(*more, "--out", "m.npz")
        assert code == 2 and message in err
    code, out, _ = minigen("train", "--out", "m.npz", "--resume", "--quiet")
    assert code == 0 and re.search(r"30 steps, [\d.]+ s from step 13 on", out)
    assert (tmp_path / "m.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.npz", "whole.npz"]
    code, _, err = minigen("train", "--out", "m.npz", "--resume")
    assert code == 2 and "--resume: expected an unfinished run in m.run, got none" in err
    code, _, err = minigen("train", "--out", "m.npz")
    assert code == 2 and "model: expected one, got none" in err


def test_the_folder_of_a_run_keeps_what_is_not_of_the_run(minigen, tmp_path):
    """A folder of the user's may have its name: beside a run, before one, and after a mistake."""
    folder, train = tmp_path / "m.run", ["train", "real_nvp", "--data", "moons", "--quiet"]
    small = ["--steps", 3, "--layers", 1, "--hidden", 4, "--out", "m.npz"]
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    for argv, code in [
        ([*train, *small], 0), ([*train, *small, "--restart"], 0),
        (["train", "--out", "m.npz"], 2), ([*train, "--label", "x", *small], 2),
    ]:  # fmt: skip
        assert minigen(*argv)[0] == code
        assert [p.name for p in folder.iterdir()] == ["notes.txt"]
    (tmp_path / "f.run").write_text("mine", encoding="utf-8")
    code, _, err = minigen(*train, "--out", "f.npz")
    assert code == 2 and "f.run: expected a folder for the run, or nothing, got a file" in err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="folders are not locked here")
def test_a_run_that_another_process_trains_is_left_to_it(minigen, tmp_path):
    (tmp_path / "m.run").mkdir()
    code = "from minigen.core import files\nwith files.alone('m.run'):\n print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        for more in ([], ["--restart"]):
            argv = ["train", "real_nvp", "--data", "moons", "--out", "m.npz", "--steps", 3, *more]
            code, _, err = minigen(*argv)
            assert code == 2 and "m.run: expected a folder in which no other process trains" in err
        other.kill()


def test_a_model_that_cannot_be_written_is_written_elsewhere(minigen, tmp_path, monkeypatch):
    """The file became a folder while the model was trained."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    family = chapters.MODELS["real_nvp"].family

    def fit(*args, **options):
        (tmp_path / "m.npz").mkdir()
        return family.fit(*args, **options)

    model = dataclasses.replace(
        chapters.MODELS["real_nvp"], family=dataclasses.replace(family, fit=fit)
    )
    monkeypatch.setitem(chapters.MODELS, "real_nvp", model)
    argv = ["train", "real_nvp", "--data", "moons", "--out", "m.npz", "--steps", 3, "--layers", 1]
    code, out, err = minigen(*argv, "--quiet")
    assert re.search(r"m\.npz: not a regular file; written to .*other", err)
    (found,) = (tmp_path / "other").glob("*/m.npz")
    assert code == 1 and f"written: {found}" in out and load(found).features == 2
