"""The workloads in zuko (Rozet et al. 2022), by its own flows: affine, with networks of ReLU."""

import torch
from torch_peer import trainer
from zuko import flows

from minigen.bench.workloads import BINS

MODELS = {"real_nvp": flows.NICE, "maf": flows.MAF, "neural_spline": flows.NSF}


def model(work):
    """A fresh flow of the workload."""
    own = {"bins": BINS} if work.model == "neural_spline" else {}
    flow = MODELS[work.model]
    return flow(work.features, transforms=work.layers, hidden_features=work.hidden, **own)


def runs(work):
    """{name: function that does the workload once}; zuko has flows alone."""
    if work.model not in MODELS:
        return {}
    torch.manual_seed(0)
    flow = model(work)
    if work.task == "sample":
        return {"zuko": torch.inference_mode()(lambda: flow().sample((work.rows,)))}
    return {"zuko": trainer(work, flow.parameters(), lambda x: -flow().log_prob(x).mean())}
