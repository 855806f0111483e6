"""MK-1: chains are what their joint laws say, in closed form, by enumeration and by gradient."""

import itertools

import numpy as np
import pytest

import minigen as mg
from minigen.markov import (
    CategoricalChain,
    GaussianChain,
    fit_categorical,
    fit_gaussian,
    fit_unigram,
    padded,
    perplexity,
)
from minigen.markov.categorical_chain import below
from minigen.prob import Gaussian


def gaussian_chain(D, rng, radius=0.9):
    """A random chain in R^D, with a start of its own and a given spectral radius."""
    A, C, S = rng.standard_normal((3, D, D))
    A *= radius / np.abs(np.linalg.eigvals(A)).max()
    start = Gaussian.from_moments(rng.standard_normal(D), S @ S.T + np.eye(D))
    return GaussianChain.of(A, rng.standard_normal(D), C @ C.T + 0.1 * np.eye(D), start)


def categorical_chain(K, rng):
    return CategoricalChain.of(rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K), K))


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize("D", [1, 3])
def test_a_gaussian_chain_is_a_normal_law_with_a_block_tridiagonal_precision(D, n, rng):
    chain = gaussian_chain(D, rng)
    mean, precision = chain.joint(n)
    blocks = precision.reshape(n, D, n, D).transpose(0, 2, 1, 3)
    i, j = np.indices((n, n))
    assert not blocks[np.abs(i - j) > 1].any() and blocks[np.abs(i - j) == 1].all()
    x = chain.sample(6, length=n, rng=rng).reshape(6, -1)
    r = x - mean
    quadratic = np.einsum("ni,ij,nj->n", r, precision, r)
    logdet = np.linalg.slogdet(precision)[1]
    truth = (logdet - n * D * np.log(2 * np.pi) - quadratic) / 2
    error = np.abs(chain.log_prob(x.reshape(6, n, D)) - truth).max()
    assert error < 1e-12 * np.abs(truth).max()


def test_what_lies_beyond_a_sequence_does_not_count(rng):
    """A list, its padded array with any filling, and one sequence at a time give the same."""
    chain, lengths = gaussian_chain(2, rng), [4, 1, 3]
    rows = [rng.standard_normal((n, 2)) for n in lengths]
    x, found = padded(rows)
    assert found.tolist() == lengths and x.shape == (3, 4, 2)
    alone = [chain.log_prob(row[None])[0] for row in rows]
    np.testing.assert_allclose(chain.log_prob(rows), alone, rtol=1e-13)
    x[1, 1:], x[2, 3:] = 1e6, -1e6
    np.testing.assert_allclose(chain.log_prob(x, lengths), alone, rtol=1e-13)
    dx, _ = chain.backward(np.ones(3), chain.forward(x, lengths=np.array(lengths))[1])
    assert not dx[1, 1:].any() and not dx[2, 3:].any() and dx[0].all()


def test_symbols_beyond_a_sequence_do_not_count(rng):
    chain = categorical_chain(3, rng)
    rows = [np.array(r) for r in ([0, 2, 1, 1], [2], [1, 0])]
    alone = [chain.log_prob(row[None])[0] for row in rows]
    np.testing.assert_allclose(chain.log_prob(rows), alone, rtol=1e-13)
    filled = np.array([[0, 2, 1, 1], [2, -1, -1, -1], [1, 0, 99, 99]])
    np.testing.assert_allclose(chain.log_prob(filled, [4, 1, 2]), alone, rtol=1e-13)


@pytest.mark.parametrize("D", [1, 3])
def test_the_stationary_gaussian_is_left_by_no_step(D, rng):
    chain = gaussian_chain(D, rng)
    law, noise = chain.stationary(), chain.noise
    np.testing.assert_allclose(law.mu, chain.A @ law.mu + noise.mu, atol=1e-12)
    step = chain.A @ law.Sigma @ chain.A.T + noise.Sigma
    np.testing.assert_allclose(law.Sigma, step, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="A: expected a spectral radius below 1"):
        gaussian_chain(D, rng, radius=1.2).stationary()


