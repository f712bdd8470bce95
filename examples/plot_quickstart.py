"""
Quickstart: how accurate is a classifier after a minute of training?
====================================================================

This example trains a classifier on the 1,600 cell images that are part of skblood, and
scores it on 400 other images. It needs no download and no GPU.
"""

# %%
# Load the images
# ---------------
# There are eight classes of cells, with 200 training images of each class. The images
# have 28×28 pixels in colour. ``labels="names"`` loads the class names as labels. The
# pixels stay 8-bit integers, because the classifier scales them itself.

from time import perf_counter

from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")
print(train.images.shape, train.images.dtype)

# %%
# Train
# -----
# The classifier is trained with `fit`, as in scikit-learn. Twenty-five epochs (passes
# over the images) are enough for a first result; by default, there are more. With the
# same ``random_state`` and number of threads, the same machine trains the same model,
# bit for bit.

start = perf_counter()
clf = BloodCNNClassifier(max_epochs=25, random_state=0)
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
# On the left is one cell of each class, with its predicted class and the probability
# of that class. The title of a cell is green if the prediction is correct, and red
# otherwise. The confusion matrix on the right shows which classes the classifier
# confuses.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

figure = plt.figure(figsize=(11, 5.5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.2])
_, first_of_each = np.unique(test.target, return_index=True)
confidence = clf.predict_proba(test.images[first_of_each]).max(axis=1)
for ax, cell, probability in zip(
    left.subplots(4, 2).flat, first_of_each, confidence, strict=True
):
    ax.imshow(test.images[cell])
    ax.axis("off")
    is_correct = predicted[cell] == test.target[cell]
    ax.set_title(
        f"{predicted[cell]}, {probability:.0%}",
        fontsize=9,
        color="tab:green" if is_correct else "tab:red",
    )
ConfusionMatrixDisplay.from_predictions(
    test.target,
    predicted,
    xticks_rotation="vertical",
    cmap="Blues",
    colorbar=False,
    ax=right.subplots(),
)
# `make quickstart` passes ``--save``, because it draws the figure without a window.
if "--save" in sys.argv:
    file = Path("quickstart.png").resolve()
    figure.savefig(file, dpi=120)
    print(f"The figure was saved as {file}")
else:
    plt.show()
