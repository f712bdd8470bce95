"""Model cards: their numbers, their text, and the files."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from markdown_it import MarkdownIt
from numpy.testing import assert_allclose
from PIL import Image
from scipy.special import softmax
from scipy.stats import binomtest, bootstrap
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skblood import prediction_sets
from skblood.metrics import (
    expected_calibration_error,
    expected_calibration_error_floor,
)
from skblood.model_cards import model_card
from skblood.model_cards._intervals import calibration_interval
from skblood.preprocessing import CellImagePreprocessor

# What the calibration error would be by chance, a row of the card.
CHANCE = "expected calibration error of a perfectly calibrated model"

HOSTILE_NAMES = [
    "a|b",
    "line\nbreak",
    "`code`",
    "*bold* _it_ **x**",
    "<script>&amp;",
    "[link](http://a)",
    "back\\slash\\|",
    "$\\frac$ costs $5",
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.md"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """Use 50 bootstrap resamples, which is faster. The text still says 1,000."""
    monkeypatch.setattr("skblood.model_cards._intervals.N_RESAMPLES", 50)


def parse_tables(card):
    """Return the rows of the table below each title, as a rendered page shows them."""
    tables, title, context = {}, None, None
    for token in MarkdownIt("commonmark").enable("table").parse(card):
        if token.type == "tr_open":
            tables.setdefault(title, []).append([])
        elif token.type != "inline":
            context = token.type
        elif context == "heading_open":
            title = token.content
        elif context in ("th_open", "td_open"):
            assert {child.type for child in token.children} <= {"text", "code_inline"}
            cell = "".join(child.content for child in token.children)
            tables[title][-1].append(cell)
    for head, *rows in tables.values():
        assert {len(row) for row in rows} == {len(head)}
    return {title: rows for title, (_, *rows) in tables.items()}


def parse_measures(card):
    rows = parse_tables(card)["Measures"]
    return {name: (value, interval) for name, value, interval in rows}


# -- the numbers -----------------------------------------------------------------------


def test_measures_are_those_of_scikit_learn(fitted, new_cells, path):
    X, y = new_cells
    probabilities, predicted = fitted.predict_proba(X), fitted.predict(X)
    measures = parse_measures(model_card(fitted, X, y, path))
    floor = expected_calibration_error_floor(
        probabilities, confidence_level=0.95, n_draws=50
    )
    expected = {
        "accuracy": fitted.score(X, y),
        "macro F1": f1_score(y, predicted, average="macro"),
        "macro AUC": roc_auc_score(y, probabilities, multi_class="ovr"),
        "negative log-likelihood": log_loss(y, probabilities),
        "expected calibration error": expected_calibration_error(y, probabilities),
        CHANCE: floor.mean,
    }
    assert {k: value for k, (value, _) in measures.items()} == {
        k: f"{value:.4f}" for k, value in expected.items()
    }
    assert measures[CHANCE][1] == f"{floor.low:.4f} to {floor.high:.4f}"


def test_intervals_of_proportions_are_wilson_intervals(fitted, new_cells, path):
    X, y = new_cells
    card = model_card(fitted, X, y, path)
    rows = parse_tables(card)["Classes"]
    is_correct = fitted.predict(X) == y
    proportions = {parse_measures(card)["accuracy"][1]: is_correct}
    proportions |= {row[3]: is_correct[y == k] for k, row in enumerate(rows)}
    for interval, is_hit in proportions.items():
        # Wilson, J. Am. Stat. Assoc. 22:209–212, 1927.
        n, p, z = len(is_hit), is_hit.mean(), 1.959964
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        ends = [float(end) for end in interval.split(" to ")]
        assert_allclose(ends, [centre - half, centre + half], atol=6e-5)


def test_other_intervals_are_bootstrapped(fitted, new_cells, path):
    X, y = new_cells
    probabilities, predicted = fitted.predict_proba(X), fitted.predict(X)
    measures = parse_measures(model_card(fitted, X, y, path))

    def mean_auc(rows):
        # scikit-learn's own mean raises an error if a resample lacks a class.
        areas = [
            roc_auc_score(y[rows] == k, probabilities[rows, k])
            for k in np.unique(y[rows])
        ]
        return np.mean(areas)

    functions = {
        "macro F1": lambda rows: f1_score(y[rows], predicted[rows], average="macro"),
        "macro AUC": mean_auc,
        "negative log-likelihood": lambda rows: log_loss(
            y[rows], probabilities[rows], labels=range(8)
        ),
    }
    for name, function in functions.items():
        low, high = bootstrap(
            (np.arange(len(y)),),
            function,
            vectorized=False,
            n_resamples=50,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
        assert measures[name][1] == f"{low:.4f} to {high:.4f}", name


def draw_logits(n, rng):
    """Return logits of 3 classes, of which one stands out by a varying margin."""
    logits = rng.normal(size=(n, 3))
    logits[:, 0] += rng.gamma(2, 2, size=n)
    return logits


@pytest.mark.parametrize("temperature", [0.4, 1, 2])
def test_interval_of_the_calibration_error(temperature, monkeypatch):
    """The interval has the truth in at least 95 % of the cases, and the estimate."""
    rng = np.random.default_rng(0)
    n_cases = 40
    monkeypatch.setattr("skblood.model_cards._intervals.N_RESAMPLES", 200)

    def measure_some(n):
        logits = draw_logits(n, rng)
        # The true probabilities have a temperature of 1.
        true = softmax(logits, axis=1)
        y = (true.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        return y, softmax(logits / temperature, axis=1)

    # A model with a temperature of 1 has no error. For the others, many images give it.
    y, probabilities = measure_some(200_000)
    truth = 0 if temperature == 1 else expected_calibration_error(y, probabilities)
    covered = 0
    for _ in range(n_cases):
        y, probabilities = measure_some(400)
        low, high = calibration_interval(y, probabilities)
        assert low <= expected_calibration_error(y, probabilities) <= high
        covered += low <= truth <= high
    assert covered >= 0.95 * n_cases


def test_interval_of_the_calibration_error_without_errors():
    # Ten images without errors do not show that there are never errors.
    low, high = calibration_interval(np.array([0, 1] * 5), np.eye(2)[[0, 1] * 5])
    assert low == 0
    assert 0.05 < high < 0.5


def test_classes_are_those_of_scikit_learn(fitted, new_cells, path):
    X, y = new_cells
    predicted = fitted.predict(X)
    rows = parse_tables(model_card(fitted, X, y, path))["Classes"]
    options = {"average": None, "zero_division": np.nan}
    expected = {
        1: precision_score(y, predicted, **options),
        2: recall_score(y, predicted, **options),
        4: f1_score(y, predicted, **options),
    }
    for column, values in expected.items():
        shown = ["–" if np.isnan(value) else f"{value:.4f}" for value in values]
        assert [row[column] for row in rows] == shown
    assert [row[0] for row in rows] == list("01234567")
    assert [row[5] for row in rows] == ["5"] * 8


def test_classes_without_test_images(fitted, new_cells, path):
    X, y = new_cells
    some = np.isin(y, [1, 4, 6])
    card = model_card(fitted, X[some], y[some], path)
    for k, row in enumerate(parse_tables(card)["Classes"]):
        occurs = k in (1, 4, 6)
        assert (row[2] != "–") == (row[3] != "–") == (row[5] == "5") == occurs
    probabilities = fitted.predict_proba(X[some])
    areas = [roc_auc_score(y[some] == k, probabilities[:, k]) for k in (1, 4, 6)]
    measures = parse_measures(card)
    assert measures["macro AUC"][0] == f"{np.mean(areas):.4f}"
    expected = log_loss(y[some], probabilities, labels=range(8))
    assert measures["negative log-likelihood"][0] == f"{expected:.4f}"


def test_one_class_has_no_auc(fitted, new_cells, path):
    X, y = new_cells
    card = model_card(fitted, X[y == 2], y[y == 2], path)
    assert parse_measures(card)["macro AUC"] == ("–", "–")
    assert "nan" not in card


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["basophil", "erythroblast"]),
        np.array(["basophil", "erythroblast"], dtype=object),
        np.array([False, True]),
        np.array([-3, 10**12]),
    ],
    ids=["str", "object", "bool", "int"],
)
def test_labels_of_two_classes(tiny, cells, new_cells, path, labels):
    clf = tiny().fit(cells[0], labels[cells[1] % 2])
    X, y = new_cells[0], labels[new_cells[1] % 2]
    card = model_card(clf, X, y, path)
    measures = parse_measures(card)
    assert measures["accuracy"][0] == f"{clf.score(X, y):.4f}"
    area = roc_auc_score(y == labels[1], clf.predict_proba(X)[:, 1])
    assert measures["macro AUC"][0] == f"{area:.4f}"
    assert [row[0] for row in parse_tables(card)["Classes"]] == list(map(str, labels))


def test_prediction_sets(tiny, cells, new_cells, path):
    clf = tiny(max_epochs=3).fit(*cells)
    X, y = new_cells
    assert "`fit_calibration` was not called" in model_card(clf, X, y, path)
    card = model_card(clf.fit_calibration(X, y), X, y, path)
    assert f"temperature {clf.calibration_.temperature:.4f}" in card
    # 40 calibration images are enough for 0.95, and too few for 0.99.
    [[asked, coverage, interval, size, single]] = parse_tables(card)["Prediction sets"]
    sets = prediction_sets(clf, X, coverage=0.95)
    n_hits = sets[np.arange(40), y].sum()
    low, high = binomtest(n_hits, 40).proportion_ci(0.95, method="wilson")
    assert (asked, coverage) == ("0.95", f"{n_hits / 40:.4f}")
    assert interval == f"{low:.4f} to {high:.4f}"
    assert size == f"{sets.sum(axis=1).mean():.3f}"
    assert single.startswith(f"{(sets.sum(axis=1) == 1).sum()} (")
    clf.fit_calibration(X[:8], y[:8])
    assert "Prediction sets" not in parse_tables(model_card(clf, X, y, path))


# -- accepted input --------------------------------------------------------------------


def test_images_in_any_form(fitted, new_cells, path):
    X, y = new_cells
    card = model_card(fitted, X, y, path)
    rows = X.reshape(len(X), -1)
    forms = [X.transpose(0, 3, 1, 2), rows, list(rows), pd.DataFrame(rows)]
    for form in forms:
        assert model_card(fitted, form, pd.Series(y), path) == card


def test_labels_in_a_column(fitted, new_cells, path):
    X, y = new_cells
    with pytest.warns(DataConversionWarning):
        card = model_card(fitted, X, y[:, np.newaxis], path)
    assert card == model_card(fitted, X, y, path)


def test_a_pipeline(tiny_cnn, cells, new_cells, path):
    model = make_pipeline(CellImagePreprocessor(size=14), tiny_cnn()).fit(*cells)
    X, y = new_cells
    images = [np.pad(image, ((i % 3, 0), (0, 0), (0, 0))) for i, image in enumerate(X)]
    card = model_card(model, images, y, path)
    assert card.startswith("# BloodCNNClassifier for 8 classes\n")
    assert "images of 14×14 pixels with 3 channels" in card
    parameters = dict(parse_tables(card)["Parameters"])
    assert parameters["cellimagepreprocessor__size"] == "14"
    assert parameters["bloodcnnclassifier__width"] == "4"
    assert "steps" not in parameters
    assert "bloodcnnclassifier" not in parameters


def test_a_search(tiny_fnn, cells, new_cells, path):
    pipeline = make_pipeline(FunctionTransformer(), tiny_fnn())
    grid = {"bloodfnnclassifier__lr": [1e-3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(*cells)
    card = model_card(search, *new_cells, path)
    assert card.startswith("# BloodFNNClassifier for 8 classes\n")
    assert dict(parse_tables(card)["Parameters"])["bloodfnnclassifier__lr"] == "0.001"


def test_a_classifier_of_scikit_learn(cells, new_cells, path):
    clf = LogisticRegression(C=1e-4).fit(cells[0].mean(axis=(1, 2)), cells[1])
    card = model_card(clf, new_cells[0].mean(axis=(1, 2)), new_cells[1], path)
    assert card.startswith("# LogisticRegression for 8 classes\n\n## Intended use\n")
    assert dict(parse_tables(card)["Parameters"])["C"] == "0.0001"


def test_predictions_are_those_of_predict(tiny_fnn, cells, new_cells, path):
    inner = tiny_fnn().fit(cells[0], cells[1] % 2)
    # It returns the same probabilities, but always predicts the same class.
    clf = FixedThresholdClassifier(inner, threshold=2).fit(cells[0], cells[1] % 2)
    card = model_card(clf, new_cells[0], new_cells[1] % 2, path)
    assert parse_measures(card)["accuracy"][0] == "0.5000"


# -- the text --------------------------------------------------------------------------


def test_model(fitted_cnn, new_cells, path):
    n_weights = sum(w.numel() for w in fitted_cnn.net_.module_.parameters())
    card = model_card(fitted_cnn, *new_cells, path)
    assert card.startswith(
        "# BloodCNNClassifier for 8 classes\n\n"
        f"The network has {n_weights:,} weights. It takes images of 28×28 pixels with "
        "3 channels. It was trained for 2 epochs. The training loss of the last epoch "
        f"was {fitted_cnn.loss_curve_[-1]:.4f}.\n"
    )
    assert "Measured on 40 test images." in card


def test_every_card_states_limits(fitted, new_cells, path):
    card = model_card(fitted, *new_cells, path, intended_use="Everything.")
    assert "\n## Intended use\n\nEverything.\n" in card
    assert "Diagnosis, treatment, or any other decision about a patient" in card
    assert "other microscopes" in card


def test_text_of_the_user(fitted, new_cells, path):
    card = model_card(fitted, *new_cells, path)
    assert card.count("Not stated.") == 2
    assert "Research and teaching" in card
    card = model_card(
        fitted, *new_cells, path, training_data="*Ten* of each.", license="CC0"
    )
    assert "\n## Training data\n\n*Ten* of each.\n\n## License\n\nCC0\n" in card


def test_former_name_of_license(fitted_cnn, new_cells, path):
    expected = model_card(fitted_cnn, *new_cells, path, license="CC0")
    message = "'licence' of model_card is deprecated .* use 'license'"
    with pytest.warns(FutureWarning, match=message) as warned:
        card = model_card(fitted_cnn, *new_cells, path, licence="CC0")
    assert [warning.filename for warning in warned] == [__file__]
    assert card == expected


def test_names_and_labels(fitted, new_cells, path):
    names = [f"cell {k}" for k in "ABCDEFGH"]
    for given in (names, np.array(names)):
        card = model_card(fitted, *new_cells, path, target_names=given)
        rows = parse_tables(card)["Classes"]
        assert [row[:2] for row in rows] == [[n, str(k)] for k, n in enumerate(names)]


def test_parameters_and_versions(fitted, new_cells, path):
    tables = parse_tables(model_card(fitted, *new_cells, path))
    parameters = {name: repr(value) for name, value in fitted.get_params().items()}
    assert dict(tables["Parameters"]) == parameters
    versions = {name: (then, now) for name, then, now in tables["Versions"]}
    assert versions["numpy"] == ("–", np.__version__)
    assert versions["scikit-learn"] == (sklearn.__version__,) * 2
    assert {"python", "skblood", "torch", "skorch"} < set(versions)


def test_names_that_look_like_markdown(fitted, new_cells, path):
    card = model_card(fitted, *new_cells, path, target_names=HOSTILE_NAMES)
    shown = [row[0] for row in parse_tables(card)["Classes"]]
    assert shown == [" ".join(name.split()) for name in HOSTILE_NAMES]


def test_labels_that_look_like_markdown(tiny_fnn, cells, new_cells, path):
    names = np.array(sorted(HOSTILE_NAMES))
    weights = dict.fromkeys(HOSTILE_NAMES, 1.0)
    clf = tiny_fnn(class_weight=weights).fit(cells[0], names[cells[1]])
    card = model_card(clf, new_cells[0], names[new_cells[1]], path, target_names=names)
    tables = parse_tables(card)
    assert [row[1] for row in tables["Classes"]] == [repr(str(name)) for name in names]
    assert dict(tables["Parameters"])["class_weight"] == repr(weights)


# -- the files -------------------------------------------------------------------------


def test_card_and_picture_are_written(fitted, new_cells, path):
    path.write_text("an older card")
    card = model_card(fitted, *new_cells, str(path))
    assert path.read_bytes().decode() == card
    assert "![Confusion matrix](cells_confusion.png)" in card
    assert Image.open(path.with_name("cells_confusion.png")).size == (800, 800)
    assert len(list(path.parent.iterdir())) == 2


def test_default_path(fitted, new_cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model_card(fitted, *new_cells)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["model_card.md", "model_card_confusion.png"]


def test_picture_of_a_path_with_spaces(fitted, new_cells, tmp_path):
    card = model_card(fitted, *new_cells, tmp_path / "my cells (1).md")
    assert "(my%20cells%20%281%29_confusion.png)" in card
    assert (tmp_path / "my cells (1)_confusion.png").exists()


def test_same_input_same_files(tiny_fnn, cells, new_cells, tmp_path):
    written = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        clf = tiny_fnn(random_state=np.random.RandomState(0)).fit(*cells)
        clf.callbacks = [lambda net: None]
        model_card(clf, *new_cells, tmp_path / name / "cells.md")
        written.append([p.read_bytes() for p in sorted((tmp_path / name).iterdir())])
    assert written[0] == written[1]


def test_global_generators_are_left_alone(fitted, new_cells, path):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    model_card(fitted, *new_cells, path)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


# -- errors: no file is written --------------------------------------------------------


@pytest.fixture
def untouched(path):
    """Fail if the test changes the folder."""
    path.write_text("an older card")
    yield
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.read_text() == "an older card"


def test_not_fitted(tiny, new_cells, path, untouched):
    for clf in (tiny(), make_pipeline(FunctionTransformer(), tiny())):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            model_card(clf, *new_cells, path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": np.arange(8)}, "inconsistent numbers of samples: .40, 8."),
        ({"y_test": np.full(40, 9)}, r"labels \[9\] that are not in classes_"),
        ({"y_test": ["3"] * 40}, "Mix of label input types"),
        ({"y_test": np.full(40, 0.5)}, "continuous|not in classes_"),
        ({"X_test": np.zeros((40, 9, 9, 3))}, r"shape \(9, 9, 3\)"),
        ({"X_test": np.full((40, 28, 28, 3), np.nan)}, "contains NaN"),
        ({"target_names": ["a", "b"]}, "Expected 8 names .* got 2"),
        ({"target_names": "abcdefgh"}, "'target_names' parameter of model_card"),
        ({"training_data": 3}, "'training_data' parameter of model_card"),
        ({"license": b"CC0"}, "'license' parameter of model_card"),
        ({"licence": b"CC0"}, "'licence' parameter of model_card"),
        ({"intended_use": 3}, "'intended_use' parameter of model_card"),
        ({"path": 3}, "'path' parameter of model_card"),
        ({"classifier": SVC()}, "implementing 'predict' and 'predict_proba'"),
    ],
)
def test_bad_input(fitted_cnn, new_cells, path, untouched, changes, message):
    X, y = new_cells
    arguments = {"classifier": fitted_cnn, "X_test": X, "y_test": y, "path": path}
    with pytest.raises(ValueError, match=message):
        model_card(**arguments | changes)


def test_both_names_of_license(fitted_cnn, new_cells, path, untouched):
    with pytest.raises(TypeError, match="got both license and licence"):
        model_card(fitted_cnn, *new_cells, path, license="CC0", licence="CC0")


def test_too_few_images(fitted_cnn, new_cells, path, untouched):
    for n in (0, 1):
        with pytest.raises(ValueError, match=f"at least 2 test images.* got {n}"):
            model_card(fitted_cnn, new_cells[0][:n], new_cells[1][:n], path)


def test_missing_folder(fitted_cnn, new_cells, path, untouched):
    with pytest.raises(FileNotFoundError, match=r"folder .*missing does not exist"):
        model_card(fitted_cnn, *new_cells, path.parent / "missing" / "cells.md")


def test_folder_for_a_path(fitted_cnn, new_cells, path, untouched):
    with pytest.raises(IsADirectoryError, match="got the folder"):
        model_card(fitted_cnn, *new_cells, path.parent)


def test_missing_extra(fitted_cnn, new_cells, path, untouched, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=re.escape("skblood[plot]")):
        model_card(fitted_cnn, *new_cells, path)


def test_checks_come_before_predictions(fitted_cnn, new_cells, path, monkeypatch):
    def fail(self, X):
        raise AssertionError("predict was called although the folder does not exist")

    monkeypatch.setattr(type(fitted_cnn), "predict", fail)
    with pytest.raises(FileNotFoundError):
        model_card(fitted_cnn, *new_cells, path.parent / "missing" / "cells.md")


def test_failed_writing_keeps_the_older_card(fitted_cnn, new_cells, path):
    path.write_text("an older card")
    (path.parent / "cells_confusion.png").mkdir()
    with pytest.raises(OSError):
        model_card(fitted_cnn, *new_cells, path)
    assert path.read_text() == "an older card"
    assert len(list(path.parent.iterdir())) == 2
