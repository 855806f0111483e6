"""The workloads in nflows (Durkan et al. 2020), by its own transforms, and no residual blocks."""

import torch
from nflows import transforms
from nflows.distributions import StandardNormal
from nflows.flows import Flow, MaskedAutoregressiveFlow
from nflows.nn import nets
from torch_peer import trainer


class Net(nets.MLP):
    """Its MLP, called as its couplings call a network."""

    def forward(self, x, context=None):
        return super().forward(x)


def real_nvp(D, layers, hidden):
    """Affine couplings that keep every other feature in turn."""
    mask = torch.arange(D) % 2

    def net(n_in, n_out):
        return Net((n_in,), (n_out,), hidden)

    flips = [mask if k % 2 else 1 - mask for k in range(layers)]
    couplings = [transforms.AffineCouplingTransform(m, net) for m in flips]
    return Flow(transforms.CompositeTransform(couplings), StandardNormal([D]))


def maf(D, layers, hidden):
    """Its MAF; the hidden layers of its MADE are equally wide, one before the blocks."""
    return MaskedAutoregressiveFlow(
        D, hidden[0], layers, len(hidden) - 1, use_residual_blocks=False
    )


def model(work):
    """A fresh flow of the workload."""
    make = {"real_nvp": real_nvp, "maf": maf}[work.model]
    return make(work.features, work.layers, work.hidden)


def runs(work):
    """{name: function that does the workload once}; nflows has flows alone."""
    if work.model not in ("real_nvp", "maf"):
        return {}
    torch.manual_seed(0)
    flow = model(work)
    if work.task == "sample":
        return {"nflows": torch.inference_mode()(lambda: flow.sample(work.rows))}
    return {"nflows": trainer(work, flow.parameters(), lambda x: -flow.log_prob(x).mean())}
