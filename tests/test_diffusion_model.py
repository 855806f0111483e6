"""What a model does with batches, labels, fewer steps and guidance, and what its losses are."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from test_diffusion import small

from minigen import check, flows, load, save
from minigen import diffusion as df
from minigen.core.contract import Layer
from minigen.diffusion.network import TimeNet
from minigen.training import fit


def batch(rng, n=6):
    """x0, t and eps of n rows."""
    x0, eps = rng.standard_normal((2, n, 2))
    return x0, {"t": rng.integers(1, 21, n), "eps": eps}


def squares(model, x0, t, eps, label=None):
    """|target - out|^2 of each row, by the formula of what is predicted ("v")."""
    A, rest = (c[t, None] for c in (model.schedule.alpha_bar, model.schedule.one_minus_alpha_bar))
    out, _ = model.reverse.prediction(np.sqrt(A) * x0 + np.sqrt(rest) * eps, t, label)
    return ((np.sqrt(A) * eps - np.sqrt(rest) * x0 - out) ** 2).sum(axis=1)


@pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 1.0, 0.0, 3.0, 0.1])])
def test_the_losses_are_the_means_that_their_pages_say(weight, rng):
    """Simple, bound and hybrid by their formulas: row by row, weights and all."""
    model = small(rng, variance="learned")
    x0, given = batch(rng)
    w, T = np.ones(6) if weight is None else weight, 20
    e2, mean = squares(model, x0, **given), rng.standard_normal((6, 2))
    L = df.StepTerm(model.reverse).forward(x0, **given)[0]
    xt = df.q_sample(model.schedule, x0, given["eps"], given["t"])
    logvar = model.reverse.forward(xt, t=given["t"])[1]
    stopped = model.reverse.term.forward(x0, xt, mean, logvar, t=given["t"])[0]
    last = df.PriorTerm(model.schedule).forward(x0)[0]
    simple = df.SimpleLoss(model, df.Uniform(20)).forward(x0, weight=weight, **given)[0]
    assert simple == pytest.approx(np.mean(w * e2), rel=1e-12)
    whole = df.BoundLoss(model, df.Uniform(20)).forward(x0, weight=weight, **given)[0]
    assert whole == pytest.approx(np.mean(w * T * L + last), rel=1e-12)
    hybrid = df.HybridLoss(model, df.Uniform(20), 0.02).forward(
        x0, weight=weight, mean=mean, **given
    )[0]
    assert hybrid == pytest.approx(np.mean(w * (e2 + 0.02 * T * stopped)), rel=1e-12)


def test_the_share_of_the_bound_is_that_of_the_paper(rng):
    """Nichol & Dhariwal (2021) take lambda = 0.001."""
    model = small(rng, variance="learned")
    x0, given = batch(rng)
    given["mean"] = rng.standard_normal((6, 2))
    one, paper = model.hybrid, df.HybridLoss(model, df.Uniform(20), 0.001)
    assert one.forward(x0, **given)[0] == paper.forward(x0, **given)[0]


@pytest.mark.parametrize("variance", ["beta", "learned"])
@pytest.mark.parametrize("name", ["SimpleLoss", "BoundLoss", "HybridLoss"])
def test_losses_have_their_gradients_with_weights_and_labels(name, variance, rng):
    model = small(rng, variance=variance, classes=2, predict="x0", blocks=1, hidden=4)
    loss = getattr(df, name)(model, df.Uniform(20))
    x0, given = batch(rng, 4)
    given |= {"weight": rng.uniform(0.1, 2, 4), "label": np.array([0, 2, 1, 0])}
    if name == "HybridLoss":
        given["mean"] = rng.standard_normal((4, 2))
    assert check.gradients(loss, x0, given=given, rng=rng)


def test_the_mean_that_is_stopped_is_the_networks_own(rng):
    """With it the hybrid loss is the simple one and the terms of the bound, label included."""
    model = small(rng, variance="learned", classes=3)
    loss = df.HybridLoss(model, df.Importance(np.arange(1, 21) / 210), 0.5)
    (x0,), given = loss.draw((rng.standard_normal((30, 2)), rng.integers(0, 3, 30)), rng)
    value, _ = loss.forward(x0, **given)
    weight, label = given["weight"], given["label"]
    rest = {k: given[k] for k in ("t", "eps", "label")}
    L = df.StepTerm(model.reverse).forward(x0, **rest)[0]
    e2 = squares(model, x0, **rest)
    assert value == pytest.approx(np.mean(weight * (e2 + 0.5 * 20 * L)), rel=1e-12)
    assert label.shape == (30,) and given["mean"].shape == (30, 2)


def test_each_variance_has_the_loss_that_moves_it(rng):
    kinds = {"beta": "SimpleLoss", "beta_tilde": "SimpleLoss", "learned": "HybridLoss",
             "free": "BoundLoss"}  # fmt: skip
    for variance, name in kinds.items():
        assert type(small(rng, variance=variance).loss).__name__ == name


def test_a_tenth_of_the_labels_is_left_out_and_all_or_none_if_so_said(rng):
    model, data = small(rng, classes=3), (np.zeros((5000, 2)), np.arange(5000) % 3)
    for share in (0.0, 0.4, 1.0):
        label = replace(model, dropped=share).simple.draw(data, rng)[1]["label"]
        kept = label != 3
        assert np.array_equal(label[kept], data[1][kept])
        assert abs(np.mean(kept) - (1 - share)) < 4 * np.sqrt(share * (1 - share) / 5000) + 1e-12
    direct = df.DDPM(
        df.ReverseProcess(model.reverse.net, model.schedule, 2, "v", "beta", 0.1), classes=3
    )
    assert direct.dropped == model.dropped and direct.levels == 0
    assert (
        df.DDPM(df.ReverseProcess(model.reverse.net, model.schedule, 2, "v", "beta", 0.1)).classes
        == 0
    )


@pytest.mark.parametrize("variance", ["beta", "learned"])
@pytest.mark.parametrize("times", [[7], [1, 7, 20, 3]])
def test_guidance_moves_the_prediction_and_leaves_the_variance(variance, times, rng):
    """none + w (labelled - none) in the first D columns, the label's own in the others."""
    model, x = small(rng, classes=3, variance=variance), rng.standard_normal((4, 2))
    t, label = np.array(times), np.array([0, 1, 2, 0])
    none = model.reverse.net.forward(x, t=t, label=np.full(4, 3))[0]
    named = model.reverse.net.forward(x, t=t, label=label)[0]
    out, _ = model.reverse.guided(2.5, 3).net.forward(x, t=t, label=label)
    np.testing.assert_allclose(out[:, :2], (none + 2.5 * (named - none))[:, :2], rtol=1e-12)
    np.testing.assert_array_equal(out[:, 2:], named[:, 2:])
    assert check.gradients(
        df.GuidedNet(model.reverse.net, 2.5, 3, 2), x, given={"t": t, "label": label}, rng=rng
    )


