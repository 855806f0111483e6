"""Start values: units turn on where standardised data lie, and that is worth nats."""

import numpy as np
import pytest

import minigen as mg
from minigen.core import tree


def kinks(flow):
    """Where the first units of every coupling of two columns turn on: w x + b = 0."""
    linears = [f.net.layers[0] for f in flow.chain.layers if hasattr(f, "net")]
    return np.concatenate([-f.b / f.W[0] for f in linears])


def test_the_units_of_a_coupling_turn_on_all_over_the_data(rng):
    at = kinks(mg.flows.real_nvp(2, 8, (64, 64), rng=rng))
    inside = np.abs(at) < 2
    assert 0.6 < inside.mean() < 0.95
    assert np.histogram(at[inside], bins=8)[0].min() > inside.sum() / 30


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_signal_keeps_its_size_from_layer_to_layer(activation, first, rng):
    net = mg.nn.mlp(1 if first else 64, (256,) * 6, 4, activation=activation, rng=rng)
    x = rng.standard_normal((500, 1 if first else 64)).astype(np.float32)
    y, _ = net.forward(x)
    assert 0.1 < y.std() < 4


def kl(toy, activation, spread, seed):
    """KL(truth, model) after a short training, the biases as they start, or all 0."""
    rng = np.random.default_rng(seed)
    x = toy.sample(4000, rng=rng)
    flow = mg.flows.real_nvp(2, 6, (32, 32), activation=activation, rng=rng, init_from=x)
    for path, b in tree.flatten(flow.params).items():
        if path.endswith(".b") and not spread:
            b[:] = 0
    mg.fit(flow.nll, toy, steps=300, lr=3e-3, rng=rng, progress=False)
    x = toy.sample(4000, rng=rng)
    return (toy.log_prob(x) - flow.log_prob(x)).mean()


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_spread_units_learn_waves_much_better_than_units_that_all_turn_on_at_0(activation):
    toy = mg.data.toy("waves")
    spread, zero = (np.mean([kl(toy, activation, s, n) for n in range(2)]) for s in (True, False))
    assert spread < 0.7 * zero