def test_a_stationary_chain_has_one_variance_everywhere_in_its_joint_law():
    chain = GaussianChain.of([[0.9]], [1.0], [[0.19]])
    mean, precision = chain.joint(6)
    np.testing.assert_allclose(mean, 10, rtol=1e-12)
    lag = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    np.testing.assert_allclose(np.linalg.inv(precision), 0.9**lag, rtol=1e-10)


def test_the_stationary_symbols_are_left_by_no_step(rng):
    chain = categorical_chain(6, rng)
    pi = chain.stationary()
    np.testing.assert_allclose(pi @ chain.P, pi, atol=1e-14)
    assert abs(pi.sum() - 1) < 1e-14
    cycle = CategoricalChain.of([1, 0, 0], np.eye(3)[[1, 2, 0]])
    np.testing.assert_allclose(cycle.stationary(), 1 / 3)


def test_closed_form_and_gradient_find_the_same_gaussian_chain(rng):
    x = list(gaussian_chain(2, rng).sample(30, length=12, rng=rng))
    x[3], x[7] = x[3][:5], x[7][:1]
    closed = fit_gaussian(x)
    inputs, given = closed.arguments(x)
    _, cache = closed.nll.forward(*inputs, **given)
    slopes = mg.core.tree.flatten(closed.nll.backward(1.0, cache)[-1])
    assert max(np.abs(g).max() for g in slopes.values()) < 1e-13
    chain = GaussianChain.init(2, dtype=np.float64)
    mg.fit(chain.nll, padded(x), rng=rng, steps=3000, batch=30, lr=0.05)
    found, truth = (mg.core.tree.flatten(c.params) for c in (chain, closed))
    for path, array in truth.items():
        np.testing.assert_allclose(found[path], array, atol=1e-6)


def test_closed_form_and_gradient_find_the_same_categorical_chain(rng):
    truth = CategoricalChain.of(np.full(3, 1 / 3), rng.dirichlet(np.full(3, 5.0), 3))
    y = list(truth.sample(40, length=15, rng=rng))
    y[0], y[1] = y[0][:1], y[1][:4]
    closed = fit_categorical(y)
    chain = CategoricalChain.init(3, dtype=np.float64)
    mg.fit(chain.nll, padded(y), rng=rng, steps=3000, batch=40, lr=0.1)
    np.testing.assert_allclose(chain.P, closed.P, atol=1e-6)
    np.testing.assert_allclose(perplexity(chain, y), perplexity(closed, y), rtol=1e-9)


def test_the_closed_form_counts(rng):
    y = [np.array([0, 1, 1, 0]), np.array([1]), np.array([1, 1])]
    chain = fit_categorical(y)
    np.testing.assert_allclose(np.exp(chain.start), [1 / 3, 2 / 3])
    np.testing.assert_allclose(chain.P, [[0, 1], [1 / 3, 2 / 3]])
    unigram = fit_unigram(y)
    np.testing.assert_allclose([*unigram.P, np.exp(unigram.start)], [[2 / 7, 5 / 7]] * 3)
    laplace = fit_categorical(y, pseudocount=1, states=3)
    np.testing.assert_allclose(
        laplace.P, [[1 / 4, 2 / 4, 1 / 4], [2 / 6, 3 / 6, 1 / 6], [1 / 3] * 3]
    )
    np.testing.assert_allclose(fit_categorical(y, states=3).P[2], 1 / 3)
    one_more = fit_unigram(y, pseudocount=1, states=3).P
    np.testing.assert_allclose(one_more, [[3 / 10, 6 / 10, 1 / 10]] * 3)


def test_a_step_of_probability_0_is_possible_to_ask_for():
    chain = CategoricalChain.of([1, 0], [[0, 1], [0.5, 0.5]])
    assert chain.log_prob(np.array([[0, 0], [0, 1]])).tolist() == [-np.inf, 0.0]
    y = np.array([[0, 1]])
    (grads,) = chain.backward(np.ones(1), chain.forward(y=y)[1])
    assert not grads["logits"].any() and not grads["start"].any()


