"""`BloodCNNClassifier`: architectures, augmentation and test-time augmentation."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skblood.augmentation import RobustAugmentation, augment_cells

SIDES = [(1, 1), (8, 8), (9, 13), (28, 28), (64, 64)]


def random_images(image_shape, n=16):
    return np.random.RandomState(0).randint(0, 256, (n, *image_shape)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("architecture", ["residual", "report"])
def test_image_sizes(tiny_cnn, architecture, sides, channels):
    X = random_images((*sides, channels))
    clf = tiny_cnn(architecture=architecture, max_epochs=1)
    clf.fit(X, np.arange(16) % 3)
    assert clf.image_shape_ == (*sides, channels)
    assert clf.predict_proba(X).shape == (16, 3)
    assert clf.transform(X).shape == (16, len(clf.get_feature_names_out()))


def test_layers_of_the_report_network(tiny_cnn, cells):
    clf = tiny_cnn(architecture="report", max_epochs=1).fit(*cells)
    linear = [m for m in clf.net_.module_.modules() if isinstance(m, nn.Linear)]
    assert [m.in_features for m in linear] == [64 * 12 * 12, 64]
    assert sum(p.numel() for p in clf.net_.module_.parameters()) == 607_688
    assert clf.transform(cells[0]).shape == (80, 64)


def test_width_and_depth_change_the_size_of_the_network(tiny_cnn, cells):
    X, _ = cells
    embeddings = [tiny_cnn(width=w).fit(*cells).transform(X) for w in (2, 5)]
    assert [e.shape for e in embeddings] == [(80, 8), (80, 20)]
    n_parameters = [
        sum(p.numel() for p in tiny_cnn(depth=d).fit(*cells).net_.module_.parameters())
        for d in (1, 2)
    ]
    assert n_parameters[0] < n_parameters[1]


def test_accuracy_on_the_training_images(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(width=8, max_epochs=25, batch_size=16).fit(X, y)
    assert clf.score(X, y) > 0.7


class MeanColourNetwork(nn.Module):
    """A linear classifier of the mean colour, without a method `embed`."""

    def __init__(self, image_shape, n_classes):
        super().__init__()
        self.head = nn.Linear(image_shape[2], n_classes)

    def forward(self, images):
        return self.head(images.mean(dim=(2, 3)))


class MeanColourNetworkWithEmbed(MeanColourNetwork):
    def embed(self, images):
        return images.mean(dim=(2, 3))


@pytest.mark.parametrize(
    "architecture", [MeanColourNetwork, MeanColourNetworkWithEmbed]
)
def test_custom_architecture(tiny_cnn, cells, architecture):
    X, y = cells
    clf = tiny_cnn(architecture=architecture, lr=0.1, optimizer="adam").fit(X, y)
    assert isinstance(clf.net_.module_.network, architecture)
    assert clf.predict_proba(X).shape == (80, 8)
    assert clf.loss_curve_[1] < clf.loss_curve_[0]
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    other = tiny_cnn(architecture=architecture, lr=0.1, optimizer="adam").fit(X, y)
    assert_array_equal(other.predict_proba(X), clf.predict_proba(X))


def test_embeddings_of_a_custom_architecture(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(architecture=MeanColourNetworkWithEmbed).fit(X, y)
    assert clf.transform(X).shape == (80, 3)
    assert len(clf.get_feature_names_out()) == 3


def test_transform_needs_the_method_embed(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(architecture=MeanColourNetwork).fit(X, y)
    with pytest.raises(
        TypeError, match=r"method embed.*MeanColourNetwork does not have"
    ):
        clf.transform(X)


@pytest.mark.parametrize(
    "side, stride", [(8, 1), (28, 1), (64, 1), (79, 1), (80, 2), (224, 5)]
)
def test_stem_stride(tiny_cnn, side, stride):
    X = np.zeros((4, side, side + 1, 3), dtype=np.uint8)
    clf = tiny_cnn(max_epochs=1).fit(X, [0, 1, 0, 1])
    assert clf.net_.module_.network.features[0].stride == (stride, stride)
    clf = tiny_cnn(max_epochs=1, stem_stride=3).fit(X, [0, 1, 0, 1])
    assert clf.net_.module_.network.features[0].stride == (3, 3)


def test_auto_augmentation_is_augment_cells(tiny_cnn, fitted_cnn, cells):
    X, y = cells
    clf = tiny_cnn(augmentation=augment_cells).fit(X, y)
    assert_array_equal(clf.predict_proba(X), fitted_cnn.predict_proba(X))


def test_no_augmentation(tiny_cnn, fitted_cnn, cells):
    X, y = cells
    none = tiny_cnn(augmentation=None).fit(X, y)
    identity = tiny_cnn(augmentation=lambda images, generator: images).fit(X, y)
    assert_array_equal(none.predict_proba(X), identity.predict_proba(X))
    assert not np.array_equal(none.predict_proba(X), fitted_cnn.predict_proba(X))


def test_robust_augmentation(tiny_cnn, cells):
    X, y = cells
    clf = tiny_cnn(augmentation="robust").fit(X, y)
    center, scale = X.mean(axis=(0, 1, 2)), X.std(axis=(0, 1, 2))
    robust = RobustAugmentation(center, scale, clf.pixel_range_)
    same = tiny_cnn(augmentation=robust).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), same.predict_proba(X), atol=0.01)
    assert not np.array_equal(
        clf.predict_proba(X), tiny_cnn().fit(X, y).predict_proba(X)
    )
    clf.partial_fit(X, y).set_params(warm_start=True).fit(X, y)


@pytest.mark.parametrize("augmentation", ["auto", "robust"])
def test_tabular_input_is_not_augmented(tiny_cnn, cells, augmentation):
    X, y = cells
    rows = X[:, 14, 10:20, 1]
    clf = tiny_cnn(augmentation=augmentation).fit(rows, y)
    none = tiny_cnn(augmentation=None).fit(rows, y)
    assert_array_equal(clf.predict_proba(rows), none.predict_proba(rows))


def test_augmentation_function_that_takes_the_progress(tiny_cnn, cells):
    seen = []

    def watch(images, generator, progress):
        seen.append(progress)
        return images

    tiny_cnn(augmentation=watch, max_epochs=2).fit(*cells)
    assert seen == pytest.approx(np.arange(6) / 6)


def test_custom_augmentation_function(tiny_cnn, cells, new_cells):
    X, y = cells
    calls = []

    def watch(images, generator):
        calls.append((images, generator, generator.get_state()))
        torch.rand(1, generator=generator)
        return images

    tiny_cnn(augmentation=watch).fit(X, y, X_val=X, y_val=y).predict(X)
    # 2 epochs of 3 training batches; validation and prediction do not augment.
    assert len(calls) == 6
    for images, generator, _ in calls:
        assert images.dtype == torch.float32
        assert images.shape[1:] == (3, 28, 28)
        assert isinstance(generator, torch.Generator)
        assert generator.device.type == "cpu"
    # All batches use the same generator, so its state is different in each.
    states = {bytes(state.tolist()[:5000]) for *_, state in calls}
    assert len(states) == 6


def test_augmentation_receives_standardised_images(tiny_cnn, cells):
    seen = []

    def watch(images, generator):
        seen.append(images.clone())
        return images

    tiny_cnn(augmentation=watch, max_epochs=1).fit(*cells)
    images = torch.cat(seen)
    torch.testing.assert_close(
        images.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        images.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("sides", [(28, 28), (20, 28)], ids=str)
def test_test_time_augmentation_averages_logits_over_all_views(
    tiny_cnn, cells, new_cells, sides
):
    height, width = sides
    X, y = cells[0][:, :height, :width], cells[1]
    X_new = new_cells[0][:, :height, :width]
    plain = tiny_cnn().fit(X, y)
    averaging = tiny_cnn(test_time_augmentation=True).fit(X, y)
    assert averaging.loss_curve_ == plain.loss_curve_

    views = [X_new, X_new[:, ::-1], X_new[:, :, ::-1], X_new[:, ::-1, ::-1]]
    if height == width:
        views += [view.transpose(0, 2, 1, 3) for view in views]
    expected = np.mean([plain.decision_function(view) for view in views], axis=0)
    for view in views:
        assert_allclose(averaging.decision_function(view), expected, atol=1e-5)
    assert_array_equal(averaging.transform(X_new), plain.transform(X_new))


def test_test_time_augmentation_does_not_change_tabular_input(tiny_cnn, cells):
    X, y = cells[0].mean(axis=(1, 2)), cells[1]
    plain = tiny_cnn().fit(X, y)
    averaging = tiny_cnn(test_time_augmentation=True).fit(X, y)
    assert_array_equal(averaging.predict_proba(X), plain.predict_proba(X))


def test_test_time_augmentation_can_be_set_after_fit(tiny_cnn, fitted_cnn, cells):
    X, _ = cells
    clf = copy.deepcopy(fitted_cnn).set_params(test_time_augmentation=True)
    expected = tiny_cnn(test_time_augmentation=True).fit(*cells).predict_proba(X)
    assert_array_equal(clf.predict_proba(X), expected)
    with pytest.raises(ValueError, match="Got 'yes'"):
        clf.set_params(test_time_augmentation="yes").fit(*cells)
