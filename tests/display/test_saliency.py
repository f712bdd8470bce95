"""`SaliencyDisplay` shows the pixels that raise or lower a logit."""

import copy
import sys

import matplotlib as mpl
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from torch import nn

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("captum.attr")

from skblood import AdaptedClassifier, load_pretrained  # noqa: E402
from skblood.datasets import LazyImages  # noqa: E402
from skblood.display import SaliencyDisplay  # noqa: E402

# Most tests do not need accurate maps, so they use few steps.
pytestmark = pytest.mark.filterwarnings("ignore:The sum of a map")

METHODS = ["integrated_gradients", "grad_cam"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def maps(clf, X, **options):
    return SaliencyDisplay.from_estimator(clf, X, **options).saliency


def mean_colour(X):
    """Return one image in the mean colour of the training images."""
    colour = X.mean(axis=tuple(range(X.ndim - 1)))
    return np.broadcast_to(colour, (1, *X.shape[1:])).astype(np.float32)


def rise_of_logits(clf, X, baseline, labels):
    """Return by how much the logit of each label is above that of the baseline."""
    column = np.searchsorted(clf.classes_, labels)
    logits = clf.decision_function(X)[np.arange(len(X)), column]
    return logits - clf.decision_function(baseline)[0, column]


def small_network(inplace):
    """Return the class of a network that can overwrite its input in three ways."""

    class SmallNetwork(nn.Module):
        def __init__(self, image_shape, n_classes):
            super().__init__()
            self.first = nn.ReLU(inplace)
            self.conv = nn.Conv2d(image_shape[2], 4, 3, padding=1)
            self.relu = nn.ReLU(inplace)
            self.last_conv = nn.Conv2d(4, 4, 3, stride=2)
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.head = nn.Linear(4, n_classes)

        def forward(self, images):
            if inplace:
                images.mul_(0.5)
            else:
                images = images * 0.5
            # One ReLU is used twice.
            x = self.relu(self.conv(self.first(images + 1)))
            x = self.relu(self.last_conv(x))
            return self.head(self.pool(x).flatten(1))

    return SmallNetwork


# -- sanity of the maps ----------------------------------------------------------------


@pytest.mark.parametrize("augmented", [False, True])
def test_integrated_gradients_add_up_to_the_logit(
    fitted_cnn, cells, new_cells, augmented
):
    X, labels = new_cells[0][:4], new_cells[1][:4]
    clf = copy.copy(fitted_cnn).set_params(test_time_augmentation=augmented)
    found = maps(clf, X, target=labels, n_steps=64).sum(axis=(1, 2))
    expected = rise_of_logits(clf, X, mean_colour(cells[0]), labels)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02)


def test_integrated_gradients_of_a_linear_model(tiny_fnn, cells, new_cells):
    clf = tiny_fnn(scaling="standard").fit(*cells)
    X, labels = new_cells[0][:4], new_cells[1][:4]
    # A linear model needs one step.
    found = maps(clf, X, target=labels, n_steps=1)
    # Each pixel adds its own part of the logit.
    changed, baseline = X.astype(np.float32), mean_colour(cells[0])
    changed[:, 10, 20] = baseline[0, 10, 20]
    columns = np.arange(4), labels
    part = (clf.decision_function(X) - clf.decision_function(changed))[columns]
    np.testing.assert_allclose(found[:, 10, 20], part, rtol=1e-3, atol=1e-4)


def tabular_data():
    """Return rows of which only one feature depends on the class."""
    X, y = np.random.default_rng(0).normal(size=(40, 13)), np.arange(40) % 2
    X[:, 3] += 3 * y
    return X, y


def test_integrated_gradients_of_tabular_input(tiny_fnn):
    X, y = tabular_data()
    clf = tiny_fnn(hidden_layer_sizes=(8,), scaling="standard", max_epochs=60)
    display = SaliencyDisplay.from_estimator(clf.fit(X, y), X, target=1)
    assert display.saliency.shape == (40, 1, 13)
    found = display.saliency - maps(clf, X, target=0)
    rises = clf.decision_function(X) - clf.decision_function(X[:1] * 0 + X.mean(axis=0))
    np.testing.assert_allclose(found.sum(axis=(1, 2)), rises, rtol=0.02, atol=0.02)
    assert np.abs(found).mean(axis=(0, 1)).argmax() == 3


