"""The bug museum: every defect does the harm it is said to do, and the right code does not."""

import inspect

import numpy as np
import pytest
from test_homework import BANKS
from test_homework_bank import edited, failures, marks

from minigen.derivations import museum
from minigen.derivations.museum import doubled_logdet

# what the figures say: (row, the right code's must be below, the wrong code's above)
HARM = {
    "inverse_sign": [(0, 1e-12, 0.1), (1, 0.1, -np.inf)],
    "visiting_order": [(0, 1e-12, -1), (1, 1e-12, -1), (2, 1e-12, 1)],
    "one_column": [(1, 0.5, 2.0)],
    "first_column": [(0, np.inf, 0), (1, 0.62, 2.8), (2, 0.62, 0)],
    "actnorm_again": [(0, 4.3, 4.2), (2, 4.3, 1000)],
    "ones_cotangent": [(0, 1e-14, -1), (1, 1e-14, 0.01), (2, 0.4, 0.42)],
    "float_tables": [(0, 1e-14, 1e-5), (1, 1e-12, 1e-5)],
    "linear_range": [(1, 0.55, 2)],
    "noisy_ode": [(1, 0.51, 0.7), (2, 0.51, 0.7), (3, 0.51, -1)],
    "gathered_negatives": [(1, 0, 0.3), (2, 3.5, 4.5)],
    "tanh_tails": [(1, -30, -28), (3, 1, 90)],
}  # fmt: skip
everything = pytest.mark.parametrize("name", museum.EXHIBITS)


@pytest.fixture(scope="module")
def findings():
    return {name: exhibit.run() for name, exhibit in museum.EXHIBITS.items()}


@everything
def test_a_check_sees_the_defect_and_says_so(findings, name):
    assert findings[name].seen and "all right" not in findings[name].seen
    assert findings[name].missed  # what passes it: the reason why it lived
    assert "found by:" in str(findings[name])


@pytest.mark.parametrize("name", HARM)
def test_the_harm_is_measured_and_the_right_code_does_none(findings, name):
    for row, right_below, wrong_above in HARM[name]:
        what, right, wrong = findings[name].figures[row]
        assert right <= right_below, what
        assert wrong >= wrong_above, what


def test_a_wrong_logdet_leaves_a_density_that_is_none(findings):
    _, right, wrong = findings["doubled_logdet"].figures[0]
    assert abs(right - 1) < 1e-2 < 0.2 < abs(wrong - 1)
    assert all("True" in text or "e-1" in text or "0e+00" in text for text in
               findings["doubled_logdet"].missed)  # fmt: skip
    assert inspect.isclass(doubled_logdet.EXHIBIT.wrong)


def test_a_wrong_sign_of_the_noise_leaves_no_diversity(findings):
    (_, mean, bad_mean), (_, std, bad_std), _ = findings["ddim_minus"].figures
    assert abs(mean - 2) < 0.1 and abs(bad_mean - 2) < 0.1  # the mean looks right
    assert abs(std - 0.5) < 0.05 and bad_std < 1e-6


def test_an_embedding_without_the_gradient_of_negatives_finds_fewer_neighbours(findings):
    (_, loss, same), _, _, (_, right, wrong) = findings["gathered_negatives"].figures
    assert loss == same and wrong < right - 0.03


def test_narrow_noise_beats_the_entropy(findings):
    (_, coin, better), (_, right, wrong), _ = findings["half_noise"].figures
    assert abs(coin - np.log(2)) < 1e-3 and better < 1e-3
    assert wrong < right - 6  # nats, of a Gaussian on the digits


def test_an_empty_batch_poisons_the_parameter_for_good(findings):
    (_, zero, nan), (_, loss, gradient), (_, finite, lost) = findings["triplet_nan"].figures
    assert zero == loss == gradient == 0 and np.isfinite(finite)
    assert np.isnan(nan) and np.isnan(lost)


@everything
def test_a_page_holds_both_codes_and_where_it_was(name):
    page = str(museum.visit(name))
    for part in ("where:", "what:", "effect:", "found by:", "right:", "wrong:"):
        assert part in page
    assert page.count("def ") >= 2
    assert max(map(len, page.splitlines())) <= 100


ANSWERS = [name for name, e in museum.EXHIBITS.items() if e.answer]


@pytest.mark.parametrize("name", ANSWERS)
def test_handed_in_as_homework_it_fails(name):
    homework, edits = museum.visit(name).answer
    bank = BANKS[homework]
    text = edited(bank.practice(), edits)
    assert failures(marks(bank.assignment, bank.assignment.practice, text))


def test_an_unknown_exhibit_is_named():
    with pytest.raises(ValueError, match="name: expected"):
        museum.visit("unicorn")
