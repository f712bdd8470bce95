"""
Quickstart: how well does a minute of training tell blood cells apart?
======================================================================

This example trains the default classifier on the 1,600 cells that come with skblood
and scores it on 400 it has not seen. It needs no download and no GPU.
"""

# %%
# The cells
# ---------
# Eight kinds of cells, 200 images of each, 28×28 pixels in colour. The images stay
# 8-bit integers: scaling them is the classifier's business.

from time import perf_counter

from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train")
test = load_bloodmnist_sample("test")
names = [name.split("(")[0] for name in test.target_names]
print(train.images.shape, train.images.dtype)

# %%
# Training
# --------
# Any scikit-learn user knows the rest. Twenty-five passes over the images are enough
# for a first look; the default would make more. ``random_state`` makes it repeatable,
# bit for bit.

start = perf_counter()
clf = BloodCNNClassifier(max_epochs=25, random_state=0)
clf.fit(train.images, train.target)
print(f"Fitted in {perf_counter() - start:.0f} s, {clf.n_iter_} epochs.")

# %%
# The score
# ---------

from sklearn.metrics import classification_report

predicted = clf.predict(test.images)
print(f"Accuracy on unseen cells: {(predicted == test.target).mean():.3f}\n")
print(classification_report(test.target, predicted, target_names=names))

# %%
# What it sees
# ------------
# One cell of each kind with its prediction, and which kinds are taken for which.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

figure = plt.figure(figsize=(11, 5.5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.2])
first_of_each = [np.flatnonzero(test.target == kind)[0] for kind in range(len(names))]
confidence = clf.predict_proba(test.images[first_of_each]).max(axis=1)
for ax, cell, share in zip(
    left.subplots(4, 2).flat, first_of_each, confidence, strict=True
):
    ax.imshow(test.images[cell])
    ax.axis("off")
    right_or_wrong = "tab:green" if predicted[cell] == test.target[cell] else "tab:red"
    ax.set_title(
        f"{names[predicted[cell]]}, {share:.0%}", fontsize=9, color=right_or_wrong
    )
ConfusionMatrixDisplay.from_predictions(
    test.target,
    predicted,
    display_labels=names,
    xticks_rotation="vertical",
    cmap="Blues",
    colorbar=False,
    ax=right.subplots(),
)
figure.savefig("quickstart.png", dpi=120)
plt.show()
