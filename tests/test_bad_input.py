"""Invalid input raises an error that names the problem and changes no fitted model."""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal, assert_equal
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
METHODS += ["transform"]


def as_rows(X):
    return X.reshape(len(X), -1)


def as_object_array(images):
    """Return a 1-D array of dtype object with one image in each element."""
    array = np.empty(len(images), dtype=object)
    array[:] = images
    return array


def with_pixel(value):
    """Return a function that copies images and sets one pixel to `value`."""

    def change(X):
        X = X.astype(float)
        X[3, 1, 4, 1] = value
        return X

    return change


# Each row: the problem, a function that makes invalid images from valid ones, the type
# of the error, and a pattern that its message matches.
BAD_IMAGES = [
    ("sparse", lambda X: csr_array(as_rows(X)), TypeError, "Sparse data was passed"),
    ("complex", lambda X: X + 1j, ValueError, "Complex data not supported"),
    ("complex feature rows", lambda X: as_rows(X) + 1j, ValueError, "Complex data not"),
    (
        "strings",
        lambda X: np.full(X.shape, "cell", dtype=object),
        ValueError,
        "could not convert string to float: 'cell'",
    ),
    (
        "DataFrame of strings",
        lambda X: pd.DataFrame(np.full((len(X), 2352), "cell")),
        ValueError,
        "could not convert string to float: 'cell'",
    ),
    ("NaN", with_pixel(np.nan), ValueError, "contains NaN"),
    ("inf", with_pixel(np.inf), ValueError, "contains infinity"),
    ("-inf", with_pixel(-np.inf), ValueError, "contains infinity"),
    ("no images", lambda X: X[:0], ValueError, r"0 sample\(s\).*minimum of 1"),
    (
        "no pixels",
        lambda X: X[:, :0],
        ValueError,
        r"0 feature\(s\).*minimum of 1|shape",
    ),
    (
        "None",
        lambda X: None,
        ValueError,
        "Expected 2D array, got scalar|got y_val alone",
    ),
    ("1-D", lambda X: X[:, 0, 0, 0], ValueError, "Expected 2D array, got 1D array"),
    ("5-D", lambda X: X[..., None], ValueError, "dim 5, while dim <= 4 is required"),
    (
        "4 channels",
        lambda X: np.concatenate([X, X[..., :1]], axis=3),
        ValueError,
        r"1 or 3 channels.*\(80, 28, 28, 4\)",
    ),
    ("ragged list", lambda X: [[1, 2], [3]] * 40, ValueError, "inhomogeneous"),
    (
        "images of different sizes",
        lambda X: [X[0, 1:], *X[1:]],
        ValueError,
        r"different sizes, such as \(27, 28, 3\) and \(28, 28, 3\).*"
        "CellImagePreprocessor",
    ),
    (
        "object array of images of different sizes",
        lambda X: as_object_array([X[0, 1:, :, 0], *X[1:, ..., 0]]),
        ValueError,
        r"different sizes, such as \(27, 28\) and \(28, 28\).*CellImagePreprocessor",
    ),
]

# Images that `fit` accepts, but that have another shape than those in an earlier `fit`.
# These rows have no type of error: it is always ValueError.
MISMATCHED_IMAGES = [
    ("too few features", lambda X: as_rows(X)[:, 1:], "2351 features.*expecting 2352"),
    (
        "smaller images",
        lambda X: X[:, 1:],
        r"\(27, 28, 3\).*expecting.*\(28, 28, 3\)",
    ),
    ("grey images", lambda X: X[..., 0], r"\(28, 28, 1\).*expecting.*\(28, 28, 3\)"),
    (
        "one image without a batch dimension",
        lambda X: X[0],
        r"batch of images \(n, 28, 28, 3\), got one image of shape \(28, 28, 3\).*"
        r"X\[np.newaxis\]",
    ),
    (
        "one image with channels first",
        lambda X: np.moveaxis(X[0], 2, 0),
        r"batch of images \(n, 28, 28, 3\), got one image of shape \(3, 28, 28\)",
    ),
]

FIT_METHODS = {
    "fit": lambda clf, X, y: clf.fit(X, y),
    "fit with warm_start": lambda clf, X, y: clf.set_params(warm_start=True).fit(X, y),
    "partial_fit": lambda clf, X, y: clf.partial_fit(X, y),
    "X_val": lambda clf, X, y: clf.fit(np.ones((80, 28, 28, 3)), y, X_val=X, y_val=y),
}
ALL_METHODS = FIT_METHODS | {
    name: lambda clf, X, y, name=name: getattr(clf, name)(X) for name in METHODS
}


