"""
Quickstart: how accurate is a classifier after 20 seconds of training?
======================================================================

This example trains a classifier on the 1,600 cell images that are part of skblood, and
scores it on 400 other images. It needs no download and no GPU.
"""

# %%
# Load the images
# ---------------
# There are eight classes of cells, with 200 training images of each class. The images
# have 28×28 pixels in colour. ``labels="names"`` loads the class names as labels. The
# pixels stay 8-bit integers, because the classifier scales them itself.

import sys
from time import perf_counter

from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")
print(train.images.shape, train.images.dtype)

# %%
# Train
# -----
# The classifier is trained with `fit`, as in scikit-learn. These parameters were chosen
# for 20 seconds of training on two cores. With fewer channels (``width``) than by
# default, an epoch (a pass over the images) takes less time, so that 30 epochs are
# possible. So few epochs need no stochastic depth, which reduces overfitting in long
# trainings. With test-time augmentation, a prediction is the mean over eight views of
# the image, rotated and flipped. With the same ``random_state`` and number of threads,
# the same machine trains the same model, bit for bit. On a terminal, ``verbose=1``
# shows the progress.

start = perf_counter()
verbose = int(sys.stdout.isatty())
clf = BloodCNNClassifier(
    width=16,
    max_epochs=30,
    lr=0.06,
    stochastic_depth=0.0,
    test_time_augmentation=True,
    random_state=0,
    verbose=verbose,
)
clf.fit(train.images, train.target)
print(f"Fitted in {perf_counter() - start:.0f} s, {clf.n_iter_} epochs.")

# %%
# Score
# -----

from sklearn.metrics import classification_report

predicted = clf.predict(test.images)
print(f"Accuracy on unseen cells: {(predicted == test.target).mean():.3f}\n")
print(classification_report(test.target, predicted))

# %%
# Look at predictions and errors
# ------------------------------
# At the top are two cells of each class, with the predicted class and its probability.
# Wrong predictions have a frame and name the true class. The confusion matrix shows
# which classes the classifier confuses.

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from skblood.display import CellGridDisplay

figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(9, 10), height_ratios=[1, 2], layout="constrained"
)
shown = np.argsort(test.target, kind="stable").reshape(8, -1)[:, :2].T.ravel()
CellGridDisplay.from_predictions(
    test.images[shown],
    predicted[shown],
    y_true=test.target[shown],
    probabilities=clf.predict_proba(test.images[shown]).max(axis=1),
    n_columns=8,
    ax=top,
)
ConfusionMatrixDisplay.from_predictions(
    test.target,
    predicted,
    xticks_rotation="vertical",
    cmap="Blues",
    colorbar=False,
    ax=bottom,
)
# `make quickstart` passes ``--save``, because it draws the figure without a window.
if "--save" in sys.argv:
    file = Path("quickstart.png").resolve()
    figure.savefig(file, dpi=120)
    print(f"The figure was saved as {file}")
    print("Next: source .venv/bin/activate, then: skblood predict FOLDER")
else:
    plt.show()
