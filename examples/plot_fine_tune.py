"""
Fine-tuning: can a model learn other colours from ten images of each class?
===========================================================================

A model is often inaccurate on images that do not look like its training images. This
example changes the colours of cell images, measures the accuracy of a pretrained model
on them, and trains the model further (fine-tuning) with ten images of each class.
"""

# %%
# Cells in other colours
# ----------------------
# In practice, you would use images from your own microscope. Here, the images that are
# part of skblood are made bluer and darker, to simulate another stain. Pretrained
# models predict class names, so the labels are loaded as names.

import numpy as np

from skblood import load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")


def restain(images):
    return np.rint(255 * (images / 255) ** [1.8, 1.4, 0.9]).astype(np.uint8)


X_test, y_test = restain(test.images), test.target

# %%
# The pretrained model without further training
# ---------------------------------------------
# The training images of this model did not have these colours.

from skblood import load_pretrained

clf = load_pretrained("bloodmnist-28-tiny")
scores = {
    "pretrained,\noriginal stain": clf.score(test.images, y_test),
    "pretrained,\nsimulated stain": clf.score(X_test, y_test),
}

# %%
# Train further with ten images of each class
# -------------------------------------------
# With ``warm_start=True``, `fit` continues from the weights of the pretrained model.

rng = np.random.default_rng(0)
few = np.concatenate(
    [
        rng.choice(np.flatnonzero(train.target == name), 10, replace=False)
        for name in train.target_names
    ]
)
X_few, y_few = restain(train.images[few]), train.target[few]

clf.set_params(warm_start=True).fit(X_few, y_few)
scores["trained further,\n80 images"] = clf.score(X_test, y_test)

# %%
# For comparison, the same network is trained from random weights.

from skblood import BloodCNNClassifier

scratch = BloodCNNClassifier(width=10, stochastic_depth=0, random_state=0)
scores["from random weights,\n80 images"] = scratch.fit(X_few, y_few).score(
    X_test, y_test
)

# %%
# Compare the accuracies
# ----------------------

import matplotlib.pyplot as plt

fig, axes = plt.subplot_mosaic(
    [["original", "bars"], ["simulated", "bars"]], figsize=(8, 3.5)
)
for stain, images in [("original", test.images), ("simulated", X_test)]:
    one_of_each = [images[y_test == name][0] for name in test.target_names[:4]]
    axes[stain].imshow(np.hstack(one_of_each))
    axes[stain].set_title(f"{stain} stain")
    axes[stain].axis("off")
bars = axes["bars"].barh(list(scores), list(scores.values()))
axes["bars"].bar_label(bars, fmt="%.2f", padding=3)
axes["bars"].set(xlabel="accuracy on the test images", xlim=(0, 1.15))
axes["bars"].invert_yaxis()
fig.tight_layout()
plt.show()

# %%
# These accuracies depend on which images were drawn. The :doc:`results page </results>`
# has the means of five draws, for 5 to 50 images of each class, and also for classes
# that the model does not know. If your classes differ from those of the model, use your
# class names as labels: `fit` then reinitialises the output layer and keeps all other
# weights.
