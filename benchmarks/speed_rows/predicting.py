"""`predict_proba` beside torch's inference mode on the same module."""

from functools import partial

import numpy as np
from references.torch_loop import predict_proba
from timing import compare

from skblood import BloodCNNClassifier, load_bloodmnist

# So many calls are timed together that each timing takes a good part of a second.
CALLS = {1: 200, 3_421: 1, 100_000: 1}


def predict(n_pairs, n_images):
    """Time predictions for so many images."""
    X, y = load_bloodmnist(split="train", return_X_y=True)
    model = BloodCNNClassifier(max_epochs=1, random_state=0).fit(X[:640], y[:640])
    images = np.resize(load_bloodmnist(split="test").data, (n_images, 28, 28, 3))

    def repeat(function):
        for _ in range(CALLS[n_images]):
            function(images)

    figures = compare(
        partial(repeat, model.predict_proba),
        partial(repeat, partial(predict_proba, model.net_.module_)),
        n_pairs,
    )
    return {"calls": CALLS[n_images], **figures}
