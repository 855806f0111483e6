"""What every test has: a seeded generator, and a steady hypothesis profile."""

import os

# Tests run side by side: threads of the matrix products would only get in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

hypothesis.settings.register_profile(
    "minigen",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("minigen")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
