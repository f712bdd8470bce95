"""Simultaneous intervals of the fractions of several kinds of cells."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binomtest

from skblood.counting._intervals import measure_dispersion, multinomial_intervals


@pytest.mark.parametrize("counts", [[60, 30, 8, 2, 0], [1, 0], [3], [0, 7, 0]])
def test_one_photograph_has_wilson_intervals(counts):
    n, level = sum(counts), 1 - 0.05 / len(counts)
    expected = [
        binomtest(count, n).proportion_ci(level, method="wilson") for count in counts
    ]
    assert_allclose(multinomial_intervals(np.array([counts])), expected, atol=1e-12)


def test_equal_photographs_do_not_change_the_number_of_cells():
    apart = multinomial_intervals(np.array([[50, 30, 20]] * 40))
    together = multinomial_intervals(np.array([[2000, 1200, 800]]))
    assert_allclose(apart, together)


def test_two_photographs_that_differ_little_have_useful_intervals():
    intervals = multinomial_intervals(np.array([[20, 5, 0], [17, 8, 0]]))
    assert intervals[2, 1] < 0.15


def test_intervals_are_wider_if_photographs_differ():
    alike = multinomial_intervals(np.array([[20, 10, 5]] * 4))
    different = multinomial_intervals(
        np.array([[35, 0, 0], [5, 20, 10], [35, 0, 0], [5, 20, 10]])
    )
    assert_array_equal(alike.mean(axis=1) > 0, True)
    assert (different[:, 0] < alike[:, 0]).all()
    assert (different[:, 1] > alike[:, 1]).all()


def test_dispersion_is_at_least_1():
    assert measure_dispersion(np.array([[50, 30, 20]] * 5)) == (1.0, 8)
    assert measure_dispersion(np.array([[50, 30, 20]])) == (1.0, 0)
    assert measure_dispersion(np.array([[50], [30]])) == (1.0, 0)


def test_dispersion_is_pearsons_statistic_per_degree_of_freedom():
    # The expected counts are 10, so the statistic is 4 · 5² / 10.
    assert measure_dispersion(np.array([[15, 5], [5, 15]])) == (10.0, 1)


def test_dispersion_of_multinomial_counts_is_about_1():
    rng = np.random.RandomState(0)
    counts = rng.multinomial(50, [0.6, 0.25, 0.1, 0.05], size=500)
    dispersion, n_degrees = measure_dispersion(counts)
    assert dispersion == pytest.approx(1, abs=0.1)
    assert n_degrees == 499 * 3


def test_empty_photographs_and_kinds_do_not_change_the_dispersion():
    counts = np.array([[15, 5], [5, 15]])
    with_empty = np.zeros((4, 3), dtype=int)
    with_empty[1:3, [0, 2]] = counts
    assert measure_dispersion(with_empty) == measure_dispersion(counts)


def test_no_cells():
    intervals = multinomial_intervals(np.zeros((2, 3), dtype=int))
    assert intervals.shape == (3, 2)
    assert np.isnan(intervals).all()


def test_one_kind():
    [(low, high)] = multinomial_intervals(np.array([[12], [30]]))
    assert high == pytest.approx(1)
    assert 0.8 < low < 1


@pytest.mark.parametrize("counts", [[[20, 0]], [[20, 5, 2, 0], [18, 9, 1, 0]]])
def test_a_kind_without_cells(counts):
    low, high = multinomial_intervals(np.array(counts))[-1]
    assert low == 0
    assert 0 < high < 0.7


def test_intervals_contain_the_fractions():
    rng = np.random.RandomState(0)
    for _ in range(50):
        counts = rng.poisson(rng.gamma(0.5, 20, size=5), size=(3, 5))
        counts[0, 0] += 1
        low, high = multinomial_intervals(counts).T
        fractions = counts.sum(axis=0) / counts.sum()
        assert (low <= fractions + 1e-12).all()
        assert (fractions <= high + 1e-12).all()
        assert (low >= 0).all() and (high <= 1).all()


@pytest.mark.parametrize("concentration", [np.inf, 30])
def test_all_intervals_contain_the_true_fractions_in_95_of_100_counts(concentration):
    # With a finite concentration, the fractions of the photographs differ.
    rng = np.random.RandomState(0)
    true, n_trials, n_inside = np.array([0.55, 0.3, 0.1, 0.05]), 1000, 0
    for _ in range(n_trials):
        fractions = np.tile(true, (10, 1))
        if np.isfinite(concentration):
            fractions = rng.dirichlet(concentration * true, size=10)
        counts = np.stack([rng.multinomial(40, each) for each in fractions])
        low, high = multinomial_intervals(counts).T
        n_inside += ((low <= true) & (true <= high)).all()
    assert n_inside / n_trials > 0.93
