"""The contract of a layer. Everything in minigen that has a gradient keeps it.

    *outputs, cache  = layer.forward(*inputs, **given)
    *dinputs, grads  = layer.backward(*doutputs, cache)

Positional inputs are differentiated; keyword inputs (time steps, labels, noise) are given.
`grads` is the tree of `layer.params`; `dinputs` have the shapes of `inputs`. Neither method
changes the layer or its arguments, and everything `backward` needs is in `cache`, so two caches
may be alive at once. Forward has no mode, no clock and no dice.

Names: N batch, D features, H hidden, T steps; x input, y output, z latent; `d` + name is the
gradient of the loss with respect to it; `logdet` is log|det dy/dx|, of shape (N,).
"""

from functools import cached_property

from minigen.core import tree, validate


class Layer:
    """A differentiable map, its parameters and its vector-Jacobian product.

    To write one: a frozen dataclass whose arrays are marked `param()` or `const()`, a `forward`
    and a `backward`, and a classmethod `init(..., rng, dtype)` for fresh parameters.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        own = vars(cls)
        if "backward" in own and "backward_params" not in own:
            cls.backward_params = Layer.backward_params  # the parent's goes with its `backward`

    @property
    def params(self):
        """The tree of trained arrays: nested dicts, named like the fields."""
        return tree.params(self)

    def backward_params(self, *args):
        """The gradient of the parameters alone, which is all that training needs.

        A layer whose inputs are data may leave out here what only their gradients cost.
        """
        return self.backward(*args)[-1]

    @cached_property
    def dtype(self):
        """The floating type of the parameters."""
        return tree.dtype(self)

    def astype(self, dtype):
        """A copy in another precision."""
        return tree.astype(self, dtype)

    def __repr__(self):
        return tree.summary(self)


class Bijection(Layer):
    """An invertible map: a layer with two outputs, y (N, D) and logdet (N,) = log|det dy/dx|.

        y, logdet, cache = f.forward(x)             or f.forward(x, context)
        dx, grads        = f.backward(dy, dlogdet, cache)     dx, dcontext, grads with a context
        x, logdet        = f.inverse(y)             log|det dx/dy|, of the inverse map
        dy, grads        = f.backward_inverse(dx, dlogdet, y)   where the inverse is one pass

    `context` is the number of context columns the map wants: 0 for none.
    """

    context = 0

    def backward_inverse(self, dx, dlogdet, y, *context):
        """The gradient of `inverse` at y; only maps that are parallel both ways have it."""
        raise TypeError(
            f"{type(self).__name__}: expected a map with `backward_inverse` (coupling, linear, "
            "element-wise), got one without; train it in the other orientation"
        )


class Density(Layer):
    """A probability density on R^D.

        logp, cache = p.forward(x)                  logp (N,); or p.forward(x, context)
        dx, grads   = p.backward(dlogp, cache)
        x           = p.sample(n, rng=rng)          (n, D)

    `features` is D; `context` the number of context columns, 0 for none; `levels` the number of
    integer values of the data, 0 for continuous data.
    """

    context = 0
    levels = 0

    def log_prob(self, x, *context):
        """log p(x) in nats, (N,), for x (N, D) of any real type; validated and cast."""
        rows = validate.rows(self, x, *context)
        return self.forward(*rows)[0]


class Loss(Layer):
    """A scalar to be minimised: a mean over the N rows of a batch.

        loss, cache      = L.forward(*inputs, **given)
        *dinputs, grads  = L.backward(1.0, cache)
        inputs, given    = L.draw(batch, rng)       what the loss needs each step, noise included

    A batch is an array of N rows or a tuple of them (data, context).
    """

    def draw(self, batch, rng):
        """The inputs and the given of one step; by default the batch itself, and nothing drawn."""
        return (batch if isinstance(batch, tuple) else (batch,)), {}

    def metrics(self, cache):
        """Numbers for the training history beside the loss, by name."""
        return {}
