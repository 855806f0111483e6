"""Gradient and Jacobian checks: is this derivation true, and if not, where and why?

    gradients(layer, *inputs, rng=)   every entry of every gradient, with a diagnosis
    adjoint(layer, *inputs, rng=)     whole models, along random directions
    bijection(layer, x, rng=)         round trip, log-det against the Jacobian, gradients
    contract(layer, *inputs, rng=)    the other rules of a layer: purity, caches, types
    jacobian(f, x)                    of a function of rows, by complex step

For plain functions of arrays:

    derivative(f, df, x)              is df the derivative of f?
    vjp(forward, backward, *inputs)   is this the backward pass?
    equal(a, b, *inputs)              are two arrays, or two functions, the same?
    density(log_prob, features)       does it integrate to one, and do samples agree?

A report is true or false, and its text says where and why. A layer is anything with the `forward`
and `backward` of `minigen.core.contract`, a student's own class too.
"""

from minigen.check.adjoint_check import adjoint
from minigen.check.bijection_check import bijection
from minigen.check.complexstep import jacobian
from minigen.check.contract_check import contract
from minigen.check.density_check import density
from minigen.check.derivative_check import derivative
from minigen.check.equality_check import equal
from minigen.check.gradient_check import gradients
from minigen.check.report import Diagnosis, Kind, Report, Row, State
from minigen.check.vjp_check import vjp

__all__ = [
    "Diagnosis", "Kind", "Report", "Row", "State",
    "adjoint", "bijection", "contract", "density", "derivative", "equal", "gradients", "jacobian",
    "vjp",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
