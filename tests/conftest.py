"""What every test has: a seeded generator, and a steady hypothesis profile."""

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
