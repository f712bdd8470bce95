"""
Calibration: can I rely on the probabilities?
=============================================

If a classifier gives 100 cells a probability of 0.9 each, about 90 of these predictions
should be correct. This example measures whether this is so, draws it as a reliability
diagram, and corrects the probabilities with temperature scaling.
"""

# %%
# Images for three purposes
# -------------------------
# The probabilities of training images are too high, because the classifier has seen
# their labels. Calibration therefore needs images that were not used for training, and
# the check needs others again. For the same reason, this example trains a classifier of
# its own: the pretrained models have seen some of these images.

from sklearn.model_selection import train_test_split

from skblood import load_bloodmnist_sample

X, y = load_bloodmnist_sample(
    ("train", "test"), labels="names", return_X_y=True
)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=800, stratify=y, random_state=0
)
X_cal, X_test, y_cal, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)
print(len(X_train), len(X_cal), len(X_test))

# %%
# A classifier that is too sure
# -----------------------------
# Without augmentation, this small network learns its training images by heart, and its
# probabilities become too high. With the default augmentation, the effect is smaller.

from skblood import BloodCNNClassifier

clf = BloodCNNClassifier(
    width=8, stem_stride=2, max_epochs=20, augmentation=None, random_state=0
)
clf.fit(X_train, y_train)
before = clf.predict_proba(X_test)
print(
    f"mean probability of the predicted class {before.max(axis=1).mean():.3f}"
)
print(f"accuracy {clf.score(X_test, y_test):.3f}")

# %%
# Temperature scaling with scikit-learn
# -------------------------------------
# Temperature scaling divides the logits by a number, the temperature. It chooses the
# number for which the true labels of the calibration images are most probable.
# `FrozenEstimator` tells scikit-learn that the classifier is already fitted. This needs
# scikit-learn 1.8.

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

calibrated = CalibratedClassifierCV(FrozenEstimator(clf), method="temperature")
calibrated.fit(X_cal, y_cal)
after = calibrated.predict_proba(X_test)

# %%
# The shorter way
# ---------------
# `fit_calibration` finds the same temperature. The result stays in the classifier, also
# in its pickles and in files that :func:`~skblood.save_model` writes. The predicted
# labels do not change.

import numpy as np

labels = clf.predict(X_test)
clf.fit_calibration(X_cal, y_cal)
print(f"temperature {clf.calibration_.temperature:.2f}")
print("same probabilities:", np.allclose(clf.predict_proba(X_test), after))
print("same labels:", np.array_equal(clf.predict(X_test), labels))

# %%
# How large is the error?
# -----------------------
# The expected calibration error (ECE) is the mean difference between probability and
# accuracy, here in 10 bins of the probability. It is never zero, since the accuracy of
# a few hundred images varies by chance. `expected_calibration_error_floor` simulates
# the errors of a perfectly calibrated classifier with these probabilities: 90 % of them
# lie in the printed range. The log loss needs no bins. It is smaller if the
# probabilities are better.

from sklearn.metrics import log_loss

from skblood.metrics import (
    expected_calibration_error,
    expected_calibration_error_floor,
)

for name, proba in [("before", before), ("after", after)]:
    error = expected_calibration_error(
        y_test, proba, labels=clf.classes_, n_bins=10
    )
    floor = expected_calibration_error_floor(proba, n_bins=10)
    print(
        f"{name + ':':8}ECE {error:.3f}, perfectly calibrated "
        f"{floor.low:.3f} to {floor.high:.3f}, "
        f"log loss {log_loss(y_test, proba, labels=clf.classes_):.3f}"
    )

# %%
# Draw the reliability diagrams
# -----------------------------
# Each point stands for the predictions with similar probabilities, and its line is a
# confidence interval of the accuracy. Below the diagonal, the classifier is too sure.
# After calibration, most intervals reach the diagonal.

import matplotlib.pyplot as plt

from skblood.display import ReliabilityDisplay

fig, axes = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
for ax, name, proba in [
    (axes[0], "Before", before),
    (axes[1], "After", after),
]:
    ReliabilityDisplay.from_predictions(
        y_test, proba, labels=clf.classes_, n_bins=10, ax=ax
    )
    ax.set_title(name)
plt.show()

# %%
# The probabilities are now right on average, for cells like the calibration images. For
# other cells, such as those of another microscope, they can still be wrong:
# :func:`~skblood.assess` says whether images resemble the training images.