def test_fewer_steps_ask_the_network_at_its_own_times(rng):
    """Step s of the short model is step times[s] of the long one; between steps it is between."""
    model, x = small(rng, predict="eps"), rng.standard_normal((3, 2))
    short = model.reverse.respaced(4)
    times = short.net.times
    assert times[0] == 0 and times[1] == 1 and times[-1] == 20 and len(times) == 5
    np.testing.assert_array_equal(short.schedule.alpha_bar, model.schedule.alpha_bar[times])
    for s in range(1, 5):
        now, own = np.array([s]), times[[s]]
        got, want = short.forward(x, t=now)[0], model.reverse.forward(x, t=own)[0]
        np.testing.assert_array_equal(got, want)
    free = small(rng, first_variance=0.07)
    assert free.reverse.respaced(4).first == free.reverse.respaced(20).first == 0.07
    assert free.reverse.respaced(1).first == free.reverse.respaced(1).schedule.beta[1]
    half = short.net.forward(x, t=np.array([2.5]))[0]
    want = model.reverse.net.forward(x, t=np.array([(times[2] + times[3]) / 2]))[0]
    np.testing.assert_allclose(half, want, rtol=1e-12)


def test_what_a_prediction_is_does_not_depend_on_the_variance_beside_it(rng):
    model, x, t = small(rng, variance="free"), rng.standard_normal((5, 2)), np.array([4])
    h, _ = model.reverse.net.forward(x, t=t)
    out, logvar, _ = model.reverse.forward(x, t=t)
    np.testing.assert_array_equal(out, h[:, :2])
    beta = model.schedule.beta[4]
    np.testing.assert_allclose(logvar, np.log(beta) + 6 * np.tanh(h[:, 2:] / 6), rtol=1e-12)
    np.testing.assert_array_equal(model.reverse.prediction(x, t)[0], out)
    dout = rng.standard_normal((5, 2))
    dx, grads = model.reverse.prediction_backward(dout, model.reverse.prediction(x, t)[1])
    dx2, both = model.reverse.backward(dout, np.zeros((5, 2)), model.reverse.forward(x, t=t)[2])
    np.testing.assert_allclose(dx, dx2, rtol=1e-12)
    assert np.all(grads["net"]["head"]["W"][:, 2:] == 0)
    np.testing.assert_allclose(grads["net"]["head"]["W"], both["net"]["head"]["W"], rtol=1e-12)


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_integers_are_laid_evenly_on_minus_one_to_one(levels, rng):
    model = small(rng, levels=levels)
    x = np.stack([np.arange(levels)] * 2, axis=1)
    laid, label = model.data.checked(x, None)
    np.testing.assert_allclose(laid[:, 0], np.linspace(-1, 1, levels), atol=1e-15)
    assert label is None and laid.dtype == np.float64
    decoded = model.data.unscale(laid + rng.uniform(-0.49, 0.49, laid.shape) * 2 / (levels - 1))
    assert np.array_equal(decoded, x) and decoded.dtype.kind == "i"
    assert np.array_equal(model.data.unscale(np.array([[-9.0, 9.0]])), [[0, levels - 1]])


