"""Situations of users, each with its right answer: units, supports, tables, conditions, starts."""

import warnings

import numpy as np
import pytest

import minigen as mg
from minigen.core.validate import InvalidInput

ENTROPY = 1 + np.log(2 * np.pi) + np.log(0.3)  # of `bent`


def bent(r, n):
    a = r.standard_normal((n, 2))
    a[:, 1] = a[:, 0] ** 2 + 0.3 * a[:, 1]
    return a


def test_a_density_does_not_change_when_a_column_is_shifted():
    """Julian days: single precision only after the mean is subtracted."""
    b = bent(np.random.default_rng(0), 600) * [0.05, 1]
    nll, kinds = [], []
    for x in (b, b + np.array([2460000.75, 0])):
        r = np.random.default_rng(1)
        options = {"activation": "tanh", "before": (mg.flows.Affine.standardize(x),)}
        f = mg.flows.real_nvp(2, 8, (32,), rng=r, init_from=x, **options)
        mg.fit(f.nll, x[:540], validation=x[540:], steps=100, rng=r)
        s = f.sample(2000, rng=r)
        nll.append(-f.log_prob(x).mean())
        kinds.append(len(np.unique(s[:, 0])))
        assert abs(s[:, 0].mean() - x[:, 0].mean()) < 0.2 * x[:, 0].std()
    assert abs(nll[0] - nll[1]) < 0.02 and min(kinds) > 1900


def test_labels_of_a_shuffled_table_are_positions():
    pd = pytest.importorskip("pandas")
    df = pd.DataFrame({"f": np.arange(60.0), "label": np.arange(60) % 4})
    df = df.sample(frac=1, random_state=0)
    for x, y in ((df[["f"]].to_numpy(), df["label"]), (df[["f"]], df["label"].tolist())):
        x, y = mg.metric.Balanced(x, y).sample(16, rng=np.random.default_rng(0))
        assert np.array_equal(y, np.asarray(x)[:, 0].astype(int) % 4)


def test_a_table_is_data_though_it_has_a_method_sample():
    pd = pytest.importorskip("pandas")
    r = np.random.default_rng(0)
    df = pd.DataFrame(r.standard_normal((300, 2)), columns=["height", "weight"])
    f = mg.flows.real_nvp(2, rng=r, before=(mg.flows.Affine.standardize(df),))
    assert mg.fit(f.nll, df, validation=df, steps=3, rng=r).steps == 3


def test_diffusion_data_far_from_unit_scale_are_said_before_training():
    r = np.random.default_rng(0)
    x = bent(r, 400) * 50 + 128
    d = mg.diffusion.ddpm(2, mg.diffusion.cosine_schedule(100), hidden=16, blocks=1, rng=r)
    with pytest.warns(UserWarning, match=r"scale.*init_from"):
        mg.fit(d, x, steps=1, rng=r)
    d = mg.diffusion.ddpm(
        2, mg.diffusion.cosine_schedule(100), hidden=16, blocks=1, rng=r, init_from=x
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mg.fit(d, x, steps=1, rng=r)


def test_a_mixture_base_sees_the_context():
    """Group 0 is N(0, 1), group 1 has bumps at -3 and 3."""
    r = np.random.default_rng(1)
    c, s = r.integers(0, 2, (6000, 1)), r.choice([-3, 3], (6000, 1))
    noise = r.standard_normal((6000, 1))
    x = np.where(c == 0, noise, s + 0.3 * noise)

    def normal(m, s):
        return -0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)

    two = np.logaddexp(normal(-3, 0.3), normal(3, 0.3)) - np.log(2)
    truth = -np.where(c == 0, normal(0, 1), two).mean()
    r = np.random.default_rng(0)
    f = mg.flows.maf_mog(1, 2, (32,), context=1, rng=r, init_from=x)
    mg.fit(f.nll, (x, c), steps=1500, lr=5e-3, rng=r)
    assert -f.log_prob(x, c).mean() < truth + 0.05


def test_a_conditional_density_is_not_sampled_without_its_context():
    m = mg.flows.MADEMoG.init(2, (64,), 4, context=3, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="context"):
        m.sample(200, rng=np.random.default_rng(0))


