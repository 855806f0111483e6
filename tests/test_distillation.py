"""A fast student of a slow teacher: a KL between two densities that are both known."""

import numpy as np
import pytest

import minigen as mg
from minigen.core.validate import InvalidInput
from minigen.flows import Logit, distil, iaf, kl_samples, maf, student


def gaussian_teacher(rng):
    """A MAF of one layer and no hidden dependence on more than one number: almost a Gaussian."""
    return mg.core.perturbed(maf(2, 1, (8,), rng=rng, dtype=np.float64, c=0.5), rng, spread=0.3)


def test_the_kl_is_that_of_the_two_densities_at_the_students_samples(rng):
    """Against log_prob at the same samples, which takes the student's slow direction."""
    teacher = mg.core.perturbed(maf(3, 2, (8,), rng=rng, dtype=np.float64), rng)
    q = mg.core.perturbed(student(teacher, 2, (8,), rng=rng), rng)
    gap = kl_samples(q, teacher, 500, rng=np.random.default_rng(3))
    x = q.sample(500, rng=np.random.default_rng(3))
    np.testing.assert_allclose(gap, q.log_prob(x) - teacher.log_prob(x), atol=1e-8)


def test_a_shared_preprocessing_changes_no_kl(rng):
    """The KL behind the logit is the KL in the units of the data."""
    x = rng.integers(0, 4, (200, 3))
    before = (Logit(bins=4.0, low=0.05),)
    teacher = maf(3, 2, (8,), levels=4, before=before, init_from=x, rng=rng, dtype=np.float64)
    q = student(teacher, 1, (8,), rng=rng)
    gap = kl_samples(q, teacher, 300, rng=np.random.default_rng(3))
    y, _ = q.decode(q.base.sample(300, rng=np.random.default_rng(3)))
    inside = q.defined(y)
    assert inside.sum() > 200
    other = q.log_prob(y[inside]) - teacher.log_prob(y[inside])
    np.testing.assert_allclose(gap[inside], other, atol=1e-6)
    drawn = q.sample(50, rng=rng)
    assert drawn.dtype.kind in "iu" and drawn.min() >= 0 and drawn.max() <= 3


def test_a_student_that_can_be_its_teacher_becomes_it(rng):
    """A MAF of one layer is an IAF of one layer where the parameters are linear: KL to 0."""
    teacher = gaussian_teacher(rng)
    q = student(teacher, 2, (16,), rng=rng)
    before = kl_samples(q, teacher, 2000, rng=rng).mean()
    mg.fit(distil(q, teacher), q.base, steps=400, batch=256, lr=1e-2, rng=rng, progress=False)
    after = kl_samples(q, teacher, 2000, rng=rng)
    assert before > 0.1 and after.mean() < before / 4
    assert after.mean() > -5 * after.std() / 2000**0.5


def test_the_gradient_of_the_distillation_is_exact(rng):
    teacher = mg.core.perturbed(maf(3, 2, (8,), rng=rng, dtype=np.float64, activation="tanh"), rng)
    q = mg.core.perturbed(student(teacher, 2, (8,), rng=rng), rng)
    loss = distil(q, teacher)
    inputs, given = loss.draw(q.base.sample(5, rng=rng), rng)
    assert mg.check.gradients(loss, *inputs, given=given, rng=rng)


def test_two_that_do_not_belong_together_are_refused(rng):
    plain = maf(2, 1, (8,), rng=rng)
    units = maf(2, 1, (8,), rng=rng, init_from=rng.standard_normal((50, 2)) + 3)
    with pytest.raises(InvalidInput, match="preprocessing"):
        distil(iaf(2, 1, (8,), rng=rng), units)
    with pytest.raises(InvalidInput, match="a flow of 3"):
        kl_samples(iaf(3, 1, (8,), rng=rng), plain, 5, rng=rng)
    with pytest.raises(InvalidInput, match="context"):
        student(maf(2, 1, (8,), context=2, rng=rng), rng=rng)
    with pytest.raises(InvalidInput, match="SLOW"):
        distil(plain, plain)