def call_with_images(make_images, method):
    """Return a call of a method with images that `make_images` returns."""
    return lambda clf, X, y: method(clf, make_images(X), y)


def fit(params=None, *, change_y=None, **arguments):
    """Return a call of `fit`.

    `params` is a dict of parameters to set before. `change_y` and the other arguments
    are functions that return the value to pass, given the valid labels.
    """

    def call(clf, X, y):
        kwargs = {name: make(y) for name, make in arguments.items()}
        y = y if change_y is None else change_y(y)
        clf.set_params(**params or {}).fit(X, y, **kwargs)

    return call


def partial_fit(params=None, **arguments):
    """Return a call of `partial_fit`, with parameters to set before."""

    def call(clf, X, y):
        clf.set_params(**params or {}).partial_fit(X, **{"y": y, **arguments})

    return call


# Each row: the problem, the call, the type of the error, and a pattern for its message.
BAD_ARGUMENTS = [
    ("too few labels", fit(change_y=lambda y: y[1:]), ValueError, r"\[80, 79\]"),
    ("no labels", fit(change_y=lambda y: None), ValueError, "requires y to be passed"),
    (
        "continuous y",
        fit(change_y=lambda y: y + 0.5),
        ValueError,
        "label type: continuous",
    ),
    (
        "two columns of labels",
        fit(change_y=lambda y: np.stack([y, y], axis=1)),
        ValueError,
        r"y should be a 1d array, got an array of shape \(80, 2\)",
    ),
    (
        "NaN label",
        fit(change_y=lambda y: np.where(y, y, np.nan)),
        ValueError,
        "y contains",
    ),
    (
        "one class",
        fit(change_y=np.zeros_like),
        ValueError,
        "2 classes, got 1 class: .*0",
    ),
    (
        "one class with positive weights",
        fit(sample_weight=lambda y: y == 3),
        ValueError,
        "2 classes, got 1 class: .*3",
    ),
    (
        "negative sample weight",
        fit(sample_weight=lambda y: 3.0 - y),
        ValueError,
        "Negative values in data passed to `sample_weight`",
    ),
    (
        "zero sample weights",
        fit(sample_weight=np.zeros_like),
        ValueError,
        "zero|at least one non-zero",
    ),
    (
        "too few sample weights",
        fit(sample_weight=lambda y: y[1:]),
        ValueError,
        r"sample_weight.shape == \(79,\), expected \(80,\)",
    ),
    (
        "2-D sample weights",
        fit(sample_weight=lambda y: y[:, None]),
        ValueError,
        "Sample weights must be 1D array",
    ),
    (
        "NaN sample weight",
        fit(sample_weight=lambda y: y * np.nan),
        ValueError,
        "contains NaN",
    ),
    (
        "class weight of an unknown class",
        fit({"class_weight": {"no such": 2}}),
        ValueError,
        "class_weight|not in class",
    ),
    (
        "negative class weight",
        fit({"class_weight": {0: -2.0}}),
        ValueError,
        "class_weight.*-2|[Nn]egative.*weight",
    ),
    (
        "zero class weights",
        fit({"class_weight": dict.fromkeys(range(8), 0.0)}),
        ValueError,
        "zero for all samples",
    ),
    (
        "X_val without y_val",
        lambda clf, X, y: clf.fit(X, y, X_val=X),
        ValueError,
        "Expected both X_val and y_val, got X_val alone",
    ),
    (
        "y_val without X_val",
        fit(y_val=lambda y: y),
        ValueError,
        "Expected both X_val and y_val, got y_val alone",
    ),
    (
        "unknown label in y_val",
        lambda clf, X, y: clf.fit(X, y, X_val=X, y_val=y + 1),
        ValueError,
        r"labels \[8\] that are not in classes_=\[0, 1, 2, 3, 4, 5, 6, 7\]",
    ),
    (
        "validation_fraction too small for all classes",
        fit({"early_stopping": True, "validation_fraction": 0.05}),
        ValueError,
        "validation_fraction=0.05 of 80 samples leaves a class out",
    ),
    (
        "validation_fraction too large for all classes",
        fit({"early_stopping": True, "validation_fraction": 0.95}),
        ValueError,
        "validation_fraction=0.95 of 80 samples leaves a class out",
    ),
    (
        "early stopping with one sample of a class",
        fit(
            {"early_stopping": True},
            change_y=lambda y: np.where(np.arange(80), y > 3, 9),
        ),
        ValueError,
        "the rarest class, .*9.*, has 1",
    ),
    (
        "partial_fit with an unknown label",
        lambda clf, X, y: clf.partial_fit(X, y + 1),
        ValueError,
        r"labels \[8\] that are not in classes_=\[0, 1, 2, 3, 4, 5, 6, 7\]",
    ),
    (
        "partial_fit with other classes than before",
        partial_fit(classes=[1, 2, 3]),
        ValueError,
        r"classes=\[1, 2, 3\] is not the same .* \[0, 1, 2, 3, 4, 5, 6, 7\]",
    ),
    (
        "partial_fit with balanced weights",
        partial_fit({"class_weight": "balanced"}),
        ValueError,
        "class_weight='balanced' is not supported by partial_fit",
    ),
    (
        "partial_fit with negative sample weights",
        partial_fit(sample_weight=np.full(80, -1.0)),
        ValueError,
        "Negative values in data passed to `sample_weight`",
    ),
    (
        "diverging loss",
        fit({"lr": 1e30, "optimizer": "sgd", "max_epochs": 5}),
        ValueError,
        "Training diverged in epoch .* Lower the learning rate .*lr=1e",
    ),
    (
        "weights that overflow in the last step",
        fit({"lr": 1e38, "optimizer": "sgd", "max_epochs": 1, "batch_size": 80}),
        ValueError,
        "Lower the learning rate .*lr=1e",
    ),
    (
        "pixels too large for float32",
        lambda clf, X, y: clf.fit(X * 1e100, y),
        ValueError,
        "Training diverged in epoch .* very large .* pixel values",
    ),
]

