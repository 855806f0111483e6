"""The default gradient checkers of other packages, asked about the same backward passes.

    torch.autograd.gradcheck     each output alone (unit cotangents), each entry moved by 1e-6:
                                 |a - n| <= 1e-5 + 1e-3 |n|; and no cotangent, no gradient
    jax.test_util.check_grads    one random direction and cotangent, eps = 1e-4:
                                 |a - n| <= 1e-5 + 1e-5 |n|
    autograd.test_util           one random direction and cotangent, eps = 1e-6:
                                 |a - n| < 1e-6 or |a - n| < 1e-6 |a + n|

Each gets the layer as a function of its own, of inputs and parameters in float64, first order,
reverse mode, every other setting as the package has it. torch keeps the layer's cache from forward
to backward; the functions of the other two carry no objects, so theirs run forward again.
"""

import functools
import importlib.metadata
import importlib.util
import logging

import numpy as np


@functools.cache
def installed():
    """{package: version} of those that are here."""
    here = (name for name in MAKERS if importlib.util.find_spec(name))
    return {name: importlib.metadata.version(name) for name in here}


class Bridge:
    """A probe as functions of all its arrays, in the order of `points`."""

    def __init__(self, probe):
        self.points = {name: a.copy() for name, a in probe.points.items()}
        self.probe = probe.at(self.points)
        self.arrays = tuple(a.copy() for a in self.points.values())

    def forward(self, *arrays):
        """(outputs, cache)."""
        self.move(arrays)
        outputs, cache = self.probe.forward()
        return tuple(y.copy() for y in outputs), cache

    def outputs(self, *arrays):
        return self.forward(*arrays)[0]

    def backward(self, arrays, cotangents, cache):
        """The gradient of each array, whatever its shape and type."""
        self.move(arrays)
        grads = self.probe.backward([np.asarray(v) for v in cotangents], cache)
        return tuple(np.array(grads[name]) for name in self.points)

    def again(self, arrays, cotangents):
        """The gradient of each array, after a forward pass of its own."""
        return self.backward(arrays, cotangents, self.forward(*arrays)[1])

    def move(self, arrays):
        for point, a in zip(self.points.values(), arrays, strict=True):
            point[...] = a


def torch(bridge):
    """A function that raises where `gradcheck` objects."""
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.save_for_backward(*tensors)
            outputs, ctx.layer_cache = bridge.forward(*tensors)
            return tuple(map(torch.as_tensor, outputs))

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, *cotangents):
            grads = bridge.backward(ctx.saved_tensors, cotangents, ctx.layer_cache)
            return tuple(map(torch.as_tensor, grads))

    def check():
        tensors = [torch.tensor(a, requires_grad=True) for a in bridge.arrays]
        torch.autograd.gradcheck(Function.apply, tensors)

    return check


def jax(bridge):
    """A function that raises where `check_grads` objects."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    logging.getLogger("jax").setLevel(logging.CRITICAL)  # it logs what backward raises
    like_outputs, like_arrays = (
        tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays)
        for arrays in (bridge.outputs(*bridge.arrays), bridge.arrays)
    )

    @jax.custom_vjp
    def function(*arrays):
        return jax.pure_callback(bridge.outputs, like_outputs, *arrays)

    def backward(arrays, cotangents):
        return jax.pure_callback(bridge.again, like_arrays, arrays, cotangents)

    function.defvjp(lambda *arrays: (function(*arrays), arrays), backward)
    return lambda: check_grads(function, bridge.arrays, order=1, modes=["rev"])


def autograd(bridge):
    """A function that raises where `check_grads` objects."""
    from autograd.extend import defvjp_argnums, primitive
    from autograd.test_util import check_grads

    function = primitive(bridge.outputs)
    defvjp_argnums(function, lambda _, ans, arrays, kwargs: functools.partial(bridge.again, arrays))
    every = tuple(range(len(bridge.arrays)))
    check = check_grads(function, every, modes=["rev"], order=1)

    def seeded():
        np.random.seed(0)  # noqa: NPY002 (it draws from the global generator)
        check(*bridge.arrays)

    return seeded


MAKERS = {"torch": torch, "jax": jax, "autograd": autograd}


class Others:
    """The checks of the installed packages at one point of one layer."""

    def __init__(self, probe):
        self.checks = {name: MAKERS[name](Bridge(probe)) for name in installed()}
        self.accusing = self.objecting()  # to the right code: made before a mistake is planted

    def objecting(self):
        """The names of the packages that object to `backward` as it now is."""
        return {name for name, check in self.checks.items() if objects(check)}


def objects(check):
    """Whether a check raises."""
    try:
        check()
    except Exception:  # a failed check, or whatever a broken backward raises
        return True
    return False
