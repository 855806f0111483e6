"""A flow of another library as an object that minigen's checks can ask."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigen.core import validate


class Framework:
    """NumPy itself: arrays as they are; gradients are not known."""

    def __deepcopy__(self, memo: Any) -> "Framework":  # it holds a module
        return self

    def array(self, x: NDArray) -> Any:
        """A NumPy array as one of the framework."""
        return x

    def numpy(self, x: Any) -> NDArray:
        """An array of the framework as one of NumPy."""
        return np.array(x)

    def pullback(self, f: Callable, inputs: tuple, cotangents: tuple) -> list[NDArray]:
        """The gradients of the inputs of f -> tuple, by the framework's own derivatives."""
        raise NotImplementedError("no derivatives without a framework")

    def parameters(self, flow: Any) -> tuple[list, Callable]:
        """(the parameters' arrays, arrays -> flow with these)."""
        raise NotImplementedError("no parameters without a framework")

    def slopes(self, made: dict[str, Any], x: NDArray, c: NDArray) -> list:
        """The gradients of the sum of made["log_prob"](x, c) by these parameters."""
        raise NotImplementedError("no derivatives without a framework")


class Torch(Framework):
    """PyTorch."""

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")

    def array(self, x: NDArray) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(x))

    def numpy(self, x: Any) -> NDArray:
        return x.detach().numpy().copy()

    def pullback(self, f: Callable, inputs: tuple, cotangents: tuple) -> list[NDArray]:
        tensors = [self.array(x).requires_grad_() for x in inputs]
        vs = [self.array(v) for v in cotangents]
        grads = self.torch.autograd.grad(f(*tensors), tensors, vs, allow_unused=True)
        pairs = zip(grads, inputs, strict=True)
        return [np.zeros(x.shape) if g is None else self.numpy(g) for g, x in pairs]

    def parameters(self, flow: Any) -> tuple[list, Callable]:
        tensors = [p for p in flow.parameters() if p.requires_grad]

        def put(values: list) -> Any:
            with self.torch.no_grad():
                for p, value in zip(tensors, values, strict=True):
                    p.copy_(value)
            return flow

        return [p.detach().clone() for p in tensors], put

    def slopes(self, made: dict[str, Any], x: NDArray, c: NDArray) -> list:
        tensors = [p for p in made["flow"].parameters() if p.requires_grad]
        total = made["log_prob"](self.array(x), self.array(c)).sum()
        grads = self.torch.autograd.grad(total, tensors, allow_unused=True)
        pairs = zip(grads, tensors, strict=True)
        return [self.torch.zeros_like(p) if g is None else g for g, p in pairs]


class Jax(Framework):
    """JAX, in float64."""

    def __init__(self) -> None:
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)

    def array(self, x: NDArray) -> Any:
        return self.jax.numpy.asarray(x)

    def pullback(self, f: Callable, inputs: tuple, cotangents: tuple) -> list[NDArray]:
        arrays = [self.array(x) for x in inputs]
        _, pull = self.jax.vjp(f, *arrays)
        return [np.array(g) for g in pull(tuple(self.array(v) for v in cotangents))]

    def parameters(self, flow: Any) -> tuple[list, Callable]:
        equinox, paramax = map(importlib.import_module, ("equinox", "paramax"))

        def fixed(leaf: Any) -> bool:
            return isinstance(leaf, paramax.NonTrainable)

        moving, rest = equinox.partition(flow, equinox.is_inexact_array, is_leaf=fixed)
        leaves, form = self.jax.tree.flatten(moving)

        def put(values: Any) -> Any:
            return equinox.combine(self.jax.tree.unflatten(form, values), rest, is_leaf=fixed)

        return leaves, put

    def slopes(self, made: dict[str, Any], x: NDArray, c: NDArray) -> list:
        flow = made["flow"]
        start, put = self.parameters(flow)

        def total(values: list) -> Any:
            made["flow"] = put(values)
            return made["log_prob"](self.array(x), self.array(c)).sum()

        grads = self.jax.grad(total)(start)
        made["flow"] = flow
        return grads


FRAMEWORKS: dict[str, type[Framework]] = {"torch": Torch, "jax": Jax, "numpy": Framework}


