"""Automatic mutants that survive because they are equivalent, and why.

{file: {why: the changed lines as they then read}}. A mutant is equivalent that gives the same
numbers, up to rounding, for every input that is allowed. What else survives is a gap in the tests.
"""

EQUIVALENT = {}
