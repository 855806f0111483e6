"""Flows of other libraries, each as the lines that make it and that a reproduction prints.

The lines define forward(x, c) -> (z, log-det), inverse(z, c) -> (x, log-det), log_prob(x, c) and
sample(n, c) for rows x (N, 2) with a context c (N, 1), in the library's own arrays. What a fresh
model leaves at zero is moved, for a map that does nothing would pass every question.
"""

TORCH = """\
import torch
torch.manual_seed(0); torch.set_default_dtype(torch.float64)
"""
MOVED = "for p in flow.parameters(): p.data += 0.2 * torch.randn_like(p)\n"

ZUKO = """\
forward = lambda x, c: flow(c).transform.call_and_ladj(x)
inverse = lambda z, c: flow(c).transform.inv.call_and_ladj(z)
log_prob = lambda x, c: flow(c).log_prob(x)
sample = lambda n, c: flow(c[0]).sample((n,))
"""
NFLOWS = """\
forward = lambda x, c: flow._transform.forward(x, context=c)
inverse = lambda z, c: flow._transform.inverse(z, context=c)
log_prob = lambda x, c: flow.log_prob(x, context=c)
sample = lambda n, c: flow.sample(n, context=c[:1])[0]
"""
NORMFLOWS = """\
flow = normflows.ConditionalNormalizingFlow(normflows.distributions.DiagGaussian(2, False), layers)
forward = lambda x, c: flow.inverse_and_log_det(x, context=c)
inverse = lambda z, c: flow.forward_and_log_det(z, context=c)
log_prob = lambda x, c: flow.log_prob(x, context=c)
sample = lambda n, c: flow.sample(n, context=c[:1].expand(n, -1))[0]
"""
FLOWJAX = """\
move = lambda p: p + 0.2 * jax.random.normal(key, p.shape) if eqx.is_inexact_array(p) else p
flow = eqx.tree_at(lambda f: f.bijection, flow, jax.tree.map(move, flow.bijection))
forward = jax.jit(lambda x, c: jax.vmap(flow.bijection.inverse_and_log_det)(x, c))
inverse = jax.jit(lambda z, c: jax.vmap(flow.bijection.transform_and_log_det)(z, c))
log_prob = lambda x, c: eqx.filter_jit(type(flow).log_prob)(flow, x, c)
sample = lambda n, c: flow.sample(key, (n,), condition=c[0])
"""
MINIGEN = """\
leaves = mg.core.tree.flatten(flow.params).items()
flow = mg.core.tree.rebuild(flow, {k: p + 0.1 * rng.standard_normal(p.shape) for k, p in leaves})
forward = lambda x, c: flow.chain.forward(x, c)[:2]
inverse = lambda z, c: flow.chain.inverse(z, c)[:2]
log_prob = lambda x, c: flow.log_prob(x, c)
sample = lambda n, c: flow.sample(n, np.repeat(c[:1], n, 0), rng=rng)
"""


def _zuko(flow: str) -> str:
    return f"{TORCH}import zuko\nflow = zuko.flows.{flow}\n{MOVED}{ZUKO}"


def _nflows(transform: str) -> str:
    head = "from nflows import flows, transforms, distributions, nn\n"
    flow = f"flow = flows.Flow({transform}, distributions.StandardNormal([2]))\n"
    return f"{TORCH}{head}{flow}{MOVED}{NFLOWS}"


def _normflows(layers: str) -> str:
    first, *rest = NORMFLOWS.split("\n", 1)
    return f"{TORCH}import normflows\nlayers = {layers}\n{first}\n{MOVED}{rest[0]}"


def _flowjax(flow: str) -> str:
    head = (
        "import jax, jax.numpy as jnp, equinox as eqx; from flowjax import bijections, flows\n"
        "from flowjax.distributions import Normal\n"
        "jax.config.update('jax_enable_x64', True); key = jax.random.key(0)\n"
    )
    base = "base_dist=Normal(jnp.zeros(2)), cond_dim=1"
    return f"{head}flow = flows.{flow.replace('BASE', base)}\n{FLOWJAX}"


def _minigen(flow: str) -> str:
    head = "import numpy as np, minigen as mg\nrng = np.random.default_rng(0)\n"
    return f"{head}flow = mg.flows.{flow}\n{MINIGEN}"