class Subject:
    """A map with a context, as the layer that `minigen.check` takes; `code` makes it.

    forward(x, c) -> (z, logdet, cache), and inverse; backward and inverse_backward by the
    framework's own derivatives. log_prob(x, c) and sample(n, c) give NumPy's arrays.
    """

    params: dict[str, NDArray]
    report: Any

    def __init__(self, code: str, framework: str) -> None:
        if not isinstance(code, str):
            raise validate.wrong_type("code", "lines of Python", type(code).__name__)
        self.params = {}
        self.framework = FRAMEWORKS[validate.choice("framework", framework, FRAMEWORKS)]()
        self.made: dict[str, Any] = {}
        exec(compile(code, "<audit>", "exec"), self.made)

    def __deepcopy__(self, memo: Any) -> "Subject":
        return self

    def call(self, name: str, *inputs: NDArray) -> tuple[NDArray, ...]:
        """A function of the model, from NumPy to NumPy."""
        for x in inputs:
            if np.iscomplexobj(x) and type(self.framework) is not Framework:
                raise validate.wrong_type("x", "real numbers", "complex ones")
        out = self.made[name](*map(self.framework.array, inputs))
        out = out if isinstance(out, tuple) else (out,)
        return tuple(map(self.framework.numpy, out))

    def forward(self, x: NDArray, c: NDArray) -> tuple[NDArray, NDArray, Any]:
        return (*self.call("forward", x, c), ("forward", x, c))  # type: ignore[return-value]

    def inverse(self, y: NDArray, c: NDArray) -> tuple[NDArray, NDArray, Any]:
        return (*self.call("inverse", y, c), ("inverse", y, c))  # type: ignore[return-value]

    def backward(self, dy: NDArray, dlogdet: NDArray, cache: Any) -> tuple:
        name, *inputs = cache
        grads = self.framework.pullback(self.made[name], tuple(inputs), (dy, dlogdet))
        return (*grads, {})

    inverse_backward = backward

    def log_prob(self, x: NDArray, c: NDArray) -> NDArray:
        return self.call("log_prob", x, c)[0]

    def sample(self, n: int, c: NDArray) -> NDArray:
        made = self.made["sample"](n, self.framework.array(c))
        return self.framework.numpy(made)


class TorchLayer:
    """A torch module as a layer: `mg.check.gradients(TorchLayer(module), x, rng=rng)`.

    The gradients are those of torch's autograd; the reference is minigen's. The module's
    parameters are the layer's.

    Parameters
    ----------
    module : torch.nn.Module
        Its `forward` takes arrays and returns one, or a tuple. It should be in float64.
    """

    def __init__(self, module: Any) -> None:
        validate.methods("module", module, "named_parameters", "forward")
        self.module, self.framework = module, Torch()
        numpy = self.framework.numpy
        self.arrays = {name: numpy(p) for name, p in module.named_parameters()}

    @property
    def params(self) -> dict[str, NDArray]:
        """The parameters by their names in the module."""
        return self.arrays

    def __deepcopy__(self, memo: Any) -> "TorchLayer":
        twin = object.__new__(TorchLayer)
        twin.module, twin.framework = self.module, self.framework
        twin.arrays = {k: memo.get(id(a), a) for k, a in self.arrays.items()}
        return twin

    def _outputs(self, named: dict[str, Any], inputs: list) -> tuple:
        call = self.framework.torch.func.functional_call
        made = call(self.module, named, tuple(inputs))
        return made if isinstance(made, tuple) else (made,)

    def forward(self, *inputs: NDArray) -> tuple:
        to = self.framework.array
        named = {k: to(a) for k, a in self.arrays.items()}
        outputs = self._outputs(named, [to(x) for x in inputs])
        return (*map(self.framework.numpy, outputs), inputs)

    def backward(self, *cotangents: Any) -> tuple:
        *dys, inputs = cotangents
        names = list(self.arrays)

        def f(*arrays: Any) -> tuple:
            named = dict(zip(names, arrays[: len(names)], strict=True))
            return self._outputs(named, list(arrays[len(names) :]))

        values = (*self.arrays.values(), *inputs)
        grads = self.framework.pullback(f, values, tuple(map(np.asarray, dys)))
        return (*grads[len(names) :], dict(zip(names, grads[: len(names)], strict=True)))


class JaxLayer:
    """A JAX function as a layer: `mg.check.gradients(JaxLayer(f, params), x, rng=rng)`.

    Parameters
    ----------
    function : callable
        params, *inputs -> one array, or a tuple.
    params : dict
        The parameters: arrays, or lists and dicts of them, by name.
    """

    def __init__(self, function: Callable, params: dict[str, Any]) -> None:
        if not callable(function):
            raise validate.wrong_type("function", "a function of JAX", type(function).__name__)
        if not isinstance(params, dict):
            raise validate.wrong_type("params", "a dict of arrays", type(params).__name__)
        self.function, self.framework = function, Jax()
        leaves, self.form = self.framework.jax.tree_util.tree_flatten_with_path(params)
        self.params = {_path(keys): np.array(a, np.float64) for keys, a in leaves}

    def _outputs(self, *arrays: Any) -> tuple:
        n = len(self.params)
        params = self.framework.jax.tree_util.tree_unflatten(self.form, arrays[:n])
        made = self.function(params, *arrays[n:])
        return made if isinstance(made, tuple) else (made,)

    def forward(self, *inputs: NDArray) -> tuple:
        to = self.framework.array
        outputs = self._outputs(*map(to, self.params.values()), *map(to, inputs))
        return (*map(self.framework.numpy, outputs), inputs)

    def backward(self, *cotangents: Any) -> tuple:
        *dys, inputs = cotangents
        values = (*self.params.values(), *inputs)
        grads = self.framework.pullback(self._outputs, values, tuple(map(np.asarray, dys)))
        n = len(self.params)
        return (*grads[n:], dict(zip(self.params, grads[:n], strict=True)))


def _path(keys: tuple) -> str:
    """The keys of a leaf of JAX's trees, joined by dots."""
    return ".".join(str(getattr(k, "key", getattr(k, "idx", k))) for k in keys)
