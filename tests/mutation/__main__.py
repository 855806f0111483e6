"""The command line of the campaigns; see the package's docstring."""

import argparse
import os
import pathlib
import sys

os.environ["MINIGEN_BACKEND"] = "numpy"  # mutants of kernels are mutants of their NumPy twins
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import mutation
from minigen.cli import executors
from mutation import checker, copies, history, seeded, source


def main() -> None:
    words = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(
        "tests/mutation", None, mutation.__doc__, formatter_class=words
    )
    names = parser.add_subparsers(dest="campaign", required=True)
    names.add_parser("seeded").add_argument("--every", type=int, default=1)
    names.add_parser("alarms").add_argument("--draws", type=int, default=42)
    names.add_parser("history")
    names.add_parser("checker")
    automatic = names.add_parser("source")
    automatic.add_argument("files", nargs="*", metavar="FILE")
    automatic.add_argument("--sample", type=int, default=300)
    automatic.add_argument("--seed", type=int, default=0)
    for name in names.choices.values():
        executors.options(name)
    args = parser.parse_args()
    with executors.executor(args.dask, args.jobs) as workers:
        match args.campaign:
            case "seeded":
                pairs = list(seeded.everything())[:: args.every]
                rows = seeded.campaign(pairs, executor=workers, every=args.every)
                print(seeded.summary(rows))
            case "alarms":
                print(seeded.alarms(args.draws))
            case "source":
                print(source.campaign(args.files, args.sample, args.seed, executor=workers))
            case name:
                bank = {"history": history, "checker": checker}[name].BANK
                print(copies.campaign(bank, executor=workers))


if __name__ == "__main__":
    main()
