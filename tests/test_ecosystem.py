"""The classifiers in scikit-learn's searches, pipelines and ensembles, and in MAPIE."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn
from mapie.classification import SplitConformalClassifier
from mapie.risk_control import BinaryClassificationController
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.fixes import parse_version

from skblood import prediction_sets

CHANCE = 1 / 8  # the expected accuracy of random labels


@pytest.fixture(scope="module")
def rows(cells):
    """Return the images flattened to rows, and their labels."""
    X, y = cells
    return X.reshape(len(X), -1), y


@pytest.fixture(scope="module")
def tabular(cells):
    """Return 4 features of each cell, its mean colours and its maximum, and labels."""
    X, y = cells
    return np.column_stack([X.mean(axis=(1, 2)), X.max(axis=(1, 2, 3))]), y


# -- model selection -------------------------------------------------------------------

GRID = {"batch_size": [16, 64], "max_epochs": [1, 2], "lr": [1e-3, 1e-2]}


def test_parallel_grid_search_over_three_parameters(tiny_cnn, cells, new_cells):
    search = GridSearchCV(tiny_cnn(), GRID, cv=2, n_jobs=2).fit(*cells)
    assert len(search.cv_results_["params"]) == 8
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(new_cells[0]).shape == (40,)
    assert search.best_estimator_.n_iter_ == search.best_params_["max_epochs"]


def test_grid_search_gives_the_same_result_in_parallel(tiny_fnn, cells):
    searches = [
        GridSearchCV(tiny_fnn(), GRID, cv=2, n_jobs=n).fit(*cells) for n in (1, 2)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    assert_array_equal(*scores)
    proba = [search.predict_proba(cells[0]) for search in searches]
    assert_array_equal(*proba)


def test_randomized_search(tiny, cells):
    search = RandomizedSearchCV(tiny(), GRID, n_iter=2, cv=2, random_state=0)
    search.fit(*cells)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    for name, value in search.best_params_.items():
        assert getattr(search.best_estimator_, name) == value


def test_halving_search_with_epochs_as_the_resource(tiny_fnn, cells):
    search = HalvingGridSearchCV(
        tiny_fnn(),
        {"lr": [1e-3, 1e-2, 1e-1]},
        resource="max_epochs",
        min_resources=1,
        max_resources=9,
        cv=2,
    ).fit(*cells)
    assert search.n_resources_ == [1, 3]
    assert search.best_estimator_.n_iter_ == 3


def test_cross_validation_functions(tiny, cells):
    clf = tiny(max_epochs=20, batch_size=10)
    scores = cross_val_score(clf, *cells, cv=2)
    assert scores.mean() > CHANCE
    proba = cross_val_predict(tiny(), *cells, cv=2, method="predict_proba")
    assert proba.shape == (80, 8)
    results = cross_validate(
        tiny(), *cells, cv=2, scoring=["neg_log_loss", "roc_auc_ovr", "f1_macro"]
    )
    assert np.isfinite(results["test_roc_auc_ovr"]).all()


def test_learning_curve(tiny, cells):
    sizes, train_scores, _ = learning_curve(
        tiny(), *cells, train_sizes=[0.5, 1.0], cv=2, error_score="raise"
    )
    assert_array_equal(sizes, [20, 40])
    assert train_scores.shape == (2, 2)


def test_learning_curve_with_incremental_learning(tiny, cells):
    _, _, scores = learning_curve(
        tiny(),
        *cells,
        train_sizes=[0.5, 1.0],
        cv=2,
        exploit_incremental_learning=True,
        error_score="raise",
    )
    assert scores.shape == (2, 2)


def test_permutation_importance(tiny, tabular):
    X, y = tabular
    clf = tiny(max_epochs=30, batch_size=8).fit(X, y)
    result = permutation_importance(clf, X, y, n_repeats=2, random_state=0)
    assert result.importances_mean.shape == (4,)
    assert result.importances_mean.max() > 0


def test_classification_report(fitted, new_cells):
    X, y = new_cells
    report = classification_report(
        y, fitted.predict(X), output_dict=True, zero_division=0
    )
    assert {str(label) for label in range(8)} <= set(report)


# -- pipelines and ensembles -----------------------------------------------------------


def test_pipeline_that_scales_flattened_images(tiny, rows):
    X, y = rows
    pipeline = make_pipeline(StandardScaler(), tiny(max_epochs=5)).fit(X, y)
    assert pipeline[-1].image_shape_ == (28, 28, 3)
    assert pipeline.score(X, y) > CHANCE


def test_pipeline_that_transforms_images(tiny, fitted, cells):
    X, y = cells
    rotate = FunctionTransformer(np.rot90, kw_args={"axes": (1, 2)})
    rotate_back = FunctionTransformer(np.rot90, kw_args={"axes": (2, 1)})
    pipeline = make_pipeline(rotate, rotate_back, tiny()).fit(X, y)
    assert_array_equal(pipeline.predict_proba(X), fitted.predict_proba(X))


def test_embeddings_as_features_of_another_classifier(tiny, cells):
    X, y = cells
    pipeline = make_pipeline(
        tiny(), SelectKBest(k=10), LogisticRegression(max_iter=1000)
    )
    assert pipeline.fit(X, y).score(X, y) > CHANCE


def test_embeddings_as_a_data_frame_in_a_pipeline(tiny, rows):
    X, y = rows
    pipeline = make_pipeline(StandardScaler(), tiny(), StandardScaler())
    pipeline.set_output(transform="pandas").fit(X, y)
    frame = pipeline.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert_array_equal(frame.columns, pipeline[1].get_feature_names_out())


ENSEMBLES = {
    "sigmoid calibration": lambda clf: CalibratedClassifierCV(clf, cv=2),
    "isotonic calibration": lambda clf: CalibratedClassifierCV(
        clf, method="isotonic", cv=2
    ),
    "hard voting": lambda clf: VotingClassifier([("a", clf), ("b", clone(clf))]),
    "soft voting": lambda clf: VotingClassifier(
        [("a", clf), ("b", clone(clf))], voting="soft"
    ),
    "stacking": lambda clf: StackingClassifier([("a", clf), ("b", clone(clf))], cv=2),
    "bagging": lambda clf: BaggingClassifier(clf, n_estimators=2, random_state=0),
    "one-vs-rest": OneVsRestClassifier,
}


@pytest.mark.parametrize("make", ENSEMBLES.values(), ids=ENSEMBLES)
def test_ensembles(tiny, rows, make):
    X, y = rows
    ensemble = make(tiny(max_epochs=8)).fit(X, y)
    assert ensemble.predict(X).shape == (80,)
    assert ensemble.score(X, y) > CHANCE


def test_calibration_of_a_frozen_classifier(fitted, cells, new_cells):
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), cv=2)
    proba = calibrated.fit(*new_cells).predict_proba(cells[0])
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="scikit-learn has temperature scaling since 1.8",
)
def test_temperature_scaling_of_images_as_in_fit_calibration(fitted, cells, new_cells):
    frozen = FrozenEstimator(fitted)
    calibrated = CalibratedClassifierCV(frozen, method="temperature").fit(*new_cells)
    own = copy.deepcopy(fitted).fit_calibration(*new_cells)
    assert_allclose(
        calibrated.predict_proba(cells[0]), own.predict_proba(cells[0]), atol=1e-5
    )


def test_tuned_threshold_of_two_classes(tiny_fnn, cells, new_cells):
    X, y = cells
    clf = TunedThresholdClassifierCV(
        tiny_fnn(max_epochs=5), scoring="balanced_accuracy", cv=2
    ).fit(X, y == 0)
    proba = clf.predict_proba(new_cells[0])[:, 1]
    assert 0 < clf.best_threshold_ < 1
    assert_array_equal(clf.predict(new_cells[0]), proba >= clf.best_threshold_)


def test_self_training_with_unlabelled_images(tiny, rows):
    X, y = rows
    labels = np.where(np.arange(80) < 40, y, -1)
    clf = SelfTrainingClassifier(tiny(), threshold=0.3, max_iter=2)
    clf.fit(X, labels)
    assert_array_equal(clf.classes_, range(8))
    assert clf.predict(X).shape == (80,)


# -- metadata routing ------------------------------------------------------------------


def test_search_passes_sample_weight_to_fit_and_score(tiny, cells):
    X, y = cells
    weights = np.where(y < 4, 1.0, 0.0)
    with config_context(enable_metadata_routing=True):
        clf = tiny().set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        search = GridSearchCV(clf, {"lr": [0.01]}, cv=2)
        search.fit(X, y, sample_weight=weights)
    assert_array_equal(search.best_estimator_.classes_, range(4))


def test_pipeline_passes_validation_data_to_fit(tiny, cells, new_cells):
    X_val, y_val = new_cells
    with config_context(enable_metadata_routing=True):
        clf = tiny().set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(FunctionTransformer(), clf)
        pipeline.fit(*cells, X_val=X_val, y_val=y_val)
    assert "valid_loss" in pipeline[-1].history_[0]


def test_unrequested_sample_weight_is_refused(tiny, cells):
    X, y = cells
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(tiny(), {"lr": [0.01]}, cv=2)
        with pytest.raises(ValueError, match=r"sample_weight.* not explicitly set"):
            search.fit(X, y, sample_weight=np.ones(80))


# -- MAPIE -----------------------------------------------------------------------------


# MAPIE tries the classifier on an image of zeros.
def to_multiples(probabilities, unit=2**-11):
    """Round probabilities to multiples of a unit whose sum is 1."""
    rounded = np.floor(probabilities / unit) * unit
    largest = probabilities.argmax(axis=1)
    rounded[np.arange(len(rounded)), largest] += 1 - rounded.sum(axis=1)
    return rounded


@pytest.mark.filterwarnings("ignore:X has pixels from 0 to 0:UserWarning")
def test_mapie_finds_the_sets_of_prediction_sets(fitted, rows, new_cells):
    X, y = rows
    clf = copy.deepcopy(fitted).fit_calibration(X, y)
    # Scores are kept in float16. These probabilities have scores that are exact in it.
    exact, clf.predict_proba = clf.predict_proba, lambda X: to_multiples(exact(X))
    scores = 1 - clf.predict_proba(X)[np.arange(len(y)), y]
    clf.calibration_ = replace(clf.calibration_, scores=scores.astype(np.float16))
    mapie = SplitConformalClassifier(
        clf, confidence_level=0.8, conformity_score="lac", prefit=True
    ).conformalize(X, y)
    X_new = new_cells[0].reshape(40, -1)
    expected = mapie.predict_set(X_new)[1][:, :, 0]
    sets = prediction_sets(clf, X_new, coverage=0.8)
    is_full = expected.any(axis=1)
    assert is_full.sum() > 20
    assert_array_equal(sets[is_full], expected[is_full])


# MAPIE warns if the error rate does not fall from each threshold to the next one.
@pytest.mark.filterwarnings("ignore:Fixed sequence testing:UserWarning")
def test_mapie_chooses_a_threshold_for_an_error_rate():
    confidence = np.linspace(0.5, 1, 1000)
    # Below 0.6, half of the predictions are wrong, and the surest prediction is wrong.
    is_correct = (confidence > 0.6) | (np.arange(1000) % 2 == 0)
    is_correct[-1] = False
    controller = BinaryClassificationController(
        predict_function=lambda score: np.column_stack([1 - score, score]),
        risk="precision",
        target_level=0.95,
        confidence_level=0.9,
        list_predict_params=np.array([0.5, 0.6, 0.7, 0.8]),
        fwer_method="fixed_sequence",
    ).calibrate(confidence, is_correct)
    assert controller.best_predict_param == 0.6