def test_without_lengths_every_element_counts(rng):
    chain, x = gaussian_chain(3, rng), rng.standard_normal((2, 5, 3))
    truth = -chain.log_prob(x).sum() / 10
    np.testing.assert_allclose(chain.nll.forward(x)[0], truth, rtol=1e-13)
    np.testing.assert_allclose(chain.nll.forward(x, lengths=[5, 5])[0], truth, rtol=1e-13)


def test_the_perplexity_of_a_fair_die_is_6(rng):
    die = CategoricalChain.init(6)
    assert np.isclose(perplexity(die, rng.integers(0, 6, (9, 4)), rng.integers(1, 5, 9)), 6)


def test_samples_have_the_law_of_the_chain(rng):
    """First and second moments of 40000 sequences within 5 standard errors."""
    chain = gaussian_chain(1, rng)
    x = chain.sample(40000, length=4, rng=rng)
    mean, precision = chain.joint(4)
    cov = np.linalg.inv(precision)
    assert x.shape == (40000, 4)
    assert (np.abs(x.mean(axis=0) - mean) < 5 * np.sqrt(np.diag(cov) / 40000)).all()
    spread = np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / 40000)
    assert (np.abs(np.cov(x.T) - cov) < 5 * spread).all()
    letters = categorical_chain(4, rng)
    y = letters.sample(40000, length=3, rng=rng)
    p = np.exp(letters.log_prob(np.array(list(itertools.product(range(4), repeat=3)))))
    seen = np.bincount(y @ [16, 4, 1], minlength=64) / 40000
    assert (np.abs(seen - p) < 5 * np.sqrt(p / 40000)).all()


