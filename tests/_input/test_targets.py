"""Weights of samples and classes, and the part that validates."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import recall_score

FAVOURED = 4


def without_some(cells):
    """Return weights, some of them zero, and the cells of positive weight."""
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
def test_weight_zero_is_absence(tiny, cells, params):
    X, y = cells
    # Unlike the rest in pixels and in labels, so that nothing of them may be seen.
    weights, X_kept, y_kept = without_some(cells)
    X = np.where(weights[:, None, None, None] > 0, X, X // 4).astype(float)
    y = np.where(weights > 0, y, 3)
    clf = tiny(**params).fit(X, y, sample_weight=weights)
    expected = tiny(**params).fit(X_kept.astype(float), y_kept)
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert clf.loss_curve_ == expected.loss_curve_


def test_weight_zero_is_absence_in_partial_fit(tiny, cells):
    X, y = cells
    weights, X_kept, y_kept = without_some(cells)
    clf = tiny().partial_fit(X, y, classes=range(8), sample_weight=weights)
    expected = tiny().partial_fit(X_kept, y_kept, classes=range(8))
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))


def test_class_of_weight_zero_is_no_class(tiny, cells):
    X, y = cells
    clf = tiny().fit(X, y, sample_weight=y != 2)
    assert_array_equal(clf.classes_, [0, 1, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("weight", [0.01, 1, 1000])
def test_only_the_ratio_of_weights_matters(tiny, fitted, cells, weight):
    X, y = cells
    clf = tiny().fit(X, y, sample_weight=np.full(len(y), weight))
    assert_allclose(clf.predict_proba(X), fitted.predict_proba(X), rtol=1e-4)


def test_weights_are_repetitions(tiny_fnn, cells):
    # Exact in one batch, in which the same steps are taken.
    X, y = cells
    weights = y % 3 + 1
    weighted = tiny_fnn(batch_size=1000).fit(X, y, sample_weight=weights)
    repeated = tiny_fnn(batch_size=1000).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    proba = repeated.predict_proba(X)
    assert_allclose(weighted.predict_proba(X), proba, rtol=1e-3, atol=1e-5)


def test_weights_are_repetitions_on_average(tiny_cnn, cells, new_cells):
    # In as many batches, so that as many steps are taken, and over several seeds.
    X, y = cells
    weights = np.where(y == FAVOURED, 4, 1)
    X_repeated, y_repeated = np.repeat(X, weights, axis=0), np.repeat(y, weights)

    def mean_proba(X, y, batch_size, **kwargs):
        clfs = [
            tiny_cnn(batch_size=batch_size, max_epochs=3, random_state=seed)
            for seed in range(5)
        ]
        probas = [clf.fit(X, y, **kwargs).predict_proba(new_cells[0]) for clf in clfs]
        return np.mean(probas, axis=(0, 1))[FAVOURED]

    plain = mean_proba(X, y, 20)
    weighted = mean_proba(X, y, 20, sample_weight=weights)
    repeated = mean_proba(X_repeated, y_repeated, 28)
    assert weighted - plain > 0.03
    assert_allclose(weighted - plain, repeated - plain, rtol=0.3)


def test_class_weight_is_a_sample_weight(tiny, cells):
    X, y = cells
    by_class = tiny(class_weight={FAVOURED: 5}).fit(X, y)
    by_sample = tiny().fit(X, y, sample_weight=np.where(y == FAVOURED, 5, 1))
    assert_array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))


def test_class_weight_and_sample_weight_multiply(tiny, cells):
    X, y = cells
    weights = np.linspace(1, 2, len(y))
    both = tiny(class_weight={FAVOURED: 5}).fit(X, y, sample_weight=weights)
    product = np.where(y == FAVOURED, 5 * weights, weights)
    expected = tiny().fit(X, y, sample_weight=product)
    assert_array_equal(both.predict_proba(X), expected.predict_proba(X))


def test_class_weight_in_parts_without_some_classes(tiny, cells):
    X, y = cells
    clf, expected = tiny(class_weight={0: 2.0, FAVOURED: 5.0}), tiny()
    for label in [1, FAVOURED, 0]:
        part = (y == label) | (y == 2)
        clf.partial_fit(X[part], y[part], classes=range(8))
        weights = np.select([y == 0, y == FAVOURED], [2.0, 5.0], 1.0)[part]
        expected.partial_fit(X[part], y[part], range(8), sample_weight=weights)
    assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))


def test_class_weight_raises_recall(tiny, cells, new_cells):
    X, y = new_cells

    def recall(class_weight):
        clf = tiny(class_weight=class_weight, max_epochs=5).fit(*cells)
        return recall_score(y, clf.predict(X), labels=[FAVOURED], average=None)[0]

    assert recall({FAVOURED: 30.0}) > recall({FAVOURED: 1 / 30})
    assert recall({FAVOURED: 30.0}) == 1


def test_balanced_is_by_inverse_frequency(tiny, cells):
    X, y = cells
    y = np.minimum(y, 2)
    balanced = tiny(class_weight="balanced").fit(X, y)
    weights = dict(enumerate(len(y) / (3 * np.bincount(y))))
    by_hand = tiny(class_weight=weights).fit(X, y)
    assert_array_equal(balanced.predict_proba(X), by_hand.predict_proba(X))


def test_balanced_raises_recall_of_the_rare_class(tiny):
    rng = np.random.RandomState(0)
    y = (np.arange(200) % 10 == 0).astype(int)
    X = rng.randn(200, 2) + 1.5 * y[:, np.newaxis]

    def recall(class_weight):
        clf = tiny(class_weight=class_weight, max_epochs=20, lr=0.01).fit(X, y)
        return recall_score(y, clf.predict(X))

    assert recall("balanced") > recall(None) + 0.2


def test_validation_part_is_stratified_and_set_aside(tiny_cnn, cells):
    # Each epoch shows the augmentation the images that are trained on.
    X, y = cells
    seen = []

    def watch(images, generator):
        seen.append(len(images))
        return images

    tiny_cnn(
        early_stopping=True, validation_fraction=0.2, max_epochs=1, augmentation=watch
    ).fit(X, y)
    assert sum(seen) == 64


def test_weights_count_across_parts_of_one_class_each(tiny_fnn):
    X = np.random.RandomState(0).rand(400, 3)
    streams = {}
    for name, class_weight in (("even", None), ("second", {0: 1, 1: 10})):
        clf = tiny_fnn(class_weight=class_weight, optimizer="sgd", lr=0.01)
        for part in range(20):
            X_part = X[20 * part : 20 * part + 20]
            clf.partial_fit(X_part, [part % 2] * 20, classes=[0, 1])
        streams[name] = clf.predict_proba(X)[:, 1].mean()
    assert streams["second"] > streams["even"] + 0.03
