"""A question asked by hand: the lines of Python that repeat it in the model's own library."""

from minigen.core import validate

LINES = {
    "round trip": "print(inverse(forward(x, c)[0], c)[0] - x)",
    "and back": "print(forward(inverse(x, c)[0], c)[0] - x)",
    "log-det": (
        "J = JACOBIAN(lambda v: forward(v, c[:1])[0], x[:1])\n"
        "print(forward(x[:1], c[:1])[1], SLOGDET(J.reshape(2, 2)))"
    ),
    "log-det back": (
        "J = JACOBIAN(lambda v: inverse(v, c[:1])[0], x[:1])\n"
        "print(inverse(x[:1], c[:1])[1], SLOGDET(J.reshape(2, 2)))"
    ),
    "log_prob": (
        "z, log_det = forward(x, c)\n"
        "print(log_prob(x, c), log_det - (z**2).sum(1) / 2 - 1.8378770664093453)"
    ),
    "mass": (
        "t = LINSPACE(-30, 30, 1201); grid = PAIRS(t)\n"
        "print(EXP(log_prob(grid, 0 * grid[:, :1] + c[0])).sum() * 0.05**2)"
    ),
    "samples": (
        "y = sample(20000, c[:1]); z = forward(y, 0 * y[:, :1] + c[0])[0]\n"
        "print(z.mean(0), z.std(0), 'should be 0 and 1')"
    ),
    "context": "print(inverse(x, c + 1)[0] - inverse(x, c)[0])",
    "gradient": (
        "g = GRADIENT(lambda v: log_prob(v, c).sum(), x); e = 0 * x; e[0, 0] = 1e-4\n"
        "print(g[0, 0], (log_prob(x + e, c) - log_prob(x - e, c)).sum() / 2e-4)"
    ),
    "parameters": (
        "p = next(flow.parameters()); log_prob(x, c).sum().backward(); g = p.grad.flatten()[0]\n"
        "p.data.flatten()[0] += 1e-4; a = log_prob(x, c).sum(); p.data.flatten()[0] -= 2e-4\n"
        "print(g, (a - log_prob(x, c).sum()) / 2e-4)"
    ),
    "rows": "print(log_prob(x, c)[:1] - log_prob(x[:1], c[:1]))",
    "far": (
        "far = 50 * x / abs(x)\nprint(log_prob(far, c), inverse(forward(far, c)[0], c)[0])"
    ),
}  # fmt: skip

WORDS = {
    "torch": {
        "JACOBIAN": "torch.autograd.functional.jacobian",
        "SLOGDET": "torch.linalg.slogdet",
        "LINSPACE": "torch.linspace",
        "PAIRS(t)": "torch.cartesian_prod(t, t)",
        "EXP": "torch.exp",
        "GRADIENT(lambda v: log_prob(v, c).sum(), x)": (
            "torch.autograd.functional.jacobian(lambda v: log_prob(v, c).sum(), x)"
        ),
    },
    "jax": {
        "JACOBIAN(lambda v: forward(v, c[:1])[0], x[:1])": (
            "jax.jacobian(lambda v: forward(v, c[:1])[0])(x[:1])"
        ),
        "JACOBIAN(lambda v: inverse(v, c[:1])[0], x[:1])": (
            "jax.jacobian(lambda v: inverse(v, c[:1])[0])(x[:1])"
        ),
        "SLOGDET": "jnp.linalg.slogdet",
        "LINSPACE": "jnp.linspace",
        "PAIRS(t)": "jnp.stack(jnp.meshgrid(t, t), -1).reshape(-1, 2)",
        "EXP": "jnp.exp",
        "GRADIENT(lambda v: log_prob(v, c).sum(), x)": (
            "jax.grad(lambda v: log_prob(v, c).sum())(x)"
        ),
        "e[0, 0] = 1e-4": "e = e.at[0, 0].set(1e-4)",
    },
    "numpy": {
        "LINSPACE": "np.linspace", "EXP": "np.exp", "SLOGDET": "np.linalg.slogdet",
        "PAIRS(t)": "np.stack(np.meshgrid(t, t), -1).reshape(-1, 2)",
        "JACOBIAN": "mg.check.jacobian",
    },
}  # fmt: skip
POINTS = {
    "torch": "x, c = torch.randn(5, 2), torch.randn(5, 1)\n",
    "jax": "x, c = jax.random.normal(key, (5, 2)), jax.random.normal(key, (5, 1))\n",
    "numpy": "x, c = rng.standard_normal((5, 2)), rng.standard_normal((5, 1))\n",
}


def framework_of(code: str) -> str:
    """Which arrays the lines of a model use."""
    return "torch" if "import torch" in code else "jax" if "import jax" in code else "numpy"


def reproduction(code: str, oracle: str) -> str:
    """Write the lines that ask a question of a model by hand.

    Parameters
    ----------
    code : str
        The lines that make the model.
    oracle : str
        The question, one of those of `minigen audit`.

    Returns
    -------
    str
        Lines of Python that need the model's own library alone.

    Raises
    ------
    ValueError
        For an unknown question.

    Examples
    --------
    >>> code = "import numpy as np\\nforward = lambda x, c: (2 * x, 0 * x[:, 0])"
    >>> print(mg.audit.reproduction(code, "rows").splitlines()[-1])
    print(log_prob(x, c)[:1] - log_prob(x[:1], c[:1]))
    """
    validate.choice("oracle", oracle, LINES)
    if not isinstance(code, str):
        raise validate.wrong_type("code", "lines of Python", type(code).__name__)
    framework = framework_of(code)
    asked = LINES[oracle]
    for word, own in WORDS[framework].items():
        asked = asked.replace(word, own)
    wanted = [n for n in ("forward", "inverse", "log_prob", "sample") if f"{n}(" not in asked]
    unused = tuple(f"{n} = " for n in wanted)
    lines = [line for line in code.splitlines() if not line.startswith(unused)]
    return "\n".join([*lines, POINTS[framework] + asked])
