"""`CellGridDisplay` shows images with their labels or predictions."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.patches import Rectangle

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

from skblood.display import CellGridDisplay  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def shown(display):
    return [np.asarray(image.get_array()) for image in display.images_]


def frames(display):
    return [patch for patch in display.ax_.patches if isinstance(patch, Rectangle)]


def test_images_and_labels(cells):
    X, y = cells
    display = CellGridDisplay.from_arrays(X[:10], y[:10], n_columns=4)
    assert [text.get_text() for text in display.texts_] == [str(k) for k in y[:10]]
    for image, pixels in zip(shown(display), X[:10], strict=True):
        np.testing.assert_allclose(image, pixels / 255)
    assert display.figure_ is display.ax_.figure
    assert not frames(display)
    # In reading order, without overlap.
    corners = [image.get_extent()[::3] for image in display.images_]
    assert len({left for left, _ in corners}) == 4
    assert sorted(corners, key=lambda c: (c[1], c[0])) == corners
    left, right = (image.get_extent() for image in display.images_[:2])
    assert left[1] < right[0]


def test_without_labels(cells):
    display = CellGridDisplay.from_arrays(cells[0][:3])
    assert len(display.images_) == 3
    assert display.texts_ == []


def test_in_given_axes(cells):
    figure, (first, second) = plt.subplots(1, 2)
    display = CellGridDisplay.from_arrays(cells[0][:2], ax=second)
    assert display.ax_ is second
    assert display.figure_ is figure
    assert not first.images


def test_wrong_predictions_are_marked(cells):
    names = np.array(["monocyte", "platelet", "immature granulocytes"])
    display = CellGridDisplay.from_predictions(
        cells[0][:3],
        names,
        y_true=["monocyte", "monocyte", "immature granulocytes"],
        probabilities=[0.5, 0.987, 1],
    )
    right, wrong, long = display.texts_
    assert right.get_text() == "monocyte 0.50"
    assert wrong.get_text() == "platelet 0.99\ntrue: monocyte"
    assert long.get_text().split() == ["immature", "granulocytes", "1.00"]
    assert len(frames(display)) == 1
    assert same_color(frames(display)[0].get_edgecolor(), wrong.get_color())
    assert not same_color(right.get_color(), wrong.get_color())
    left, _, bottom, top = display.images_[1].get_extent()
    assert frames(display)[0].get_xy() == (left, top)
    # The text is below the image.
    assert wrong.get_position()[1] > bottom


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_values_are_scaled_for_the_figure(cells, dtype):
    X = cells[0][:2].astype(dtype)
    if dtype == np.uint16:
        X *= 256
    image = shown(CellGridDisplay.from_arrays(X))[0]
    assert image.min() >= 0
    assert image.max() <= 1
    assert np.corrcoef(image.ravel(), cells[0][0].ravel())[0, 1] > 0.9999


def test_grey_and_channels_first(cells):
    X = cells[0][:2]
    grey = shown(CellGridDisplay.from_arrays(X[..., 0]))[0]
    np.testing.assert_allclose(grey, X[0, ..., 0] / 255)
    first = shown(CellGridDisplay.from_arrays(X.transpose(0, 3, 1, 2)))[0]
    np.testing.assert_allclose(first, X[0] / 255)
    display = CellGridDisplay.from_arrays(X[:, :14])
    left, right, bottom, top = display.images_[0].get_extent()
    assert (bottom - top) / (right - left) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["y_pred", "y_true", "probabilities"])
def test_arrays_of_other_lengths(cells, name):
    arrays = {"y_pred": [0, 1], "y_true": [0, 1], "probabilities": [1, 1]}
    arrays[name] = [0, 1, 2]
    message = rf"{name} of shape \(2,\).*got shape \(3,\)"
    with pytest.raises(ValueError, match=message):
        CellGridDisplay.from_predictions(cells[0][:2], **arrays)
    assert not plt.get_fignums()


def test_invalid_images(cells):
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        CellGridDisplay.from_arrays(cells[0][:0])
    with pytest.raises(ValueError, match=r"y of shape \(2,\)"):
        CellGridDisplay.from_arrays(cells[0][:2], [0])


def test_without_matplotlib(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skblood\[plot\]"):
        CellGridDisplay.from_arrays(cells[0][:2])
