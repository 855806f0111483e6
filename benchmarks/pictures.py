"""Measure convolutions and networks of pictures beside PyTorch (channels last) and JAX.

    python benchmarks/pictures.py [--only WORD ...] [--rounds N] [--threads N]

Each row is measured in turn with the others, in CPU time, so that a machine that is not idle
disturbs them alike; the floor is the matrix products alone. One thread by default.
"""

import argparse
import importlib.util
import os
import time
from collections.abc import Callable
from functools import partial
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

    return {"floor": floor, "minigen": own, **peers("conv", x, dy, f.W)}


def peers(name: str, *given: Any) -> dict[str, Run]:
    """The same in PyTorch and JAX, where they are installed."""
    runs = {}
    for peer in ("torch", "jax"):
        if importlib.util.find_spec(peer):
            runs[peer] = getattr(importlib.import_module(f"pictures_{peer}"), name)(*given)
    return runs


def unet_runs() -> dict[str, Run]:
    """The U-Net of `ddpm` on 28 x 28, 16 channels, forward and backward."""
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

    return {"minigen": own, **peers("unet", x, dy)}


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

    return {"minigen": own, **peers("flow", x)}


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
    parser.add_argument("--only", nargs="*", metavar="WORD", help="rows that contain one of these")
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
    rows = {f"conv {side} x {side}, {C}": partial(conv_runs, side, C) for side, C in SIZES}
    rows |= {"U-Net 28 x 28, 16": unet_runs, "multi-scale Real NVP": flow_runs}
    print("CPU time forward and backward, batch 64; in brackets minigen / it")
    for name, make in rows.items():
        if not args.only or any(word in name for word in args.only):
            measured(name, make(), args.rounds)


if __name__ == "__main__":
    main()