_NET = "lambda i, o: nn.nets.ResidualNet(i, o, hidden_features=16, context_features=1)"
_COUPLING = f"transforms.{{}}([1, 0], {_NET}{{}})"
_SPLINE = ", num_bins=8, tails='linear', tail_bound=3.0"

LIBRARIES: dict[str, dict[str, str]] = {
    "minigen": {
        "maf": _minigen("maf(2, layers=2, context=1, dtype=float, rng=rng)"),
        "real_nvp": _minigen("real_nvp(2, layers=2, context=1, dtype=float, rng=rng)"),
        "neural_spline": _minigen("neural_spline(2, layers=2, context=1, dtype=float, rng=rng)"),
    },
    "zuko": {
        "MAF, 1 layer": _zuko("MAF(2, 1, transforms=1)"),
        "MAF": _zuko("MAF(2, 1, transforms=2)"),
        "NICE": _zuko("NICE(2, 1, transforms=2)"),
        "NSF": _zuko("NSF(2, 1, transforms=2)"),
        "SOSPF": _zuko("SOSPF(2, 1, transforms=2)"),
        "BPF": _zuko("BPF(2, 1, transforms=2)"),
        "NAF": _zuko("NAF(2, 1, transforms=1)"),
    },
    "nflows": {
        "MAF, 1 layer": _nflows(
            "transforms.MaskedAffineAutoregressiveTransform(2, 16, context_features=1)"
        ),
        "MAF": _nflows(
            "transforms.CompositeTransform([transforms.MaskedAffineAutoregressiveTransform(2, 16, "
            "context_features=1), transforms.ReversePermutation(2), "
            "transforms.MaskedAffineAutoregressiveTransform(2, 16, context_features=1)])"
        ),
        "MA-RQS": _nflows(
            "transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(2, 16, "
            "context_features=1, num_bins=8, tails='linear', tail_bound=3.0)"
        ),
        "coupling, 2": _nflows(
            f"transforms.CompositeTransform([{_COUPLING.format('AffineCouplingTransform', '')}, "
            f"transforms.ReversePermutation(2), "
            f"{_COUPLING.format('AffineCouplingTransform', '')}])"
        ),
        "RQS, 2": _nflows(
            "transforms.CompositeTransform(["
            f"{_COUPLING.format('PiecewiseRationalQuadraticCouplingTransform', _SPLINE)}, "
            "transforms.ReversePermutation(2), "
            f"{_COUPLING.format('PiecewiseRationalQuadraticCouplingTransform', _SPLINE)}])"
        ),
        "LU": _nflows("transforms.LULinear(2)"),
        "SVD": _nflows("transforms.SVDLinear(2, num_householder=2)"),
    },
    "normflows": {
        "MAF, 1 layer": _normflows(
            "[normflows.flows.MaskedAffineAutoregressive(2, 16, context_features=1)]"
        ),
        "AR-RQS": _normflows(
            "[normflows.flows.AutoregressiveRationalQuadraticSpline(2, 1, 16, "
            "num_context_channels=1)]"
        ),
        "coupled RQS": _normflows(
            "[normflows.flows.CoupledRationalQuadraticSpline(2, 1, 16, num_context_channels=1, "
            "reverse_mask=k == 1) for k in range(2)]"
        ),
        "LU": _normflows("[normflows.flows.LULinearPermute(2)]"),
    },
    "flowjax": {
        "MAF, 1 layer": _flowjax("masked_autoregressive_flow(key, BASE, flow_layers=1)"),
        "coupling": _flowjax("coupling_flow(key, BASE, flow_layers=2)"),
        "RQS coupling": _flowjax(
            "coupling_flow(key, BASE, flow_layers=2, "
            "transformer=bijections.RationalQuadraticSpline(knots=8, interval=4))"
        ),
        "triangular": _flowjax("triangular_spline_flow(key, BASE, flow_layers=2)"),
        "planar": _flowjax(
            "planar_flow(key, BASE, flow_layers=2, width_size=8, depth=1, negative_slope=0.1)"
        ),
        "BNAF": _flowjax("block_neural_autoregressive_flow(key, BASE)"),
    },
}  # fmt: skip
