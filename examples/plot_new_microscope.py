"""
A new microscope: how do I get a model that knows my cells?
===========================================================

A model knows the microscope and the stain of its training images. This example goes
from the images of a new microscope to a model for them: crop the images, see that the
cells are unfamiliar, improve the predictions without labels, label a few well-chosen
cells, train the model further, and check that the cells are now familiar.
"""

# %%
# Cells of a new microscope
# -------------------------
# In practice, these are your own images, without labels. Here, the images that are part
# of skblood are made bluer, darker and less sharp, and get a wider border, to simulate
# another microscope with a lower magnification. The labels are only used where you
# would look at the cells yourself.

import numpy as np
from scipy.ndimage import gaussian_filter

from skblood import load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")


def photograph_again(images):
    wider = np.pad(images, [(0, 0), (7, 7), (7, 7), (0, 0)], mode="reflect")
    pixels = 255 * (wider / 255) ** [1.8, 1.4, 0.9]
    return np.rint(gaussian_filter(pixels, (0, 0.7, 0.7, 0))).astype(np.uint8)


raw_cells = photograph_again(train.images)
raw_test = photograph_again(test.images)

# %%
# How large are the cells?
# ------------------------
# :func:`~skblood.suggest_crop` measures how large the cells are, and suggests a square
# in which they look as large as in the training images. It is drawn here in white. For
# image files, pass it to :func:`~skblood.load_cell_images`; on the command line,
# ``--crop auto`` does both.

import matplotlib.pyplot as plt

from skblood import load_pretrained, suggest_crop
from skblood.preprocessing import CellImagePreprocessor

clf = load_pretrained("bloodmnist-28-tiny")
crop = suggest_crop(clf, raw_cells)
print(f"{crop} of {raw_cells.shape[1]} pixels")

fig, axes = plt.subplots(1, 6, figsize=(9, 1.6))
corner = (raw_cells.shape[1] - crop) / 2 - 0.5
for axis, image in zip(axes, raw_cells, strict=False):
    axis.imshow(image)
    axis.add_patch(
        plt.Rectangle((corner, corner), crop, crop, fill=False, ec="white")
    )
    axis.axis("off")
plt.show()

prepare = CellImagePreprocessor(size=28, crop=crop)
new_cells = prepare.fit_transform(raw_cells)
new_test = prepare.transform(raw_test)

# %%
# Does the model know these cells?
# --------------------------------
# The pretrained model gives each cell a class, usually with a high probability.
# :func:`~skblood.assess` also compares the images with the training images.

from skblood import assess

known, before = assess(clf, test.images), assess(clf, new_test)
for name, found in [
    ("its own microscope", known),
    ("the new microscope", before),
]:
    print(
        f"{name}: {found.is_unfamiliar.mean():.0%} unfamiliar, "
        f"mean probability {found.probabilities.max(axis=1).mean():.2f}, "
        f"accuracy {(found.labels == test.target).mean():.2f}"
    )

# %%
# Show some of the cells. Wrong predictions have a frame. On the new microscope, the
# model is often wrong, and the familiarity shows it, while the probability does not.

from skblood.display import CellGridDisplay

fig, axes = plt.subplots(2, 1, figsize=(9, 5), layout="constrained")
for axis, title, images, found in [
    (axes[0], "Its own microscope", test.images, known),
    (axes[1], "The new microscope", new_test, before),
]:
    texts = [
        f"{label.split()[0]} {p.max():.2f}\n{familiarity:.0f} % familiar"
        for label, p, familiarity in zip(
            found.labels[:7],
            found.probabilities,
            found.familiarity,
            strict=False,
        )
    ]
    is_wrong = (found.labels != test.target)[:7]
    CellGridDisplay(images[:7], texts=texts, is_marked=is_wrong).plot(ax=axis)
    axis.set_title(title)
# sphinx_gallery_thumbnail_number = 2
plt.show()

# %%
# Better predictions without labels
# ---------------------------------
# :class:`~skblood.AdaptedClassifier` matches the colours of all new images together to
# those of the training images. The predictions become better, but the cells stay
# unfamiliar: the model does not become reliable by this alone.

from skblood import AdaptedClassifier

adapted = assess(AdaptedClassifier(clf).fit(new_cells), new_test)
print(
    f"{adapted.is_unfamiliar.mean():.0%} unfamiliar, "
    f"accuracy {(adapted.labels == test.target).mean():.2f}"
)

# %%
# Label fifty cells
# -----------------
# :func:`~skblood.suggest_images` chooses cells that represent all of them. On the
# command line, ``skblood suggest cells/ -n 50 -o to-label`` does the same. Now you
# label these cells; here, the labels are known.

from skblood import suggest_images

chosen = suggest_images(clf, new_cells, 50)
X_labelled, y_labelled = new_cells[chosen], train.target[chosen]

CellGridDisplay.from_arrays(X_labelled, n_columns=10)
plt.show()

# %%
# Train the model further
# -----------------------
# With ``warm_start=True``, `fit` continues from the weights of the pretrained model.
# Then `fit_familiarity` learns how cells of the new microscope look. It needs no
# labels, so all cells of the new microscope can be used.

clf.set_params(warm_start=True, random_state=0).fit(X_labelled, y_labelled)
clf.fit_familiarity(new_cells)
after = assess(clf, new_test)

# %%
# Check the model
# ---------------
# On cells of the new microscope that were not used for training, the accuracy is much
# higher than that of the pretrained model, and most of the cells are familiar.

steps = {
    "pretrained model": before,
    "adapted\nwithout labels": adapted,
    "trained further\nwith 50 cells": after,
}
accuracies = [(found.labels == test.target).mean() for found in steps.values()]
unfamiliar = [found.is_unfamiliar.mean() for found in steps.values()]
fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axis, label, values in [
    (axes[0], "accuracy", accuracies),
    (axes[1], "unfamiliar images", unfamiliar),
]:
    bars = axis.bar(list(steps), values, color="#0072B2")
    axis.bar_label(bars, fmt="%.2f", padding=2)
    axis.set(title=label, ylim=(0, 1.15))
plt.show()
print(f"accuracy {(after.labels == test.target).mean():.2f}")

# %%
# This microscope is simulated: its colours are exactly such a change as
# `AdaptedClassifier` can undo. :doc:`/results/microscopes` has figures for real cells
# of two other microscopes, for which this helps less. A model that was trained with
# fifty labels is not a model for diagnosis: keep some labelled cells apart, and measure
# its accuracy with :func:`~skblood.model_card`.
