"""Compare scores that tell images unlike the training images from the others.

Each score is fitted to the train split of BloodMNIST. A threshold on the validation
split marks 1 % of its images as unfamiliar. The figures are the area under the ROC
curve (AUROC) against the test split, and the fraction of the images that are marked.

Unlike images are made from the test split: noise, blank images, darker ones, red and
blue swapped, and blurred ones. If the environment variable SKBLOOD_MICROSCOPES names a
folder with the sub-folders tecom and cellavision, their cells are scored too. In a
second part, a network is trained without one of the eight kinds of cells, and this kind
is scored.

    python benchmarks/familiarity.py
"""

import os
from pathlib import Path

import numpy as np
import torch
from common.command_line import make_parser
from common.recording import write_results
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skblood import (
    BloodCNNClassifier,
    load_bloodmnist,
    load_cell_images,
    load_pretrained,
)

FALSE_ALARMS = 0.01
N_CHANGED = 500
N_NEIGHBORS = 10
# A narrow network, whose training takes less than a minute on two cores.
FAST = {
    "width": 16,
    "stochastic_depth": 0,
    "data_pruning": 0.5,
    "batch_size": 128,
    "lr": 0.06,
    "max_epochs": 13,
}
# The middle 70 % of CellaVision's pictures of 300 pixels show one cell.
CROPS = {"tecom": None, "cellavision": 210}


# -- images ----------------------------------------------------------------------------


def change_images(images):
    """Return images that no model was trained on, made from images of cells."""
    rng = np.random.default_rng(0)
    shape = images.shape
    return {
        "noise": rng.integers(0, 256, shape, np.uint8),
        "blank": 235 + rng.integers(0, 6, shape, np.uint8),
        "dark": images // 2,
        "colours swapped": images[..., ::-1],
        "strongly blurred": gaussian_filter(images, (0, 2.5, 2.5, 0)),
    }


def load_microscopes():
    folder = os.environ.get("SKBLOOD_MICROSCOPES")
    if not folder:
        return {}
    return {
        name: load_cell_images(Path(folder, name), crop=crop).images
        for name, crop in CROPS.items()
    }


# -- features --------------------------------------------------------------------------


def embeddings(clf, images):
    return clf.transform(images)


def layer_statistics(clf, images):
    """Return mean and standard deviation of each channel after each block."""
    module = clf.net_.module_

    def forward(batch):
        x, statistics = module.standardize(batch), []
        for i, layer in enumerate(module.network.features):
            x = layer(x)
            if i >= 2:  # after the stem, its normalisation and its ReLU
                statistics += [x.mean(dim=(2, 3)), x.std(dim=(2, 3))]
        return torch.cat(statistics, dim=1)

    return clf.net_.predict_batches(np.ascontiguousarray(images), forward)


