"""Sample weights, class weights, and the validation split."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import recall_score

WEIGHTED_CLASS = 4  # the class whose weight the tests change


def weights_with_zeros(cells):
    """Return sample weights of 0 and 1, and the samples whose weight is 1."""
    X, y = cells
    weights = np.ones(len(y))
    weights[::3] = 0
    kept = weights > 0
    return weights, X[kept], y[kept]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"class_weight": {1: 3.0}},
        {"class_weight": "balanced"},
        {"scaling": "minmax"},
        {"early_stopping": True, "validation_fraction": 0.3},
    ],
    ids=["plain", "class weights", "balanced", "minmax", "early stopping"],
)
def test_fit_ignores_samples_of_weight_zero(tiny, cells, params):
    X, y = cells
    # The samples of weight 0 get other pixels and labels than the rest, so that using
    # any of them would change the result.
    weights, X_kept, y_kept = weights_with_zeros(cells)
    X = np.where(weights[:, None, None, None] > 0, X, X // 4).astype(float)
    y = np.where(weights > 0, y, 3)
    clf = tiny(**params).fit(X, y, sample_weight=weights)
    expected = tiny(**params).fit(X_kept.astype(float), y_kept)
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert clf.loss_curve_ == expected.loss_curve_


def test_partial_fit_ignores_samples_of_weight_zero(tiny, cells):
    X, y = cells
    weights, X_kept, y_kept = weights_with_zeros(cells)
    clf = tiny().partial_fit(X, y, classes=range(8), sample_weight=weights)
    expected = tiny().partial_fit(X_kept, y_kept, classes=range(8))
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))


def test_classes_of_weight_zero_are_not_in_classes(tiny, cells):
    X, y = cells
    clf = tiny().fit(X, y, sample_weight=y != 2)
    assert_array_equal(clf.classes_, [0, 1, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("weight", [0.01, 1, 1000])
def test_equal_sample_weights_have_no_effect(tiny, fitted, cells, weight):
    X, y = cells
    clf = tiny().fit(X, y, sample_weight=np.full(len(y), weight))
    assert_allclose(clf.predict_proba(X), fitted.predict_proba(X), rtol=1e-4)


def test_weights_are_equivalent_to_repetition_in_one_batch(tiny_fnn, cells):
    # All samples are in one batch, so both fits take the same steps.
    X, y = cells
    weights = y % 3 + 1
    weighted = tiny_fnn(batch_size=1000).fit(X, y, sample_weight=weights)
    repeated = tiny_fnn(batch_size=1000).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    proba = repeated.predict_proba(X)
    assert_allclose(weighted.predict_proba(X), proba, rtol=1e-3, atol=1e-5)


def test_weights_are_equivalent_to_repetition_on_average(tiny_cnn, cells, new_cells):
    # With these batch sizes, all fits take the same number of steps. The effect of the
    # weights is averaged over five seeds.
    X, y = cells
    weights = np.where(y == WEIGHTED_CLASS, 4, 1)
    X_repeated, y_repeated = np.repeat(X, weights, axis=0), np.repeat(y, weights)

    def mean_proba(X, y, batch_size, **kwargs):
        clfs = [
            tiny_cnn(batch_size=batch_size, max_epochs=3, random_state=seed)
            for seed in range(5)
        ]
        probas = [clf.fit(X, y, **kwargs).predict_proba(new_cells[0]) for clf in clfs]
        return np.mean(probas, axis=(0, 1))[WEIGHTED_CLASS]

    plain = mean_proba(X, y, 20)
    weighted = mean_proba(X, y, 20, sample_weight=weights)
    repeated = mean_proba(X_repeated, y_repeated, 28)
    assert weighted - plain > 0.03
    assert_allclose(weighted - plain, repeated - plain, rtol=0.3)


def test_class_weight_is_equivalent_to_sample_weight(tiny, cells):
    X, y = cells
    by_class = tiny(class_weight={WEIGHTED_CLASS: 5}).fit(X, y)
    by_sample = tiny().fit(X, y, sample_weight=np.where(y == WEIGHTED_CLASS, 5, 1))
    assert_array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))


def test_class_weight_and_sample_weight_are_multiplied(tiny, cells):
    X, y = cells
    weights = np.linspace(1, 2, len(y))
    both = tiny(class_weight={WEIGHTED_CLASS: 5}).fit(X, y, sample_weight=weights)
    product = np.where(y == WEIGHTED_CLASS, 5 * weights, weights)
    expected = tiny().fit(X, y, sample_weight=product)
    assert_array_equal(both.predict_proba(X), expected.predict_proba(X))


def test_class_weight_in_partial_fit_without_some_classes(tiny, cells):
    X, y = cells
    clf, expected = tiny(class_weight={0: 2.0, WEIGHTED_CLASS: 5.0}), tiny()
    for label in [1, WEIGHTED_CLASS, 0]:
        part = (y == label) | (y == 2)
        clf.partial_fit(X[part], y[part], classes=range(8))
        weights = np.select([y == 0, y == WEIGHTED_CLASS], [2.0, 5.0], 1.0)[part]
        expected.partial_fit(X[part], y[part], range(8), sample_weight=weights)
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))


def test_class_weight_raises_recall(tiny, cells, new_cells):
    X, y = new_cells

    def recall(class_weight):
        clf = tiny(class_weight=class_weight, max_epochs=5).fit(*cells)
        return recall_score(y, clf.predict(X), labels=[WEIGHTED_CLASS], average=None)[0]

    assert recall({WEIGHTED_CLASS: 30.0}) > recall({WEIGHTED_CLASS: 1 / 30})
    assert recall({WEIGHTED_CLASS: 30.0}) == 1


def test_balanced_weights_are_inverse_frequencies(tiny, cells):
    X, y = cells
    y = np.minimum(y, 2)
    balanced = tiny(class_weight="balanced").fit(X, y)
    weights = dict(enumerate(len(y) / (3 * np.bincount(y))))
    explicit = tiny(class_weight=weights).fit(X, y)
    assert_array_equal(balanced.predict_proba(X), explicit.predict_proba(X))


def test_balanced_weights_raise_recall_of_the_rare_class(tiny):
    rng = np.random.RandomState(0)
    y = (np.arange(200) % 10 == 0).astype(int)
    X = rng.randn(200, 2) + 1.5 * y[:, np.newaxis]

    def recall(class_weight):
        clf = tiny(class_weight=class_weight, max_epochs=20, lr=0.01).fit(X, y)
        return recall_score(y, clf.predict(X))

    assert recall("balanced") > recall(None) + 0.2


def test_validation_split_is_not_used_for_training(tiny_cnn, cells):
    # The augmentation receives each training image once in an epoch.
    X, y = cells
    seen = []

    def watch(images, generator):
        seen.append(len(images))
        return images

    tiny_cnn(
        early_stopping=True, validation_fraction=0.2, max_epochs=1, augmentation=watch
    ).fit(X, y)
    assert sum(seen) == 64


def test_class_weight_in_partial_fit_with_one_class_per_call(tiny_fnn):
    X = np.random.RandomState(0).rand(400, 3)
    probability = {}
    for name, class_weight in (("unweighted", None), ("weighted", {0: 1, 1: 10})):
        clf = tiny_fnn(class_weight=class_weight, optimizer="sgd", lr=0.01)
        for part in range(20):
            X_part = X[20 * part : 20 * part + 20]
            clf.partial_fit(X_part, [part % 2] * 20, classes=[0, 1])
        probability[name] = clf.predict_proba(X)[:, 1].mean()
    assert probability["weighted"] > probability["unweighted"] + 0.03
