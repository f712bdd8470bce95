"""`fit`, `partial_fit`, predictions and embeddings of both classifiers."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.exceptions import DataConversionWarning
from torch import nn

# -- predictions -----------------------------------------------------------------------


def test_logits_and_probabilities_of_eight_classes(fitted, new_cells):
    X, _ = new_cells
    logits, proba = fitted.decision_function(X), fitted.predict_proba(X)
    assert logits.shape == proba.shape == (40, 8)
    assert logits.dtype == proba.dtype == np.float64
    assert_allclose(proba.sum(axis=1), 1)
    assert_allclose(proba, softmax(logits, axis=1))
    assert_allclose(fitted.predict_log_proba(X), np.log(proba))
    assert_array_equal(fitted.predict(X), fitted.classes_[proba.argmax(axis=1)])


def test_logits_and_probabilities_of_two_classes(tiny, cells):
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
def test_labels_of_other_types(tiny, fitted, cells, encode):
    X, y = cells
    labels = encode(y)
    clf = tiny().fit(X, labels)
    assert_array_equal(clf.classes_, np.unique(labels))
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert set(clf.predict(X)) <= set(labels)


def test_boolean_labels(tiny, cells):
    X, y = cells
    clf = tiny().fit(X, y > 3)
    assert_array_equal(clf.classes_, [False, True])
    assert clf.predict(X).dtype == bool
    same = tiny().fit(X, (y > 3).astype(int))
    assert_array_equal(clf.predict_proba(X), same.predict_proba(X))


def test_labels_in_a_column(tiny, fitted, cells):
    X, y = cells
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        clf = tiny().fit(X, y[:, np.newaxis])
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_prediction_for_one_image(fitted, new_cells):
    X, _ = new_cells
    assert_allclose(fitted.predict_proba(X[:1]), fitted.predict_proba(X)[:1], rtol=1e-4)


def test_predictions_in_several_batches(fitted, new_cells):
    X, _ = new_cells
    many = np.tile(X, (30, 1, 1, 1))
    expected = np.tile(fitted.predict_proba(X), (30, 1))
    assert_allclose(fitted.predict_proba(many), expected, rtol=1e-4)


# -- embeddings ------------------------------------------------------------------------


def test_shape_names_and_dtype_of_embeddings(fitted, cells):
    X, _ = cells
    embedding = fitted.transform(X)
    names = fitted.get_feature_names_out()
    prefix = type(fitted).__name__.lower()
    assert embedding.dtype == np.float32
    assert embedding.shape == (80, len(names))
    assert_array_equal(names, [f"{prefix}{i}" for i in range(len(names))])
    assert fitted.transform(X.astype(np.float64)).dtype == np.float64


def test_output_layer_computes_the_logits_from_the_embeddings(fitted, cells):
    X, _ = cells
    head = fitted.net_.module_.network.head
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    logits = fitted.transform(X) @ weight.T + bias
    assert_allclose(logits, fitted.decision_function(X), atol=1e-4)


def test_fit_transform_equals_fit_and_transform(tiny, fitted, cells):
    assert_array_equal(tiny().fit_transform(*cells), fitted.transform(cells[0]))


def test_set_output_of_pandas(tiny, fitted, cells):
    X, y = cells
    clf = tiny().set_output(transform="pandas").fit(X, y)
    frame = clf.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert_array_equal(frame.columns, clf.get_feature_names_out())
    assert_array_equal(frame, fitted.transform(X))


# -- repeated calls of fit and partial_fit ---------------------------------------------


def test_second_fit_does_not_depend_on_the_first(tiny, fitted, cells, new_cells):
    X, _ = cells
    clf = tiny().fit(*new_cells).fit(*cells)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))
    assert clf.loss_curve_ == fitted.loss_curve_
    assert clf.n_iter_ == 2


def test_second_fit_with_other_classes_and_image_shape(tiny, fitted, cells):
    X, y = cells
    clf = tiny().fit(X[:, :14, :10, 0], y > 3).fit(X, y)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_history_of_a_fit(fitted):
    assert [epoch["epoch"] for epoch in fitted.history_] == [1, 2]
    assert fitted.n_iter_ == 2
    assert fitted.loss_curve_ == [epoch["train_loss"] for epoch in fitted.history_]
    for epoch in fitted.history_:
        assert 0 <= epoch["train_acc"] <= 1
        assert epoch["dur"] > 0
        assert "valid_loss" not in epoch


def test_warm_start_continues_the_training(tiny, cells):
    X, y = cells
    # With a low learning rate, the loss decreases in each epoch.
    clf = tiny(warm_start=True, lr_schedule="constant", lr=1e-3).fit(X, y)
    first = list(clf.loss_curve_)
    clf.set_params(max_epochs=3).fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 5
    assert clf.loss_curve_[:2] == first
    assert [epoch["epoch"] for epoch in clf.history_] == [1, 2, 3, 4, 5]
    assert max(clf.loss_curve_[2:]) < first[0]


def test_first_fit_with_warm_start_is_an_ordinary_fit(tiny, fitted, cells):
    clf = tiny(warm_start=True).fit(*cells)
    assert_array_equal(clf.predict_proba(cells[0]), fitted.predict_proba(cells[0]))


class CustomNetwork(nn.Module):
    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.hidden = nn.Linear(np.prod(image_shape), 16)
        self.last = nn.Linear(16, n_classes)

    def forward(self, images):
        return self.last(torch.relu(self.hidden(images.flatten(1))))


def feature_weights(clf):
    """Return copies of all weights except those of the output layer."""
    parameters = clf.net_.module_.named_parameters()
    return {k: v.detach().numpy().copy() for k, v in parameters if "head" not in k}


@pytest.mark.parametrize(
    "relabel",
    [lambda y: y // 3 + 7, lambda y: (7 - y).astype(str)],
    ids=["fewer classes", "new classes"],
)
def test_warm_start_with_other_classes_keeps_the_feature_layers(tiny, cells, relabel):
    X, y = cells
    clf = tiny().fit(X, y)
    before = feature_weights(clf)
    # The learning rate is so low that training does not change the kept weights.
    clf.set_params(warm_start=True, lr=1e-12, max_epochs=3).fit(X, relabel(y))
    for name, weights in feature_weights(clf).items():
        assert_allclose(weights, before[name], atol=1e-6)
    assert_array_equal(clf.classes_, np.unique(relabel(y)))
    assert clf.predict_proba(X).shape == (len(X), len(clf.classes_))
    assert clf.n_iter_ == len(clf.history_) == 3


def test_warm_start_with_other_classes_uses_the_random_state(tiny, cells):
    X, y = cells
    tuned = []
    for seed in (1, 1, 2):
        clf = tiny().fit(X, y).set_params(warm_start=True, random_state=seed)
        tuned.append(clf.fit(X, y.astype(str)).predict_proba(X))
    assert_array_equal(tuned[0], tuned[1])
    assert not np.array_equal(tuned[0], tuned[2])


def test_warm_start_warns_of_missing_classes(tiny, cells):
    X, y = cells
    clf = tiny(warm_start=True).fit(X, y)
    with pytest.warns(UserWarning, match=r"y lacks the classes \[6, 7\]"):
        clf.fit(X[y < 6], y[y < 6])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(X, y)
        clf.fit(X, y.astype(str))


def test_warm_start_with_other_classes_reinitialises_the_output_layer(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(max_epochs=20).fit(X, y)
    assert clf.score(X, y) > 0.5
    before = clf.net_.module_.network.state_dict()
    clf.set_params(warm_start=True, lr=1e-12, max_epochs=1).fit(X, y.astype(str))
    after = clf.net_.module_.network.state_dict()
    for name in ["head.weight", "head.bias"]:
        assert not torch.isclose(after[name], before[name], atol=1e-6).any()
    assert torch.allclose(
        after["features.0.weight"], before["features.0.weight"], atol=1e-6
    )


def test_warm_start_with_other_classes_for_a_custom_network(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(architecture=CustomNetwork).fit(X, y)
    before = clf.net_.module_.network.hidden.weight.detach().clone()
    clf.set_params(warm_start=True, lr=1e-12).fit(X, y // 2 + 7)
    assert_allclose(clf.net_.module_.network.hidden.weight.detach(), before, atol=1e-6)
    assert_array_equal(clf.classes_, [7, 8, 9, 10])


def split(X, y, n=5):
    """Return `n` pairs of a part of `X` and the labels of that part."""
    return zip(np.array_split(X, n), np.array_split(y, n), strict=True)


def test_partial_fit_trains_one_epoch_per_call(tiny, cells):
    X, y = cells
    clf = tiny()
    for _ in range(3):
        for X_part, y_part in split(X, y):
            assert clf.partial_fit(X_part, y_part, classes=range(8)) is clf
    assert clf.n_iter_ == len(clf.loss_curve_) == 15
    assert np.mean(clf.loss_curve_[-5:]) < np.mean(clf.loss_curve_[:5])


def test_partial_fit_accepts_parts_without_some_classes(tiny, cells):
    X, y = cells
    clf = tiny().partial_fit(X[y == 3], y[y == 3], classes=range(7, -1, -1))
    clf.partial_fit(X[y == 5], y[y == 5])
    assert_array_equal(clf.classes_, range(8))
    assert clf.predict_proba(X).shape == (80, 8)


def test_partial_fit_continues_after_fit(tiny, fitted, cells):
    X, y = cells
    # The learning rate is so low that the weights stay close to those after fit.
    clf = tiny().fit(X, y).set_params(lr=1e-5).partial_fit(X, y)
    assert clf.n_iter_ == 3
    assert clf.loss_curve_[:2] == fitted.loss_curve_
    before, after = (c.net_.module_.network.head.weight for c in (fitted, clf))
    assert_allclose(after.detach(), before.detach(), atol=1e-3)
    assert not np.array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_fit_does_not_depend_on_an_earlier_partial_fit(tiny, fitted, cells):
    X, y = cells
    clf = tiny().partial_fit(X, y, classes=range(8)).fit(X, y)
    assert clf.n_iter_ == 2
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("before", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("after", ["adamw", "muon", "sgd"])
def test_partial_fit_with_another_optimizer_than_before(tiny_fnn, cells, before, after):
    X, y = cells
    clf = tiny_fnn(hidden_layer_sizes=(6, 5), optimizer=before)
    clf.partial_fit(X, y, classes=range(8))
    clf.set_params(optimizer=after).partial_fit(X, y)
    assert clf.n_iter_ == 2
    assert np.isfinite(clf.predict_proba(X)).all()


# -- side effects, representation and errors -------------------------------------------


def test_no_files_are_written(tiny, cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = cells
    clf = tiny(early_stopping=True, validation_fraction=0.2, verbose=1).fit(X, y)
    clf.partial_fit(X, y).predict(X)
    assert not list(tmp_path.iterdir())


def test_arguments_are_not_changed(tiny, cells):
    X, y = (array.copy() for array in cells)
    weights = np.linspace(0, 2, 80)
    clf = tiny(class_weight={0: 2.0})
    parameters = dict(clf.get_params())
    clf.fit(X, y, sample_weight=weights)
    assert_array_equal(X, cells[0])
    assert_array_equal(y, cells[1])
    assert_array_equal(weights, np.linspace(0, 2, 80))
    assert clf.get_params() == parameters


def test_text_and_html_representation(fitted):
    name = type(fitted).__name__
    assert repr(fitted).startswith(f"{name}(")
    assert name in fitted._repr_html_()


def test_one_grey_image_without_a_batch_dimension_is_refused(tiny, cells):
    X, y = cells
    clf = tiny(max_epochs=1).fit(X[..., 0], y)
    with pytest.raises(ValueError, match=r"got one image of shape \(28, 28\)"):
        clf.predict(X[0, ..., 0])
    assert clf.predict(X[:1, ..., 0]).shape == (1,)


def test_number_labels_are_refused_if_the_classes_are_names(tiny, cells):
    X, y = cells
    names = np.array(list("abcdefgh"))[y]
    clf = tiny(max_epochs=1).fit(X, names)
    assert clf.score(X, names) == np.mean(clf.predict(X) == names)
    with pytest.raises(ValueError, match=r"names.*such as 'a', got numbers.*labels="):
        clf.score(X, y)
    with pytest.raises(ValueError, match=r"names.*such as 'a', got numbers.*labels="):
        clf.fit(X, names, X_val=X, y_val=y)
