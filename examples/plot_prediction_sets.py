"""
Prediction sets: neutrophil or immature granulocyte?
====================================================

For a cell that looks like two kinds, one name with a low probability says little. A
prediction set names both kinds: it contains the true class with a probability that you
choose. This example computes prediction sets, shows the cells with more than one name,
and checks how often the sets contain the true class.
"""

# %%
# Train and calibrate
# -------------------
# `fit_calibration` keeps what the sets need: how probable the true classes of the
# calibration images were. These images must not be among the training images. The
# pretrained models have seen some images of the sample, so the example trains a network
# of its own.

from sklearn.model_selection import train_test_split

from skblood import BloodCNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample(
    ("train", "test"), labels="names", return_X_y=True
)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=800, stratify=y, random_state=0
)
X_cal, X_test, y_cal, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)
clf = BloodCNNClassifier(width=8, stem_stride=2, max_epochs=40, random_state=0)
clf.fit(X_train, y_train)
clf.fit_calibration(X_cal, y_cal)
print(f"temperature {clf.calibration_.temperature:.2f}")

# %%
# Compute the sets
# ----------------
# :func:`~skblood.prediction_sets` returns a row for each cell, with True for the
# classes in its set. The higher the coverage, the larger the sets. On the command line,
# ``skblood predict --sets 0.95`` prints them.

import numpy as np

from skblood import prediction_sets

true_column = np.searchsorted(clf.classes_, y_test)


def contains_true_class(sets):
    return sets[np.arange(len(sets)), true_column]


print(f"accuracy of single names {clf.score(X_test, y_test):.3f}")
for coverage in (0.9, 0.95, 0.99):
    sets = prediction_sets(clf, X_test, coverage=coverage)
    print(
        f"coverage {coverage}: {contains_true_class(sets).mean():.3f} of the "
        f"sets contain the true class, mean size {sets.sum(axis=1).mean():.2f}"
    )

# %%
# The same with MAPIE
# -------------------
# MAPIE has more methods for prediction sets; ``pip install "skblood[conformal]"``
# installs it. It compares ``X.shape[1]`` with the number of features, so it needs the
# images as rows. It also tries the classifier on an image of zeros, and skblood warns
# that this is no image like those of the training. Sets of MAPIE can be empty; those of
# skblood always contain the most probable class.

import warnings

from mapie.classification import SplitConformalClassifier

X_cal_rows = X_cal.reshape(len(X_cal), -1)
X_test_rows = X_test.reshape(len(X_test), -1)
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="X has pixels from 0 to 0")
    mapie = SplitConformalClassifier(
        clf, confidence_level=0.95, conformity_score="lac", prefit=True
    ).conformalize(X_cal_rows, y_cal)
mapie_sets = mapie.predict_set(X_test_rows)[1][:, :, 0]

sets = prediction_sets(clf, X_test, coverage=0.95)
is_empty = ~mapie_sets.any(axis=1)
is_equal = np.array_equal(mapie_sets[~is_empty], sets[~is_empty])
print(
    f"{is_empty.sum()} sets of MAPIE are empty, the others equal: {is_equal}"
)

# %%
# Which kinds are in one set?
# ---------------------------
# These are the most frequent sets with two names.

from collections import Counter

names = [clf.classes_[row].tolist() for row in sets]
pairs = Counter(" or ".join(few) for few in names if len(few) == 2)
for pair, n in pairs.most_common(5):
    print(f"{n:3} {pair}")

# %%
# Show some cells with more than one name. The name with an asterisk is the true class.

import matplotlib.pyplot as plt

from skblood.display import CellGridDisplay


def set_as_text(i):
    marks = ["*" if name == y_test[i] else "" for name in names[i]]
    words = [name.split()[0] for name in names[i]]
    return "\n".join(map("".join, zip(words, marks, strict=True)))


several = np.flatnonzero(sets.sum(axis=1) > 1)[:18]
CellGridDisplay.from_arrays(
    X_test[several], [set_as_text(i) for i in several], n_columns=6
)
plt.show()

# %%
# Is every kind covered?
# ----------------------
# The coverage holds for all cells together. For a kind that is hard to recognise, it
# can be lower. With ``class_conditional=True``, each class has a limit of its own, and
# the coverage holds for each class. This needs calibration images of each class: 19 for
# a coverage of 0.95, and 99 for 0.99.

by_class = prediction_sets(clf, X_test, coverage=0.95, class_conditional=True)
for name, found in [("common limit", sets), ("limit by class", by_class)]:
    covered = contains_true_class(found)
    print(
        f"{name}: coverage {covered.mean():.3f}, "
        f"mean size {found.sum(axis=1).mean():.2f}"
    )

# %%
# There are only 75 test cells of each class, so their coverage varies by chance. The
# guarantee is about the mean over many draws. Therefore, the 1,200 images that were not
# used for training are divided 200 times at random into calibration and test images. To
# compute the probabilities only once, the limits are computed here in the same way as
# in :func:`~skblood.prediction_sets`: the limit is the score with rank 0.95 (n + 1)
# among the n calibration images.

proba = clf.predict_proba(np.concatenate([X_cal, X_test]))
column = np.searchsorted(clf.classes_, np.concatenate([y_cal, y_test]))
score = 1 - proba[np.arange(len(proba)), column]
classes = range(len(clf.classes_))


def find_limit(scores):
    rank = int(np.ceil(0.95 * (len(scores) + 1)))
    return np.sort(scores)[rank - 1]


def coverage_of_classes(limits, test):
    is_covered = score[test] <= limits[column[test]]
    return [is_covered[column[test] == k].mean() for k in classes]


rng = np.random.default_rng(0)
coverages = {"common limit": [], "limit by class": []}
for _ in range(200):
    cal, test = np.split(rng.permutation(len(score)), 2)
    common = np.full(len(classes), find_limit(score[cal]))
    own = np.array([find_limit(score[cal][column[cal] == k]) for k in classes])
    coverages["common limit"].append(coverage_of_classes(common, test))
    coverages["limit by class"].append(coverage_of_classes(own, test))

# %%
# Draw the coverage of each class
# -------------------------------
# With a common limit, the coverage of some classes is below 0.95. With a limit for each
# class, it is about 0.95 or higher for all classes. The price is that the sets are
# larger.

fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for shift, (name, values), color, marker in zip(
    (-0.12, 0.12), coverages.items(), ("#0072B2", "#D55E00"), "os", strict=True
):
    ax.errorbar(
        np.mean(values, axis=0),
        np.array(classes) + shift,
        xerr=np.std(values, axis=0),
        fmt=marker,
        color=color,
        capsize=3,
        label=name,
    )
ax.axvline(0.95, color="black", ls=":")
ax.set(
    yticks=classes,
    yticklabels=clf.classes_,
    xlabel="coverage: mean and standard deviation of 200 divisions",
)
ax.invert_yaxis()
ax.legend()
# sphinx_gallery_thumbnail_number = 2
plt.show()

# %%
# The guarantee holds if the calibration images and the new cells come from the same
# source: the same microscope and stain, and the same proportions of the kinds. If only
# the proportions differ, the guarantee for each class still holds. For another
# microscope there is no guarantee, and the sets become too small without notice.