@pytest.mark.filterwarnings("error")
def test_outside_the_support_the_density_is_0():
    before = (mg.flows.Logit(bins=1.0),)
    f = mg.flows.real_nvp(2, rng=np.random.default_rng(0), before=before)
    p = f.log_prob([[0.5, 0.5], [-0.1, 0.5], [1.2, 0.5]])
    assert np.isfinite(p[0]) and np.isneginf(p[1:]).all()
    with pytest.raises(ValueError, match=r"\[1.0, 0.5\] in row 1"):
        mg.fit(f.nll, [[0.5, 0.5], [1.0, 0.5]], steps=1, rng=np.random.default_rng(0))


def test_a_conditional_iaf_is_trained_by_amortised_inference():
    r = np.random.default_rng(0)
    q = mg.flows.iaf(2, context=3, rng=r)
    c = np.eye(3)[r.integers(0, 3, 64)]
    assert mg.fit(q.reverse_kl(mg.flows.energy("ring")), c, steps=2, rng=r).steps == 2


@pytest.mark.parametrize("way", ["data", "validation", "init_from"])
@pytest.mark.parametrize("model", ["flow", "ddpm"])
def test_a_row_at_the_edge_of_the_support_is_named_whatever_it_is_for(way, model):
    rng = np.random.default_rng(0)
    good = np.exp(rng.standard_normal((40, 2)))
    bad = good.copy()
    bad[7, 1] = 0
    use = {"data": good, "validation": good, "init_from": good} | {way: bad}
    log = mg.flows.Inverse(mg.flows.Exp())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"inside the support .* in row 7"):
            options = {"before": (log,), "init_from": use["init_from"], "rng": rng}
            if model == "flow":
                loss = mg.flows.maf(2, 1, (8,), **options)
            else:
                schedule = mg.diffusion.cosine_schedule(10)
                loss = mg.diffusion.ddpm(2, schedule, hidden=8, blocks=1, **options)
            mg.fit(loss, use["data"], validation=use["validation"], steps=1, rng=rng)


FAR = [(0, 300.0), (1, 1e-4), (2, 1e9)]


