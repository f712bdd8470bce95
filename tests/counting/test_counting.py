"""`count_cells` counts the cells of each kind in photographs of a smear."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from sklearn.exceptions import NotFittedError
from sklearn.utils import Bunch
from sklearn.utils._param_validation import InvalidParameterError

from skblood import (
    AdaptedClassifier,
    BloodCNNClassifier,
    BloodFNNClassifier,
    assess,
    count_cells,
    crop_cells,
    find_cells,
    load_bloodmnist_sample,
    load_pretrained,
)
from skblood.counting._intervals import multinomial_intervals
from skblood.datasets import make_smear
from skblood.display import SmearDisplay

NOT_WHITE = ["erythroblast", "platelet"]
COLUMNS = ["kind", "count", "per_100_white_cells", "low", "high", "doubtful"]


@pytest.fixture(scope="module")
def clf():
    return load_pretrained()


@pytest.fixture(scope="module")
def images():
    """Return 24 images with their class names: 3 of each class in turn."""
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    first = [np.flatnonzero(y == name)[:3] for name in np.unique(y)]
    indices = np.stack(first, axis=1).ravel()
    return X[indices], y[indices]


def make_field(images, part, seed=0, pixels_per_um=6):
    X, y = images
    field = make_smear(X[part], y[part], pixels_per_um=pixels_per_um, random_state=seed)
    field.image.setflags(write=False)
    return field


@pytest.fixture(scope="module")
def fields(images):
    """Return fields with 9, 9 and 6 cells; the first two have the same shape."""
    return [
        make_field(images, slice(9), seed=0),
        make_field(images, slice(9, 18), seed=1),
        make_field(images, slice(18, 24), seed=2),
    ]


@pytest.fixture(scope="module")
def photographs(fields):
    return [field.image for field in fields]


@pytest.fixture(scope="module")
def counted(photographs, clf):
    return count_cells(photographs, clf)


@pytest.fixture(scope="module")
def small(fields):
    """Return the photograph with 6 cells."""
    return fields[2].image


@pytest.fixture(scope="module")
def counted_small(small, clf):
    return count_cells(small, clf)


@pytest.fixture(scope="module")
def blurred(small):
    return gaussian_filter(small, sigma=(6, 6, 0))


@pytest.fixture(scope="module")
def other_stain(small):
    return np.round(255 * (small / 255) ** [1.8, 1.4, 0.9]).astype(np.uint8)


@pytest.fixture(scope="module")
def without_red_cells(fields):
    """Return a photograph with a single white cell."""
    field = fields[0]
    [index] = np.flatnonzero(field.target == "eosinophil")[:1]
    top, left = (field.centers[index] - 60).astype(int)
    return field.image[top : top + 120, left : left + 120]


@pytest.fixture(scope="module")
def platelets():
    """Return a photograph with platelets and red cells only."""
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    return make_smear(X[y == "platelet"][:3], pixels_per_um=6, random_state=0).image


@pytest.fixture(scope="module")
def red_cells():
    """Return a photograph with red cells only."""
    empty = np.full((4, 28, 28, 3), [255, 228, 211], dtype=np.uint8)
    return make_smear(empty, pixels_per_um=6, random_state=0).image


def by_kind(found, column="count"):
    names = found.table["kind"].tolist()
    return dict(zip(names, found.table[column].tolist(), strict=True))


def assert_same_result(found, expected):
    assert found.keys() == expected.keys()
    for part in ("table", "cells"):
        assert list(found[part]) == list(expected[part])
        for name, values in expected[part].items():
            assert_array_equal(found[part][name], values, err_msg=name)
    assert_array_equal(found.crops, expected.crops)
    assert found.n_white_cells == expected.n_white_cells
    assert found.pixels_per_um == expected.pixels_per_um
    assert len(found.displays) == len(expected.displays)


# -- The table -------------------------------------------------------------------------


def test_columns_of_the_table(counted, clf):
    table = counted.table
    assert isinstance(counted, Bunch)
    assert isinstance(table, dict)
    assert list(table) == COLUMNS
    assert table["kind"].tolist() == clf.classes_.tolist()
    for name, kind in zip(COLUMNS, "Uifffi", strict=True):
        assert table[name].shape == (8,)
        assert table[name].dtype.kind == kind, name


def test_sums_of_the_table(counted):
    table, state = counted.table, counted.cells.state
    is_white = ~np.isin(table["kind"], NOT_WHITE)
    assert table["count"].sum() == (state != "cut").sum()
    assert table["doubtful"].sum() == np.isin(state, ["unsure", "unfamiliar"]).sum()
    assert counted.n_white_cells == table["count"][is_white].sum()
    assert isinstance(counted.n_white_cells, int)
    assert table["per_100_white_cells"][is_white].sum() == pytest.approx(100)
    expected = 100 * table["count"] / counted.n_white_cells
    assert_allclose(table["per_100_white_cells"], expected)


def test_erythroblasts_and_platelets_are_no_white_cells(counted):
    rates, low, high = (
        by_kind(counted, name) for name in ("per_100_white_cells", "low", "high")
    )
    assert by_kind(counted)["erythroblast"] > 0
    for kind in rates:
        if kind in NOT_WHITE:
            assert rates[kind] > 0
            assert np.isnan([low[kind], high[kind]]).all()
        else:
            assert 0 <= low[kind] <= rates[kind] <= high[kind] <= 100


def test_intervals_of_several_photographs(counted):
    table, cells = counted.table, counted.cells
    is_white = ~np.isin(table["kind"], NOT_WHITE)
    kinds, is_counted = table["kind"][is_white], cells.state != "cut"
    counts = [
        [
            ((cells.photograph == i) & (cells.kind == k) & is_counted).sum()
            for k in kinds
        ]
        for i in range(3)
    ]
    expected = 100 * multinomial_intervals(np.array(counts))
    found = np.stack([table["low"], table["high"]], axis=1)[is_white]
    assert_allclose(found, expected)


def test_table_as_a_data_frame(counted):
    frame = pd.DataFrame(counted.table).set_index("kind")
    assert frame.columns.tolist() == COLUMNS[1:]
    assert frame.loc["neutrophil", "count"] == by_kind(counted)["neutrophil"]


def test_doubtful_cells_are_part_of_the_count(small, clf, counted_small):
    found = count_cells(small, clf, min_probability=1)
    assert_array_equal(found.table["count"], counted_small.table["count"])
    assert_array_equal(found.table["doubtful"], found.table["count"])
    assert set(found.cells.state) == {"unsure"}
    found = count_cells(small, clf, min_probability=0)
    assert found.table["doubtful"].sum() == (found.cells.state == "unfamiliar").sum()


# -- The cells -------------------------------------------------------------------------


def test_kinds_are_right(counted, fields):
    n_right = n_cells = 0
    for i, field in enumerate(fields):
        here = counted.cells.photograph == i
        box = counted.cells.box[here]
        middles = (box[:, :2] + box[:, 2:]) / 2
        distance = np.linalg.norm(field.centers[:, np.newaxis] - middles, axis=2)
        assert (distance.min(axis=1) < 4 * field.pixels_per_um).all()
        nearest = counted.cells.kind[here][distance.argmin(axis=1)]
        n_right += (nearest == field.target).sum()
        n_cells += len(field.target)
    assert n_cells == 24
    assert n_right >= 0.9 * n_cells
    assert len(counted.cells.kind) <= 1.1 * n_cells


def test_cells_are_those_of_find_cells_and_assess(small, clf, counted_small):
    cells = counted_small.cells
    found = find_cells(small)
    named = assess(clf, crop_cells(small, found))
    assert_array_equal(cells.box, found.boxes)
    assert_allclose(cells.area, found.areas)
    assert_array_equal(counted_small.crops, crop_cells(small, found))
    assert_array_equal(cells.photograph, np.zeros(len(found.boxes)))
    is_platelet = found.kinds == "platelet"
    assert_array_equal(cells.kind[is_platelet], "platelet")
    assert_array_equal(cells.kind[~is_platelet], named.labels[~is_platelet])
    expected = named.probabilities.max(axis=1)
    assert_allclose(cells.probability[~is_platelet], expected[~is_platelet])
    of_platelet = named.probabilities[:, clf.classes_.tolist().index("platelet")]
    assert_allclose(cells.probability[is_platelet], of_platelet[is_platelet])
    assert_allclose(cells.familiarity, named.familiarity)
    expected = np.where(cells.probability < 0.85, "unsure", "sure")
    expected[named.is_unfamiliar] = "unfamil"
    assert [state[:4] for state in cells.state] == [state[:4] for state in expected]


def test_types_of_the_cells(counted):
    n, cells = len(counted.crops), counted.cells
    assert counted.crops.shape == (n, 28, 28, 3)
    assert counted.crops.dtype == np.uint8
    assert cells.box.shape == (n, 4)
    kinds = {
        "photograph": "i",
        "box": "i",
        "area": "f",
        "kind": "U",
        "probability": "f",
        "familiarity": "f",
        "state": "U",
    }
    assert set(cells) == set(kinds)
    for name, dtype in kinds.items():
        assert len(cells[name]) == n
        assert cells[name].dtype.kind == dtype, name


@pytest.fixture(scope="module")
def top_row(fields):
    """Return the row of the middle of the topmost cell."""
    return int(fields[0].centers[:, 0].min())


@pytest.fixture(scope="module")
def counted_with_cut(fields, top_row, clf):
    """Return the count of a photograph whose edge cuts the topmost cell."""
    return count_cells(fields[0].image[top_row:], clf)


def test_cells_that_the_edge_cuts_are_not_counted(counted_with_cut, counted, top_row):
    cells = counted_with_cut.cells
    is_cut = cells.state == "cut"
    assert is_cut.any()
    assert_array_equal(is_cut, cells.box[:, 0] == 0)
    assert counted_with_cut.table["count"].sum() == (~is_cut).sum()
    assert counted_with_cut.n_white_cells <= (~is_cut).sum()
    top = counted.cells.box[counted.cells.photograph == 0, 0]
    assert (~is_cut).sum() == (top > top_row).sum()
    assert is_cut.sum() == (top < top_row).sum()
    assert len(counted_with_cut.crops) == len(is_cut)


def test_cells_that_the_edge_cuts_have_no_probability(counted_with_cut):
    cells = counted_with_cut.cells
    is_cut = cells.state == "cut"
    for name in ("probability", "familiarity"):
        assert np.isnan(cells[name][is_cut]).all()
        assert not np.isnan(cells[name][~is_cut]).any()


def test_displays(counted, photographs):
    assert len(counted.displays) == 3
    for i, display in enumerate(counted.displays):
        here = counted.cells.photograph == i
        assert isinstance(display, SmearDisplay)
        assert_array_equal(display.image, photographs[i])
        assert_array_equal(display.boxes, counted.cells.box[here])
        assert_array_equal(display.kinds, counted.cells.kind[here])
        assert_array_equal(display.states, counted.cells.state[here])
        assert list(display.all_kinds) == counted.table["kind"].tolist()


# -- The photographs -------------------------------------------------------------------


def test_one_photograph_in_any_form(small, clf, counted_small):
    assert_same_result(count_cells([small], clf), counted_small)
    assert_same_result(count_cells(small[np.newaxis], clf), counted_small)


def test_photographs_as_a_list_or_an_array(photographs, clf):
    scale = {"pixels_per_um": 6}
    expected = count_cells(photographs[:2], clf, **scale)
    assert_same_result(count_cells(np.stack(photographs[:2]), clf, **scale), expected)
    assert_same_result(count_cells(tuple(photographs[:2]), clf, **scale), expected)


def test_several_photographs_are_counted_together(photographs, clf, counted):
    alone = [count_cells(image, clf, pixels_per_um=6) for image in photographs]
    together = count_cells(photographs, clf, pixels_per_um=6)
    expected = sum(found.table["count"] for found in alone)
    assert_array_equal(together.table["count"], expected)
    assert together.n_white_cells == sum(found.n_white_cells for found in alone)
    numbers = np.repeat(range(3), [len(found.crops) for found in alone])
    assert_array_equal(together.cells.photograph, numbers)
    assert_array_equal(together.crops, np.concatenate([f.crops for f in alone]))
    assert_array_equal(counted.cells.photograph, numbers)


def test_the_scale_is_the_median(images, photographs, clf):
    other = make_field(images, slice(4), pixels_per_um=8).image
    scales = [find_cells(image).pixels_per_um for image in (*photographs[1:], other)]
    found = count_cells([*photographs[1:], other], clf)
    assert found.pixels_per_um == pytest.approx(np.median(scales))
    assert found.pixels_per_um == pytest.approx(6, rel=0.05)


def test_a_given_scale(small, clf):
    found = count_cells(small, clf, pixels_per_um=6.5)
    assert found.pixels_per_um == 6.5
    expected = find_cells(small, pixels_per_um=6.5)
    assert_array_equal(found.cells.box, expected.boxes)
    crops = crop_cells(small, expected, pixels_per_um=6.5)
    assert_array_equal(found.crops, crops)
    assert count_cells(small, clf, pixels_per_um=6).pixels_per_um == 6.0


def test_photographs_without_red_cells_have_the_scale_of_the_others(
    without_red_cells, small, clf, counted_small
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = count_cells([without_red_cells, small], clf)
    assert found.pixels_per_um == counted_small.pixels_per_um
    assert found.cells.kind[0] == "eosinophil"
    assert found.cells.state[0] != "cut"
    with pytest.warns(UserWarning, match="at least two are needed"):
        count_cells(without_red_cells, clf)


def test_the_input_is_not_changed(photographs, small, clf):
    before = [small.copy(), photographs[0].copy()]
    after = [image.copy() for image in before]
    count_cells(after, clf, pixels_per_um=6)
    for image, expected in zip(after, before, strict=True):
        assert_array_equal(image, expected)


@pytest.mark.filterwarnings("ignore:No white cell")
def test_unfamiliar_cells(other_stain, clf):
    with pytest.warns(UserWarning, match=r"6 of 6 cells are unfamiliar.* not rely"):
        found = count_cells(other_stain, clf)
    assert set(found.cells.state) == {"unfamiliar"}
    assert (found.cells.familiarity < 1).all()
    assert_array_equal(found.table["doubtful"], found.table["count"])


def test_familiar_cells_give_no_warning(small, clf):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count_cells(small, clf)


def test_no_white_cells(platelets, clf):
    with pytest.warns(UserWarning, match="No white cell was found"):
        found = count_cells(platelets, clf)
    assert by_kind(found)["platelet"] == len(found.crops) == 3
    assert found.n_white_cells == 0
    for name in ("per_100_white_cells", "low", "high"):
        assert found.table[name].dtype.kind == "f"
        assert np.isnan(found.table[name]).all()


def test_no_cells(red_cells, clf):
    with pytest.warns(UserWarning, match="No white cell was found"):
        found = count_cells([red_cells], clf)
    assert found.crops.shape == (0, 28, 28, 3)
    assert found.cells.box.shape == (0, 4)
    assert found.table["count"].tolist() == [0] * 8
    assert found.pixels_per_um == pytest.approx(6, rel=0.05)
    assert found.cells.photograph.dtype.kind == "i"
    assert found.cells.kind.dtype.kind == found.cells.state.dtype.kind == "U"


def test_a_photograph_without_cells_among_others(red_cells, small, clf, counted_small):
    found = count_cells([red_cells, small], clf, pixels_per_um=6)
    assert set(found.cells.photograph) == {1}
    assert_array_equal(found.table["count"], counted_small.table["count"])
    assert len(found.displays) == 2
    assert len(found.displays[0].boxes) == 0


# -- Photographs that cannot be counted ------------------------------------------------


@pytest.mark.parametrize(
    "make_bad, error, message",
    [
        (lambda image: image / 255, TypeError, "dtype uint8"),
        (lambda image: image[..., 0], ValueError, r"of shape \(H, W, 3\)"),
        (lambda image: image[..., :1].repeat(3, axis=2), ValueError, "got a grey one"),
        (lambda image: image[:1, :1], ValueError, "at least 64×64"),
        (lambda image: None, ValueError, r"of shape \(H, W, 3\)"),
    ],
    ids=["floats", "two axes", "grey", "one pixel", "None"],
)
def test_bad_photographs(make_bad, error, message, small, clf, counted_small):
    bad = make_bad(small)
    with pytest.raises(error, match=f"Photograph 1: .*{message}"):
        count_cells([small, bad], clf)
    with pytest.warns(UserWarning, match=f"Photograph 0: .*{message}.* left out"):
        found = count_cells([bad, small], clf, errors="warn")
    assert set(found.cells.photograph) == {1}
    assert_array_equal(found.table["count"], counted_small.table["count"])
    assert_array_equal(found.table["high"], counted_small.table["high"])
    assert len(found.displays) == 1
    assert_array_equal(found.displays[0].image, small)
    assert len(found.displays[0].boxes) == len(found.crops)


def test_the_cause_of_an_error_is_kept(small, clf):
    with pytest.raises(TypeError, match="Photograph 0") as caught:
        count_cells([small / 255], clf)
    assert isinstance(caught.value.__cause__, TypeError)


def test_out_of_focus(blurred, small, clf):
    with pytest.raises(ValueError, match=r"Photograph 0: .* out of focus: .* µm wide"):
        count_cells(blurred, clf)
    with pytest.warns(UserWarning) as caught:
        found = count_cells([small, blurred], clf, errors="warn")
    assert len(caught) == 1
    assert "Photograph 1: Expected a sharp photograph" in str(caught[0].message)
    assert set(found.cells.photograph) == {0}


@pytest.mark.filterwarnings("ignore:Photograph")
def test_no_photograph_that_can_be_counted(small, blurred, clf):
    with pytest.raises(ValueError, match="got none that could be counted"):
        count_cells([small[:9, :9], small / 255, blurred], clf, errors="warn")


def test_empty_list(clf):
    with pytest.raises(ValueError, match="got an empty list"):
        count_cells([], clf)
    with pytest.raises(ValueError, match="got an empty list"):
        count_cells(np.empty((0, 80, 80, 3), dtype=np.uint8), clf)


@pytest.mark.parametrize(
    "options",
    [
        {"pixels_per_um": 1},
        {"pixels_per_um": 201.0},
        {"pixels_per_um": np.nan},
        {"pixels_per_um": "measured"},
        {"pixels_per_um": None},
        {"min_probability": -0.1},
        {"min_probability": 1.1},
        {"min_probability": "high"},
        {"errors": "ignore"},
        {"errors": None},
        {"classifier": "bloodmnist-28"},
        {"classifier": 3},
        {"photographs": "smear.png"},
        {"photographs": None},
    ],
    ids=str,
)
def test_bad_arguments(options, small):
    [name] = options
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of count_c"):
        count_cells(**{"photographs": small, **options})


# -- Classifiers -----------------------------------------------------------------------


def test_default_classifier(small, counted_small):
    assert_same_result(count_cells(small), counted_small)


def test_a_classifier_without_platelets(tiny_cnn, cells, small, platelets, fields):
    X, y = cells
    is_used = y < 7
    names = np.array(list("gfedcba"))
    clf = tiny_cnn().fit(X[is_used], names[y[is_used]])
    found = count_cells([small, platelets], clf, pixels_per_um=6)
    assert found.table["kind"].tolist() == [*"abcdefg", "platelet"]
    is_platelet = found.cells.kind == "platelet"
    assert by_kind(found)["platelet"] == is_platelet.sum() >= 2
    assert np.isnan(by_kind(found, "low")["platelet"])
    assert np.isnan(found.cells.probability[is_platelet]).all()
    assert not np.isnan(found.cells.probability[~is_platelet]).any()
    # This classifier has no familiarity.
    assert np.isnan(found.cells.familiarity).all()
    assert found.n_white_cells == (~is_platelet).sum()
    field = make_smear(X[is_used][:4], pixels_per_um=6, random_state=0)
    found = count_cells(field.image, clf)
    assert found.table["kind"].tolist() == [*"abcdefg"]


@pytest.mark.parametrize("name", ["platelets", "Platelet"])
def test_platelets_in_another_spelling(name, tiny_cnn, cells, platelets, small):
    X, y = cells
    names = np.array([*"abcdefg", name])
    clf = tiny_cnn().fit(X, names[y])
    found = count_cells([small, platelets], clf, pixels_per_um=6)
    assert sorted(found.table["kind"]) == sorted(names)
    assert by_kind(found)[name] >= 2


def test_names_that_are_no_white_cells(tiny_cnn, cells, small):
    X, y = cells
    names = np.array(["Erythroblasts", "Platelets", "normoblast", *"abcde"])
    found = count_cells(small, tiny_cnn().fit(X, names[y]))
    low = by_kind(found, "low")
    for name in names[:3]:
        assert np.isnan(low[name])
    if found.n_white_cells > 0:
        assert not np.isnan([low[name] for name in "abcde"]).any()


def test_integer_labels(fitted_cnn, small):
    found = count_cells(small, fitted_cnn)
    kinds = found.table["kind"].tolist()
    assert kinds[:8] == list("01234567")
    assert set(kinds[8:]) <= {"platelet"}
    assert set(found.cells.kind) <= set(kinds)
    assert found.table["count"].sum() == len(found.cells.kind)


def test_a_feed_forward_classifier(tiny_fnn, cells, small):
    X, y = cells
    found = count_cells(small, tiny_fnn().fit(X, y))
    assert len(found.crops) == 6


def test_the_size_of_the_images_is_that_of_the_classifier(tiny_cnn, cells, small):
    X, y = cells
    larger = X.repeat(2, axis=1).repeat(2, axis=2)
    found = count_cells(small, tiny_cnn(max_epochs=1).fit(larger, y))
    assert found.crops.shape == (6, 56, 56, 3)


def test_an_adapted_classifier(fields, counted, clf):
    bluer = [field.image // np.array([1, 2, 1], dtype=np.uint8) for field in fields]
    scale = {"pixels_per_um": 6}
    with pytest.warns(UserWarning, match="unfamiliar"):
        before = count_cells(bluer, clf, **scale)
    classes = ["eosinophil", "lymphocyte", "monocyte", "neutrophil", "platelet"]
    adapted = AdaptedClassifier(clf, classes=classes).fit(before.crops)
    with pytest.warns(UserWarning, match="unfamiliar"):
        found = count_cells(bluer, adapted, **scale)
    assert found.table["kind"].tolist() == classes
    assert by_kind(found)["platelet"] >= 2
    adapted = AdaptedClassifier(clf).fit(before.crops)
    with pytest.warns(UserWarning, match="unfamiliar"):
        found = count_cells(bluer, adapted, **scale)
    expected = adapted.predict(found.crops)
    is_nucleated = found.cells.kind != "platelet"
    assert_array_equal(found.cells.kind[is_nucleated], expected[is_nucleated])
    n_right = np.minimum(found.table["count"], counted.table["count"]).sum()
    assert n_right > np.minimum(before.table["count"], counted.table["count"]).sum()


@pytest.mark.parametrize("part", [np.s_[..., 0], np.s_[:, :14]], ids=["grey", "wide"])
def test_a_classifier_for_other_images(part, tiny_cnn, cells, small):
    X, y = cells
    clf = tiny_cnn(max_epochs=1).fit(X[part], y)
    with pytest.raises(ValueError, match="for square images with 3 channels, got one"):
        count_cells(small, clf)


@pytest.mark.parametrize(
    "make",
    [
        BloodCNNClassifier,
        BloodFNNClassifier,
        lambda: AdaptedClassifier(BloodCNNClassifier()),
        lambda: AdaptedClassifier(load_pretrained()),
    ],
    ids=["CNN", "FNN", "adapted to no classifier", "adapted to no images"],
)
def test_a_classifier_that_is_not_fitted(make, small):
    with pytest.raises(NotFittedError):
        count_cells(small, make())
