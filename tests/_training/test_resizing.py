import numpy as np
import pytest
import torch

from skblood import BloodCNNClassifier
from skblood._training.resizing import ProgressiveResizing


def sizes(image_shape, multiple=4):
    resizing = ProgressiveResizing(image_shape, multiple)
    images = torch.zeros(1, image_shape[2], *image_shape[:2])
    return [
        tuple(resizing(images, progress).shape[2:]) for progress in (0, 0.4, 0.6, 0.7)
    ]


@pytest.mark.parametrize(
    "image_shape, multiple, expected",
    [
        ((28, 28, 3), 4, [(16, 16), (20, 20), (24, 24), (28, 28)]),
        ((64, 32, 1), 4, [(36, 20), (44, 24), (56, 28), (64, 32)]),
        ((224, 224, 3), 20, [(120, 120), (160, 160), (200, 200), (224, 224)]),
        ((16, 16, 3), 4, [(16, 16)] * 4),
        ((20, 12, 3), 4, [(16, 12), (16, 12), (16, 12), (20, 12)]),
    ],
)
def test_sizes(image_shape, multiple, expected):
    assert sizes(image_shape, multiple) == expected


def test_smaller_images_show_the_same():
    ramp = torch.linspace(0, 1, 28).expand(1, 3, 28, 28)
    small = ProgressiveResizing((28, 28, 3), 4)(ramp, 0.0)
    assert torch.allclose(small.mean(), ramp.mean(), atol=1e-3)
    assert (small[0, 0, 0].diff() > 0).all()


class Recorder(torch.nn.Module):
    """A network that records the sizes of the images that it is trained with."""

    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.head = torch.nn.Linear(image_shape[2], n_classes)
        self.sides = []

    def forward(self, images):
        if self.training:
            self.sides.append(images.shape[2])
        return self.head(images.mean(dim=(2, 3)))


def trained_sides(clf, cells, monkeypatch, **fit):
    monkeypatch.setattr("skblood.cnn.ResidualNetwork", lambda *a, **_: Recorder(*a))
    clf.fit(*cells, **fit)
    return clf.net_.module_.network.sides


def test_training_ends_with_whole_images(cells, monkeypatch):
    clf = BloodCNNClassifier(max_epochs=10, batch_size=80, progressive_resizing=True)
    sides = trained_sides(clf, cells, monkeypatch)
    assert sides == [16, 16, 16, 20, 20, 24, 24, 28, 28, 28]


def test_a_warm_start_uses_whole_images(cells, monkeypatch):
    clf = BloodCNNClassifier(
        max_epochs=2, batch_size=80, warm_start=True, progressive_resizing=True
    )
    trained_sides(clf, cells, monkeypatch)
    clf.net_.module_.network.sides.clear()
    clf.fit(*cells)
    assert clf.net_.module_.network.sides == [28, 28]


@pytest.mark.parametrize(
    "params",
    [{}, {"progressive_resizing": True, "early_stopping": True}],
    ids=str,
)
def test_whole_images(params, cells, monkeypatch):
    clf = BloodCNNClassifier(max_epochs=2, batch_size=80, **params)
    assert set(trained_sides(clf, cells, monkeypatch)) == {28}


def test_partial_fit_uses_whole_images(cells, monkeypatch):
    monkeypatch.setattr("skblood.cnn.ResidualNetwork", lambda *a, **_: Recorder(*a))
    clf = BloodCNNClassifier(progressive_resizing=True)
    clf.partial_fit(*cells, classes=range(8))
    assert set(clf.net_.module_.network.sides) == {28}


def test_no_effect_on_other_networks(cells):
    X, y = cells
    proba = [
        BloodCNNClassifier(
            architecture="report",
            progressive_resizing=value,
            max_epochs=1,
            random_state=0,
        )
        .fit(X, y)
        .predict_proba(X)
        for value in (False, True)
    ]
    np.testing.assert_array_equal(*proba)


def test_tabular_input_has_no_size():
    X = np.random.default_rng(0).normal(size=(40, 20))
    proba = [
        BloodCNNClassifier(progressive_resizing=value, max_epochs=1, random_state=0)
        .fit(X, X[:, 0] > 0)
        .predict_proba(X)
        for value in (False, True)
    ]
    np.testing.assert_array_equal(*proba)
