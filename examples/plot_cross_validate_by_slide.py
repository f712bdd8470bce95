"""
Cross-validation by slide: how accurate is a model on the next slide?
=====================================================================

Cells of one slide, or of one patient, resemble each other: they have the same stain and
light. If cells of one slide are in the training data and in the test data, the score is
too high. This example splits the cells by slide with ``GroupKFold``, and compares the
scores with those of a random split.
"""

# %%
# Cells of eight slides
# ---------------------
# The images that are part of skblood do not say from which slide they are. To simulate
# slides, the cells are divided into eight groups at random, and each group gets a stain
# of its own. In your own data, the group is the number of the slide or the patient.

import numpy as np

from skblood import load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X, y = X[::2], y[::2]
rng = np.random.default_rng(0)
slide = rng.integers(8, size=len(X))
stain = rng.uniform(0.6, 1.7, size=(8, 1, 1, 3))
X = np.rint(255 * (X / 255) ** stain[slide]).astype(np.uint8)

# %%
# Show one cell of each class, each from another slide.

import matplotlib.pyplot as plt

from skblood.display import CellGridDisplay

shown = [np.flatnonzero((slide == k) & (y == k))[0] for k in range(8)]
CellGridDisplay.from_arrays(X[shown], [f"slide {slide[i]}" for i in shown])
plt.show()

# %%
# Compare the two ways to split
# -----------------------------
# With ``GroupKFold``, all cells of a slide are either in the training data or in the
# test data. Both ways train on three quarters of the cells. The third score is for a
# classifier whose training images get random stains, so that it depends less on them.

from sklearn.model_selection import GroupKFold, KFold, cross_val_score

from skblood import BloodCNNClassifier

clf = BloodCNNClassifier(width=8, max_epochs=16, stem_stride=2, random_state=0)
robust = BloodCNNClassifier(
    width=8,
    max_epochs=16,
    stem_stride=2,
    random_state=0,
    augmentation="robust",
)
scores = {
    "random split": cross_val_score(
        clf, X, y, cv=KFold(4, shuffle=True, random_state=0)
    ),
    "split by slide": cross_val_score(
        clf, X, y, groups=slide, cv=GroupKFold(4)
    ),
    "split by slide,\nrobust": cross_val_score(
        robust, X, y, groups=slide, cv=GroupKFold(4)
    ),
}

# %%
# Draw the scores
# ---------------
# On slides that the classifier has not seen, it is less accurate, and the scores differ
# more. This is the accuracy to expect on the next slide. The scores of the robust
# classifier differ less from slide to slide. Their mean is only a little higher.

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for position, (name, values) in enumerate(scores.items()):
    ax.scatter(values, np.full(4, position), color="#0072B2", alpha=0.7, s=50)
    ax.scatter(
        values.mean(), position, color="#D55E00", marker="|", s=500, lw=2.5
    )
    ax.text(
        values.mean(), position - 0.25, f"{values.mean():.3f}", ha="center"
    )
    print(
        f"{' '.join(name.split())}: {values.mean():.3f} ± {values.std():.3f}"
    )
ax.set(
    yticks=range(len(scores)),
    yticklabels=list(scores),
    ylim=(2.5, -0.6),
    xlabel="accuracy: each fold, and their mean",
)
# sphinx_gallery_thumbnail_number = 2
plt.show()
