"""Published tables from small files of the same format: rows, columns and preparation."""

import json

import numpy as np
import pytest

from minigen import data
from minigen.cli.main import main


@pytest.fixture
def numbers(tmp_path, rng):
    """A function that writes rows as NAME and gives the path."""

    def write(name, x):
        path = tmp_path / name
        np.save(path, x) if path.suffix == ".npy" else np.savetxt(path, x)
        return path

    return write


def test_power_drops_two_columns_and_adds_noise_narrower_than_the_meters_steps(numbers, rng):
    x = np.round(rng.standard_normal((2000, 8)) * 20, 0)
    t = data.paper_table("power", numbers("data.npy", x))
    assert [len(p) for p in (t.train, t.validation, t.test)] == [1620, 180, 200]
    assert t.features == 6
    seen = np.vstack([t.train, t.validation])
    assert np.allclose(seen.mean(axis=0), 0) and np.allclose(seen.std(axis=0), 1)
    shuffled = x.copy()
    np.random.RandomState(42).shuffle(shuffled)
    back = np.vstack([seen, t.test])
    for k, column, width in [(0, 0, 0.001), (1, 2, 0.01), (2, 4, 1), (5, 7, 0)]:
        first, last = shuffled[[0, 1], column]
        scale = shuffled[:1800, column].std()
        assert abs((back[0, k] - back[1, k]) * scale - (first - last)) < width + 0.02 * abs(
            first - last
        )


def test_gas_drops_the_columns_before_time_and_those_that_repeat_a_later_one(numbers, rng):
    sensors = rng.standard_normal((1000, 16))
    sensors[:, 0] = sensors[:, 5] + 0.01 * rng.standard_normal(1000)
    sensors[:, 3] = -sensors[:, 7]  # anticorrelated: kept
    x = np.hstack([np.arange(3000).reshape(1000, 3), sensors])
    t = data.paper_table("gas", numbers("gas.npy", x))
    assert t.features == 15
    expected = sensors[:, 1:]
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0, ddof=1)
    assert np.allclose(np.vstack([t.train, t.validation, t.test]), expected)


def test_hepmass_keeps_the_signal_and_drops_columns_that_repeat(tmp_path, rng):
    names = ",".join(["label", *(f"f{k}" for k in range(4))])
    for part, n, extra in (("train", 400, 0), ("test", 200, 1)):
        x = rng.standard_normal((n, 4))
        x[:, 2] = np.maximum(x[:, 2], 0)  # discrete at its smallest value
        label = np.arange(n) % 2
        rows = np.column_stack([label, x, *[np.ones(n)] * extra])
        path = tmp_path / f"1000_{part}.csv"
        np.savetxt(path, rows, delimiter=",", header=names, comments="")
    t = data.paper_table("hepmass", tmp_path)
    assert t.features == 3 and [len(p) for p in (t.train, t.validation, t.test)] == [180, 20, 100]
    seen = np.vstack([t.train, t.validation])
    assert np.allclose(seen.mean(axis=0), 0) and np.allclose(seen.std(axis=0, ddof=1), 1)


def test_miniboone_keeps_the_signal_without_outliers_and_columns_that_repeat(tmp_path, rng):
    x = rng.standard_normal((150, 50))
    x[:, 10:17] = np.maximum(x[:, 10:17], 0)
    x[5] = -999
    path = tmp_path / "MiniBooNE_PID.txt"
    np.savetxt(path, x, header="101 49", comments=" ")
    t = data.paper_table("miniboone", path)
    assert t.features == 43 and [len(p) for p in (t.train, t.validation, t.test)] == [81, 9, 10]
    np.save(tmp_path / "clean.npy", np.delete(x[:101], 5, axis=0)[:, [*range(10), *range(17, 50)]])
    again = data.paper_table("miniboone", tmp_path / "clean.npy")
    assert np.allclose(t.train, again.train) and np.allclose(t.test, again.test)


def test_bsds300_is_taken_as_it_stands(tmp_path, rng):
    parts = {p: rng.standard_normal((9, 63)) for p in ("train", "validation", "test")}
    np.savez(tmp_path / "b.npz", **parts)
    t = data.paper_table("bsds300", tmp_path / "b.npz")
    assert np.array_equal(t.train, parts["train"]) and np.array_equal(t.test, parts["test"])
    np.savez(tmp_path / "c.npz", train=parts["train"])
    with pytest.raises(ValueError, match="the arrays train, validation and test, got train"):
        data.paper_table("bsds300", tmp_path / "c.npz")


@pytest.mark.parametrize(("name", "width"), [("power", 9), ("gas", 5), ("miniboone", 50)])
def test_a_table_of_another_width_is_refused(name, width, numbers, rng):
    with pytest.raises(ValueError, match=r"data\.npy: expected .* columns, got shape"):
        data.paper_table(name, numbers("data.npy", rng.standard_normal((30, width))))


def test_training_prints_the_paper_beside_the_test_log_likelihood(
    tmp_path, rng, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.save("mini.npy", rng.standard_normal((300, 43)))
    argv = ["train", "maf", "--data", "miniboone", "--path", "mini.npy", "--out", "m.npz"]
    assert main([*argv, "--steps", "5", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "test log-likelihood" in out and "-11.75" in out and "MAF (5)" in out
    assert main(["evaluate", "m.npz", "--data", "miniboone", "--path", "mini.npy"]) == 0
    out = capsys.readouterr().out
    assert "NLL, nats" in out and "11.75" in out and "-11.75" not in out
    assert main(["evaluate", "m.npz", "--data", "miniboone"]) == 2
    assert "--path: expected where the data of miniboone are" in capsys.readouterr().err
    assert main([*argv[:4], "--out", "n.npz", "--quiet"]) == 2
    assert "--path: expected where the data of miniboone are" in capsys.readouterr().err


def test_a_keel_table_becomes_an_archive_in_two_lines(tmp_path, rng, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body = "".join(f"{a:.4f}, {b:.4f}, {'gh'[k % 2]}\n" for k, (a, b) in
                   enumerate(rng.standard_normal((60, 2))))  # fmt: skip
    (tmp_path / "magic.dat").write_text("@relation magic\n@data\n" + body, encoding="utf-8")
    x, y = data.read_keel("magic.dat")
    np.savez("magic.npz", x=x, y=y)
    assert x.shape == (60, 2) and y[:4].tolist() == [0, 1, 0, 1]
    argv = ["train", "maf", "--data", "magic.npz", "--out", "m.npz", "--steps", "3", "--json"]
    assert main([*argv, "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "maf"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected rows of numbers and a class, got none"),
        ("1,2,a\n1,b\n", ":2: expected 2 numbers and a class, got 2 cells"),
        ("1,2,a\n1,x,b\n", ":2: expected numbers and a class, got 1,x,b"),
        ("@data\n1,nan,a\n", ":2: expected finite numbers"),
    ],
)
def test_a_bad_keel_file_is_refused_by_its_line(tmp_path, text, message):
    (tmp_path / "bad.dat").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        data.read_keel(tmp_path / "bad.dat")


def test_twonorm_is_the_mixture_that_it_is_made_of(rng):
    twonorm = data.Twonorm()
    x, a = twonorm.sample(2000, rng=rng), np.full(20, 2 / np.sqrt(20))
    each = [-(((x - m) ** 2).sum(axis=1) + 20 * np.log(2 * np.pi)) / 2 for m in (a, -a)]
    assert np.allclose(twonorm.log_prob(x), np.logaddexp(*each) - np.log(2))
    assert np.allclose(np.cov(x, rowvar=False), np.eye(20) + np.outer(a, a), atol=0.25)
