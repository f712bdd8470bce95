import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from skblood import BloodCNNClassifier, BloodFNNClassifier


@pytest.fixture(scope="module")
def teacher(cells):
    X, y = cells
    return BloodFNNClassifier(max_epochs=30, random_state=0).fit(X, y)


def test_the_student_learns_the_probabilities_of_its_teachers(cells, teacher):
    X, y = cells
    # The labels say nothing. Only the teacher knows which images belong together.
    shuffled = np.random.default_rng(0).permutation(y)
    alone, taught = (
        BloodFNNClassifier(max_epochs=30, random_state=0).fit(X, shuffled, **taught)
        for taught in ({}, {"teachers": [teacher]})
    )
    assert alone.score(X, y) < 0.3
    assert taught.score(X, y) > 0.6


def test_several_teachers_count_alike(cells, teacher):
    X, y = cells
    other = BloodCNNClassifier(width=4, depth=1, max_epochs=2, random_state=0)
    other.fit(X, y)
    proba = [
        BloodFNNClassifier(max_epochs=3, random_state=0)
        .fit(X, y, teachers=teachers)
        .predict_proba(X)
        for teachers in ([teacher, other], (other, teacher), [other])
    ]
    assert_allclose(proba[0], proba[1], rtol=1e-4)
    assert not np.allclose(proba[0], proba[2], atol=1e-3)


def test_teachers_with_another_scaling(cells, teacher):
    X, y = cells
    rescaled = BloodFNNClassifier(max_epochs=30, scaling="standard", random_state=0)
    rescaled.fit(X, y)
    student = BloodFNNClassifier(max_epochs=30, random_state=0)
    student.fit(X, np.random.default_rng(0).permutation(y), teachers=[rescaled])
    assert student.score(X, y) > 0.6


def test_teachers_of_another_pixel_range(cells, teacher):
    X, y = cells
    with pytest.warns(UserWarning, match="pixel"):
        BloodFNNClassifier(max_epochs=1).fit(X / 255, y, teachers=[teacher])


def test_teachers_are_neither_changed_nor_kept(cells, teacher):
    X, y = cells
    before = teacher.predict_proba(X)
    alone, taught = (
        BloodFNNClassifier(max_epochs=1, random_state=0).fit(X, y, **taught)
        for taught in ({}, {"teachers": [teacher]})
    )
    assert_array_equal(teacher.predict_proba(X), before)
    assert len(pickle.dumps(taught)) == len(pickle.dumps(alone))
    assert taught.net_.teachers is None


def test_same_seed_and_teachers_give_the_same_model(cells, teacher):
    X, y = cells
    proba = [
        BloodCNNClassifier(width=4, depth=1, max_epochs=2, random_state=0)
        .fit(X, y, teachers=[teacher])
        .predict_proba(X)
        for _ in range(2)
    ]
    assert_array_equal(*proba)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda X, y: "bloodmnist-28", TypeError, "a list of fitted classifiers, got"),
        (lambda X, y: [], ValueError, "with at least one classifier, got an empty one"),
        (lambda X, y: [7], TypeError, "got a list with an element of type int"),
        (lambda X, y: [BloodFNNClassifier()], NotFittedError, "is not fitted yet"),
        (
            lambda X, y: [BloodFNNClassifier(max_epochs=1).fit(X[:, :14], y)],
            ValueError,
            r"images of shape \(28, 28, 3\), got one for \(14, 28, 3\)",
        ),
        (
            lambda X, y: [BloodFNNClassifier(max_epochs=1).fit(X, y % 2)],
            ValueError,
            r"for the classes \[0, 1, 2, 3, 4, 5, 6, 7\], got one for \[0, 1\]",
        ),
    ],
)
def test_bad_teachers(make, error, message, cells):
    X, y = cells
    teachers = make(X, y)
    clf = BloodFNNClassifier(max_epochs=1)
    with pytest.raises(error, match=message):
        clf.fit(X, y, teachers=teachers)
    assert not hasattr(clf, "n_features_in_")
