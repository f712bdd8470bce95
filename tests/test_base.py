"""Fit, partial_fit and predict keep scikit-learn's promises."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.exceptions import DataConversionWarning
from torch import nn

# -- what is predicted -----------------------------------------------------------------


def test_several_classes(fitted, new_cells):
    X, _ = new_cells
    logits, proba = fitted.decision_function(X), fitted.predict_proba(X)
    assert logits.shape == proba.shape == (40, 8)
    assert logits.dtype == proba.dtype == np.float64
    assert_allclose(proba.sum(axis=1), 1)
    assert_allclose(proba, softmax(logits, axis=1))
    assert_allclose(fitted.predict_log_proba(X), np.log(proba))
    assert_array_equal(fitted.predict(X), fitted.classes_[proba.argmax(axis=1)])


def test_two_classes(tiny, cells):
    X, y = cells
    clf = tiny().fit(X, y > 3)
    decision, proba = clf.decision_function(X), clf.predict_proba(X)
    assert decision.shape == (80,)
    assert proba.shape == (80, 2)
    assert_allclose(proba[:, 1], expit(decision))
    assert_allclose(clf.predict_log_proba(X), np.log(proba))
    assert_array_equal(clf.predict(X), decision > 0)


@pytest.mark.parametrize(
    "encode",
    [
        lambda y: np.array(list("abcdefgh"))[y],
        lambda y: np.array(list("abcdefgh"), dtype=object)[y],
        lambda y: y - 20,
        lambda y: y.astype(float),
        lambda y: y.tolist(),
        lambda y: pd.Series(y),
        lambda y: pd.Series(np.array(list("abcdefgh"))[y], dtype="category"),
    ],
    ids=["str", "object", "negative", "float", "list", "Series", "category"],
)
def test_labels(tiny, fitted, cells, encode):
    X, y = cells
    labels = encode(y)
    clf = tiny().fit(X, labels)
    assert_array_equal(clf.classes_, np.unique(labels))
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert set(clf.predict(X)) <= set(labels)


def test_bool_labels(tiny, cells):
    X, y = cells
    clf = tiny().fit(X, y > 3)
    assert_array_equal(clf.classes_, [False, True])
    assert clf.predict(X).dtype == bool
    same = tiny().fit(X, (y > 3).astype(int))
    assert_array_equal(clf.predict_proba(X), same.predict_proba(X))


def test_column_of_labels(tiny, fitted, cells):
    X, y = cells
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        clf = tiny().fit(X, y[:, np.newaxis])
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_one_image(fitted, new_cells):
    X, _ = new_cells
    assert_allclose(fitted.predict_proba(X[:1]), fitted.predict_proba(X)[:1], rtol=1e-4)


def test_more_images_than_fit_in_one_batch(fitted, new_cells):
    X, _ = new_cells
    many = np.tile(X, (30, 1, 1, 1))
    expected = np.tile(fitted.predict_proba(X), (30, 1))
    assert_allclose(fitted.predict_proba(many), expected, rtol=1e-4)


# -- embeddings ------------------------------------------------------------------------


def test_transform(fitted, cells):
    X, _ = cells
    embedding = fitted.transform(X)
    names = fitted.get_feature_names_out()
    prefix = type(fitted).__name__.lower()
    assert embedding.dtype == np.float32
    assert embedding.shape == (80, len(names))
    assert_array_equal(names, [f"{prefix}{i}" for i in range(len(names))])
    assert fitted.transform(X.astype(np.float64)).dtype == np.float64


def test_head_on_embedding_gives_the_logits(fitted, cells):
    X, _ = cells
    head = fitted.net_.module_.network.head
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    logits = fitted.transform(X) @ weight.T + bias
    assert_allclose(logits, fitted.decision_function(X), atol=1e-4)


def test_fit_transform(tiny, fitted, cells):
    assert_array_equal(tiny().fit_transform(*cells), fitted.transform(cells[0]))


def test_set_output(tiny, fitted, cells):
    X, y = cells
    clf = tiny().set_output(transform="pandas").fit(X, y)
    frame = clf.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert_array_equal(frame.columns, clf.get_feature_names_out())
    assert_array_equal(frame, fitted.transform(X))


# -- fit again, go on ------------------------------------------------------------------


def test_fit_starts_anew(tiny, fitted, cells, new_cells):
    X, _ = cells
    clf = tiny().fit(*new_cells).fit(*cells)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert clf.loss_curve_ == fitted.loss_curve_
    assert clf.n_iter_ == 2


def test_fit_after_other_classes_and_another_shape(tiny, fitted, cells):
    X, y = cells
    clf = tiny().fit(X[:, :14, :10, 0], y > 3).fit(X, y)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_history(fitted):
    assert [epoch["epoch"] for epoch in fitted.history_] == [1, 2]
    assert fitted.n_iter_ == 2
    assert fitted.loss_curve_ == [epoch["train_loss"] for epoch in fitted.history_]
    for epoch in fitted.history_:
        assert 0 <= epoch["train_acc"] <= 1
        assert epoch["dur"] > 0
        assert "valid_loss" not in epoch


def test_warm_start_continues(tiny, cells):
    X, y = cells
    # So small a learning rate that the loss falls from one epoch to the next.
    clf = tiny(warm_start=True, lr_schedule="constant", lr=1e-3).fit(X, y)
    first = list(clf.loss_curve_)
    clf.set_params(max_epochs=3).fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 5
    assert clf.loss_curve_[:2] == first
    assert [epoch["epoch"] for epoch in clf.history_] == [1, 2, 3, 4, 5]
    assert max(clf.loss_curve_[2:]) < first[0]


def test_warm_start_from_nothing_is_a_fit(tiny, fitted, cells):
    clf = tiny(warm_start=True).fit(*cells)
    assert_array_equal(clf.predict_proba(cells[0]), fitted.predict_proba(cells[0]))


class OwnNetwork(nn.Module):
    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.hidden = nn.Linear(np.prod(image_shape), 16)
        self.last = nn.Linear(16, n_classes)

    def forward(self, images):
        return self.last(torch.relu(self.hidden(images.flatten(1))))


def learnt(clf):
    """Return the kernels and weights before the last layer."""
    parameters = clf.net_.module_.named_parameters()
    return {k: v.detach().numpy().copy() for k, v in parameters if "head" not in k}


@pytest.mark.parametrize(
    "relabel",
    [lambda y: y // 3 + 7, lambda y: (7 - y).astype(str)],
    ids=["fewer", "new"],
)
def test_warm_start_with_other_classes_keeps_the_features(tiny, cells, relabel):
    X, y = cells
    clf = tiny().fit(X, y)
    before = learnt(clf)
    # So small a learning rate that what is trained stays as it is.
    clf.set_params(warm_start=True, lr=1e-12, max_epochs=3).fit(X, relabel(y))
    for name, weights in learnt(clf).items():
        assert_allclose(weights, before[name], atol=1e-6)
    assert_array_equal(clf.classes_, np.unique(relabel(y)))
    assert clf.predict_proba(X).shape == (len(X), len(clf.classes_))
    assert clf.n_iter_ == len(clf.history_) == 3


def test_warm_start_with_other_classes_draws_anew(tiny, cells):
    X, y = cells
    tuned = []
    for seed in (1, 1, 2):
        clf = tiny().fit(X, y).set_params(warm_start=True, random_state=seed)
        tuned.append(clf.fit(X, y.astype(str)).predict_proba(X))
    assert_array_equal(tuned[0], tuned[1])
    assert not np.array_equal(tuned[0], tuned[2])


def test_warm_start_warns_of_classes_that_are_not_there(tiny, cells):
    X, y = cells
    clf = tiny(warm_start=True).fit(X, y)
    with pytest.warns(UserWarning, match=r"y lacks the classes \[6, 7\]"):
        clf.fit(X[y < 6], y[y < 6])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(X, y)
        clf.fit(X, y.astype(str))


def test_warm_start_with_other_classes_begins_the_last_layer_anew(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(max_epochs=20).fit(X, y)
    assert clf.score(X, y) > 0.5
    clf.set_params(warm_start=True, lr=1e-12, max_epochs=1).fit(X, y.astype(str))
    assert clf.score(X, y.astype(str)) < 0.5


def test_warm_start_with_other_classes_in_a_network_of_ones_own(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(architecture=OwnNetwork).fit(X, y)
    before = clf.net_.module_.network.hidden.weight.detach().clone()
    clf.set_params(warm_start=True, lr=1e-12).fit(X, y // 2 + 7)
    assert_allclose(clf.net_.module_.network.hidden.weight.detach(), before, atol=1e-6)
    assert_array_equal(clf.classes_, [7, 8, 9, 10])


def parts(X, y, n=5):
    return zip(np.array_split(X, n), np.array_split(y, n), strict=True)


def test_partial_fit(tiny, cells):
    X, y = cells
    clf = tiny()
    for _ in range(3):
        for X_part, y_part in parts(X, y):
            assert clf.partial_fit(X_part, y_part, classes=range(8)) is clf
    assert clf.n_iter_ == len(clf.loss_curve_) == 15
    assert np.mean(clf.loss_curve_[-5:]) < np.mean(clf.loss_curve_[:5])


def test_partial_fit_needs_no_class_in_every_part(tiny, cells):
    X, y = cells
    clf = tiny().partial_fit(X[y == 3], y[y == 3], classes=range(7, -1, -1))
    clf.partial_fit(X[y == 5], y[y == 5])
    assert_array_equal(clf.classes_, range(8))
    assert clf.predict_proba(X).shape == (80, 8)


def test_partial_fit_after_fit(tiny, fitted, cells):
    X, y = cells
    # So small a learning rate leaves the weights close to those of fit.
    clf = tiny().fit(X, y).set_params(lr=1e-5).partial_fit(X, y)
    assert clf.n_iter_ == 3
    assert clf.loss_curve_[:2] == fitted.loss_curve_
    before, after = (c.net_.module_.network.head.weight for c in (fitted, clf))
    assert_allclose(after.detach(), before.detach(), atol=1e-3)
    assert not np.array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_fit_after_partial_fit_starts_anew(tiny, fitted, cells):
    X, y = cells
    clf = tiny().partial_fit(X, y, classes=range(8)).fit(X, y)
    assert clf.n_iter_ == 2
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("before", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("after", ["adamw", "muon", "sgd"])
def test_another_optimizer_in_mid_stream(tiny_fnn, cells, before, after):
    X, y = cells
    clf = tiny_fnn(hidden_layer_sizes=(6, 5), optimizer=before)
    clf.partial_fit(X, y, classes=range(8))
    clf.set_params(optimizer=after).partial_fit(X, y)
    assert clf.n_iter_ == 2
    assert np.isfinite(clf.predict_proba(X)).all()


# -- manners ---------------------------------------------------------------------------


def test_nothing_is_written(tiny, cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = cells
    clf = tiny(early_stopping=True, validation_fraction=0.2, verbose=1).fit(X, y)
    clf.partial_fit(X, y).predict(X)
    assert not list(tmp_path.iterdir())


def test_arguments_are_left_as_they_were(tiny, cells):
    X, y = (array.copy() for array in cells)
    weights = np.linspace(0, 2, 80)
    clf = tiny(class_weight={0: 2.0})
    parameters = dict(clf.get_params())
    clf.fit(X, y, sample_weight=weights)
    assert_array_equal(X, cells[0])
    assert_array_equal(y, cells[1])
    assert_array_equal(weights, np.linspace(0, 2, 80))
    assert clf.get_params() == parameters


def test_representations(fitted):
    name = type(fitted).__name__
    assert repr(fitted).startswith(f"{name}(")
    assert name in fitted._repr_html_()


def test_grey_single_image(tiny, cells):
    X, y = cells
    clf = tiny(max_epochs=1).fit(X[..., 0], y)
    with pytest.raises(ValueError, match=r"got one image of shape \(28, 28\)"):
        clf.predict(X[0, ..., 0])
    assert clf.predict(X[:1, ..., 0]).shape == (1,)


def test_score_of_numbers_where_the_classes_are_names(tiny, cells):
    X, y = cells
    names = np.array(list("abcdefgh"))[y]
    clf = tiny(max_epochs=1).fit(X, names)
    assert clf.score(X, names) == np.mean(clf.predict(X) == names)
    with pytest.raises(ValueError, match=r"names.*such as 'a', got numbers.*labels="):
        clf.score(X, y)
    with pytest.raises(ValueError, match=r"names.*such as 'a', got numbers.*labels="):
        clf.fit(X, names, X_val=X, y_val=y)
