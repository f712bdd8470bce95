"""Labels that are probably wrong, duplicates, and images unlike the others."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from skblood import FamiliarityDetector, audit_labels, load_bloodmnist, load_pretrained
from skblood.auditing import _audit

MODEL = "bloodmnist-28-robust"
N = 80


@pytest.fixture(scope="module")
def embedder():
    return load_pretrained(MODEL)


@pytest.fixture(scope="module")
def labelled(cells):
    """Return 80 images and labels; the labels of 3 and 42 are exchanged."""
    X, y = cells
    y = y.copy()
    y[[3, 42]] = y[[42, 3]]
    assert y[3] != y[42]
    return X, y


@pytest.fixture(scope="module")
def found(labelled, embedder):
    return audit_labels(*labelled, embedder)


def pairs_of(found):
    pairs = zip(found.duplicates["first"], found.duplicates["second"], strict=True)
    return {(int(a), int(b)) for a, b in pairs}


def test_wrong_labels_come_first(found):
    table = found.table
    assert set(table["index"][:2].tolist()) == {3, 42}
    assert set(table["reason"][:2]) == {"contradictory prediction"}
    assert (table["suggested"] != table["label"])[:2].all()
    assert (found.quality[[3, 42]] < 0.1).all()
    assert found.n_label_errors >= 1


def test_table_agrees_with_the_arrays(found, labelled):
    table, y = found.table, labelled[1]
    assert len({len(column) for column in table.values()}) == 1
    assert len(set(table["index"].tolist())) == len(table["index"])
    assert_array_equal(table["label"], y[table["index"]])
    assert_array_equal(table["quality"], found.quality[table["index"]])
    assert found.y_proba.shape == (N, 8)
    assert_array_equal(found.quality, found.y_proba[np.arange(N), y])
    is_contradicted = found.y_proba.argmax(axis=1) != y
    assert set(np.flatnonzero(is_contradicted)) <= set(table["index"].tolist())


def test_repeats_exactly(found, labelled, embedder):
    again = audit_labels(*labelled, embedder)
    assert_array_equal(again.y_proba, found.y_proba)
    other_folds = audit_labels(*labelled, embedder, random_state=1)
    assert not np.array_equal(other_folds.y_proba, found.y_proba)


def test_finds_copies_in_any_position(cells, embedder):
    X, y = cells
    copies = [X[5], X[5], X[9][:, ::-1], np.roll(X[20], 1, axis=1), X[30]]
    labels = [y[5], y[5], y[9], y[20], (y[30] + 1) % 8]
    found = audit_labels(np.r_[X, copies], np.r_[y, labels], embedder)
    assert pairs_of(found) >= {(5, 80), (5, 81), (9, 82), (20, 83), (30, 84)}
    assert found.duplicates["is_exact"].sum() == 3
    assert_array_equal(found.duplicates["similarity"][:3], 1)
    table = found.table
    assert table["index"][:2].tolist() in ([30, 84], [84, 30])
    assert set(table["reason"][:2]) == {"contradictory duplicate"}
    copies_of_5 = np.isin(table["index"], [5, 80, 81])
    assert copies_of_5.sum() == 3
    assert len(set(table["copies"][copies_of_5].tolist())) == 1
    # Copies of an image are next to each other.
    assert np.ptp(np.flatnonzero(copies_of_5)) == 2


def test_different_cells_are_no_duplicates(found):
    assert pairs_of(found) == set()
    assert set(found.table["copies"].tolist()) == {-1}


def test_copies_do_not_learn_from_each_other(cells, embedder):
    X, y = cells
    wrong = (y[:20] + 1) % 8
    # With a copy in another fold, the wrong label would be predicted.
    found = audit_labels(np.r_[X, X[:20]], np.r_[wrong, y[20:], wrong], embedder)
    assert np.median(found.quality[:20]) < 0.2


def test_near_copies_of_larger_grey_images(tiny_cnn):
    X = np.random.default_rng(0).integers(0, 255, (24, 7, 10), dtype=np.uint8)
    X = X.repeat(8, axis=1).repeat(8, axis=2)
    y = np.arange(24) % 2
    near = X[3:4].copy()
    near[0, 0, 0] ^= 1
    found = audit_labels(np.r_[X, near], np.r_[y, 1], tiny_cnn().fit(X, y))
    assert pairs_of(found) == {(3, 24)}
    assert not found.duplicates["is_exact"].any()


def test_unfamiliar_images_are_listed(cells, embedder):
    X, y = cells
    noise = np.random.default_rng(0).integers(0, 255, X[:1].shape, dtype=np.uint8)
    found = audit_labels(np.r_[X, noise], np.r_[y, 0], embedder, contamination=0.02)
    table = found.table
    assert table["familiarity"][table["index"] == 80].item() < 2
    none = audit_labels(X, y, embedder, contamination=0)
    assert "unfamiliar" not in none.table["reason"]


def test_own_probabilities_are_used(labelled, embedder, found):
    given = np.full((N, 8), 0.01)
    given[np.arange(N), labelled[1]] = 0.93
    given[7] = np.roll(given[7], 1)
    own = audit_labels(*labelled, embedder, y_proba=given)
    assert own.table["index"][0] == 7
    assert_array_equal(own.y_proba, given)


def test_groups_stay_together(labelled, embedder):
    X, y = labelled
    groups = np.arange(N) // 16
    found = audit_labels(X, y, embedder, groups=groups)
    # The labels of a group do not change the predictions for other images of it.
    here = groups == 2
    changed = y.copy()
    changed[32:40] = y[40:48]
    changed[40:48] = y[32:40]
    other = audit_labels(X, changed, embedder, groups=groups)
    assert np.abs(other.y_proba - found.y_proba)[here].max() < 1e-6
    with pytest.raises(ValueError, match=r"in several groups, got \[0, 2, 3, 4"):
        audit_labels(X, y, embedder, groups=y // 8 + (np.arange(N) == 9))


def test_names_and_rows_are_accepted(labelled, embedder, found):
    X, y = labelled
    names = np.array(list("abcdefgh"))[y]
    rows = audit_labels(X.reshape(N, -1), names, embedder)
    assert_array_equal(rows.y_proba, found.y_proba)
    assert rows.classes.tolist() == list("abcdefgh")
    assert rows.table["label"].dtype.kind == "U"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_proba": np.ones((N, 3))}, r"y_proba of shape \(80, 8\), .* got shape"),
        ({"y_proba": np.ones((N, 8))}, "add up to 1"),
        ({"y_proba": np.full((N, 8), 1 / 8), "groups": np.arange(N)}, "got both"),
        ({"groups": np.zeros(N)}, "at least 2 groups, got 1"),
        ({"groups": np.zeros(3)}, "inconsistent numbers"),
        ({"cv": 1}, "'cv'"),
        ({"min_similarity": 0}, "'min_similarity'"),
        ({"contamination": 0.7}, "'contamination'"),
    ],
)
def test_bad_options_are_refused(labelled, embedder, options, message):
    with pytest.raises(ValueError, match=message):
        audit_labels(*labelled, embedder, **options)


def test_bad_data_are_refused(labelled, embedder, tiny_cnn, tiny_fnn):
    X, y = labelled
    with pytest.raises(ValueError, match="at least 2 classes"):
        audit_labels(X, np.zeros(N, int), embedder)
    with pytest.raises(ValueError, match="at least 5 images, got 4"):
        audit_labels(X[:4], y[:4], embedder)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        audit_labels(X, y[:-1], embedder)
    with pytest.raises(ValueError, match=r"in several groups, got \[8\]"):
        audit_labels(X, np.r_[8, y[1:]], embedder)
    with pytest.raises(NotFittedError):
        audit_labels(X, y, tiny_cnn())
    rows = np.random.default_rng(0).normal(size=(20, 5))
    tabular = tiny_fnn().fit(rows, np.arange(20) % 2)
    with pytest.raises(ValueError, match="tabular input"):
        audit_labels(rows, np.arange(20) % 2, tabular)


def test_the_default_model_is_named(monkeypatch, labelled, embedder):
    asked = []
    monkeypatch.setattr(
        _audit, "load_pretrained", lambda name: asked.append(name) or embedder
    )
    audit_labels(*labelled)
    assert asked == ["bloodmnist-28-robust"]


def test_missing_cleanlab_is_named(monkeypatch, labelled, embedder):
    monkeypatch.setattr(_audit, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"skblood\[audit\]"):
        audit_labels(*labelled, embedder)


def test_familiarity_does_not_depend_on_the_labels(found, labelled, embedder):
    X, y = labelled
    other = audit_labels(X, np.roll(y, 1), embedder, contamination=0.5)
    here = dict(zip(other.table["index"], other.table["familiarity"], strict=True))
    for index, value in zip(
        found.table["index"], found.table["familiarity"], strict=True
    ):
        assert here.get(index, value) == value
    assert FamiliarityDetector(embedder).fit(X).predict(X).shape == (N,)


def test_finds_the_contradictory_pair_of_bloodmnist(bloodmnist_home):
    parts = [
        load_bloodmnist(split=split, data_home=bloodmnist_home, return_X_y=True)
        for split in ("train", "test")
    ]
    # Test 3126 is identical to train 1018, and has another label.
    X = np.r_[parts[0][0][1000:1040], parts[1][0][3100:3140]]
    y = np.r_[parts[0][1][1000:1040], parts[1][1][3100:3140]]
    found = audit_labels(X, y, load_pretrained(MODEL))
    assert pairs_of(found) == {(18, 66)}
    assert found.duplicates["is_contradictory"].tolist() == [True]
    assert set(found.table["index"][:2].tolist()) == {18, 66}
