"""The default rules of other gradient checkers, written down again in NumPy.

    torch.autograd.gradcheck    whole Jacobian, central differences with eps = 1e-6,
                                |a - n| <= 1e-5 + 1e-3 |n|
    jax.test_util.check_grads   one random direction, eps = 1e-4, |a - n| <= 1e-5 + 1e-5 |n|
    HIPS/autograd check_grads   one random direction, eps = 1e-6,
                                |a - n| < 1e-6 or |a - n| < 1e-6 |a + n|

These are the published defaults for float64, first order, reverse mode, not the packages
themselves. What breaks the form of a gradient (a shape) counts as caught by all.
"""

import numpy as np

from minigen.check.malformed import malformed
from minigen.check.richardson import Richardson


class Reference:
    """Differences at one point, and the three rules."""

    def __init__(self, subject, scale):
        self.subject, self.scale = subject, scale
        self.real = Richardson(subject)
        self.shapes = [y.shape for y in subject.forward()[0]]
        self.numeric = {name: self.columns(name) for name in subject.points}

    def columns(self, name):
        """d outputs / d one array, (size of the array, size of the outputs)."""
        found = []
        for i in range(self.subject.points[name].size):
            unit = np.zeros(self.subject.points[name].shape)
            unit.flat[i] = 1
            found.append(self.slope({name: unit}, 1e-6))
        return np.array(found)

    def slope(self, u, eps):
        """All outputs' slopes along u, by central differences, flat."""
        pairs = zip(self.real.values(u, eps), self.real.values(u, -eps), strict=True)
        return np.concatenate([np.ravel(a - b) for a, b in pairs]) / (2 * eps)

    def pulled(self, v):
        """{name: gradient} for a flat cotangent."""
        cuts = np.cumsum([int(np.prod(s)) for s in self.shapes])[:-1]
        parts = [a.reshape(s) for a, s in zip(np.split(v, cuts), self.shapes, strict=True)]
        _, cache = self.subject.forward()
        return self.subject.backward(parts, cache)

    def missed(self, seed):
        """The names of the rules that let `backward`, as it now is, pass."""
        size = sum(int(np.prod(s)) for s in self.shapes)
        rng = np.random.default_rng([seed, 3])
        v = rng.standard_normal(size)
        u = {n: rng.standard_normal(a.shape) for n, a in self.subject.points.items()}
        try:
            g = self.pulled(v)
            if malformed(self.subject.points, g):
                return []
            a = sum(np.sum(u[n] * g[n]) for n in u)
            jax, autograd = (v @ self.slope(u, eps) for eps in (1e-4, 1e-6))
            passed = {
                "torch": self.torch(size),
                "jax": abs(a - jax) <= 1e-5 + 1e-5 * abs(jax),
                "autograd": abs(a - autograd) < 1e-6
                or abs(a - autograd) < 1e-6 * abs(a + autograd),
            }
        except Exception:  # a broken backward may raise anything
            return []
        return [name for name, ok in passed.items() if ok]

    def torch(self, size):
        """Whether the whole Jacobian is within torch's tolerances."""
        for i, unit in enumerate(np.eye(size)):
            for name, g in self.pulled(unit).items():
                n = self.numeric[name][:, i]
                if not np.all(np.abs(np.ravel(g) - n) <= 1e-5 + 1e-3 * np.abs(n)):
                    return False
        return True
