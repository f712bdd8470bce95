"""Print a digest of the weights and predictions of fits that cover the training code.

A change that should not alter any result must print the same digests before and after
it, on the same machine with the same number of threads:

    python tools/fit_digests.py > before.json     # at the earlier commit
    python tools/fit_digests.py > after.json      # at the later one
    diff before.json after.json

Other processors and versions of torch round differently, so the digests are not kept
in the repository.
"""

import hashlib
import json
import pickle
import sys
import warnings

import numpy as np
import torch

from skblood import (
    BloodCNNClassifier,
    BloodFNNClassifier,
    load_bloodmnist_sample,
    load_pretrained,
)
from skblood.optimizers import Muon

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test = load_bloodmnist_sample("test").images
SMALL = {"width": 8, "max_epochs": 2, "random_state": 0}
NAMES = np.array(["neutrophil", "lymphocyte", "monocyte"])


def fit_cases():
    """Yield the name of each case and a fitted classifier."""
    cnn, fnn = BloodCNNClassifier, BloodFNNClassifier
    first = slice(0, 400)
    yield "cnn-default", cnn(max_epochs=3, random_state=0).fit(X, y)
    yield "fnn-default", fnn(random_state=0).fit(X, y)
    yield "cnn-float32", cnn(**SMALL, precision="float32").fit(X, y)
    yield "cnn-report", cnn(**SMALL, architecture="report").fit(X[first], y[first])
    yield "cnn-pruning", cnn(**{**SMALL, "max_epochs": 8}, data_pruning=0.5).fit(X, y)
    yield "cnn-early", cnn(**SMALL, early_stopping=True, n_iter_no_change=1).fit(X, y)
    for optimizer in ("adamw", "adam", "sgd", Muon):
        name = getattr(optimizer, "__name__", optimizer)
        yield (
            f"cnn-{name}",
            cnn(**SMALL, optimizer=optimizer, lr=0.01, lr_schedule="constant").fit(
                X[first], y[first]
            ),
        )
    weights = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    yield (
        "cnn-weights",
        cnn(**SMALL, class_weight="balanced").fit(X, y % 3, sample_weight=weights),
    )
    yield (
        "cnn-validation",
        cnn(**SMALL).fit(X[:1200], y[:1200], X_val=X[1200:], y_val=y[1200:]),
    )
    rows = X.reshape(len(X), -1)[:, :30]
    yield "cnn-feature-rows", cnn(**SMALL).fit(rows, NAMES[y % 3])
    yield (
        "fnn-hidden",
        fnn(
            hidden_layer_sizes=(32, 16),
            dropout=0.2,
            activation="tanh",
            max_epochs=5,
            random_state=0,
        ).fit(X, NAMES[y % 3]),
    )
    yield (
        "fnn-generator",
        fnn(max_epochs=5, random_state=np.random.RandomState(3)).fit(X, y),
    )
    warm = cnn(**SMALL, warm_start=True).fit(X, y)
    yield "cnn-warm-same", warm.set_params(lr=0.01).fit(X, y)
    yield "cnn-warm-other", warm.fit(X, NAMES[y % 3])
    yield "cnn-warm-fewer", warm.fit(X[y % 3 < 2], NAMES[y[y % 3 < 2] % 3])
    for optimizer in ("muon", "adamw", "sgd"):
        stream = cnn(**SMALL, optimizer=optimizer).set_params(lr=0.004)
        for part in range(4):
            stream.partial_fit(X[part::4], y[part::4], classes=np.arange(8))
        yield f"cnn-stream-{optimizer}", stream
        again = pickle.loads(pickle.dumps(stream))
        yield f"cnn-stream-{optimizer}-pickled", again.partial_fit(X[:200], y[:200])
    mixed = cnn(**SMALL).fit(X, y).partial_fit(X[:300], y[:300])
    yield "cnn-fit-then-stream", mixed
    yield "cnn-stream-then-fit", mixed.set_params(warm_start=True).fit(X, y)
    tuned = load_pretrained("bloodmnist-28-tiny")
    tuned.set_params(warm_start=True, max_epochs=2, random_state=0)
    yield "pretrained-fine-tuned", tuned.fit(X[first], y[first] == 7)
    yield "pretrained", load_pretrained()
    yield "pretrained-tiny", load_pretrained("bloodmnist-28-tiny")
    views = load_pretrained("bloodmnist-28-tiny")
    yield "pretrained-views", views.set_params(test_time_augmentation=True)


def digest(classifier):
    """Return the first 16 hexadecimal digits of a hash of weights and predictions."""
    state = classifier.net_.module_.state_dict()
    n_features = classifier.n_features_in_
    rows = X_test.reshape(len(X_test), -1)[:, :n_features]
    result = hashlib.sha256()
    for name, value in state.items():
        result.update(name.encode() + value.numpy().tobytes())
    result.update(classifier.predict_proba(rows).tobytes())
    result.update(classifier.transform(rows).tobytes())
    losses = [epoch["train_loss"] for epoch in classifier.history_]
    result.update(np.array(losses).tobytes())
    result.update(pickle.dumps(classifier.classes_.tolist()))
    return result.hexdigest()[:16]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print("threads:", torch.get_num_threads(), file=sys.stderr)
    print(json.dumps({name: digest(clf) for name, clf in fit_cases()}, indent=2))