# Each row: a parameter, an invalid value, and a pattern for the message of ValueError.
BAD_PARAMETERS = [
    ("device", "abacus", "device='abacus' is not available: this machine has cpu"),
    ("device", "cuda:99", "device='cuda:99' is not available: this machine has cpu"),
    ("device", 0, "must be an instance of 'str'. Got 0"),
    ("image_shape", (28, 27, 3), r"\(28, 27, 3\) .*images of shape \(28, 28, 3\)"),
    ("image_shape", (28, 28), r"\(28, 28, 1\) .*images of shape \(28, 28, 3\)"),
    ("image_shape", (28, 28, 2), r"1 or 3 channels, got \(28, 28, 2\)"),
    ("image_shape", (28,), r"\(H, W\) or \(H, W, C\).*got \(28,\)"),
    ("image_shape", (0, 28, 3), r"positive sides.*got \(0, 28, 3\)"),
    ("image_shape", (28.5, 28, 3), r"image_shape to be .*got \(28.5, 28, 3\)"),
    ("image_shape", ("a", "b"), r"image_shape to be .*got \('a', 'b'\)"),
    ("image_shape", 2352, "must be an array-like or None. Got 2352|'image_shape'"),
    ("max_epochs", 0, r"str among \{'auto'\} or an int in .*\[1, inf\). Got 0"),
    ("max_epochs", 1.5, "Got 1.5"),
    ("lr", -0.1, r"a float in the range \(0.0, inf\). Got -0.1"),
    ("lr", 0, "Got 0"),
    ("lr", np.nan, "Got nan"),
    ("lr", "high", "Got 'high'"),
    ("batch_size", 0, r"an int in the range \[1, inf\). Got 0"),
    ("batch_size", 2.0, "Got 2.0"),
    ("optimizer", "newton", "str among .*'muon'.* Got 'newton'"),
    ("lr_schedule", "cosine", "str among .*'one_cycle'.* Got 'cosine'"),
    ("weight_decay", -1, "Got -1"),
    ("label_smoothing", 1.0, "Got 1.0"),
    ("dropout", 1.0, "Got 1.0"),
    ("scaling", "none", "str among .*'minmax'.* Got 'none'"),
    ("class_weight", "unbalanced", "str among .*'balanced'.* Got 'unbalanced'"),
    ("early_stopping", 3, "Got 3"),
    ("validation_fraction", 1.0, "Got 1.0"),
    ("n_iter_no_change", 0, "Got 0"),
    ("tol", -1e-4, "Got -0.0001"),
    ("warm_start", "yes", "Got 'yes'"),
    ("callbacks", "checkpoint", "Got 'checkpoint'"),
    ("verbose", -1, "Got -1"),
    ("random_state", "seed", "Got 'seed'"),
]
BAD_CNN_PARAMETERS = [
    ("architecture", "resnet", "str among .*'report'.* Got 'resnet'"),
    ("width", 0, "Got 0"),
    ("depth", 0, "Got 0"),
    ("stem_stride", 0, "Got 0"),
    ("stochastic_depth", 1.0, "Got 1.0"),
    ("data_pruning", 1.0, "Got 1.0"),
    ("augmentation", "strong", "Got 'strong'"),
]
BAD_FNN_PARAMETERS = [
    ("hidden_layer_sizes", (8, 0), r"must be positive integers, got \(8, 0\)"),
    ("hidden_layer_sizes", (8, -1), r"must be positive integers, got \(8, -1\)"),
    ("hidden_layer_sizes", (8.5,), r"must be positive integers, got \(8.5,\)"),
    ("hidden_layer_sizes", 0, r"an array-like or an int in .*\[1, inf\). Got 0"),
    ("activation", "swish", "str among .*'tanh'.* Got 'swish'"),
]