@pytest.mark.parametrize("column, unit", FAR)
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_column_that_is_far_from_unit_scale_is_the_one_that_is_named(column, unit, layers):
    """Couplings mix the order of the columns; the data are cast only after they are described."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    x[:, column] = x[:, column] * unit + (1e9 if unit == 1e9 else 0)
    flow = mg.flows.real_nvp(3, layers, (8,), rng=rng)
    told = rf"data: column {column} has mean .* deviation {x[:, column].std():.3g}, "
    with pytest.warns(UserWarning, match=told.replace("+", r"\+")):
        mg.fit(flow.nll, x, steps=1, clip=1.0, rng=rng)


def test_a_sampler_far_from_unit_scale_is_said_to_be():
    rng = np.random.default_rng(0)

    class Days:
        def sample(self, n, *, rng):
            return rng.standard_normal((n, 2)) + np.array([0, 2460000])

    with pytest.warns(UserWarning, match=r"data: column 1 has mean 2\.46e\+06"):
        mg.fit(mg.flows.maf(2, 1, (8,), rng=rng).nll, Days(), steps=1, clip=1.0, rng=rng)


def test_a_column_that_stands_twice_is_not_called_far_from_unit_scale():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 1)) @ [[1, 1]]
    flow = mg.flows.maf(2, 1, (8,), rng=rng, before=(mg.flows.Whiten.init_from(x),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mg.fit(flow.nll, x, steps=1, rng=rng)


UNFIT = {
    "a base of other columns": (
        lambda rng: mg.flows.maf(2, rng=rng, base=mg.prob.StandardNormal(3)),
        "base: expected a density of 2 columns, got one of 3",
    ),
    "a loss as a base": (
        lambda rng: mg.flows.maf(2, rng=rng, base=mg.flows.maf(2, rng=rng).nll),
        "base: expected a Density or None, got NLL, a Loss",
    ),
    "a map as a density": (
        lambda rng: mg.flows.NLL(mg.flows.Exp()),
        "density: expected a Density, got Exp, a Bijection",
    ),
    "a target of other columns": (
        lambda rng: mg.flows.iaf(2, rng=rng).reverse_kl(mg.prob.StandardNormal(3)),
        "target: expected a density of 2 columns, got one of 3",
    ),
    "a target of another context": (
        lambda rng: mg.flows.iaf(2, rng=rng).reverse_kl(mg.flows.maf(2, context=3, rng=rng)),
        "target: expected a density with a context of 0 columns, or none, got one of 3",
    ),
    "a log-normaliser of other columns": (
        lambda rng: mg.flows.log_normalizer(
            mg.flows.iaf(3, rng=rng), mg.flows.energy("ring"), rng=rng
        ),
        "target: expected a density of 3 columns, got one of 2",
    ),
    "a base of another context": (
        lambda rng: mg.flows.maf(
            2, context=2, rng=rng, base=mg.flows.MADEMoG.init(2, (8,), 3, context=3, rng=rng)
        ),
        "base: expected a context of 2 columns, as the chain has, or none, got one of 3",
    ),
    "maps of other columns": (
        lambda rng: mg.flows.maf(2, rng=rng, before=(mg.flows.ActNorm.init(4),)),
        r"before\[0\]: expected a map of 2 columns, got ActNorm, which fails on such a row",
    ),
    "maps of other columns before a diffusion model": (
        lambda rng: mg.diffusion.ddpm(2, rng=rng, before=(mg.flows.ActNorm.init(4),)),
        r"before\[0\]: expected a map of 2 columns, got ActNorm, which fails on such a row",
    ),
    "a density as a loss": (
        lambda rng: mg.fit(mg.flows.MADEMoG.init(2, (8,), 3, rng=rng), np.eye(2), rng=rng),
        "loss: expected a Loss, or a model with one, got MADEMoG",
    ),
    "a tuple of one": (
        lambda rng: mg.fit(
            mg.diffusion.ddpm(2, hidden=8, blocks=1, classes=2, rng=rng), (np.eye(2),), rng=rng
        ),
        r"data: expected pairs \(x, label\), the model has classes, got x alone",
    ),
    "labels that nobody wants": (
        lambda rng: mg.fit(
            mg.diffusion.ddpm(2, hidden=8, blocks=1, rng=rng), (np.eye(9, 2), range(9)), rng=rng
        ),
        r"label: expected none \(the model has no classes\), got an array of shape \(9,\)",
    ),
    "a context by name": (
        lambda rng: mg.flows.maf(2, context=1, rng=rng).sample(3, context=np.ones((3, 1)), rng=rng),
        r"Flow.sample\(\): context is given by its place, without context=",
    ),
    "a third array": (
        lambda rng: mg.fit(
            mg.diffusion.ddpm(2, hidden=8, blocks=1, rng=rng), (np.eye(2),) * 3, rng=rng
        ),
        "data: expected x alone, got a tuple of 3",
    ),
}


@pytest.mark.parametrize("make, message", UNFIT.values(), ids=UNFIT.keys())
def test_what_does_not_fit_a_model_is_refused_by_name(make, message):
    with pytest.raises(InvalidInput, match=message):
        make(np.random.default_rng(0))


def test_the_start_is_a_candidate():
    """60 rows of N(0, I): what `fit` keeps is on new data no worse than what it was given."""
    rng = np.random.default_rng(0)
    x, new = rng.standard_normal((60, 6)).astype("f4"), rng.standard_normal((5000, 6))
    flow = mg.flows.real_nvp(6, rng=rng)
    before = -flow.log_prob(new).mean()
    mg.fit(flow.nll, x[:54], validation=x[54:], steps=300, rng=rng, progress=False)
    assert -flow.log_prob(new).mean() < before + 0.1


def test_a_mistyped_option_is_answered_with_the_function_and_the_option():
    with pytest.raises(TypeError, match=r"real_nvp.*activaton.*activation"):
        mg.flows.real_nvp(2, rng=np.random.default_rng(0), activaton="tanh")  # type: ignore[call-arg]


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_units_as_large_or_small_as_double_precision_has(unit):
    x = bent(np.random.default_rng(0), 200)
    plain, scaled = (
        mg.flows.real_nvp(2, 2, (8,), rng=np.random.default_rng(1), init_from=s * x)
        for s in (1.0, unit)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logp = scaled.log_prob(unit * x) + 2 * np.log(unit)
        assert np.allclose(plain.log_prob(x), logp, atol=1e-3)
        far = plain.log_prob([[1e30, 0.0], [1e200, 0.0], [0.0, 0.0]])
    assert np.isneginf(far[:2]).all() and np.isfinite(far[2])
    with pytest.raises(ValueError, match="in row 0"):
        rows = np.array([[1e200, 0.0], [0.0, 0.0]])
        mg.fit(plain.nll, rows, steps=1, rng=np.random.default_rng(0))