def test_continuous_data_pass_as_they_are_with_labels_as_integers(rng):
    model, x = small(rng, classes=2), rng.standard_normal((3, 2))
    x0, label = model.data.checked(x, np.array([0.0, 1.0, 1.0]))
    assert x0 is x and label.dtype.kind == "i" and label.tolist() == [0, 1, 1]
    assert model.data.unscale(x) is x


def test_bad_data_and_labels_are_refused_by_their_first_index(rng):
    model, x = small(rng, levels=4, classes=2), np.array([[0, 3], [1, 2]])
    for bad in (4.0, 7.0, -1.0, 0.5, 2.75, -0.5, 4.5):
        wrong = x.astype(float)
        wrong[1] = bad
        with pytest.raises(
            ValueError, match=rf"x: .*whole numbers in 0\.\.3, got {bad} at index \(1, 0\)"
        ):
            model.elbo(wrong, rng=rng)
    for label, said in (
        (3, "whole numbers in 0..2"),
        ([0], r"shape \(2,\)"),
        ([0, 0.5], "whole numbers in 0..2"),
    ):
        with pytest.raises(ValueError, match=f"label: expected .*{said}"):
            model.elbo(x, rng=rng, label=label)
    assert np.isfinite(model.elbo(x, rng=rng, label=[0, 1]).total)
    assert model.data.labels(2, 4).tolist() == [2, 2, 2, 2]
    with pytest.raises(ValueError, match="x: expected at least one row"):
        model.elbo(np.zeros((0, 2)), rng=rng)
    assert model.elbo(x[:1], rng=rng).rows == 1


@dataclass(frozen=True, eq=False, repr=False)
class ByLabel(Layer):
    """Predicts (as x0) the number of its label in every entry."""

    def forward(self, x, *, t, label):
        return np.repeat(label[:, None].astype(x.dtype), 2, axis=1), x

    def backward(self, dout, cache):
        return np.zeros_like(cache), {}


def test_without_a_label_a_model_of_classes_is_asked_for_none(rng):
    """Samples, bound and ODE: no label is the label after the last."""
    s = df.linear_schedule(12)
    model = df.DDPM(df.ReverseProcess(ByLabel(), s, 2, "x0", "beta", 1e-8), classes=3)
    for sampler, near in (("ancestral", 1e-3), ("ddim", 1e-9), ("ode", 0.4)):  # sqrt(beta_1): 0.1
        for label, want in ((None, 3), (0, 0), (2, 2)):
            x = model.sample(4, rng=rng, sampler=sampler, label=label)
            np.testing.assert_allclose(x, want, atol=near)
        x = model.sample(3, rng=rng, sampler=sampler, label=[0, 1, 2])
        np.testing.assert_allclose(x, [[0, 0], [1, 1], [2, 2]], atol=near)
        if sampler != "ode":
            x = model.sample(2, rng=rng, sampler=sampler, label=1, guidance=3.0)
            np.testing.assert_allclose(x, -3, atol=near)  # 3 + 3 (1 - 3)
    x0 = rng.standard_normal((15, 2))
    for call in (lambda **k: model.elbo(x0, rng=np.random.default_rng(0), **k).per_row,
                 lambda **k: model.log_prob_ode(x0[:2] + 3, **k)):  # fmt: skip
        np.testing.assert_array_equal(call(), call(label=3))
        assert not np.allclose(call(), call(label=0))


