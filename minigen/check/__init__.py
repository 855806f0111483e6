"""Gradient and Jacobian checks: is this derivation true, and if not, where and why?"""

from minigen.check.adjoint import adjoint
from minigen.check.bijection import bijection
from minigen.check.complexstep import jacobian
from minigen.check.contract import contract
from minigen.check.gradients import gradients
from minigen.check.report import Report, Row

__all__ = ["Report", "Row", "adjoint", "bijection", "contract", "gradients", "jacobian"]
