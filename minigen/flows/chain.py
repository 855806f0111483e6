"""Chains of maps: log-determinants add."""

from dataclasses import dataclass

from minigen.core.contract import Bijection


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Bijection):
    """Composition of bijections; the first layer listed is applied first.

        z_k = f_k(... f_1(z_0))                                         CV-8
        log|det dz_k/dz_0| = sum_{i=1}^k log|det df_i/dz_{i-1}|         CV-10
        log|det dz_0/dz_k| = sum_{i=1}^k log|det df_i^{-1}/dz_i|        CV-9

    Because the log-determinants add, every layer receives the same dlogdet; only dz is
    transformed. A context goes to the layers that declare one, and their dcontext are summed.
    """

    layers: tuple

    @property
    def context(self):
        return max((f.context for f in self.layers), default=0)

    def forward(self, z, *context):
        logdet, caches = 0, []
        for f in self.layers:
            z, ell, cache = f.forward(z, *(context if f.context else ()))
            logdet = logdet + ell  # CV-10
            caches.append(cache)
        return z, logdet, tuple(caches)

    def backward(self, dz, dlogdet, caches):
        grads, dcontext = {}, ()
        for k in reversed(range(len(self.layers))):
            dz, *dc, grads[str(k)] = self.layers[k].backward(dz, dlogdet, caches[k])  # CV-10
            dcontext = added(dcontext, dc)
        return dz, *dcontext, {"layers": grads}

    def inverse(self, z, *context):
        logdet = 0
        for f in reversed(self.layers):
            z, ell = f.inverse(z, *(context if f.context else ()))
            logdet = logdet + ell  # CV-9
        return z, logdet

    def backward_inverse(self, dz, dlogdet, z, *context):
        points = []  # the z_i that each inverse starts from, last layer first
        for f in reversed(self.layers):
            points.append(z)
            z, _ = f.inverse(z, *(context if f.context else ()))
        grads, dcontext = {}, ()
        for k, (f, point) in enumerate(zip(self.layers, reversed(points), strict=True)):
            c = context if f.context else ()
            dz, *dc, grads[str(k)] = f.backward_inverse(dz, dlogdet, point, *c)  # CV-9
            dcontext = added(dcontext, dc)
        return dz, *dcontext, {"layers": grads}


def added(total, part):
    """The sum of two tuples of at most one array, () counting as zero."""
    if total and part:
        return (total[0] + part[0],)
    return tuple(total or part)
