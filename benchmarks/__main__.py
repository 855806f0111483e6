"""Measure minigen beside PyTorch, JAX, zuko and nflows, where they are installed.

    pip install -e ".[bench]"
    python benchmarks [SECTION ...] [--rounds N] [--json] [--picture FILE.png]

Sections and options are those of `minigen bench`, which measures minigen against the floor alone.
"""

import argparse

import peers

from minigen.cli import bench


def main() -> None:
    parser = argparse.ArgumentParser(
        "python benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    bench.arguments(parser)
    bench.run(parser.parse_args(), peers.peer_runs, peers.PEERS)


if __name__ == "__main__":
    main()
