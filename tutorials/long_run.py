"""Train a model of pictures for some minutes of one core, and draw what it has learned.

    python tutorials/long_run.py unet --size 28 --minutes 10
    python tutorials/long_run.py flow --size 16 --minutes 10

The data are the digits of `mg.data.glyphs`, drawn afresh at every step: no picture is seen twice.
The run is kept in a folder: after Ctrl-C, or a power cut, the same command goes on where it was.
Written to tutorials/pictures: 64 samples; some of them beside the nearest of 20,000 pictures of the
same data; and, for the U-Net, one picture losing its ink and a sample finding it.
"""

import argparse
import pathlib
import shutil
import time

import matplotlib
import numpy as np

import minigen as mg

SECONDS = {"unet": 9e-5, "flow": 3.6e-4}  # of a step, for each pixel, with 16 channels
HERE = pathlib.Path(__file__).parent / "pictures"


def model(args, glyphs, rng):
    """A fresh model: a U-Net, or Real NVP of several scales."""
    if args.kind == "unet":
        return mg.diffusion.ddpm(
            glyphs.features, mg.diffusion.cosine_schedule(200), net="unet", shape=glyphs.shape,
            hidden=args.hidden, levels=glyphs.levels, classes=10, rng=rng,
        )  # fmt: skip
    return mg.flows.real_nvp_image(
        glyphs.shape, 3, couplings=3, hidden=args.hidden, levels=glyphs.levels,
        init_from=mg.data.glyphs(args.size).sample(4000, rng=rng), rng=rng,
    )  # fmt: skip


def trained(args, rng):
    """The model after all steps; the run is in a folder until its pictures are drawn."""
    glyphs = mg.data.glyphs(args.size, labelled=args.kind == "unet")
    check = glyphs.sample(256, rng=np.random.default_rng(7))
    m, start = model(args, glyphs, rng), time.process_time()
    run = mg.fit(
        m, glyphs, steps=args.steps, batch=32, lr=2e-3, clip=1.0, ema=0.995, validation=check,
        rng=rng, checkpoint=folder_of(args),
    )  # fmt: skip
    print(f"{run}, {time.process_time() - start:.0f} s of CPU since it was last begun", flush=True)
    return m, run


def folder_of(args):
    """Where the run is kept until it is finished."""
    return HERE / f"{args.kind}_{args.size}.run"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("unet", "flow"))
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=10, help="of one core, about")
    parser.add_argument("--steps", type=int, help="of 32 pictures, instead of the minutes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    step = SECONDS[args.kind] * args.size**2 * args.hidden / 16
    args.steps = args.steps or max(10, round(60 * args.minutes / step))
    matplotlib.use("Agg")
    rng = np.random.default_rng(args.seed)
    m, run = trained(args, rng)
    show(args, m, run.steps, rng)
    shutil.rmtree(folder_of(args))


def show(args, m, steps, rng):
    """Write the model's file, and its pictures."""
    name = f"{args.kind}_{args.size}"
    mg.save(HERE / f"{name}.npz", m)
    glyphs = mg.data.glyphs(args.size, labelled=args.kind == "unet")
    if args.kind == "unet":
        label = np.sort(np.arange(64) % 10)
        x = m.sample(64, rng=rng, label=label, guidance=1.5, steps=100)
    else:
        x = m.sample(64, rng=rng)
    draw(mg.plot.images(x, heading=f"64 samples after {steps} steps"), f"{name}_samples")
    seen = mg.data.glyphs(args.size).sample(20_000, rng=np.random.default_rng(1))
    some = x[::7][:10]  # of a U-Net one of each class
    all_seen = seen.astype(np.float32)
    far = (all_seen**2).sum(axis=1) - 2 * some.astype(
        np.float32
    ) @ all_seen.T  # squared distances, but for |x|^2
    near = seen[np.argsort(far, axis=1)[:, :5]]
    draw(mg.plot.neighbours(some, near), f"{name}_nearest")
    test = glyphs.sample(100, rng=np.random.default_rng(2))
    if args.kind == "unet":
        draw(process(m, test[0][:4], rng), f"{name}_process")
        print(m.elbo(test[0], label=test[1], rng=rng))
    else:
        print("bits per dimension", m.bits_per_dim(test, rng=rng).mean())


def process(m, x, rng, shown=9):
    """Pictures at times 0..T of the forward process; below, samples at times T..0."""
    T, T_shown = m.schedule.T, np.linspace(0, m.schedule.T, shown).astype(int)
    x0 = m.data.scale(x)
    eps = rng.standard_normal(x0.shape).astype(np.float32)
    A = m.schedule.alpha_bar[T_shown]
    there = [np.sqrt(a) * x0 + np.sqrt(1 - a) * eps for a in A]
    label = np.arange(4) + 2
    states = dict(m.states(4, rng=rng, label=label, guidance=1.5))
    back = [states[min(states, key=lambda s, t=t: abs(s - t))] for t in T_shown[::-1]]
    rows = [np.stack(way, axis=1).reshape(-1, x0.shape[1]) for way in (there, back)]
    heading = f"above: q(x_t | x_0), t = 0 .. {T}; below: samples, t = {T} .. 0"
    return mg.plot.images(
        np.clip(np.concatenate(rows), -1, 1), columns=shown, heading=heading
    )  # fmt: skip


def draw(figure, name):
    """Write a figure to the folder of pictures."""
    figure.savefig(HERE / f"{name}.png", dpi=80)


if __name__ == "__main__":
    main()
