"""The workloads in PyTorch, as its users write them: modules, autograd, fused Adam."""

import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from minigen.flows import degrees


class Coupling(nn.Module):
    """An affine coupling; every other one keeps the other half."""

    def __init__(self, D, hidden, flip):
        super().__init__()
        self.d, self.flip = D // 2, flip
        self.net = mlp(self.d, hidden, 2 * (D - self.d))

    def forward(self, x):
        if self.flip:
            x = x.flip(1)
        x1, x2 = x[:, : self.d], x[:, self.d :]
        r, t = self.net(x1).chunk(2, dim=1)
        s = 2 * torch.tanh(r / 2)
        return torch.cat([x1, x2 * torch.exp(s) + t], dim=1), s.sum(1)


class Masked(nn.Linear):
    """A linear layer with a mask on its weights."""

    def __init__(self, below, above):
        super().__init__(len(below), len(above))
        mask = degrees.mask(below, above).T.astype(np.float32)
        self.register_buffer("mask", torch.tensor(mask))

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


class Autoregressive(nn.Module):
    """An affine autoregressive layer over a MADE."""

    def __init__(self, D, hidden, flip):
        super().__init__()
        levels = [degrees.inputs(D, 0), *(degrees.hidden("hidden", H, D, 0) for H in hidden)]
        levels.append(np.tile(np.arange(D), 2))
        linears = [Masked(a, b) for a, b in itertools.pairwise(levels)]
        self.net, self.flip = alternate(linears, nn.ReLU), flip

    def parameters_of(self, x):
        mu, r = self.net(x).chunk(2, dim=1)
        return mu, 2 * torch.tanh(r / 2)

    def forward(self, x):
        if self.flip:
            x = x.flip(1)
        mu, alpha = self.parameters_of(x)
        return (x - mu) * torch.exp(-alpha), -alpha.sum(1)

    def inverse(self, z):
        x = torch.zeros_like(z)
        for i in range(z.shape[1]):
            mu, alpha = self.parameters_of(x)
            x[:, i] = z[:, i] * torch.exp(alpha[:, i]) + mu[:, i]
        return x.flip(1) if self.flip else x


class Flow(nn.Module):
    """Layers one after the other over a standard normal."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        total = 0.0
        for f in self.layers:
            x, logdet = f(x)
            total = total + logdet
        return (0.5 * (x * x).sum(1) + 0.5 * x.shape[1] * math.log(2 * math.pi) - total).mean()

    def sample(self, z):
        for f in reversed(self.layers):
            z = f.inverse(z)
        return z


class Denoiser(nn.Module):
    """A residual MLP with a time embedding, its loss, and ancestral sampling."""

    def __init__(self, D, H, blocks, T):
        super().__init__()
        self.lift, self.head = nn.Linear(D, H), nn.Linear(H, D)
        self.time = nn.Sequential(nn.Linear(64, H), nn.SiLU(), nn.Linear(H, H))
        self.blocks = nn.ModuleList(nn.Linear(H, H) for _ in range(blocks))
        angle = torch.arange(T + 1)[:, None] * 10000 ** (-torch.arange(32) / 32)
        beta = torch.cat([torch.zeros(1), torch.linspace(1e-4, 0.02, T)])
        self.register_buffer("wave", torch.cat([angle.cos(), angle.sin()], dim=1))
        self.register_buffer("beta", beta)
        self.register_buffer("alpha_bar", torch.cumprod(1 - beta, 0))

    def predict(self, x, t):
        e, h = self.time(self.wave[t]), self.lift(x)
        for block in self.blocks:
            h = h + block(F.silu(h + e))
        return self.head(h)

    def forward(self, x):
        t = torch.randint(1, len(self.beta), (len(x),))
        A, eps = self.alpha_bar[t, None], torch.randn_like(x)
        out = self.predict(A.sqrt() * x + (1 - A).sqrt() * eps, t)
        return (out - eps).square().sum(1).mean()

    def sample_step(self, x, t):
        b, A = self.beta[t], self.alpha_bar[t]
        mu = (x - b / (1 - A).sqrt() * self.predict(x, t)) / (1 - b).sqrt()
        return mu + b.sqrt() * torch.randn_like(x)


def alternate(linears, activation):
    """The layers with an activation between them."""
    parts = [part for f in linears for part in (f, activation())]
    return nn.Sequential(*parts[:-1])


def mlp(n_in, hidden, n_out):
    widths = (n_in, *hidden, n_out)
    return alternate([nn.Linear(a, b) for a, b in itertools.pairwise(widths)], nn.ReLU)


def model(work):
    """A fresh module of the workload."""
    D, H = work.features, work.hidden
    if work.model == "ddpm":
        return Denoiser(D, H[0], work.layers, work.steps)
    layer = {"real_nvp": Coupling, "maf": Autoregressive}[work.model]
    return Flow([layer(D, H, k % 2 == 1) for k in range(work.layers)])


def runs(work):
    """{name: function that does the workload once}."""
    if not known(work):
        return {}
    torch.manual_seed(0)
    eager, compiled = (maker(work, compile) for compile in (False, True))
    return {"torch eager": eager} if compiled is None else {
        "torch eager": eager, "torch.compile": compiled}  # fmt: skip


def known(work):
    """Whether it is one of the models written out here."""
    return work.model in ("real_nvp", "maf", "ddpm") and work.task != "elbo"


def maker(work, compile):
    """The workload in one of the two ways; None for D passes in place, which no compiler sees."""
    m = model(work)
    if work.task == "sample":
        return sampler(work, m, compile)
    return trainer(work, m.parameters(), torch.compile(m) if compile else m)


def trainer(work, parameters, loss):
    """A function that takes one step of Adam on the loss of a batch."""
    optimizer = torch.optim.Adam(parameters, 1e-4, fused=True)
    x = torch.randn(work.rows, work.features)

    def step():
        optimizer.zero_grad()
        value = loss(x)
        value.backward()
        optimizer.step()
        return value.item()

    return step


def sampler(work, m, compile):
    if work.model == "maf":
        return None if compile else torch.inference_mode()(
            lambda: m.sample(torch.randn(work.rows, work.features)))  # fmt: skip
    step = torch.compile(m.sample_step) if compile else m.sample_step
    times = [torch.tensor([t]) for t in range(work.steps, 0, -1)]

    @torch.inference_mode()
    def run():
        x = torch.randn(work.rows, work.features)
        for t in times:
            x = step(x, t)
        return x

    return run
