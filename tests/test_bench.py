"""The measurements measure what they say: the floor's products, the caches' bytes, the ratios."""

import argparse
import importlib
import json
import re
import time

import numpy as np
import peers
import pytest
from test_kernels import COMPILED

from minigen import bench, plot
from minigen.bench import cold, environment, floor, growth, memory, profile, report, timing
from minigen.bench.workloads import minigen_descent, minigen_run, model
from minigen.cli.main import main
from minigen.core import tree

TINY = {
    "real_nvp": bench.Workload("tiny flow", "real_nvp", "step", 4, 2, (8, 8), 16),
    "maf": bench.Workload("tiny MAF", "maf", "step", 4, 2, (8, 8), 16),
    "ddpm": bench.Workload("tiny DDPM", "ddpm", "step", 4, 1, (8,), 16, 10),
    "spline": bench.Workload("tiny spline flow", "neural_spline", "step", 4, 2, (8, 8), 16),
    "iaf": bench.Workload("tiny IAF", "iaf", "step", 4, 2, (8, 8), 16),
}
SAMPLES = (
    bench.Workload("tiny MAF samples", "maf", "sample", 4, 2, (8, 8), 16),
    bench.Workload("tiny DDPM samples", "ddpm", "sample", 4, 1, (8,), 16, 10),
)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Rounds of one call."""
    monkeypatch.setattr(timing, "ROUND", 0.0)


@pytest.mark.parametrize("work", TINY.values(), ids=TINY)
def test_the_floor_has_a_product_for_each_weight_matrix(work, rng):
    """The dense layers of the floor are the matrices of the model."""
    matrices = [a.shape for a in tree.flatten(model(work, rng).params).values() if a.ndim == 2]
    assert sorted(size for size, _ in floor.layers(work)) == sorted(matrices)


@pytest.mark.parametrize("inner, count", [(True, 3), (False, 2)])
def test_the_products_of_a_dense_layer(inner, count):
    products = [*floor.dense(16, 3, 5, True, inner)]
    assert len(products) == count
    for a, b, out in products:
        assert (a.shape[0], b.shape[1]) == out.shape and out.dtype == np.float32


@pytest.mark.parametrize("work", SAMPLES, ids=lambda w: w.name)
def test_a_workload_samples(work):
    assert minigen_run(work)().shape == (16, 4)


def gradient(loss, inputs, given):
    """Its cache, and its gradient as one vector."""
    _, cache = loss.forward(*inputs, **given)
    *_, grads = loss.backward(inputs[0].dtype.type(1), cache)
    return cache, np.concatenate([g.ravel() for g in tree.flatten(grads).values()])


@pytest.mark.parametrize(
    "work", [w for w in bench.WORKLOADS if w.task == "step"], ids=lambda w: w.name
)
def test_float32_gradients_are_those_of_float64(work):
    """To 1e-4 of the norm, in float32 from end to end.

    Not closer, for a unit within rounding of its kink may take the other slope; without one the
    two agree to 2e-6. Fresh parameters are moved a little, their last layers being zero.
    """
    descent, batch, rng = minigen_descent(work)
    descent.theta += 0.02 * rng.standard_normal(descent.theta.shape, dtype=np.float32)
    point = descent.loss.draw(batch, rng)
    double = tree.astype(descent.loss, np.float64)
    cache, g = gradient(descent.loss, *point)
    _, exact = gradient(double, *doubled(point))
    assert {a.dtype.name for _, a in tree.leaves(cache) if np.ndim(a)} <= {"float32", "int64"}
    assert g.dtype == np.float32 and exact.dtype == np.float64
    assert np.linalg.norm(g - exact) < 1e-4 * np.linalg.norm(exact)


def doubled(point):
    """The inputs and the given of a draw, the same numbers in float64."""
    inputs, given = point
    wide = {k: v if v.dtype.kind == "i" else v.astype(np.float64) for k, v in given.items()}
    return [x.astype(np.float64) for x in inputs], wide


def peer(name):
    """The module of a peer, where it is installed."""
    pytest.importorskip(name)
    return importlib.import_module(f"{name}_peer")


@pytest.mark.parametrize("name", peers.PEERS)
@pytest.mark.parametrize("work", TINY.values(), ids=TINY)
def test_a_peer_trains(name, work):
    runs = peer(name).runs(work)
    runs.pop("torch.compile", None)  # the same module, after a minute of compiling
    assert (
        runs
        or (work.model == "ddpm" and name in ("zuko", "nflows"))
        or work.model == "iaf"
        or (work.model == "neural_spline" and name != "zuko")
    )
    for step in runs.values():
        losses = [step() for _ in range(20)]
        assert np.all(np.isfinite(losses))
        assert work.model == "ddpm" or losses[-1] < losses[0]  # its draws differ from step to step


@pytest.mark.parametrize("name", peers.PEERS)
@pytest.mark.parametrize("work", SAMPLES, ids=lambda w: w.name)
def test_a_peer_samples(name, work):
    runs = peer(name).runs(work)
    runs.pop("torch.compile", None)
    for sample in runs.values():
        x = np.asarray(sample())
        assert x.shape == (16, 4) and np.all(np.isfinite(x))


@pytest.mark.parametrize("name", ["torch", "zuko", "nflows"])
@pytest.mark.parametrize("work", [TINY["real_nvp"], TINY["maf"]], ids=lambda w: w.name)
def test_a_peer_has_as_many_parameters(name, work, rng):
    ours = sum(a.size for a in tree.flatten(model(work, rng).params).values())
    assert sum(p.numel() for p in peer(name).model(work).parameters()) == ours


def test_the_floor_takes_the_faster_number_of_threads(monkeypatch):
    runs = [lambda: time.sleep(0.01), lambda: None]
    assert timing.fastest(runs) is runs[1] and timing.fastest(runs[::-1]) is runs[1]


def test_the_bound_is_measured():
    work = bench.Workload("tiny bound", "ddpm", "elbo", 4, 1, (8,), 16, 10)
    assert minigen_run(work)().L.shape == (11,)
    assert [row["name"] for row in bench.measure(work, rounds=2)] == ["floor", "minigen"]


def test_what_makes_measurements_doubtful_is_said(monkeypatch, tiny, capsys):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setattr(environment.os, "getloadavg", lambda: (3.0, 0, 0), raising=False)
    assert main(["bench", "steps", "--rounds", "2"]) == 0
    out, err = capsys.readouterr()
    assert "its load is 3.0" in err and "OPENBLAS_CORETYPE=Haswell is set" in err
    assert ", kernel " in out


def test_rounds_are_taken_in_turn():
    seen = []
    seconds = timing.compare({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, 3)
    assert "".join(seen) == "aabb" + "ab" * 3  # two calls to warm up and to count
    assert {name: s.shape for name, s in seconds.items()} == {"a": (3,), "b": (3,)}


def test_the_bytes_of_a_cache_count_a_block_once():
    a, theta = np.zeros((4, 8)), np.zeros(8)
    cache = (a, (a[:, :2], {"x": [a.T]}), theta[:4], np.zeros(2, np.float32), 7, None)
    assert memory.bytes_of(cache, exclude=theta) == a.nbytes + 8


def test_a_step_keeps_its_caches_and_little_more():
    """Caches, gradients, and a few arrays of one layer."""
    for row in memory.measure():
        adam = 0 if COMPILED else 2 * row["parameters"]  # what its NumPy twin needs besides
        assert row["caches"] < row["peak"] < 2 * (row["caches"] + row["parameters"]) + adam


def test_the_shares_of_a_profile_are_all_of_it(monkeypatch):
    monkeypatch.setattr(profile, "WORKLOADS", tuple(TINY.values()))
    for row in profile.measure():
        assert np.isclose(sum(row[name] for name in profile.KINDS), 1)
    assert profile.kind("/a/minigen/nn/linear.py", "backward") == profile.KINDS[0]
    assert profile.kind("/a/minigen/training/loop.py", "step") == profile.KINDS[2]
    assert profile.kind("/a/minigen/kernels/dense.py", "product") == profile.KINDS[0]
    assert profile.kind("~", "reduce") == profile.KINDS[1]


def test_growth_is_measured_from_the_size_before(monkeypatch):
    monkeypatch.setattr(growth, "SIZES", {"T": [SAMPLES[1], SAMPLES[1]]})
    monkeypatch.setattr(growth.math, "log", lambda x: 1.0)
    first, second = growth.measure(2)
    assert "power" not in first and second["power"] == 1.0


def test_a_cold_start_is_a_median_of_fresh_processes(monkeypatch):
    """Each program runs with the folder that the ones before it filled."""
    program = "import os, pathlib; f = pathlib.Path(os.environ['MINIGEN_CACHE'], 'x'); "
    writes, reads = program + "f.touch()", program + "assert f.exists()"
    monkeypatch.setattr(cold, "PROGRAMS", {"first": writes, "second": reads})
    rows = cold.measure()
    assert [r["what"] for r in rows] == ["first", "second"]
    assert all(r["seconds"] > 0 for r in rows)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(report, "WORKLOADS", tuple(TINY.values()))


def test_bench_prints_ratios_before_times(tiny, capsys):
    assert main(["bench", "steps", "--rounds", "2"]) == 0
    machine, versions, _, head, _, first, second, *_ = capsys.readouterr().out.splitlines()
    assert "cores" in machine and "numpy" in versions
    assert " ".join(head.split()) == "tiny flow x floor quartiles minigen is ms quartiles"
    ratio, quartiles = first.split()[1:3]
    assert (first.split()[0], ratio, quartiles) == ("floor", "1.00", "1.00-1.00")
    assert re.match(r"  minigen(, \d+ threads)? ", second) and "faster" not in second


def test_other_packages_are_measured_beside_it(tiny, monkeypatch, capsys):
    """What `python benchmarks` does, with a package that takes no time."""
    command = importlib.import_module("minigen.cli.bench")
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    args = parser.parse_args(["steps", "--rounds", "2"])
    command.run(args, lambda work: {"other": lambda: None}, ["numpy", "other"])
    out, err = capsys.readouterr()
    assert err.startswith("not installed, not measured: other\n")
    assert "minigen is faster than other in 0 of 5 workloads; slower in tiny flow by" in out


def test_a_machine_without_numba_or_blas_is_described(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(environment.parallel, "kernel", lambda: None)
    facts = bench.machine()
    assert facts["blas"] == "no BLAS" and list(facts["versions"]) == ["minigen"]
    assert "no BLAS" in bench.described(facts)


def test_the_summary_names_the_workloads_that_are_slower():
    rows = [
        {"workload": w, "name": n, "to_minigen": r}
        for w, ratios in {"A": (0.5, 1, 3, 4), "B": (0.4, 1, 2, 0.5)}.items()
        for n, r in zip(("floor", "minigen", "torch", "jax"), ratios, strict=True)
    ]
    assert bench.summary(rows).splitlines() == [
        "minigen is faster than torch in 2 of 2 workloads, by 2.00 to 3.00 x",
        "minigen is faster than jax in 1 of 2 workloads, by 4.00 to 4.00 x; slower in B by 2.00 x",
    ]


def test_slow_rounds_are_few(monkeypatch):
    monkeypatch.setattr(timing, "BUDGET", 0.0)
    assert timing.compare({"a": lambda: None}, 15)["a"].shape == (timing.FEWEST,)


def test_bench_writes_json_and_a_picture(tiny, capsys, tmp_path):
    file = tmp_path / "ratios.png"
    assert main(["bench", "steps", "--rounds", "2", "--json", "--picture", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {r["name"] for r in found["steps"]} == {"floor", "minigen"}
    for r in found["steps"]:
        assert r["ratio_low"] <= r["ratio"] <= r["ratio_high"] and r["ms"] > 0
        assert (r["to_minigen"] == 1) == (r["name"] == "minigen")
    assert found["machine"]["cores"] >= found["machine"]["usable"] >= 1
    assert file.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_section_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", "nothing"])
    assert stop.value.code == 2


def test_the_picture_has_a_dot_for_each_measurement():
    rows = [
        {"workload": w, "name": n, "ratio": r, "ratio_low": r * 0.9, "ratio_high": r * 1.1}
        for w in ("one", "two")
        for n, r in (("floor", 1.0), ("minigen", 1.5), ("torch eager", 6.0))
    ]
    (ax,) = plot.bench(rows).axes
    points = {c.get_label(): c.get_offsets() for c in ax.collections if c.get_offsets().size > 2}
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["minigen", "torch eager"]
    np.testing.assert_allclose(points["minigen"], [[1.5, 0], [1.5, 1]])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["one", "two"]


def test_a_peer_that_fails_is_left_out_with_a_warning():
    def fails():
        raise RuntimeError("no compiler\nand a page about it")

    with pytest.warns(UserWarning, match="compiled is left out: RuntimeError: no compiler$"):
        assert not peers.works("compiled", fails)
    assert peers.works("eager", lambda: None)
