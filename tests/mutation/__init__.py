"""Mistakes planted on purpose, to see whether the checks and the tests find them.

    python tests/mutation seeded [--every K]     wrong backward passes of every layer
    python tests/mutation alarms [--draws K]     right layers, to count false alarms
    python tests/mutation history                defects of other packages, planted here
    python tests/mutation checker                mistakes in the checker itself
    python tests/mutation source [FILE ...] [--sample N] [--seed S]
                                                 automatic mutants, a random sample of all places

All but `alarms` take --jobs N, processes of this machine, or --dask ADDRESS, the workers of a
cluster that have this checkout and `tests` on their PYTHONPATH.

Each prints a score and what was not found. `seeded` also asks torch, JAX and autograd where they
are installed; `source` needs cosmic-ray (pip install -e ".[test,mutation]"). A sample of each runs
with the tests (tests/test_mutation.py).

Measured with minigen 0.1.0, torch 2.13, JAX 0.10 and autograd 1.9, on 4527 wrong backward passes
that change a gradient at a loss scale of 1e-6: `mg.check` missed none, `torch.autograd.gradcheck`
3415, `jax.test_util.check_grads` 3214, `autograd.test_util.check_grads` 1940.
"""
