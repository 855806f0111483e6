"""Tables on the command line: rows seen and held out, baselines, labels, grids, pictures."""

import json
import re

import numpy as np
import pytest

from minigen import data
from minigen.cli.chapters import MODELS
from minigen.cli.chapters.measures import table_rows
from minigen.cli.datasets import Dataset
from minigen.cli.grid import Grid
from minigen.cli.record import Record, fingerprints, gaussian_nll
from minigen.cli.ties import warnings_of
from minigen.training.checkpoint import load_state

SHORT = ["--steps", 30, "--quiet"]
TRAIN = ["train", "real_nvp", "--data", "flowers.csv", "--drop", "kind", "--out", "m.npz", *SHORT]


@pytest.fixture
def minigen(minigen):
    """Runs a command in an empty folder: (standard output, standard error) of a success."""

    def run(*argv, code=0):
        got, out, err = minigen(*argv)
        assert got == code, err
        return out, err

    return run


@pytest.fixture
def flowers(tmp_path):
    """A table of two columns and a label in words, 120 rows."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 120)
    x = rng.standard_normal((120, 2)) @ [[1, 0.8], [0, 0.3]] + 3 * kind[:, None] + [50, 5]
    lines = [f"{a:.6g},{b:.6g},{'red' if k else 'blue'}" for (a, b), k in zip(x, kind, strict=True)]
    text = "\n".join(["long,wide,kind", *lines]) + "\n"
    (tmp_path / "flowers.csv").write_text(text, encoding="utf-8")
    return x


def test_rows_that_were_seen_are_measured_apart_beside_two_baselines(minigen, flowers):
    minigen(
        "train", "real_nvp", "--data", "flowers.csv", "--drop", "kind", "--out", "m.npz", *SHORT
    )
    out, err = minigen("evaluate", "m.npz", "--data", "flowers.csv", "--json")
    rows = json.loads(out)
    assert [r["measure"] for r in rows] == [
        "NLL, nats: training, 96 rows", "NLL, nats: validation, 12 rows",
        "NLL, nats: held out, 12 rows",
    ]  # fmt: skip
    assert all(set(r["beside"]) == {"full Gaussian", "independent columns"} for r in rows)
    assert all(r["error"] > 0 for r in rows) and "chose when to stop" in err
    assert rows[0]["beside"]["full Gaussian"] < rows[0]["beside"]["independent columns"]


def test_a_row_is_known_again_in_another_file_and_order_of_columns(minigen, flowers, tmp_path):
    minigen(
        "train", "real_nvp", "--data", "flowers.csv", "--drop", "kind", "--out", "m.npz", *SHORT
    )
    lines = (tmp_path / "flowers.csv").read_text(encoding="utf-8").splitlines()
    turned = [",".join((b, a)) for a, b, _ in (line.split(",") for line in lines)]
    (tmp_path / "turned.csv").write_text("\n".join([*turned, "9,60"]), encoding="utf-8")
    rows = json.loads(minigen("evaluate", "m.npz", "--data", "turned.csv", "--json")[0])
    assert [r["measure"][-8:] for r in rows] == [" 96 rows", " 12 rows", " 13 rows"]


def test_a_file_of_its_own_validates(minigen, flowers, tmp_path):
    np.savetxt(
        tmp_path / "new.csv", flowers[:20] + 0.01, delimiter=",", header="long,wide", comments=""
    )
    minigen(
        "train", "real_nvp", "--data", "flowers.csv", "--drop", "kind", "--validation", "new.csv",
        "--test", 0, "--out", "m.npz", *SHORT,
    )  # fmt: skip
    rows = json.loads(minigen("evaluate", "m.npz", "--data", "new.csv", "--json")[0])
    assert [r["measure"] for r in rows] == ["NLL, nats: validation, 20 rows"]
    rows = json.loads(minigen("evaluate", "m.npz", "--data", "flowers.csv", "--json")[0])
    assert [r["measure"] for r in rows] == ["NLL, nats: training, 120 rows"]


@pytest.mark.parametrize("worse", [1.0, -1.0])
def test_a_model_that_is_worse_than_a_baseline_is_said_to_be(capsys, flowers, worse):
    table = data.Table(flowers)
    record = Record.of(table, (), flowers[:80], flowers[80:90])
    dataset = Dataset("x", "table", flowers, None, None, 2, record=record)
    nll = record.baselines(flowers)["full Gaussian"] + worse * np.linspace(0.5, 1.5, 120)
    table_rows("m", dataset, nll)
    err = capsys.readouterr().err
    assert ("held out, the model is worse than full Gaussian by" in err) == (worse > 0)


@pytest.mark.parametrize("model", ["real_nvp", "maf", "transformer_maf", "ddpm"])
def test_a_label_makes_a_conditional_model_and_samples_class_by_class(
    minigen, flowers, tmp_path, model
):
    options = ["--label", "kind", "--out", "m.npz", *SHORT]
    minigen("train", model, "--data", "flowers.csv", *options)
    minigen("evaluate", "m.npz", "--data", "flowers.csv")
    minigen("sample", "m.npz", "-n", 10, "--out", "x.csv")
    lines = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "long,wide,kind"
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == ["blue"] * 5 + ["red"] * 5
    minigen("sample", "m.npz", "-n", 3, "--label", "red", "--out", "x.tsv")
    lines = (tmp_path / "x.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[2] for line in lines] == ["kind", "red", "red", "red"]
    err = minigen("sample", "m.npz", "--label", "green", "--out", "x.csv", code=2)[1]
    assert "--label: expected one of blue, red, got 'green'" in err


def test_an_embedding_of_a_table_needs_its_label_and_measures_the_rows_apart(minigen, flowers):
    said = ["train", "triplet", "--data", "flowers.csv", "--out", "e.npz", *SHORT]
    err = minigen(*said, "--drop", "kind", code=2)[1]
    assert "--label: expected the column of the classes" in err and "upper bound" not in err
    minigen(*said, "--label", "kind", "--plot", "e.png")
    rows = json.loads(minigen("evaluate", "e.npz", "--data", "flowers.csv", "--json")[0])
    parts = "training, 96 rows", "validation, 12 rows", "held out, 12 rows"
    assert [r["measure"] for r in rows] == [f"recall@{k}: {p}" for p in parts for k in (1, 5)]
    assert all(0.9 < r["value"] <= 1 for r in rows[:2])  # classes three deviations apart
    assert all(set(r["beside"]) == {"columns, standardised"} for r in rows)
    err = minigen("sample", "e.npz", "--out", "x.csv", code=2)[1]
    assert "expected a model that can be sampled, got MinedTripletLoss" in err


def test_every_model_but_those_of_pictures_energies_and_text_takes_a_table():
    without = {name for name, m in MODELS.items() if "table" not in m.recipes}
    assert without == {"iaf", "markov", "real_nvp_image", "unet"}


def test_columns_of_a_grid_are_learned_and_sampled_on_it(minigen, tmp_path):
    rng = np.random.default_rng(0)
    k = rng.binomial(6, 0.4, 100)
    x = np.column_stack([k, np.round(k / 5 + rng.random(100), 1), rng.standard_normal(100)])
    np.savetxt(tmp_path / "x.csv", x, "%g", ",", header="a,b,c", comments="")
    err = minigen("train", "maf", "--data", "x.csv", "--out", "p.npz", "--steps", 3)[1]
    assert "a has whole numbers, 0..5: --levels a" in err or "a has whole numbers" in err
    assert "b stands on a grid of 0.1: --levels b" in err and "  c " not in err
    minigen("train", "maf", "--data", "x.csv", "--levels", "a=7,b", "--out", "m.npz", *SHORT)
    minigen("evaluate", "m.npz", "--data", "x.csv")
    minigen("sample", "m.npz", "-n", 50, "--out", "s.csv")
    s = np.loadtxt(tmp_path / "s.csv", delimiter=",", skiprows=1)
    assert set(s[:, 0]) <= set(range(7)) and np.array_equal(s[:, 1], np.round(s[:, 1], 1))
    assert len(set(s[:, 2])) > 45


def test_a_value_above_the_levels_is_refused_by_row_and_column(minigen, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n0,1.5\n3,2.25\n1,4\n", encoding="utf-8")
    err = minigen("train", "maf", "--data", "x.csv", "--levels", "a=3", "--out", "m.npz", code=2)[1]
    assert "x.csv: row 2: expected a in 0..2, got 3" in err
    err = minigen("train", "iaf", "--data", "x.csv", "--out", "m.npz", code=2)[1]
    assert "--data: expected an energy" in err and "for iaf, got a table" in err


def test_a_model_made_of_another_has_seen_the_rows_of_both(minigen, tmp_path):
    """A row that the diffusion model was trained on is not held out for its covariance."""
    x = np.random.default_rng(0).standard_normal((60, 2))
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b", comments="")
    np.savetxt(tmp_path / "y.csv", x, delimiter=",", header="b,a", comments="")
    few = ["--steps", 2, "--quiet", "--test", 0.4, "--validation", 0.2]
    minigen("train", "ddpm", "--data", "x.csv", "--out", "d.npz", *few)
    more = ["--of", "d.npz", "--out", "s.npz", "--seed", 1, *few]
    minigen("train", "covariance", "--data", "x.csv", *more)
    base, made = (Record.from_state(load_state(tmp_path / f"{m}.npz")[1]) for m in "ds")
    assert set(base.seen["training"]) < set(made.seen["training"])
    kept = fingerprints(x[made.parts(x)["held out"]])
    assert 0 < len(kept) < 24
    assert not np.isin(kept, [*base.seen["training"], *base.seen["validation"]]).any()
    _, err = minigen("train", "covariance", "--data", "y.csv", *more, code=2)
    assert "--data: expected the columns of d.npz, a, b, with the same --levels, got b, a" in err


@pytest.mark.filterwarnings("default")
def test_what_python_warns_of_is_a_line_without_its_place_in_the_code(minigen, tmp_path):
    x = np.random.default_rng(0).standard_normal((30, 2))
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="0,1", comments="")
    _, err = minigen("train", "maf", "--data", "x.csv", "--out", "m.npz", *SHORT)
    assert err == "minigen: x.csv:1: 0, 1, ... are taken for column names\n"


def test_validation_rows_that_are_trained_on_are_said(minigen, flowers, tmp_path):
    _, err = minigen(*TRAIN, "--validation", "flowers.csv", "--test", 0)
    assert "flowers.csv: 120 of 120 rows are trained on, too, and cannot tell when to stop" in err


def test_rows_that_repeat_and_a_column_that_counts_are_named():
    x = np.random.default_rng(0).standard_normal((40, 2))
    (said,) = warnings_of(np.concatenate([x, x]), ["a", "b"])
    assert said == "80 rows, 40 of them different: keep one of each"
    (said,) = warnings_of(np.c_[x, np.arange(40)], ["a", "b", "Unnamed: 0"])
    assert said == "Unnamed: 0 counts the rows: --drop 'Unnamed: 0'"


def test_levels_of_one_column_are_given_once():
    with pytest.raises(ValueError, match="--levels: expected each column once, got n twice"):
        Grid.of(np.arange(4.0)[:, None], ["n"], ("n=5", "1=9"))


def test_a_plot_is_written(minigen, flowers, tmp_path):
    options = ["--label", "kind", "--out", "m.npz", "--plot", "m.png", *SHORT]
    minigen("train", "real_nvp", "--data", "flowers.csv", *options)
    minigen("sample", "m.npz", "--data", "flowers.csv", "--out", "s.png")
    for name in ("m.png", "s.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_text_is_sampled_as_text(minigen, tmp_path):
    minigen("train", "markov", "--data", "text", "--out", "m.npz", "--steps", 2, "--quiet")
    minigen("sample", "m.npz", "-n", 2, "--out", "x.txt")
    lines = (tmp_path / "x.txt").read_text(encoding="utf-8").splitlines()
    assert [len(line) for line in lines] == [200, 200] and "e" in lines[0]


BAD = {
    "--label gone": "label: expected a column of flowers.csv: one of long, wide, kind, or a number",
    "--drop kind,gone": "drop: expected a column of flowers.csv",
    "": "flowers.csv:2:3: expected a finite number, got",
    "--drop kind --levels gone": "--levels: expected a column: long, wide, got 'gone'",
    "--drop kind --levels long": "--levels: expected a column whose values are steps of a grid",
    "--drop kind --validation gone.csv": "gone.csv: No such file",
    "--drop kind --validation 0.95": "0.95",
    "--drop kind --validation 1.5": "--validation: expected a share of the rows in 0..0.9, or a",
    "--drop kind --test half": "expected a share in 0..0.9, got half",
    "--drop kind --hidden a": "--hidden: expected 64 or 64,64, got a",
    "--drop kind,long": "flowers.csv: expected at least two columns for real_nvp (maf takes one)",
    "--drop kind --test 2": "expected a share in 0..0.9, got 2",
    "--label kind --header no": "label: expected a column of flowers.csv",
    "--drop kind --patience 0": "expected an integer >= 1, got 0",
    "--drop kind --plot x.pdf": "x.pdf: suffix: expected one of .png",
}


@pytest.mark.parametrize("options", BAD)
def test_what_is_said_of_a_table_is_refused_by_name(minigen, flowers, tmp_path, options):
    argv = ["train", "real_nvp", "--data", "flowers.csv", "--out", "m.npz", *options.split()]
    err = minigen(*argv, code=2)[1]
    assert BAD[options] in err and "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["flowers.csv"]


@pytest.mark.parametrize(
    "head, unit, message",
    [
        ("a,a", 1.0, "t.csv: expected columns of different names, got 'a' twice"),
        ("a,b", 1e200, "t.csv: expected numbers up to 1e.100, .*, got a from -?[0-9.]+e.200 to"),
        ("a,b", 1e-200, "t.csv: expected .* a spread of 1e-100 or more .*, got a from"),
    ],
)
def test_a_table_that_cannot_be_modelled_is_refused_by_column(
    minigen, tmp_path, head, unit, message
):
    x = np.random.default_rng(0).standard_normal((40, 2)) * unit
    lines = [head, *(f"{a:.6g},{b:.6g}" for a, b in x)]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    err = minigen("train", "maf", "--data", "t.csv", "--out", "m.npz", code=2)[1]
    assert re.search(message, err) and "Warning" not in err


def test_a_label_is_chosen_as_it_stands_in_the_file_or_as_a_whole_number(minigen, tmp_path):
    x = np.random.default_rng(0).standard_normal((40, 2))
    lines = ["a,b,c", *(f"{a:.6g},{b:.6g},{k % 2}.0" for k, (a, b) in enumerate(x))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    minigen("train", "maf", "--data", "t.csv", "--label", "c", "--out", "m.npz", "--steps", 1)
    for label in ("1", "1.0"):
        minigen("sample", "m.npz", "-n", 2, "--label", label, "--out", "s.csv")
        rows = (tmp_path / "s.csv").read_text(encoding="utf-8").split()
        assert len(rows) == 3 and rows[1].endswith(",1")


def test_no_line_of_a_table_is_longer_than_a_terminal(minigen, flowers):
    minigen(
        "train", "real_nvp", "--data", "flowers.csv", "--drop", "kind", "--out", "m.npz", *SHORT
    )
    out, _ = minigen("evaluate", "m.npz", "--data", "flowers.csv")
    assert max(map(len, out.splitlines())) <= 80


def test_columns_that_repeat_or_add_up_are_named_with_what_to_do():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 200))
    x = np.column_stack([a, b, a + b, rng.integers(0, 2, 200), np.round(a, 1)])
    said = warnings_of(x, ["a", "b", "total", "coin", "grid"])
    assert said[0].startswith("coin has two values, 0 and 1: --levels coin, --label coin")
    assert said[1].startswith("grid stands on a grid of 0.1: --levels grid")
    assert said[2] == "total follows from a, b: --drop total" and len(said) == 3
    rounded = np.round(x[:, :3], 4)  # each by itself, as a file has them
    assert warnings_of(rounded, ["a", "b", "total"])[-1].startswith("total follows from a, b")


def test_the_gaussian_of_whole_numbers_is_averaged_over_their_noise():
    """Against a Monte Carlo mean over u of the density of x + u."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 4, 50), rng.standard_normal(50)]).astype(float)
    mean, covariance = x.mean(axis=0), np.cov(x, rowvar=False, bias=True)
    found = gaussian_nll(x, mean, covariance, np.array([True, False]))
    u = np.zeros((4000, 1, 2))
    u[:, 0, 0] = (np.arange(4000) + 0.5) / 4000 - 0.5
    S = covariance + np.diag([1 / 12, 0])
    e = x + u - mean
    square = np.einsum("sni,ij,snj->sn", e, np.linalg.inv(S), e).mean(axis=0)
    truth = 0.5 * (square + np.linalg.slogdet(2 * np.pi * S)[1])
    assert np.allclose(found, truth, atol=1e-6)


def test_fingerprints_do_not_depend_on_how_a_row_was_stored(rng):
    x = rng.standard_normal((50, 3))
    assert np.array_equal(fingerprints(x), fingerprints(x.astype(np.float32)))
    assert np.array_equal(fingerprints(x), fingerprints(np.asfortranarray(x)))
    assert len(set(fingerprints(x).tolist())) == 50
    assert fingerprints(np.array([[0.0]])) == fingerprints(np.array([[-0.0]]))


def test_a_grid_there_and_back(rng):
    x = np.column_stack([rng.integers(3, 90, 200) / 10, rng.standard_normal(200)])
    grid = Grid.of(x, ["a", "b"], ["a"])
    k = grid.steps("x", x, ["a", "b"])
    assert np.array_equal(k[:, 0], np.round(k[:, 0])) and k[:, 0].min() >= 0
    assert k[:, 0].max() < grid.levels[0] and grid.levels[1] == 0
    assert np.allclose(grid.values(k), x, atol=1e-12)
