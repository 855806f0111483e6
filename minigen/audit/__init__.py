"""minigen's checks asked of other libraries: torch, JAX, zuko, nflows, normflows, flowjax.

    minigen audit zuko nflows                  a table of questions by models, red cells reproduced
    mg.check.gradients(mg.audit.TorchLayer(module), x, rng=rng)       a module of your own
    mg.check.gradients(mg.audit.JaxLayer(f, params), x, rng=rng)      a function of your own
    mg.check.bijection(mg.audit.Subject(code, "torch"), x, c, rng=rng)

Nothing here is needed by the rest of minigen; `pip install "minigen[audit]"` brings the libraries.
"""

from minigen.audit.by_hand import reproduction
from minigen.audit.cell import Cell
from minigen.audit.oracles import ask
from minigen.audit.subject import JaxLayer, Subject, TorchLayer

__all__ = ["Cell", "JaxLayer", "Subject", "TorchLayer", "ask", "reproduction"]


def __dir__() -> list[str]:
    return sorted(__all__)