def test_the_walk_of_the_ode_has_a_first_and_a_last_state(rng):
    model = small(rng, predict="eps")
    states = list(model.states(3, rng=rng, sampler="ode"))
    assert [t for t, _ in states] == [20, 0] and states[-1][1].shape == (3, 2)


def test_a_model_of_classes_is_not_trained_without_labels(rng):
    with pytest.raises(ValueError, match=r"data: expected pairs \(x, label\)"):
        small(rng, classes=2).simple.draw(np.zeros((3, 2)), rng)


@pytest.mark.parametrize("label", [[1, 2, 1], [-1, 0, 1], [0.5, 0, 1]])
def test_labels_that_are_trained_on_are_0_to_K_minus_1(label, rng):
    """K itself means no class: counted from 1, the last class would be learned as no class."""
    model = small(rng, classes=2)
    with pytest.raises(ValueError, match=r"label: expected whole numbers in 0\.\.1"):
        fit(model, (np.zeros((3, 2)), np.array(label)), steps=1, rng=rng, progress=False)
    assert model.elbo(np.zeros((3, 2)), rng=rng, label=2).total > 0  # asked for, it may


@pytest.mark.parametrize("eta", [-0.01, 1.01])
def test_an_eta_outside_zero_to_one_is_refused(eta, rng):
    with pytest.raises(ValueError, match="eta: expected a number in"):
        small(rng).sample(2, rng=rng, sampler="ddim", eta=eta)


def test_what_is_not_said_of_sampling_is_its_simplest(rng):
    """All steps of the ancestral sampler, DDIM without noise, no guidance, n = 0 allowed."""
    model = small(rng, classes=2)
    seed = lambda: np.random.default_rng(4)  # noqa: E731
    plain = model.sample(3, rng=seed())
    whole = model.sample(3, rng=seed(), sampler="ancestral", steps=20, label=2, guidance=1)
    np.testing.assert_array_equal(plain, whole)
    ddim = model.sample(3, rng=seed(), sampler="ddim")
    assert not np.allclose(ddim, plain)
    np.testing.assert_array_equal(ddim, model.sample(3, rng=seed(), sampler="ddim", eta=0))
    np.testing.assert_array_equal(ddim, model.sample(3, rng=seed(), sampler="ddim", steps=20))
    assert model.sample(0, rng=seed()).shape == (0, 2)
    with pytest.raises(ValueError, match=r"steps: expected an integer in 1\.\.20"):
        model.sample(1, rng=rng, steps=21)
    assert model.sample(1, rng=rng, steps=1, sampler="ddim").shape == (1, 2)


