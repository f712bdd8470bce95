"""The same seed gives the same model, and global random states do not change."""

import random

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

PARAMS = {
    "plain": {},
    "dropout": {"dropout": 0.5},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.2},
}


def global_states():
    """Return the states of the global random generators, and torch's thread count."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": (kind, keys.tolist(), *rest),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
    }


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS)
def test_same_seed_gives_the_same_model(tiny, cells, params):
    X, y = cells
    proba = [tiny(**params).fit(X, y).predict_proba(X) for _ in range(2)]
    assert_array_equal(*proba)


def test_same_seed_with_the_dropout_of_the_report_network(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(architecture="report", max_epochs=1)
    proba = [clf.fit(X, y).predict_proba(X) for _ in range(2)]
    assert_array_equal(*proba)


@pytest.mark.parametrize(
    "params",
    [{}, {"augmentation": None}, {"dropout": 0.5}, {"stochastic_depth": 0.0}],
)
def test_global_seeds_have_no_effect(tiny_cnn, cells, params):
    X, y = cells
    proba = []
    for seed in range(2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        proba.append(tiny_cnn(**params).fit(X, y).predict_proba(X))
    assert_array_equal(*proba)


def test_other_seeds_give_other_models(tiny, cells):
    X, y = cells
    proba = [tiny(random_state=seed).fit(X, y).predict_proba(X) for seed in range(3)]
    assert len({p.tobytes() for p in proba}) == 3


def test_random_state_instance_advances_from_fit_to_fit(tiny, cells):
    X, y = cells
    clf = tiny(random_state=np.random.RandomState(0))
    first, second = (clf.fit(X, y).predict_proba(X) for _ in range(2))
    assert not np.array_equal(first, second)


def test_random_state_none_uses_the_global_state_of_numpy(tiny, cells):
    X, y = cells
    proba = []
    for seed in [0, 0, 1]:
        np.random.seed(seed)  # noqa: NPY002
        proba.append(tiny(random_state=None).fit(X, y).predict_proba(X))
    assert_array_equal(proba[0], proba[1])
    assert not np.array_equal(proba[0], proba[2])


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS)
def test_global_states_do_not_change(tiny, cells, params):
    X, y = cells
    before = global_states()
    clf = tiny(**params).fit(X, y).partial_fit(X, y)
    clf.transform(X)
    clf.predict(X)
    assert global_states() == before


def test_global_states_do_not_change_after_an_error(tiny, cells):
    X, y = cells
    before = global_states()
    with pytest.raises(ValueError, match="Training diverged"):
        tiny(dropout=0.5, lr=1e30, optimizer="sgd", max_epochs=5).fit(X, y)
    assert global_states() == before