def test_a_warning_if_the_logits_jump_near_the_baseline(tiny_cnn):
    # For tabular input, the network normalises each sample on its own.
    X, y = tabular_data()
    clf = tiny_cnn().fit(X, y)
    with pytest.warns(ConvergenceWarning, match=r"mean error of .* Increase n_steps"):
        maps(clf, X)


@pytest.mark.parametrize("method", METHODS)
def test_random_weights_give_other_maps(new_cells, method):
    # Adebayo et al., "Sanity Checks for Saliency Maps", 2018.
    clf, X = load_pretrained("bloodmnist-28-tiny"), new_cells[0][:16]
    labels, random = clf.predict(X), copy.deepcopy(clf)
    trained = maps(clf, X, target=labels, n_steps=4, method=method)
    correlations = []
    for seed in range(3):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for layer in random.net_.module_.network.modules():
                if hasattr(layer, "reset_parameters"):
                    layer.reset_parameters()
        other = maps(random, X, target=labels, n_steps=4, method=method)
        correlations += rank_correlations(trained, other)
    assert abs(np.mean(correlations)) < 0.3
    # Darker images change the map less.
    same = maps(clf, X - X // 50, target=labels, n_steps=4, method=method)
    assert np.mean(rank_correlations(trained, same)) > 0.6


def rank_correlations(one, other):
    return [spearmanr(*pair)[0] for pair in zip(flat(one), flat(other), strict=True)]


def flat(saliency):
    return saliency.reshape(len(saliency), -1)


@pytest.mark.parametrize("method", METHODS)
def test_deleting_the_top_pixels_hurts_more_than_random_ones(method, cells, new_cells):
    clf, X = load_pretrained(), np.concatenate([new_cells[0], cells[0][:16]])
    labels = clf.predict(X)
    columns = np.arange(len(X)), np.searchsorted(clf.classes_, labels)
    colour = mean_colour(cells[0])[0, 0, 0].astype(np.uint8)

    def probability_without(scores):
        """Return the probability when the tenth with the highest scores is deleted."""
        pixels = X.reshape(len(X), -1, 3).copy()
        top = flat(scores).argsort(axis=1)[:, -pixels.shape[1] // 10 :]
        np.put_along_axis(pixels, top[..., np.newaxis], colour, axis=1)
        return clf.predict_proba(pixels.reshape(X.shape))[columns].mean()

    scores = maps(clf, X, method=method, n_steps=8)
    rng = np.random.default_rng(0)
    by_chance = [probability_without(rng.random(scores.shape)) for _ in range(3)]
    assert probability_without(scores) < min(by_chance) - 0.1


@pytest.mark.parametrize("method", METHODS)
def test_layers_that_overwrite_their_input(tiny_cnn, cells, new_cells, method):
    found = [
        maps(
            tiny_cnn(architecture=small_network(inplace)).fit(*cells),
            new_cells[0][:8],
            target=new_cells[1][:8],
            method=method,
            n_steps=4,
        )
        for inplace in (True, False)
    ]
    assert np.abs(found[0]).min(axis=0).max() > 0
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-6)


def test_the_network_of_the_report(tiny_cnn, cells, new_cells):
    clf = tiny_cnn(architecture="report", augmentation=None, max_epochs=1).fit(*cells)
    X, labels = new_cells[0][:4], new_cells[1][:4]
    found = maps(clf, X, target=labels, n_steps=32).sum(axis=(1, 2))
    expected = rise_of_logits(clf, X, mean_colour(cells[0]), labels)
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02)
    assert maps(clf, X, method="grad_cam").shape == (4, 28, 28)


