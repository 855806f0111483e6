"""The workloads in JAX, as its users write them: pure functions, one jit for the whole step."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from minigen.flows import degrees


def dense(rng, n_in, n_out):
    W = rng.standard_normal((n_in, n_out), np.float32) / np.sqrt(n_in, dtype=np.float32)
    return {"W": jnp.asarray(W), "b": jnp.zeros(n_out)}


def mlp(layers, x, masks=None):
    for k, f in enumerate(layers):
        x = x @ (f["W"] if masks is None else f["W"] * masks[k]) + f["b"]
        x = jax.nn.relu(x) if k < len(layers) - 1 else x
    return x


def flow_loss(layer):
    """The mean negative log-likelihood of layers over a standard normal."""

    def loss(params, x, key):
        total = 0.0
        for k, p in enumerate(params):
            x, logdet = layer(p, x[:, ::-1] if k % 2 else x)
            total = total + logdet
        return (0.5 * (x * x).sum(1) + 0.5 * x.shape[1] * jnp.log(2 * jnp.pi) - total).mean()

    return loss


def coupling(layers, x):
    d = x.shape[1] // 2
    r, t = jnp.split(mlp(layers, x[:, :d]), 2, axis=1)
    s = 2 * jnp.tanh(r / 2)
    return jnp.concatenate([x[:, :d], x[:, d:] * jnp.exp(s) + t], axis=1), s.sum(1)


def made_masks(D, hidden):
    levels = [degrees.inputs(D, 0), *(degrees.hidden("hidden", H, D, 0) for H in hidden)]
    levels.append(np.tile(np.arange(D), 2))
    pairs = itertools.pairwise(levels)
    return [jnp.asarray(degrees.mask(a, b), jnp.float32) for a, b in pairs]


def autoregressive(masks):
    """The layer x -> z, and its inverse of D passes."""

    def parameters(layers, x):
        mu, r = jnp.split(mlp(layers, x, masks), 2, axis=1)
        return mu, 2 * jnp.tanh(r / 2)

    def forward(layers, x):
        mu, alpha = parameters(layers, x)
        return (x - mu) * jnp.exp(-alpha), -alpha.sum(1)

    def inverse(layers, z):
        def one(i, x):
            mu, alpha = parameters(layers, x)
            return x.at[:, i].set(z[:, i] * jnp.exp(alpha[:, i]) + mu[:, i])

        return jax.lax.fori_loop(0, z.shape[1], one, jnp.zeros_like(z))

    return forward, inverse


def denoiser(T):
    """The loss and the ancestral sampler of a residual MLP with a time embedding."""
    angle = np.arange(T + 1)[:, None] * 10000 ** (-np.arange(32) / 32)
    wave = jnp.asarray(np.concatenate([np.cos(angle), np.sin(angle)], axis=1), jnp.float32)
    beta = jnp.asarray(np.append(0, np.linspace(1e-4, 0.02, T)), jnp.float32)
    alpha_bar = jnp.cumprod(1 - beta)

    def affine(f, x):
        return x @ f["W"] + f["b"]

    def predict(p, x, t):
        e, h = (
            affine(p["time"][1], jax.nn.silu(affine(p["time"][0], wave[t]))),
            affine(p["lift"], x),
        )
        for block in p["blocks"]:
            h = h + affine(block, jax.nn.silu(h + e))
        return affine(p["head"], h)

    def loss(p, x, key):
        a, b = jax.random.split(key)
        t = jax.random.randint(a, (len(x),), 1, T + 1)
        A, eps = alpha_bar[t][:, None], jax.random.normal(b, x.shape)
        out = predict(p, jnp.sqrt(A) * x + jnp.sqrt(1 - A) * eps, t)
        return ((out - eps) ** 2).sum(1).mean()

    def sample(p, key, n, D):
        def one(k, state):
            x, key = state
            key, now = jax.random.split(key)
            t = T - k
            out = predict(p, x, t[None])
            mu = (x - beta[t] / jnp.sqrt(1 - alpha_bar[t]) * out) / jnp.sqrt(1 - beta[t])
            return mu + jnp.sqrt(beta[t]) * jax.random.normal(now, x.shape), key

        key, now = jax.random.split(key)
        return jax.lax.fori_loop(0, T, one, (jax.random.normal(now, (n, D)), key))[0]

    return loss, sample


def parameters(work, rng):
    """Fresh parameters of the workload."""
    D, H = work.features, work.hidden
    if work.model == "ddpm":
        return {
            "lift": dense(rng, D, H[0]), "head": dense(rng, H[0], D),
            "time": [dense(rng, 64, H[0]), dense(rng, H[0], H[0])],
            "blocks": [dense(rng, H[0], H[0]) for _ in range(work.layers)],
        }  # fmt: skip
    d = D // 2 if work.model == "real_nvp" else D
    widths = (d, *H, 2 * (D - d) if work.model == "real_nvp" else 2 * D)
    pairs = list(itertools.pairwise(widths))
    return [[dense(rng, a, b) for a, b in pairs] for _ in range(work.layers)]


def runs(work):
    """{name: function that does the workload once}."""
    if work.model not in ("real_nvp", "maf", "ddpm") or work.task == "elbo":
        return {}
    rng = np.random.default_rng(0)
    params, key = parameters(work, rng), jax.random.key(0)
    if work.task == "sample":
        return {"jax jit": sampler(work, params, key)}
    if work.model == "ddpm":
        loss, _ = denoiser(work.steps)
    else:
        maf = work.model == "maf"
        layer = autoregressive(made_masks(work.features, work.hidden))[0] if maf else coupling
        loss = flow_loss(layer)
    return {"jax jit": trainer(work, loss, params, key, rng)}


def trainer(work, loss, params, key, rng):
    """One step of Adam, compiled whole, its state given up to it."""

    def step(state, x):
        params, m, v, k, key = state
        key, now = jax.random.split(key)
        value, g = jax.value_and_grad(loss)(params, x, now)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        size = 1e-4 * jnp.sqrt(1 - 0.999**k) / (1 - 0.9**k)
        move = lambda p, m, v: p - size * m / (jnp.sqrt(v) + 1e-8)  # noqa: E731
        return (jax.tree.map(move, params, m, v), m, v, k + 1, key), value

    step = jax.jit(step, donate_argnums=0)
    zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(2)]
    state = [(params, *zeros, jnp.float32(1), key)]
    x = jnp.asarray(rng.standard_normal((work.rows, work.features), np.float32))

    def run():
        state[0], value = step(state[0], x)
        return float(value)

    return run


def sampler(work, params, key):
    shape = (work.rows, work.features)
    if work.model == "ddpm":
        _, sample = denoiser(work.steps)
        sample = jax.jit(sample, static_argnums=(2, 3))
        return lambda: sample(params, key, *shape).block_until_ready()
    _, inverse = autoregressive(made_masks(work.features, work.hidden))

    @jax.jit
    def sample(params, key):
        z = jax.random.normal(key, shape)
        for k, p in reversed(list(enumerate(params))):
            z = inverse(p, z)
            z = z[:, ::-1] if k % 2 else z
        return z

    return lambda: sample(params, key).block_until_ready()