# All rows for both classifiers, in the form of BAD_ARGUMENTS.
BAD_INPUT = [
    *(
        (f"{name} in {method}", call_with_images(make, call), error, message)
        for name, make, error, message in BAD_IMAGES
        for method, call in ALL_METHODS.items()
    ),
    *(
        (f"{name} in {method}", call_with_images(make, call), ValueError, message)
        for name, make, message in MISMATCHED_IMAGES
        for method, call in ALL_METHODS.items()
        if method != "fit"
    ),
    *BAD_ARGUMENTS,
    *(
        (f"{name}={value!r}", fit({name: value}), ValueError, message)
        for name, value, message in BAD_PARAMETERS
    ),
]


def fitted_attributes(clf):
    """Return copies of the fitted attributes, except for the net."""
    return {
        name: copy.deepcopy(value)
        for name, value in vars(clf).items()
        if name.endswith("_") and name != "net_"
    }


def check_error(fitted, cells, call, error, message):
    """Check that a call raises an error and that the fitted model does not change."""
    X, y = cells
    clf = copy.deepcopy(fitted)
    before, net = fitted_attributes(clf), clf.net_
    with pytest.raises(error, match=f"(?s){message}"):
        call(clf, X, y)
    assert clf.net_ is net
    assert_equal(fitted_attributes(clf), before)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize(
    "call, error, message",
    [pytest.param(*row, id=name) for name, *row in BAD_INPUT],
)
def test_bad_input_keeps_the_model(fitted, cells, call, error, message):
    check_error(fitted, cells, call, error, message)


@pytest.mark.parametrize("name, value, message", BAD_CNN_PARAMETERS)
def test_bad_parameters_of_the_cnn(tiny_cnn, cells, name, value, message):
    fitted = tiny_cnn(max_epochs=1).fit(*cells)
    check_error(fitted, cells, fit({name: value}), ValueError, message)


@pytest.mark.parametrize("name, value, message", BAD_FNN_PARAMETERS)
def test_bad_parameters_of_the_fnn(tiny_fnn, cells, name, value, message):
    fitted = tiny_fnn(max_epochs=1).fit(*cells)
    check_error(fitted, cells, fit({name: value}), ValueError, message)


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_an_unfitted_classifier(tiny, cells, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(tiny(), method)(cells[0])


def test_get_feature_names_out_of_an_unfitted_classifier(tiny):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        tiny().get_feature_names_out()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda clf, X, y: clf.fit(X, np.zeros_like(y)), "2 classes, got 1 class"),
        (lambda clf, X, y: clf.fit(X, y, X_val=X), "got X_val alone"),
        (lambda clf, X, y: clf.partial_fit(X, y), "classes must be passed"),
        (lambda clf, X, y: clf.partial_fit(X, y, classes=[0, 1]), "not in classes_"),
        (lambda clf, X, y: clf.partial_fit(X, y, classes=[0]), "got 1 class"),
        (lambda clf, X, y: clf.partial_fit(X, y, classes=y + 0.5), "continuous"),
    ],
)
def test_a_classifier_stays_unfitted_after_an_error(tiny, cells, call, message):
    clf = tiny()
    with pytest.raises(ValueError, match=message):
        call(clf, *cells)
    assert not fitted_attributes(clf)
    with pytest.raises(NotFittedError):
        clf.predict(cells[0])