def test_grad_cam_of_a_network_that_is_known(tiny_cnn, cells, new_cells):
    class Known(nn.Module):
        def __init__(self, image_shape, n_classes):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            self.n_classes = n_classes

        def forward(self, images):
            mean = self.conv(images).mean(dim=(2, 3))
            return torch.stack([mean[:, 0], mean[:, 1]] * (self.n_classes // 2), dim=1)

    clf = tiny_cnn(architecture=Known).fit(*cells)
    X = new_cells[0][:3].astype(float)
    # The gradient of the mean over 28 · 28 values is 1 / 784 everywhere.
    train = cells[0].reshape(-1, 3)
    scaled = (X - train.mean(axis=0)) / train.std(axis=0)
    conv = clf.net_.module_.network.conv
    weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    expected = (scaled @ weight[1, :, 0, 0] + bias[1]) / 28**2
    found = maps(clf, X, target=1, method="grad_cam")
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_with_test_time_augmentation_the_map_turns_with_the_image(
    fitted_cnn, new_cells, method
):
    clf = copy.copy(fitted_cnn).set_params(test_time_augmentation=True)
    X = new_cells[0][:2]
    options = {"method": method, "n_steps": 4, "target": 0}
    turned = maps(clf, np.rot90(X, axes=(1, 2)), **options)
    expected = np.rot90(maps(clf, X, **options), axes=(1, 2))
    np.testing.assert_allclose(turned, expected, rtol=1e-3, atol=1e-5)


# -- what stays unchanged --------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("context", [torch.enable_grad, torch.inference_mode])
def test_the_classifier_stays_unchanged(fitted_cnn, new_cells, method, context):
    # The weights of a copy have no gradients from the training.
    clf, X = copy.deepcopy(fitted_cnn), new_cells[0]
    module = clf.net_.module_
    before = clf.predict_proba(X)
    random_state = torch.get_rng_state()
    requires_grad = [w.requires_grad for w in module.parameters()]
    with context():
        maps(clf, X[:4], method=method, n_steps=2)
        assert torch.is_grad_enabled() == (context is torch.enable_grad)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [w.requires_grad for w in module.parameters()] == requires_grad
    assert all(w.grad is None for w in module.parameters())
    assert not any(layer._forward_hooks for layer in module.modules())
    assert not any(layer.training for layer in module.modules())
    assert any(getattr(layer, "inplace", False) for layer in module.modules())
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("method", METHODS)
def test_images_are_explained_one_by_one(fitted_cnn, cells, method):
    # Batches have 64 images.
    X = cells[0][:65]
    together = maps(fitted_cnn, X, method=method, n_steps=2)
    alone = [maps(fitted_cnn, X[i : i + 1], method=method, n_steps=2) for i in (0, 64)]
    np.testing.assert_allclose(
        together[[0, 64]], np.concatenate(alone), rtol=1e-3, atol=1e-5
    )


# -- what can be passed ----------------------------------------------------------------


def test_the_predicted_class_or_the_given_one(fitted, new_cells):
    X = new_cells[0][:6]
    by_default = SaliencyDisplay.from_estimator(fitted, X, n_steps=2)
    np.testing.assert_array_equal(by_default.labels, fitted.predict(X))
    np.testing.assert_array_equal(by_default.images, X)
    one = SaliencyDisplay.from_estimator(fitted, X, n_steps=2, target=3)
    assert one.labels.tolist() == [3] * 6
    labels = [3, 0, 1, 3, 2, 2]
    each = SaliencyDisplay.from_estimator(fitted, X, n_steps=2, target=labels)
    assert each.labels.tolist() == labels
    np.testing.assert_array_equal(each.saliency[[0, 3]], one.saliency[[0, 3]])
    assert not np.allclose(each.saliency[1], one.saliency[1])


def test_all_forms_of_images(fitted, new_cells, tmp_path):
    X = new_cells[0][:3]
    np.save(tmp_path / "images.npy", X)
    expected = maps(fitted, X, n_steps=2)
    for same in (
        X.reshape(3, -1),
        X.astype(float),
        np.moveaxis(X, 3, 1),
        LazyImages(tmp_path / "images.npy"),
    ):
        display = SaliencyDisplay.from_estimator(fitted, same, n_steps=2)
        np.testing.assert_allclose(display.saliency, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(display.images, X)


def test_grey_images_and_a_frozen_classifier(tiny, cells):
    X, y = cells[0][..., 1], cells[1]
    clf = FrozenEstimator(tiny().fit(X, y))
    display = SaliencyDisplay.from_estimator(clf, X[:2], n_steps=2)
    assert display.saliency.shape == (2, 28, 28)
    assert np.asarray(display.images_[0].get_array()).shape[2] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "lime"}, "'integrated_gradients' or 'grad_cam', got 'lime'"),
        ({"n_steps": 0}, "n_steps to be a positive integer, got 0"),
        ({"n_steps": 1.5}, "n_steps to be a positive integer, got 1.5"),
        ({"target": [0, 1]}, r"target .* shape \(3,\).* got shape \(2,\)"),
        ({"target": 99}, r"target to be labels from \[0, .*, 7\], got \[99\]"),
        ({"target": "basophil"}, r"from \[0, .*, 7\], got \['basophil'\]"),
    ],
)
def test_invalid_options(fitted_cnn, new_cells, options, message):
    with pytest.raises(ValueError, match=message):
        SaliencyDisplay.from_estimator(fitted_cnn, new_cells[0][:3], **options)
    assert not plt.get_fignums()