def test_only_what_is_wrong_is_refused_at_the_factory(rng):
    """The smallest of everything is a model; one less is not."""
    new = {"schedule": df.linear_schedule(1), "rng": rng}
    model = df.ddpm(1, hidden=1, blocks=1, levels=2, classes=1, **new)
    assert (model.levels, model.classes, model.features, len(model.reverse.net.blocks)) == (
        2,
        1,
        1,
        1,
    )
    assert model.dtype == np.float32
    assert np.isfinite(model.elbo(np.array([[0], [1]]), rng=rng).total)
    for name in ("hidden", "blocks"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer >= 1"):
            df.ddpm(1, **{name: 0}, **new)
    with pytest.raises(ValueError, match="features: expected an integer >= 1"):
        df.ddpm(0, **new)
    for name in ("levels", "classes"):
        with pytest.raises(ValueError, match=f"{name}: expected an integer >= 0"):
            df.ddpm(1, **{name: -1}, **new)


def test_what_is_not_asked_of_the_factory_is_as_its_page_says(rng):
    """cosine_schedule(1000), the decoder's variance beta_1, continuous data, no classes."""
    model = df.ddpm(3, hidden=2, blocks=1, rng=rng)
    want = df.cosine_schedule(1000)
    np.testing.assert_array_equal(model.schedule.beta, want.beta)
    assert model.reverse.first == want.beta[1] and model.levels == model.classes == 0
    assert (model.reverse.predict, model.reverse.variance, model.reverse.net.label) == (
        "v",
        "beta",
        (),
    )
    assert model.reverse.net.head.W.shape == (2, 3)
    for variance in ("learned", "free"):
        wide = df.ddpm(3, df.linear_schedule(4), hidden=2, variance=variance, rng=rng)
        assert wide.reverse.net.head.W.shape == (2, 6)


def test_the_first_prediction_is_zero(rng):
    model = df.ddpm(3, df.linear_schedule(4), hidden=5, classes=2, rng=rng)
    x, label = rng.standard_normal((4, 3)).astype(np.float32), np.array([0, 1, 2, 2])
    out, _ = model.reverse.net.forward(x, t=np.arange(1, 5), label=label)
    assert out.dtype == np.float32 and np.all(out == 0)


def test_a_fresh_network_is_steep_at_its_entrance_and_knows_no_classes_unasked(rng):
    """W_in ~ N(0, (6/D)^2), found here to half a percent."""
    net = TimeNet.init(2000, 3, T=4, hidden=50, blocks=1, rng=rng)
    assert net.label == ()
    assert net.lift.W.var() == pytest.approx((6 / 2000) ** 2, rel=0.013)


def test_a_network_by_its_equations(rng):
    """e = time(t) + label(k); h <- h + silu(h + e) W + b in each block; one gradient for each."""
    net = small(rng, classes=3, blocks=2).reverse.net
    x, t, label = rng.standard_normal((4, 2)), np.array([1, 5, 9, 20]), np.array([0, 3, 2, 2])
    e = net.time.forward(t=t)[0] + net.label[0].forward(label=label)[0]
    h = x @ net.lift.W + net.lift.b
    for block in net.blocks:
        u = h + e
        h = h + (u / (1 + np.exp(-u))) @ block.linear.W + block.linear.b
    want = h @ net.head.W + net.head.b
    np.testing.assert_allclose(net.forward(x, t=t, label=label)[0], want, rtol=1e-12)
    assert check.gradients(net, x, given={"t": t, "label": label}, rng=rng)
    assert check.gradients(net, x, given={"t": np.array([7]), "label": label}, rng=rng)


def test_a_walk_is_many_steps_from_the_data_itself(rng):
    """x_t given x_{t-1} by DIF-5: the path starts at x_0 and each step has its own variance."""
    s, x0 = df.linear_schedule(6), np.full((20000, 1), 2.0)
    path = df.trajectory(s, x0, rng=rng)
    assert path.shape == (7, 20000, 1) and np.array_equal(path[0], x0)
    for t in range(1, 7):
        step = (path[t] - np.sqrt(1 - s.beta[t]) * path[t - 1])[:, 0]
        assert abs(step.mean()) < 4.5 * np.sqrt(s.beta[t] / 20000)
        assert step.var() == pytest.approx(s.beta[t], rel=0.05)
    assert df.trajectory(s, x0[:2].astype(np.float32), rng=rng).dtype == np.float32


def test_densities_of_the_forward_process_are_scipys(rng):
    """DIF-1 and DIF-12 in several dimensions, with one coefficient a row."""
    x, y = rng.standard_normal((2, 5, 3))
    beta, A = rng.uniform(0.1, 0.9, (2, 5))
    one = df.StepDensity().forward(y, x, beta)[0]
    jump = df.MarginalDensity().forward(y, x, A, 1 - A)[0]
    for n in range(5):
        want = multivariate_normal(np.sqrt(1 - beta[n]) * x[n], beta[n] * np.eye(3)).logpdf(y[n])
        assert one[n] == pytest.approx(want, rel=1e-12)
        want = multivariate_normal(np.sqrt(A[n]) * x[n], (1 - A[n]) * np.eye(3)).logpdf(y[n])
        assert jump[n] == pytest.approx(want, rel=1e-12)
    for layer, pair in ((df.StepDensity(), (beta,)), (df.MarginalDensity(), (A, 1 - A))):
        assert check.gradients(layer, y, x, *pair, rng=rng)
    for layer, pair in ((df.Step(), (beta,)), (df.Marginal(), (A, 1 - A))):
        assert check.gradients(layer, x, y, *pair, rng=rng)


def test_the_units_of_the_data_belong_to_the_model(rng):
    """Scaled and shifted data: the same model, and -log p larger by the log of the scales."""
    x, scale, shift = rng.standard_normal((200, 2)), np.array([50.0, 1e-3]), [128.0, 2.4e6]

    def fitted(data):
        new = np.random.default_rng(1)
        model = df.ddpm(2, df.linear_schedule(20), hidden=8, init_from=data, rng=new)
        fit(model, data, steps=20, rng=new, progress=False)
        return model

    here, there = fitted(x), fitted(x * scale + shift)
    bounds = [
        model.elbo(data, rng=np.random.default_rng(2))
        for model, data in ((here, x), (there, x * scale + shift))
    ]
    assert abs(bounds[1].total - bounds[0].total - np.log(scale).sum()) < 1e-3
    np.testing.assert_allclose(bounds[1].per_row.mean(), bounds[1].total, rtol=1e-6)
    logp = here.log_prob_ode(x[:3]), there.log_prob_ode((x * scale + shift)[:3])
    np.testing.assert_allclose(logp[0] - logp[1], np.log(scale).sum(), atol=1e-3)
    drawn = there.sample(500, rng=np.random.default_rng(3))
    same = here.sample(500, rng=np.random.default_rng(3)) * scale + shift
    np.testing.assert_allclose((drawn - same) / scale, 0, atol=1e-3)
    assert len(np.unique(drawn[:, 1])) == 500


def test_diffusion_data_far_from_unit_scale_are_named_before_the_first_step(rng):
    model = df.ddpm(2, df.linear_schedule(20), hidden=8, rng=rng)
    with pytest.warns(UserWarning, match=r"column 0 has mean .* init_from"):
        fit(model, 128 + 50 * rng.standard_normal((50, 2)), steps=1, rng=rng, progress=False)


def test_maps_before_a_diffusion_model_are_those_of_data_taken_through_them_by_hand(rng, tmp_path):
    """Data exp(y) with the map log before the model: the model of y, and the log-det in between."""
    y = rng.standard_normal((300, 2)) * [0.3, 2] + [3, 0]
    x, log = np.exp(y), flows.Inverse(flows.Exp())

    def fitted(data, **options):
        new = np.random.default_rng(1)
        made = df.ddpm(2, df.linear_schedule(20), hidden=8, init_from=data, rng=new, **options)
        fit(made, data, steps=20, rng=new, progress=False)
        return made

    by_hand, model = fitted(y), fitted(x, before=[log])
    save(tmp_path / "m.npz", model)
    for m in (model, load(tmp_path / "m.npz")):
        bounds = [a.elbo(b, rng=np.random.default_rng(2)) for a, b in ((by_hand, y), (m, x))]
        np.testing.assert_allclose(bounds[1].per_row - bounds[0].per_row, y.sum(axis=1), atol=1e-4)
        np.testing.assert_allclose(bounds[1].per_row.mean(), bounds[1].total, rtol=1e-6)
        np.testing.assert_allclose(bounds[1].L[1:], bounds[0].L[1:], rtol=1e-5, atol=1e-7)
        logp = by_hand.log_prob_ode(y[:3]) - m.log_prob_ode(x[:3])
        np.testing.assert_allclose(logp, y[:3].sum(axis=1), atol=1e-3)
        drawn = m.sample(50, rng=np.random.default_rng(3))
        want = np.exp(by_hand.sample(50, rng=np.random.default_rng(3)))
        np.testing.assert_allclose(drawn, want, rtol=1e-5)
        assert drawn.dtype == np.float64


def test_rows_outside_the_support_of_a_diffusion_model_are_named_or_minus_infinity(rng):
    log = flows.Inverse(flows.Exp())
    model = df.ddpm(2, df.linear_schedule(5), hidden=8, before=[log], rng=rng)
    bad = np.array([[1.0, 2.0], [1.0, -2.0], [0.0, 1.0]])
    logp = model.log_prob_ode(bad, tolerance=0.1)
    assert np.isfinite(logp[0]) and np.isneginf(logp[1:]).all()
    assert np.isneginf(model.log_prob_ode(bad[1:])).all()
    what = r"support.* got \[1\.0, -2\.0\] in row 1"
    for use in (
        lambda: model.elbo(bad, rng=rng),
        lambda: fit(model, bad, steps=1, rng=rng, progress=False),
        lambda: df.ddpm(2, before=[log], init_from=bad, rng=rng),
    ):
        with pytest.raises(ValueError, match=what):
            use()


def test_maps_that_do_not_suit_a_diffusion_model_are_refused(rng):
    small = {"schedule": df.linear_schedule(5), "hidden": 8, "rng": rng}
    with pytest.raises(ValueError, match="before: expected no maps for integer data"):
        df.ddpm(2, levels=4, before=[flows.Exp()], **small)
    with pytest.raises(ValueError, match="before: expected maps without parameters"):
        df.ddpm(2, before=[flows.ActNorm.init(2)], **small)
    with pytest.raises(TypeError, match=r"before\[0\]: expected an object with forward"):
        df.ddpm(2, before=[3], **small)
