"""
Cross-validation by slide: how accurate is a model on the next slide?
=====================================================================

Cells of one slide, or of one patient, resemble each other: they have the same stain and
light. If cells of one slide are in the training data and in the test data, the score is
too high. This example splits the cells by slide with ``StratifiedGroupKFold``, and
compares the score with that of a random split.
"""

# %%
# Cells of twelve slides
# ----------------------
# The images that are part of skblood do not say from which slide they are. To simulate
# slides, the cells are divided into groups at random, and each group gets a stain of
# its own. As in a real laboratory, some kinds of cells are more frequent on some
# slides. In your own data, the group is the number of the slide. If there are several
# slides of a patient, the group is the patient.

import numpy as np

from skblood import load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X, y = X[::2], y[::2]
rng = np.random.default_rng(0)
frequency = rng.dirichlet(np.full(12, 2.0), size=8)
slide = np.array([rng.choice(12, p=frequency[label]) for label in y])
stain = rng.uniform(0.6, 1.7, size=(12, 1, 1, 3))
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
# With ``StratifiedGroupKFold``, all cells of a slide are either in the training data or
# in the test data, and each fold has about the same number of cells of each class.
# ``StratifiedKFold`` ignores the slides. Both train on three quarters of the cells. The
# slides are passed as `groups`.

from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)

from skblood import BloodCNNClassifier

clf = BloodCNNClassifier(width=8, max_epochs=10, stem_stride=2, random_state=0)
scores = {
    "random split": cross_val_score(clf, X, y, cv=StratifiedKFold(4)),
    "split by slide": cross_val_score(
        clf, X, y, groups=slide, cv=StratifiedGroupKFold(4)
    ),
}
means = {name: values.mean() for name, values in scores.items()}
for name, values in scores.items():
    print(f"{name}: {values.mean():.3f} ± {values.std():.3f}")
difference = means["random split"] - means["split by slide"]
print(f"difference: {100 * difference:.1f} percentage points")

# %%
# Draw the scores
# ---------------
# In the random split, the classifier knows all slides of the test data from its
# training. The split by slide asks the question of this example: how accurate is it on
# slides that it has not seen? This score also differs more from fold to fold, since a
# few slides decide about it. Collect cells from many slides rather than many cells from
# few.

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for position, (name, values) in enumerate(scores.items()):
    ax.scatter(values, np.full(4, position), color="#0072B2", alpha=0.7, s=50)
    ax.scatter(
        means[name], position, color="#D55E00", marker="|", s=500, lw=2.5
    )
    ax.text(means[name], position - 0.25, f"{means[name]:.3f}", ha="center")
ax.set(
    yticks=range(len(scores)),
    yticklabels=list(scores),
    ylim=(1.5, -0.6),
    xlabel="accuracy: each fold, and their mean",
)
# sphinx_gallery_thumbnail_number = 2
plt.show()

# %%
# Searches take the groups in the same way: ``GridSearchCV(clf, grid,
# cv=StratifiedGroupKFold(4)).fit(X, y, groups=slide)``. To set one test part aside, use
# ``GroupShuffleSplit``. Images for calibration need slides of their own too.
