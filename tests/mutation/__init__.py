"""Mistakes planted on purpose, to see whether the checks and the tests find them.

    python tests/mutation seeded       wrong backward passes of every layer and loss
    python tests/mutation alarms       right layers, to count false alarms
    python tests/mutation history      defects of other packages, replanted here
    python tests/mutation checker      mistakes in the checker itself
    python tests/mutation source       automatic mutants of the numeric modules (needs cosmic-ray),
                                       or of some: source prob nn/linear.py

Each writes its part of the report into `results/`; `python tests/mutation report` joins them in
REPORT.md. A sample of each runs with the tests (tests/test_mutation.py).
"""
