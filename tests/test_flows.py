"""Theorems of the change of variables: masses are one, determinants are determinants."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import zoo
from scipy import stats

from minigen import check, data, flows, nn, prob, training
from minigen.core import tree
from minigen.core.validate import InvalidInput
from minigen.flows import models


def smooth_flow(rng, features=2, factory=flows.real_nvp, **options):
    """A random float64 flow with tanh networks."""
    new = {"activation": "tanh", "rng": rng, "dtype": np.float64, "hidden": (16,)}
    if factory is flows.real_nvp:
        new["c"] = 0.5
    return tree.perturbed(factory(features, **(new | options)), rng, 0.3)


def mass(flow, width=20.0, n=1601):
    """The integral of exp(log_prob) over a square, by the trapezoid rule, a row at a time."""
    grid = np.linspace(-width, width, n)
    total = 0.0
    for rows in np.array_split(grid, 40):
        points = np.stack(np.meshgrid(grid, rows), axis=-1).reshape(-1, 2)
        total += np.exp(flow.log_prob(points).astype(np.float64)).sum()
    return total * (2 * width / (n - 1)) ** 2


CORRELATED = prob.Gaussian.from_moments([0.3, -0.2], [[1.0, 0.6], [0.6, 0.8]])


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: smooth_flow(rng, layers=4),
        lambda rng: zoo.inverted(smooth_flow(rng, layers=4)),
        lambda rng: smooth_flow(rng, factory=flows.nice, layers=4),
        lambda rng: smooth_flow(rng, base=CORRELATED, layers=4),
    ],
    ids=["real_nvp", "its inverse", "nice", "on a correlated Gaussian"],
)
def test_the_density_integrates_to_one(make, rng):
    assert abs(mass(make(rng)) - 1) < 1e-6


@pytest.mark.parametrize("c", [0.5, 1.0])
@pytest.mark.parametrize("depth, tolerance", [(8, 1e-12), (32, 1e-9)])
def test_a_bounded_log_scale_keeps_the_round_trip_exact(depth, tolerance, c, rng):
    """H13: with |s| <= c <= 1 even 32 couplings invert; unbounded ones do not."""
    flow = flows.real_nvp(8, depth, (16,), c=c, activation="tanh", rng=rng, dtype=np.float64)
    wide = {p: rng.standard_normal(a.shape) / np.sqrt(len(a)) for p, a in
            tree.flatten(flow.params).items()}  # fmt: skip
    flow = tree.rebuild(flow, wide)
    x = rng.standard_normal((64, 8))
    z, logdet = flow.encode(x)
    back, logdet_back = flow.decode(z)
    assert np.abs(back - x).max() <= tolerance * max(1, np.abs(z).max())
    assert np.abs(logdet + logdet_back).max() <= tolerance * max(1, np.abs(logdet).max())


def test_InvertibleLinear_is_the_matrix_it_came_from(rng):
    W = rng.standard_normal((5, 5))
    x = rng.standard_normal((7, 5))
    layer = flows.InvertibleLinear.from_matrix(W, dtype=np.float64)
    y, logdet, _ = layer.forward(x)
    np.testing.assert_allclose(y, x @ W, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(logdet, np.linalg.slogdet(W)[1], rtol=1e-12)


@pytest.mark.parametrize(("name", "value"), [("a", 800.0), ("a", -800.0), ("sign", 0.0)])
def test_an_InvertibleLinear_without_an_inverse_is_refused(name, value, rng):
    layer = flows.InvertibleLinear.init(2, rng=rng, dtype=np.float64)
    with pytest.raises(InvalidInput, match=rf"{name}: expected .*, got {value} at index"):
        replace(layer, **{name: np.array([value, 1.0])})


def test_a_fresh_InvertibleLinear_is_a_rotation(rng):
    W, logdet, _ = flows.InvertibleLinear.init(5, rng=rng, dtype=np.float64).forward(np.eye(5))
    np.testing.assert_allclose(W @ W.T, np.eye(5), atol=1e-13)
    np.testing.assert_allclose(logdet, 0, atol=1e-13)


@pytest.mark.parametrize(
    "kind", [flows.AffineCoupling, flows.AdditiveCoupling, flows.SplineCoupling]
)
def test_a_coupling_keeps_its_first_half_to_the_bit_and_moves_the_other(kind, rng):
    layer = tree.perturbed(kind.init(5, (8,), rng=rng), rng)
    x = rng.standard_normal((6, 5))
    for y in layer.forward(x)[0], layer.inverse(x)[0]:
        assert np.array_equal(y[:, :2], x[:, :2]) and (y[:, 2:] != x[:, 2:]).all()


def test_the_log_scale_never_exceeds_its_bound(rng):
    layer = tree.perturbed(flows.AffineCoupling.init(4, (8,), rng=rng, c=0.7), rng, 50)
    s, _, _ = layer.scale_shift(100 * rng.standard_normal((50, 2)), ())
    assert np.abs(s).max() <= 0.7


def test_a_fresh_layer_is_the_identity(rng):
    """H4: ActNorm too; its initialisation is a constructor, so nothing repeats after loading."""
    x = 3 + 5 * rng.standard_normal((6, 3)).astype(np.float32)
    kinds = flows.AffineCoupling, flows.AdditiveCoupling, flows.MAFLayer, flows.IAFLayer
    for layer in flows.ActNorm.init(3), *(kind.init(3, (8, 8), rng=rng) for kind in kinds):
        y, logdet, _ = layer.forward(x)
        assert np.array_equal(y, x) and not logdet.any()


def standardising(kind, x):
    """The layer that is made from x."""
    return (
        flows.ActNorm.init_from(x, dtype=np.float64)
        if kind == "ActNorm"
        else flows.Affine.standardize(x)
    )


@pytest.mark.parametrize("kind", ["ActNorm", "Affine"])
def test_columns_are_standardised_and_a_constant_one_is_only_shifted(kind, rng, tmp_path):
    x = 3 + rng.standard_normal((40, 3)) * [5, 0.01, 0]
    training.save(tmp_path / "f.npz", standardising(kind, x))
    for layer in standardising(kind, x), training.load(tmp_path / "f.npz"):
        y, logdet, _ = layer.forward(x)
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(y.std(axis=0), [1, 1, 0], atol=1e-12)
        np.testing.assert_allclose(logdet, -np.log(x[:, :2].std(axis=0)).sum(), rtol=1e-13)
        assert np.array_equal(layer.forward(x[:5])[0], y[:5])


def test_Logit_stays_finite_where_the_sigmoid_saturates():
    """H12: at y = +-800 the derivative is exp(-800), and its logarithm -800."""
    y = np.array([[800.0], [-800.0]])
    x, logdet, _ = flows.Logit().inverse(y)
    np.testing.assert_allclose(x[:, 0], [1, 0], atol=1e-30)
    np.testing.assert_allclose(logdet, [-800, -800])


def test_one_layer_at_two_places_of_a_chain_has_the_gradient_of_both(rng):
    """Explicit caches: the gradient of f(f(x)) is right, with one entry for each use."""
    f = flows.AffineCoupling.init(4, (6,), activation="tanh", rng=rng, dtype=np.float64)
    f = tree.perturbed(f, rng)
    chain = flows.Chain((f, flows.Permute.halves(4), f))
    assert check.gradients(chain, rng.standard_normal((5, 4)), rng=rng)


def test_a_chain_of_no_layers_is_the_identity(rng):
    x = rng.standard_normal((4, 2))
    for y, logdet, _ in flows.Chain(()).forward(x), flows.Chain(()).inverse(x):
        assert np.array_equal(y, x) and np.array_equal(logdet, np.zeros(4))


def test_integer_data_are_dequantised_by_draw_and_sampled_as_integers(rng):
    before = (flows.Logit(bins=17.0, low=0.05),)
    flow = flows.real_nvp(4, 2, (8,), before=before, levels=17, rng=rng)
    x = rng.integers(0, 17, (50, 4))
    (y,), given = flow.nll.draw(x, rng)
    assert given == {} and (np.floor(y) == x).all() and len(np.unique(y - x)) > 150
    s = flow.sample(200, rng=rng)
    assert s.dtype.kind == "i" and s.min() >= 0 and s.max() <= 16


def test_dequantised_probabilities_sum_to_one(rng):
    """The mean of p(k + u) over u is a probability of the integer k; the mass outside (0, 4)
    belongs to none."""
    flow = smooth_flow(rng, before=(flows.Logit(4.0, 0.1),), levels=4, layers=2)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    u, w = (nodes + 1) / 2, weights / 2
    total = 0.0
    for k in np.ndindex(4, 4):
        points = np.stack(np.meshgrid(k[0] + u, k[1] + u, indexing="ij"), -1).reshape(-1, 2)
        total += np.exp(flow.log_prob(points)) @ np.outer(w, w).ravel()
    n = 200_000
    x, _ = flow.decode(flow.base.sample(n, rng=rng))
    share = ((x > 0) & (x < 4)).all(axis=1).mean()
    assert abs(total - share) < 5 * np.sqrt(share * (1 - share) / n) + 1e-6


def test_reverse_kl_is_the_mean_difference_of_the_log_densities(rng):
    flow, z = smooth_flow(rng, layers=2), rng.standard_normal((5, 2))
    x, _ = flow.decode(z)
    truth = np.mean(flow.log_prob(x) - CORRELATED.log_prob(x))
    np.testing.assert_allclose(flow.reverse_kl(CORRELATED).forward(z)[0], truth, rtol=1e-12)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda r: flows.real_nvp(1, rng=r), "features: expected an integer >= 2, got 1"),
        (lambda r: flows.maf(0, rng=r), "features: expected an integer >= 1, got 0"),
        (lambda r: flows.neural_spline(1, coupling=True, rng=r), "features: expected an .* >= 2"),
        (lambda r: flows.real_nvp(2, 0, rng=r), "layers: expected an integer >= 1, got 0"),
        (lambda r: flows.maf(4, 0, rng=r), "layers: expected an integer >= 1, got 0"),
        (lambda r: flows.real_nvp(2, hidden=(0,), rng=r), "hidden.0.: expected an integer >= 1"),
        (lambda r: flows.maf(9, hidden=(16, 4), rng=r), r"hidden\[1\]: expected at least 8 units"),
        (lambda r: flows.real_nvp(2, activation="selu", rng=r), "activation: expected one of relu"),
        (lambda r: flows.maf(3, activation="sine", rng=r), "activation: expected one of relu"),
        (lambda r: flows.maf(2, base=3, rng=r), "base: expected an object with forward and .* int"),
        (lambda r: flows.maf(2, before=flows.Exp(), rng=r), "before: expected a list"),
        (lambda r: flows.Flow(3, prob.StandardNormal(2)), "chain: expected an object with forward"),
        (
            lambda r: flows.real_nvp(2, rng=r).reverse_kl(data.toy("moons")),
            "target: expected an object with forward and backward, got .* without",
        ),
        (
            lambda r: flows.maf(2, dtype="int32", rng=r),
            "dtype: expected float32 or float64, got int",
        ),
        (lambda r: flows.nice(2, context=-1, rng=r), "context: expected an integer >= 0, got -1"),
        (lambda r: flows.maf(3, context=-1, rng=r), "context: expected an integer >= 0, got -1"),
        (lambda r: flows.maf_mog(3, components=0, rng=r), "components: expected an integer >= 1"),
        (lambda r: flows.neural_spline(3, bins=0, rng=r), "bins: expected an integer >= 1, got 0"),
        (lambda r: flows.neural_spline(3, bound=0.0, rng=r), "bound: expected"),
        (lambda r: flows.real_nvp(2, rng=r).sample(-1, rng=r), "n: expected an integer >= 0"),
        (lambda r: flows.AffineCoupling.init(1, (4,), rng=r), "features: expected at least 2"),
        (lambda r: flows.Permute(np.array([0, 0, 1])), "order: expected a permutation"),
        (lambda r: prob.Gaussian.from_moments([0, 0], [[1, 2], [2, 1]]), "Sigma: expected a posit"),
    ],
)
def test_bad_settings_are_refused_by_name(build, message, rng):
    with pytest.raises(InvalidInput, match=message):
        build(rng)


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((5, 3)), r"x: expected shape \(N, 2\), got \(5, 3\)"),
        (np.zeros(2), r"x: expected shape \(N, 2\), got \(2,\)"),
        (np.array([[0.0, np.nan]]), r"x: expected finite numbers, got nan at index \(0, 1\)"),
        (np.array([[0.0, 1.0], [np.inf, 0]]), r"x: expected finite numbers, got inf at index"),
    ],
)
def test_bad_data_are_refused_by_name(x, message, rng):
    flow = flows.real_nvp(2, rng=rng)
    for function in flow.log_prob, flow.encode:
        with pytest.raises(ValueError, match=message):
            function(x)
    with pytest.raises(ValueError, match=message.replace("x:", "z:")):
        flow.decode(x)


def test_real_nvp_learns_the_moons(rng):
    """Within 0.15 nats of the truth (0.05 to 0.08 of seeds 0 to 5); its density integrates."""
    toy = data.toy("moons")
    flow = flows.real_nvp(2, layers=6, hidden=(32, 32), rng=rng, activation="silu")
    training.fit(flow.nll, toy, steps=800, batch=256, lr=5e-3, rng=rng)
    x = toy.sample(4000, rng=rng)
    kl = np.mean(toy.log_prob(x) - flow.log_prob(x))
    assert -0.01 < kl < 0.15
    assert abs(mass(flow, width=4.0, n=1201) - 1) < 1e-3


def test_couplings_are_mixed_by_swapped_halves_and_at_random_in_turn(rng):
    def orders(features, k):
        return [models.mixing(features, k, rng)[0].order.tolist() for _ in range(9)]

    halves = flows.Permute.halves(6).order.tolist()
    assert orders(6, 1) == orders(6, 3) == [halves] * 9
    assert orders(6, 2) != [halves] * 9 != orders(6, 4)
    assert orders(2, 2) == [[1, 0]] * 9  # at random, half of them would not be mixed


def test_a_Logit_gives_log_odds_and_maps_its_interval_symmetrically():
    x = np.array([[0.2, 0.5], [0.9, 0.01]])
    y, logdet, _ = flows.Logit().forward(x)
    np.testing.assert_allclose(y, np.log(x / (1 - x)), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(logdet, -np.log(x * (1 - x)).sum(axis=1), rtol=1e-13)
    y, _, _ = flows.Logit(bins=4.0, low=0.1).forward(np.array([[0.0], [2.0], [4.0]]))
    np.testing.assert_allclose(y[:, 0], [-np.log(9), 0, np.log(9)], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("levels", [0, 4])
def test_bits_are_averaged_over_draws_of_the_noise_of_integers(levels, draws, rng):
    flow = flows.real_nvp(2, 1, (4,), levels=levels, rng=rng, dtype=np.float64)
    x = rng.integers(0, 4, (5, 2)) if levels else rng.standard_normal((5, 2))
    seeded = np.random.default_rng(7)
    nats = [-flow.log_prob(flow.nll.draw(x, seeded)[0][0]) for _ in range(draws)]
    given = {"draws": draws} if draws > 1 else {}  # one by default
    bits = flow.bits_per_dim(x, rng=np.random.default_rng(7), **given)
    np.testing.assert_allclose(bits, np.mean(nats, axis=0) / (2 * np.log(2)), rtol=1e-12)
    with pytest.raises(ValueError, match="draws: expected an integer >= 1, got 0"):
        flow.bits_per_dim(x, rng=rng, draws=0)


@pytest.mark.parametrize(
    "factory, coupling, options",
    [
        (flows.real_nvp, flows.AffineCoupling, {}),
        (flows.nice, flows.AdditiveCoupling, {}),
        (flows.neural_spline, flows.SplineCoupling, {"coupling": True}),
    ],
)
def test_the_columns_are_mixed_before_each_coupling_but_the_first(factory, coupling, options, rng):
    flow = factory(4, 3, (4,), rng=rng, **options)
    mixed = [coupling, flows.Permute, coupling, flows.Permute, coupling]
    last = [flows.ActNorm] if factory is flows.nice else []
    assert [type(f) for f in flow.chain.layers] == mixed + last
    assert type(flow.base) is prob.StandardNormal and flow.levels == flow.context == 0


@pytest.mark.parametrize("make", [flows.real_nvp, flows.maf, flows.iaf])
@pytest.mark.parametrize("before", [(), (flows.Affine(np.full(3, 5.0), np.ones(3)),)])
def test_data_are_standardised_before_the_first_layer(make, before, rng):
    x = np.abs(rng.standard_normal((50, 3))) * [1, 2, 3]
    flow = make(3, 2, (4,), before=before, init_from=x, rng=rng, dtype=np.float64)
    z, _ = flow.encode(x)  # fresh layers are the identity
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-12)
    if make is flows.real_nvp:
        first, *others = flow.chain.layers
        assert isinstance(first, flows.Preprocess) and np.all(first.maps.layers[-1].scale != 1)
        norms = [f for f in others if isinstance(f, flows.ActNorm)]
        assert len(norms) == 2
        assert all(np.allclose((f.s, f.t), 0, atol=1e-12) for f in norms)


def test_integers_are_mapped_by_a_Logit_unless_another_map_is_given(rng):
    flow = flows.real_nvp(2, 1, (4,), levels=4, rng=rng, dtype=np.float64)
    (first,) = flow.chain.layers[0].maps.layers
    assert isinstance(first, flows.Logit) and first.bins == 4 and 0 < first.low < 0.5
    assert np.isfinite(flow.log_prob([[0, 0], [0, 4], [4, 4]])).all()  # x + u, its ends included
    given = flows.Affine(np.ones(2), np.zeros(2))
    flow = flows.real_nvp(2, 1, (4,), levels=4, before=(given,), rng=rng)
    assert flow.chain.layers[0].maps.layers == (given,)


@pytest.mark.parametrize("level", [-1, 4])
def test_levels_there_are_not_are_refused(level, rng):
    flow, x = flows.real_nvp(2, 1, (4,), levels=4, rng=rng), np.array([[0, 3], [level, 2]])
    with pytest.raises(ValueError, match=r"x: .* in 0\.\.3"):
        flow.nll.draw(x, rng)
    with pytest.raises(ValueError, match=r"init_from: .* in 0\.\.3"):
        flows.real_nvp(2, 1, (4,), levels=4, init_from=x, rng=rng)


@pytest.mark.parametrize("name", zoo.BIJECTIONS)
def test_the_inverse_of_each_map_has_its_gradient_sequential_or_not(name, rng):
    case = zoo.BIJECTIONS[name](zoo.Sizes(rng))
    f, (x, *context) = case.layer, case.inputs
    y, _, _ = f.forward(x, *context)
    report = check.gradients(flows.Inverse(f), y, *context, rng=rng)
    assert report, report


def test_the_inverse_of_the_inverse_is_the_map(rng):
    f = tree.perturbed(flows.AffineCoupling.init(3, (4,), rng=rng), rng)
    twice, x = flows.Inverse(flows.Inverse(f)), rng.standard_normal((4, 3))
    for go in "forward", "inverse":
        (y, logdet, _), (want, ell, _) = getattr(twice, go)(x), getattr(f, go)(x)
        assert np.array_equal(y, want) and np.array_equal(logdet, ell)


def test_the_part_that_is_slow_in_a_direction_is_found_through_chains_and_inverses(rng):
    fast, made = flows.Permute.halves(2), flows.MAFLayer.init(2, (4,), rng=rng)
    chain = flows.Chain((fast, made))
    for f, forward, inverse in (
        (fast, None, None),
        (made, None, made),
        (chain, None, made),
        (flows.Inverse(chain), made, None),
        (flows.Chain((flows.Inverse(made), fast, made)), made, made),
    ):
        assert f.slow("forward") is forward and f.slow("inverse") is inverse


def test_a_step_of_either_loss_evaluates_each_network_once(rng, monkeypatch):
    flow, x = flows.real_nvp(2, 6, (4,), rng=rng), np.ones((5, 2), np.float32)
    count, forward = [], nn.Sequential.forward
    monkeypatch.setattr(nn.Sequential, "forward", lambda f, x: (count.append(1), forward(f, x))[1])
    for loss in flow.nll, flow.reverse_kl(flow.base):
        _, cache = loss.forward(x)
        assert len(count) == 6
        loss.backward(np.float32(1), cache)
        assert len(count) == 6
        count.clear()


def test_a_loss_that_would_be_slow_is_refused_naming_the_layer_and_the_other_loss(rng):
    iaf, maf = (make(2, 2, (4,), rng=rng) for make in (flows.iaf, flows.maf))
    for loss, message in (
        (lambda: iaf.nll, "IAFLayer.*train it by flow.reverse_kl"),
        (lambda: training.fit(iaf, np.ones((5, 2)), rng=rng), "IAFLayer.*by flow.reverse_kl"),
        (lambda: maf.reverse_kl(flows.energy("ring")), "MAFLayer.*train it by flow.nll"),
    ):
        with pytest.raises(ValueError, match=f"flow: expected one pass .* got {message}"):
            loss()


@pytest.mark.parametrize("context", [0, 2])
def test_many_rows_are_the_same_in_pieces(context, rng, monkeypatch):
    flow = smooth_flow(rng, features=3, context=context, layers=2)
    x, c = rng.standard_normal((10, 3)), rng.standard_normal((10, context))
    given = (c,) if context else ()

    def everything():
        yield flow.log_prob(x, *given)
        yield flow.sample(10, *given, rng=np.random.default_rng(1))
        yield from (*flow.encode(x, *given), *flow.decode(x, *given))

    whole = [*everything()]
    monkeypatch.setattr("minigen.core.blocks.FEWEST", 4)
    monkeypatch.setattr("minigen.core.blocks.MOST", 4)
    for a, b in zip(everything(), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("make", [flows.real_nvp, flows.nice, flows.maf, flows.neural_spline])
def test_a_shift_of_the_data_changes_nothing_but_the_shift(make, rng):
    """A date has no digit left in float32 before its mean is subtracted."""
    x, shift = rng.standard_normal((300, 2)) * [0.05, 1.0], np.array([2_460_000.75, -3e9])
    there, here = (
        make(2, 2, (8,), init_from=data, rng=np.random.default_rng(1)) for data in (x + shift, x)
    )
    np.testing.assert_allclose(there.log_prob(x + shift), here.log_prob(x), atol=1e-3)
    drawn = there.sample(500, rng=np.random.default_rng(2))
    same = here.sample(500, rng=np.random.default_rng(2))
    np.testing.assert_allclose(drawn - shift, same, atol=1e-5)
    assert len(np.unique(drawn[:, 0])) == 500 and drawn.dtype == np.float64


def test_data_far_from_unit_scale_are_named_before_the_first_step(rng):
    x = rng.standard_normal((50, 2)) * [1.0, 50.0] + [0.0, 128.0]
    with pytest.warns(UserWarning, match="column 1 has mean .* far from unit scale.*init_from"):
        training.fit(flows.real_nvp(2, 1, (4,), rng=rng).nll, x, steps=1, rng=rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow = flows.real_nvp(2, 1, (4,), init_from=x, rng=rng)
        training.fit(flow.nll, x, steps=1, rng=rng)


def test_a_context_far_from_unit_scale_is_named_and_a_rare_class_is_not(rng):
    x, rare = rng.standard_normal((300, 2)), np.eye(2)[(np.arange(300) == 7).astype(int)]
    flow = flows.maf(2, 1, (4,), context=2, rng=rng)
    with pytest.warns(UserWarning, match="context: column 0 has mean .* take its mean off"):
        training.fit(flow.nll, (x, [[1e4, 0.0]] * 300), steps=1, rng=rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training.fit(flow.nll, (x, rare), steps=1, rng=rng)


POSITIVE = (flows.Inverse(flows.Exp()), flows.Inverse(flows.Softplus()))


@pytest.mark.parametrize("before", [*POSITIVE, flows.Logit()])
def test_outside_the_support_the_density_is_0_and_training_refuses_the_row(before, rng):
    flow = flows.real_nvp(2, 2, (8,), before=(before,), rng=rng)
    x = np.array([[0.5, 0.5], [0.0, 0.5], [0.2, -1.0], [0.9, 0.1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(flow.log_prob(x)).tolist() == [True, False, False, True]
        assert np.isneginf(flow.log_prob(x)[1:3]).all()
    with pytest.raises(ValueError, match=r"data: .* got \[0.0, 0.5\] in row 1"):
        training.fit(flow.nll, x, steps=1, rng=rng)
    with pytest.raises(ValueError, match=r"x: .* in row 1"):
        flow.encode(x)


def test_positive_data_are_fitted_on_the_logarithm(rng):
    """The lognormal's density, learned to a few hundredths of a nat."""
    x = np.exp(rng.standard_normal((2000, 1)) * 0.5 + 3)
    flow = flows.maf(1, 1, (8,), before=(flows.Inverse(flows.Exp()),), init_from=x, rng=rng)
    truth = stats.lognorm(0.5, scale=np.exp(3)).logpdf(x[:, 0])
    assert abs(np.mean(truth - flow.log_prob(x))) < 0.02


def test_a_base_and_a_target_see_the_context(rng):
    c = np.eye(3)[rng.integers(0, 3, 8)]
    mog = flows.maf_mog(1, 1, (8,), context=3, rng=rng)
    assert mog.base.context == 3 and mog.sample(8, c, rng=rng).shape == (8, 1)
    with pytest.raises(ValueError, match="context: expected an array of shape"):
        mog.base.sample(8, rng=rng)
    q = flows.iaf(2, 1, (8,), context=3, rng=rng, dtype=np.float64)
    loss = q.reverse_kl(flows.real_nvp(2, 1, (8,), context=3, rng=rng, dtype=np.float64))
    (z, given), _ = loss.draw(c, rng)
    assert z.shape == (8, 2) and check.gradients(loss, z, given, rng=rng)