def test_one_long_series_is_enough_for_the_closed_form(rng):
    chain = GaussianChain.of([[0.7]], [0.6], [[0.51]])
    x = chain.sample(1, length=20000, rng=rng)
    found = fit_gaussian(x)
    assert abs(found.A[0, 0] - 0.7) < 5 * np.sqrt(0.51 / 20000)
    assert abs(found.start.mu[0] - 2) < 0.2 and abs(found.start.Sigma[0, 0] - 1) < 0.2
    with pytest.raises(ValueError, match=r"x: expected at least 3 steps in R\^1, got 2"):
        fit_gaussian(x[:, :3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chains_keep_the_type_of_their_parameters(dtype, rng):
    chain = GaussianChain.init(2, dtype=dtype)
    x = chain.sample(3, length=4, rng=rng)
    assert x.dtype == chain.log_prob(x.astype(np.float64)).dtype == dtype
    assert CategoricalChain.init(3, dtype=dtype).log_prob(np.array([[0, 1]])).dtype == dtype


X, Y = np.zeros((2, 3, 2)), np.array([[0, 0]])
CHAIN = GaussianChain.of(0.5 * np.eye(2), np.zeros(2), np.eye(2))
LETTERS = CategoricalChain.of(np.full(3, 1 / 3), np.full((3, 3), 1 / 3))
REFUSED = [
    (lambda: CHAIN.log_prob(X[0]), r"x: expected shape \(N, n, 2\), got \(3, 2\)"),
    (lambda: CHAIN.log_prob([]), "x: expected at least one sequence, got none"),
    (lambda: CHAIN.log_prob([X[0], X[0, :, :1]]), r"x\[1\]: expected shape \(n, 2\), n >= 1, got"),
    (lambda: CHAIN.log_prob([X[0, :0]]), r"x\[0\]: .* shape \(n, ...\), n >= 1, got \(0, 2\)"),
    (lambda: CHAIN.log_prob([1.0]), r"x\[0\]: .* shape \(n, ...\), n >= 1, got \(\)"),
    (lambda: CHAIN.log_prob([X[0]], [3]), "lengths: expected none with a list"),
    (lambda: CHAIN.log_prob(X, [3, 4]), r"lengths: expected whole numbers in 1\.\.3, got 4"),
    (lambda: padded(X, [0, 3]), r"lengths: expected whole numbers in 1\.\.3, got 0 at"),
    (lambda: padded(X[0, :, :0]), r"got shape \(3, 0\)$"),
    (lambda: padded(3.0), r"got shape \(\)$"),
    (lambda: LETTERS.log_prob([[0, 3]]), r"y: .* in 0\.\.2, got 3 at index \(0, 1\)"),
    (lambda: LETTERS.log_prob(np.array([[-1, 4]])), r"y: .* in 0\.\.2, got -1 at index \(0, 0\)"),
    (lambda: LETTERS.log_prob(np.array([[0, 0.5]])), r"y: .* whole numbers in 0\.\.2, got 0.5 at"),
    (lambda: LETTERS.log_prob(Y[0]), r"y: .* \(N, n, ...\) or a list.* one sequence is x\[None\]"),
    (lambda: CategoricalChain.of([1.0], [[0.9]]), "P: expected probabilities that sum to 1"),
    (lambda: CategoricalChain.of([1, 0], [[1.5, -0.5], [0.5, 0.5]]), "P: .* that sum to 1"),
    (lambda: GaussianChain.of([[1.0, 0.0]], [0.0], [[1.0]]), r"A: .* \(D, D\), got \(1, 2\)"),
    (lambda: GaussianChain.of([[1.0]], [0.0], [[1.0]]), "A: .* spectral radius below 1.* got 1$"),
    (lambda: GaussianChain.of(np.eye(2) / 2, [0.0], [[1.0]]), r"b: .* shape \(2,\), got \(1,\)"),
    (lambda: CHAIN.joint(0), "length: expected an integer >= 1, got 0"),
    (lambda: fit_categorical(Y, pseudocount=-0.5), r"pseudocount: expected a number in \[0, inf\]"),
    (lambda: fit_unigram(Y, pseudocount=-0.5), r"pseudocount: expected a number in \[0, inf\]"),
    (lambda: fit_categorical(Y, states=0), "states: expected an integer >= 1, got 0"),
    (lambda: fit_unigram(Y[:0]), "states: expected an integer >= 1, got 0"),
    (lambda: fit_gaussian(np.zeros((0, 4, 2))), r"x: .* at least 5 steps in R\^2, got 0"),
]


@pytest.mark.parametrize("call, message", REFUSED)
def test_a_wrong_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_divided_chain_has_no_stationary_law_of_its_own_in_either_type(dtype, rng):
    """Two closed groups of symbols: no law is the only one, in any precision."""
    for _ in range(5):
        P = np.zeros((6, 6))
        P[:2, :2], P[2:, 2:] = rng.dirichlet(np.ones(2), 2), rng.dirichlet(np.ones(4), 4)
        chain = CategoricalChain.of(np.full(6, 1 / 6), P, dtype=dtype)
        with pytest.raises(ValueError, match=r"P: .* one stationary distribution, got several"):
            chain.stationary()


def test_stationary_probabilities_are_never_below_0(rng):
    """The last symbol is left for good; its probability is 0, not a little less."""
    for _ in range(20):
        P = np.zeros((4, 4))
        P[:3, :3], P[3] = rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(4))
        pi = CategoricalChain.of(np.full(4, 1 / 4), P).stationary()
        assert pi.min() >= 0 and pi[3] < 1e-14
        np.testing.assert_allclose(pi @ P, pi, atol=1e-14)


def test_a_chain_that_hardly_moves_still_has_one_stationary_law():
    for p, q in itertools.product([1e-3, 3e-3, 7e-5, 1e-5], [1e-3, 2e-4, 5e-5, 3e-5]):
        chain = CategoricalChain.of([0.5, 0.5], [[1 - p, p], [q, 1 - q]])
        np.testing.assert_allclose(chain.stationary(), [q / (p + q), p / (p + q)], rtol=1e-9)


def test_a_chain_of_one_symbol_is_certain(rng):
    chain = CategoricalChain.of([1.0], [[1.0]])
    assert chain.stationary().tolist() == [1.0]
    assert chain.log_prob([np.zeros(1, int), np.zeros(3, int)]).tolist() == [0.0, 0.0]
    for states in (None, 1):
        assert fit_categorical(np.zeros((2, 3), int), states=states).P.tolist() == [[1.0]]


def test_a_number_added_to_logits_changes_nothing(rng):
    chain = categorical_chain(4, rng)
    for shift in (-1000.0, 1000.0):
        other = CategoricalChain(chain.start + shift, chain.logits + shift)
        y, same = (c.sample(50, length=3, rng=np.random.default_rng(1)) for c in (chain, other))
        assert np.array_equal(y, same)
        np.testing.assert_allclose(other.log_prob(y), chain.log_prob(y), rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number_below_1_draws_a_possible_symbol(dtype):
    """Also at the ends, where the last edge is 1 only up to rounding."""
    last = np.nextafter(1.0, 0)
    u = np.array([0.0, 0.25, 0.5, last])
    eps = np.finfo(dtype).eps
    for total in 1 + eps * np.arange(-4, 5):
        edges = np.array([[0, 0.5, 0.5, total, total]], dtype)
        assert set(below(u[[0, 1, 3]], edges).tolist()) == {1, 3}
    assert below(u, np.array([[0, 0.5, 0.5, 1, 1]], dtype)).tolist() == [1, 1, 3, 3]


@pytest.mark.parametrize("kind", ["numbers", "vectors", "symbols"])
def test_zero_sequences_have_zero_log_probabilities(kind, rng):
    D = {"numbers": 1, "vectors": 2}.get(kind)
    chain = gaussian_chain(D, rng) if D else categorical_chain(3, rng)
    none, one = (chain.sample(n, length=1, rng=rng) for n in (0, 1))
    assert none.shape == (0, 1, 2)[: none.ndim] and one.shape == (1, 1, 2)[: one.ndim]
    assert chain.log_prob(none).shape == (0,)
    with pytest.raises(ValueError, match="n: expected an integer >= 0, got -1"):
        chain.sample(-1, length=1, rng=rng)
    with pytest.raises(ValueError, match="length: expected an integer >= 1, got 0"):
        chain.sample(1, length=0, rng=rng)


def test_the_fewest_steps_that_give_the_noise_full_rank_are_enough(rng):
    """D + 1 numbers a row are fitted, and D more directions must be left: 2 D + 1 steps."""
    for D in (1, 2, 3):
        x = rng.standard_normal((1, 2 * D + 2, D))
        fit_gaussian(x)
        with pytest.raises(ValueError, match=rf"x: expected at least {2 * D + 1} steps in R\^{D}"):
            fit_gaussian(x[:, :-1])


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5])
def test_the_start_is_fitted_to_first_elements_where_they_are_enough(N, rng):
    """More than D sequences; else to all elements."""
    x = rng.standard_normal((N, 12, 3))
    rows = x[:, 0] if N > 3 else x.reshape(-1, 3)
    start = fit_gaussian(x).start
    np.testing.assert_allclose(start.mu, rows.mean(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(start.Sigma, np.cov(rows.T, bias=True), rtol=1e-9, atol=1e-12)


def test_what_was_never_seen_has_equal_shares(rng):
    y = np.array([[0, 1, 0]])
    for pseudocount in (0, 0.1):
        P = fit_categorical(y, states=3, pseudocount=pseudocount).P
        np.testing.assert_allclose(P[2], 1 / 3)
        np.testing.assert_allclose(P.sum(axis=1), 1)
    nothing = fit_categorical(y[:0], states=3)
    np.testing.assert_allclose(np.exp(nothing.start), 1 / 3)
    np.testing.assert_allclose(nothing.P, 1 / 3)