def test_grad_cam_needs_feature_maps(tiny_fnn, tiny_cnn, cells):
    X, y = cells
    with pytest.raises(ValueError, match="got FeedForwardNetwork"):
        maps(tiny_fnn().fit(X, y), X, method="grad_cam")
    rows = X[:, 0, :7, 0].astype(float)
    with pytest.raises(ValueError, match=r"images .* tabular input of shape \(1, 7, 1"):
        maps(tiny_cnn().fit(rows, y), rows, method="grad_cam")


def test_other_estimators(fitted_cnn, new_cells):
    X = new_cells[0][:3]
    for other in (make_pipeline(fitted_cnn), AdaptedClassifier(fitted_cnn)):
        with pytest.raises(TypeError, match=f"got {type(other).__name__}"):
            maps(other, X)
    with pytest.raises(NotFittedError):
        maps(clone(fitted_cnn), X)


@pytest.mark.parametrize(
    ("module", "extra"), [("captum.attr", "explain"), ("matplotlib.pyplot", "plot")]
)
def test_without_an_optional_package(fitted_cnn, new_cells, monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"skblood\[{extra}\]"):
        maps(fitted_cnn, new_cells[0][:3], n_steps=1)


# -- the figure ------------------------------------------------------------------------


def test_the_figure(new_cells):
    X = new_cells[0][:3]
    saliency = np.zeros((3, 28, 28))
    saliency[:2, 5, 7], saliency[:2, 20, 3] = 2, -2
    display = SaliencyDisplay(X, saliency, labels=["a", "b", "c"]).plot(n_columns=2)
    assert [text.get_text() for text in display.texts_] == ["a", "b", "c"]
    assert display.figure_ is display.ax_.figure
    pixels = [np.asarray(image.get_array()) for image in display.images_]
    np.testing.assert_allclose(pixels[0][:28], X[0] / 255)
    below = pixels[0][-28:]
    red, _, blue = below[5, 7]
    assert red > 0.8 > 0.2 > blue
    red, _, blue = below[20, 3]
    assert blue > 0.6 > 0.2 > red
    # Pixels without an effect are grey.
    assert np.ptp(below[0, 0]) == pytest.approx(0)
    # So is a map without any effect.
    assert np.ptp(pixels[2][-28:], axis=2).max() == pytest.approx(0)
    words = [tick.get_text() for tick in display.colorbar_.ax.get_yticklabels()]
    assert words == ["lowers\nthe logit", "0", "raises\nthe logit"]


def test_in_given_axes(fitted_cnn, new_cells):
    figure, (first, second) = plt.subplots(1, 2)
    display = SaliencyDisplay.from_estimator(
        fitted_cnn, new_cells[0][:2], n_steps=1, ax=second
    )
    assert display.ax_ is second
    assert display.figure_ is figure
    assert not first.images
