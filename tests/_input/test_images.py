"""Accepted forms of X, and how the shape of the images is found."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal


def as_rows(X):
    return X.reshape(len(X), -1)


def as_memmap(X, folder):
    path = folder / "images.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


FORMS = {
    "channels first": lambda X: np.moveaxis(X, 3, 1),
    "contiguous channels first": lambda X: np.ascontiguousarray(np.moveaxis(X, 3, 1)),
    "nested lists": lambda X: X.tolist(),
    "rows": as_rows,
    "list of rows": lambda X: as_rows(X).tolist(),
    "DataFrame": lambda X: pd.DataFrame(as_rows(X)),
    "Fortran order": np.asfortranarray,
    "rows in Fortran order": lambda X: np.asfortranarray(as_rows(X)),
    "view with negative strides": lambda X: np.ascontiguousarray(X[:, ::-1])[:, ::-1],
    "dtype object": lambda X: X.astype(object),
    **{
        dtype: lambda X, dtype=dtype: X.astype(dtype)
        for dtype in [
            *("float16", "float32", "float64", "longdouble"),
            *("int16", "int64", "uint16", "uint64"),
            *(">i2", ">f4", ">f8"),
        ]
    },
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
class TestFormsOfColourImages:
    def test_fit_accepts_the_form(self, tiny, cells, form):
        X, y = cells
        expected = tiny(max_epochs=1).fit(X, y).predict_proba(X)
        clf = tiny(max_epochs=1).fit(form(X), y)
        assert clf.image_shape_ == (28, 28, 3)
        assert clf.n_features_in_ == 28 * 28 * 3
        assert_array_equal(clf.predict_proba(X), expected)

    def test_predictions_accept_the_form(self, fitted, new_cells, form):
        X, _ = new_cells
        assert_array_equal(fitted.predict_proba(form(X)), fitted.predict_proba(X))
        assert_array_equal(fitted.transform(form(X)), fitted.transform(X))


GREY_FORMS = {
    "(n, H, W, 1)": lambda X: X[..., np.newaxis],
    "(n, 1, H, W)": lambda X: X[:, np.newaxis],
    "rows": as_rows,
    "lists": lambda X: X.tolist(),
}


@pytest.mark.parametrize("form", GREY_FORMS.values(), ids=GREY_FORMS)
def test_forms_of_grey_images(tiny, cells, form):
    X, y = cells
    grey = X[..., 1]
    clf = tiny(max_epochs=1).fit(grey, y)
    other = tiny(max_epochs=1).fit(form(grey), y)
    assert clf.image_shape_ == other.image_shape_ == (28, 28, 1)
    assert clf.n_features_in_ == other.n_features_in_ == 28 * 28
    expected = clf.predict_proba(grey)
    assert_array_equal(clf.predict_proba(form(grey)), expected)
    assert_array_equal(other.predict_proba(grey), expected)


def test_boolean_pixels(tiny, cells):
    X, y = cells
    bright = X > 160
    expected = tiny().fit(bright.astype(np.uint8), y).predict_proba(bright)
    assert_array_equal(tiny().fit(bright, y).predict_proba(bright), expected)


def test_read_only_memmap(tiny, fitted, cells, tmp_path):
    X, y = cells
    on_disk = as_memmap(X, tmp_path)
    expected = fitted.predict_proba(X)
    assert_array_equal(tiny().fit(on_disk, y).predict_proba(X), expected)
    assert_array_equal(fitted.predict_proba(on_disk), expected)


def test_data_frame_with_column_names(tiny, fitted, cells):
    X, y = cells
    names = [f"pixel{i}" for i in range(28 * 28 * 3)]
    frame = pd.DataFrame(as_rows(X), columns=names)
    clf = tiny().fit(frame, y)
    assert_array_equal(clf.feature_names_in_, names)
    assert_array_equal(clf.predict_proba(frame), fitted.predict_proba(X))
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[names[::-1]])
    assert not hasattr(clf.fit(X, y), "feature_names_in_")


@pytest.mark.parametrize(
    "image_shape", [(10, 12, 3), [10, 12, 3], np.array([10, 12, 3])]
)
def test_image_shape_of_rows(tiny, cells, image_shape):
    X, y = cells
    X = X[:, :10, :12]
    clf = tiny(image_shape=image_shape).fit(as_rows(X), y)
    assert clf.image_shape_ == (10, 12, 3)
    expected = tiny().fit(X, y).predict_proba(X)
    assert_array_equal(clf.predict_proba(as_rows(X)), expected)
    assert_array_equal(clf.predict_proba(X), expected)


def test_image_shape_without_channels_is_grey(tiny, cells):
    X, y = cells
    X = X[:, :10, :12, 0]
    clf = tiny(image_shape=(10, 12)).fit(as_rows(X), y)
    assert clf.image_shape_ == (10, 12, 1)
    assert_array_equal(clf.predict(as_rows(X)), clf.predict(X))


def test_image_shape_of_images_is_allowed_if_it_is_their_shape(tiny, fitted, cells):
    X, y = cells
    clf = tiny(image_shape=(28, 28, 3)).fit(np.moveaxis(X, 3, 1), y)
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize(
    "n_features, image_shape",
    [
        (3, (1, 1, 3)),
        (12, (2, 2, 3)),
        (192, (8, 8, 3)),
        (2352, (28, 28, 3)),
        (64, (8, 8, 1)),
        (784, (28, 28, 1)),
        (1, (1, 1, 1)),
        (30, (1, 30, 1)),
        (49, (1, 49, 1)),
        (65, (1, 65, 1)),
    ],
)
def test_image_shape_from_the_number_of_features(tiny, n_features, image_shape):
    X = np.random.RandomState(0).rand(12, n_features)
    clf = tiny(max_epochs=1).fit(X, np.arange(12) % 2)
    assert clf.image_shape_ == image_shape
    assert clf.n_features_in_ == n_features
    assert_array_equal(clf.predict(X), clf.predict(X.reshape(-1, *image_shape)))


def test_large_images_are_not_copied(tiny_fnn, tmp_path):
    shape = (8000, 64, 64, 3)
    path = tmp_path / "images.npy"
    # The file is created without writing pixels: it reads as zeros and needs almost no
    # disk space.
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    X = np.load(path, mmap_mode="r")
    y = np.arange(len(X)) % 2
    clf = tiny_fnn(max_epochs=1, batch_size=1000, early_stopping=True)
    tracemalloc.start()
    try:
        clf.fit(X, y).predict(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A copy of all images as float32 would need four times as much memory.
    assert peak < X.nbytes


OTHER_RANGES = {
    "floats from 0 to 1": lambda X: X / 255,
    "floats from -1 to 1": lambda X: X / 127.5 - 1,
    "16 bits": lambda X: X.astype(np.uint16) * 257,
}


@pytest.mark.parametrize("convert", OTHER_RANGES.values(), ids=OTHER_RANGES)
def test_pixels_of_another_range_give_a_warning(tiny, fitted, cells, convert):
    X, y = cells
    assert fitted.pixel_range_ == (X.min(), X.max())
    with pytest.warns(UserWarning, match=r"fitted to pixels from \d+ to 255") as record:
        fitted.predict(convert(X))
    assert [warning.filename for warning in record] == [__file__]
    converted = tiny(max_epochs=1).fit(convert(X), y)
    with pytest.warns(UserWarning, match="X has pixels from .* to 255, but"):
        converted.predict_proba(X)


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X,
        lambda X: X.astype(float),
        lambda X: X // 2,
        lambda X: np.full_like(X, 235),
        lambda X: X[:1],
        lambda X: np.random.default_rng(0).integers(0, 256, X.shape, np.uint8),
    ],
    ids=["same", "float", "dark", "blank", "one image", "noise"],
)
@pytest.mark.filterwarnings("error")
def test_pixels_of_the_same_range_give_no_warning(fitted, cells, change):
    fitted.predict(change(cells[0]))


def test_range_is_checked_in_fits_that_continue(tiny, cells):
    X, y = cells
    clf = tiny(max_epochs=1, warm_start=True).fit(X, y)
    for call in (clf.fit, clf.partial_fit):
        with pytest.warns(UserWarning, match="X has pixels from 0"):
            call(X / 255, y)
    with pytest.warns(UserWarning, match="X has pixels from 0"):
        tiny(max_epochs=1).fit(X, y, X_val=X / 255, y_val=y)


@pytest.mark.filterwarnings("error")
def test_tabular_input_has_no_pixel_range(tiny, cells):
    X, y = cells
    rows = X.reshape(len(X), -1)[:, :10]
    clf = tiny(max_epochs=1).fit(rows, y)
    assert clf.pixel_range_ is None
    clf.predict(rows / 255)
