"""Measure convolutions and networks of pictures beside PyTorch (channels last) and JAX.

    python benchmarks/pictures.py [--rounds N] [--threads N]

Each row is measured in turn with the others, in CPU time, so that a machine that is not idle
disturbs them alike; the floor is the matrix products alone. One thread by default.
"""

import argparse
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

Run = Callable[[], Any]
SIZES = [(28, 32), (28, 64), (14, 32), (14, 64), (7, 32), (7, 64)]
BATCH = 64


def conv_runs(side: int, channels: int) -> dict[str, Run]:
    """A 3 x 3 convolution forward and backward, by each of those that are installed."""
    import numpy as np

    from minigen.nn import Conv2d

    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, BATCH, side, side, channels), dtype=np.float32)
    f = Conv2d.init(channels, channels, rng=rng)

    def own() -> None:
        _, cache = f.forward(x)
        f.backward(dy, cache)

    P = np.zeros((BATCH * side * side, 9 * channels), np.float32)
    W, rows = f.W.reshape(-1, channels), dy.reshape(-1, channels)
    out = np.empty_like(rows)

    def floor() -> None:
        np.matmul(P, W, out=out)
        np.matmul(P, W, out=out)
        np.matmul(P.T, rows)

    runs: dict[str, Run] = {"floor": floor, "minigen": own}
    if importlib.util.find_spec("torch"):
        runs["torch"] = torch_conv(x, dy, f.W)
    if importlib.util.find_spec("jax"):
        runs["jax"] = jax_conv(x, dy, f.W)
    return runs


def torch_conv(x: Any, dy: Any, W: Any) -> Run:
    import torch
    from torch.nn import functional as F

    picture = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()  # its memory is channels last
    weight = torch.tensor(W).permute(3, 2, 0, 1)
    weight = weight.contiguous(memory_format=torch.channels_last).requires_grad_()
    bias = torch.zeros(W.shape[3], requires_grad=True)
    pull = torch.tensor(dy).permute(0, 3, 1, 2)
    every = (picture, weight, bias)
    return lambda: torch.autograd.grad(F.conv2d(*every, padding=1), every, pull)


def jax_conv(x: Any, dy: Any, W: Any) -> Run:
    import jax
    import jax.numpy as jnp

    def conv(x: Any, W: Any, b: Any) -> Any:
        axes = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, W, (1, 1), "SAME", dimension_numbers=axes) + b

    @jax.jit
    def both(x: Any, W: Any, b: Any, dy: Any) -> Any:
        y, back = jax.vjp(conv, x, W, b)
        return y, back(dy)

    given = [jnp.asarray(a) for a in (x, W, jnp.zeros(W.shape[3]), dy)]
    return lambda: jax.block_until_ready(both(*given))


def unet_runs() -> dict[str, Run]:
    """The U-Net of `ddpm` on 28 x 28, 16 channels, forward and backward; in PyTorch too."""
    import numpy as np

    from minigen import diffusion

    rng = np.random.default_rng(0)
    schedule = diffusion.cosine_schedule(1000)
    options: dict[str, Any] = {"net": "unet", "shape": (28, 28, 1), "hidden": 16, "groups": 4}
    net: Any = diffusion.ddpm(784, schedule, rng=rng, **options).reverse.net
    x, dy = rng.standard_normal((2, BATCH, 784), dtype=np.float32)
    t = rng.integers(1, 1000, BATCH)

    def own() -> None:
        _, cache = net.forward(x, t=t)
        net.backward(dy, cache)

    runs: dict[str, Run] = {"minigen": own}
    if importlib.util.find_spec("torch"):
        runs["torch"] = torch_unet(x, dy, t)
    return runs


def torch_unet(x: Any, dy: Any, t: Any) -> Run:
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self, n_in: int, n_out: int, E: int = 64) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.GroupNorm(4, n_in), nn.GroupNorm(4, n_out)
            self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1)
            self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1)
            self.time = nn.Linear(E, n_out)
            self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

        def forward(self, x: Any, e: Any) -> Any:
            h = self.conv1(F.silu(self.norm1(x))) + self.time(e)[:, :, None, None]
            return self.skip(x) + self.conv2(F.silu(self.norm2(h)))

    class Attention(nn.Module):
        def __init__(self, C: int) -> None:
            super().__init__()
            self.norm, self.qkv, self.out = nn.GroupNorm(4, C), nn.Linear(C, 3 * C), nn.Linear(C, C)

        def forward(self, x: Any, e: Any) -> Any:
            u = self.norm(x).flatten(2).transpose(1, 2)
            y = F.scaled_dot_product_attention(*self.qkv(u).chunk(3, dim=2))
            return x + self.out(y).transpose(1, 2).reshape(x.shape)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
            self.lift, self.head = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 1, 3, padding=1)
            self.downs = nn.ModuleList([Block(16, 16), Block(16, 32)])
            self.middle = nn.ModuleList([Block(32, 32), Attention(32), Block(32, 32)])
            self.ups = nn.ModuleList([Block(64, 32), Block(48, 16)])
            self.norm = nn.GroupNorm(4, 16)

        def forward(self, x: Any, wave: Any) -> Any:
            e, h, kept = self.time(wave), self.lift(x), []
            for block in self.downs:
                h = block(h, e)
                kept.append(h)
                h = F.avg_pool2d(h, 2)
            for block in self.middle:
                h = block(h, e)
            for block in self.ups:
                h = torch.cat([kept.pop(), F.interpolate(h, scale_factor=2)], dim=1)
                h = block(h, e)
            return self.head(F.silu(self.norm(h)))

    net: Any = Net().to(memory_format=torch.channels_last)
    picture = torch.tensor(x).reshape(-1, 1, 28, 28).requires_grad_()
    pull, wave = torch.tensor(dy).reshape(-1, 1, 28, 28), torch.randn(len(x), 64)
    every = (picture, *net.parameters())
    return lambda: torch.autograd.grad(net(picture, wave), every, pull)


def flow_runs() -> dict[str, Run]:
    """A multi-scale Real NVP on 28 x 28, 16 channels: its loss and all gradients."""
    import numpy as np

    from minigen import flows

    rng = np.random.default_rng(0)
    flow = flows.real_nvp_image((28, 28, 1), 3, couplings=1, hidden=16, rng=rng)
    x = rng.standard_normal((BATCH, 784), dtype=np.float32)

    def own() -> None:
        _, cache = flow.nll.forward(x)
        flow.nll.backward(1.0, cache)

    return {"minigen": own}


def measured(name: str, runs: dict[str, Run], rounds: int) -> None:
    """Print the median CPU time of each, and minigen's ratio to it."""
    seconds: dict[str, list[float]] = {key: [] for key in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for key, run in runs.items():
            start = time.process_time()
            run()
            seconds[key].append(time.process_time() - start)
    middle = {key: sorted(values)[rounds // 2] for key, values in seconds.items()}
    own = middle["minigen"]
    cells = [f"{key} {1e3 * s:.1f} ms ({own / s:.2f})" for key, s in middle.items()]
    print(f"{name:24} " + "   ".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(args.threads)  # before NumPy is loaded
    if args.threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(args.threads)
    print("CPU time forward and backward, batch 64; in brackets minigen / it")
    for side, channels in SIZES:
        runs = conv_runs(side, channels)
        measured(f"conv {side} x {side}, {channels}", runs, args.rounds)
    measured("U-Net 28 x 28, 16", unet_runs(), args.rounds)
    measured("multi-scale Real NVP", flow_runs(), args.rounds)


if __name__ == "__main__":
    main()
