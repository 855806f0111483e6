"""The workloads in zuko (Rozet et al. 2022), by its own flows: affine, with networks of ReLU."""

import torch
from torch_peer import trainer
from zuko import flows


def model(work):
    """A fresh flow of the workload."""
    flow = {"real_nvp": flows.NICE, "maf": flows.MAF}[work.model]
    return flow(work.features, transforms=work.layers, hidden_features=work.hidden)


def runs(work):
    """{name: function that does the workload once}; zuko has flows alone."""
    if work.model == "ddpm":
        return {}
    torch.manual_seed(0)
    flow = model(work)
    if work.task == "sample":
        return {"zuko": torch.inference_mode()(lambda: flow().sample((work.rows,)))}
    return {"zuko": trainer(work, flow.parameters(), lambda x: -flow().log_prob(x).mean())}