def colours(clf, images):
    """Return mean, standard deviation and five quantiles of each colour channel."""
    pixels = images.reshape(len(images), -1, 3) / 255
    quantiles = np.quantile(pixels, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    return np.hstack([pixels.mean(axis=1), pixels.std(axis=1), *quantiles])


def layers_and_colours(clf, images):
    return np.hstack([layer_statistics(clf, images), colours(clf, images)])


FEATURES = {
    "embeddings": embeddings,
    "layers": layer_statistics,
    "colours": colours,
    "layers and colours": layers_and_colours,
}


# -- scores: the larger, the less familiar ---------------------------------------------


def standardized(train):
    # In single precision, the covariance of many features is not positive definite.
    train = train.astype(np.float64)
    mean, std = train.mean(axis=0), train.std(axis=0) + 1e-6
    return lambda features: (features - mean) / std


def squared_distances(features, centers, covariance):
    root = np.linalg.cholesky(covariance.precision_)
    white, centers = features @ root, centers @ root
    return ((white[:, None] - centers) ** 2).sum(axis=2)


def mahalanobis(train, y):
    """Distance to the mean of all training images."""
    scale = standardized(train)
    covariance = LedoitWolf().fit(scale(train))
    center = covariance.location_[None]
    return lambda x: squared_distances(scale(x), center, covariance)[:, 0]


def class_mahalanobis(train, y):
    """Distance to the nearest class mean, with one covariance for all classes."""
    scale = standardized(train)
    centers = np.array([scale(train[y == k]).mean(axis=0) for k in np.unique(y)])
    residuals = scale(train) - centers[np.searchsorted(np.unique(y), y)]
    covariance = LedoitWolf(assume_centered=True).fit(residuals)
    return lambda x: squared_distances(scale(x), centers, covariance).min(axis=1)


def relative_mahalanobis(train, y):
    """Distance to the nearest class mean, minus the distance to the mean of all."""
    to_class, to_all = class_mahalanobis(train, y), mahalanobis(train, y)
    return lambda x: to_class(x) - to_all(x)


def nearest_neighbors(train, y):
    """Cosine distance to the tenth nearest training image."""

    def direction(features):
        return features / np.linalg.norm(features, axis=1, keepdims=True)

    index = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(direction(train))
    return lambda x: index.kneighbors(direction(x))[0][:, -1]


DISTANCES = {
    "Mahalanobis": mahalanobis,
    "class Mahalanobis": class_mahalanobis,
    "relative Mahalanobis": relative_mahalanobis,
    "nearest neighbours": nearest_neighbors,
}
OUTPUTS = {
    "1 - max probability": lambda clf, x: 1 - clf.predict_proba(x).max(axis=1),
    "max logit": lambda clf, x: -clf.decision_function(x).max(axis=1),
    "energy": lambda clf, x: -logsumexp(clf.decision_function(x), axis=1),
}


def score_all(clf, X, y, image_sets):
    """Yield the name of each score, and its values on each set of images."""
    for name, output in OUTPUTS.items():
        yield name, {key: output(clf, images) for key, images in image_sets.items()}
    for features_name, features in FEATURES.items():
        train = features(clf, X)
        found = {key: features(clf, images) for key, images in image_sets.items()}
        for distance_name, distance in DISTANCES.items():
            score = distance(train, y)
            values = {key: score(part) for key, part in found.items()}
            yield f"{distance_name}, {features_name}", values


def measure(values):
    """Return AUROC and marked fraction of all sets but the validation images."""
    threshold = np.quantile(values["val"], 1 - FALSE_ALARMS)
    figures = {"test": {"marked": float(np.mean(values["test"] > threshold))}}
    for name in set(values) - {"val", "test"}:
        is_unlike = np.repeat([0, 1], [len(values["test"]), len(values[name])])
        both = np.concatenate([values["test"], values[name]])
        figures[name] = {
            "auroc": float(roc_auc_score(is_unlike, both)),
            "marked": float(np.mean(values[name] > threshold)),
        }
    return figures


def measure_unseen_kind(kind, splits, seed):
    """Train without a kind of cells, and measure how well each score finds it."""
    seen = {name: (X[y != kind], y[y != kind]) for name, (X, y) in splits.items()}
    clf = BloodCNNClassifier(**FAST, random_state=seed).fit(*seen["train"])
    X_test, y_test = splits["test"]
    sets = {"val": seen["val"][0], "test": seen["test"][0]}
    sets["unseen kind"] = X_test[y_test == kind]
    scores = score_all(clf, *seen["train"], sets)
    return {name: measure(values) for name, values in scores}


def main():
    parser = make_parser(__doc__, seeds=1)
    parser.add_argument("--kinds", type=int, default=8, help="kinds to leave out")
    options = parser.parse_args()
    splits = {
        name: load_bloodmnist(split=name, return_X_y=True)
        for name in ("train", "val", "test")
    }
    sets = {"val": splits["val"][0], "test": splits["test"][0]}
    sets |= {**change_images(sets["test"][:N_CHANGED]), **load_microscopes()}
    results = {"false_alarms": FALSE_ALARMS, "unlike": {}, "unseen_kinds": {}}
    for name, values in score_all(load_pretrained(), *splits["train"], sets):
        results["unlike"][name] = measure(values)
        print(name, results["unlike"][name], flush=True)
    write_results("familiarity", results)
    for kind in range(options.kinds):
        for seed in range(options.seeds):
            figures = measure_unseen_kind(kind, splits, seed)
            results["unseen_kinds"][f"{kind}, seed {seed}"] = figures
            best = max(figures, key=lambda n: figures[n]["unseen kind"]["auroc"])
            print(kind, best, figures[best], flush=True)
        write_results("familiarity", results)


if __name__ == "__main__":
    main()
