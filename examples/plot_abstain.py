"""
Abstaining: how many cells can the classifier name with at most 5 % errors?
===========================================================================

A classifier can name the cells of which it is sure, and leave the others to a person.
The higher the threshold for its probabilities, the fewer errors it makes, and the fewer
cells it names. This example chooses the threshold with MAPIE's risk control: the
promise "at most 5 % errors among the named cells" then holds with a probability of
90 %. MAPIE is installed with ``pip install "skblood[conformal]"``.
"""

# %%
# Train a classifier
# ------------------
# One part of the images is for training, one for choosing the threshold, and one for
# checking the result. The pretrained models have seen some of these images, so the
# example trains a network of its own.

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
print(f"Error rate if it names all cells: {1 - clf.score(X_test, y_test):.3f}")

# %%
# Choose the threshold
# --------------------
# MAPIE controls risks of classifiers with two classes. Here, the two classes are "the
# prediction is correct" and "it is wrong", and the probability of the predicted class
# is the score for "correct". The precision of this score is the accuracy of the named
# cells. The probabilities need not be calibrated.
#
# MAPIE tests the thresholds one after another, from the highest to the lowest: are the
# errors among the calibration images too few to be explained by chance, if the true
# error rate is above 5 %? It stops at the first threshold that fails, and takes the one
# before it. This order is fixed in advance, so testing many thresholds does not weaken
# the promise. If no threshold passes, ``best_predict_param`` is None: then collect more
# calibration images, or promise less.

import warnings

import numpy as np
from mapie.risk_control import BinaryClassificationController

RISK = 0.05
CONFIDENCE = 0.9
thresholds = np.linspace(0.5, 0.98, 49)


def confidence_and_truth(proba, y):
    is_correct = clf.classes_[proba.argmax(axis=1)] == y
    return proba.max(axis=1), is_correct.astype(int)


def choose_with_mapie(confidence, is_correct):
    controller = BinaryClassificationController(
        predict_function=lambda score: np.column_stack([1 - score, score]),
        risk="precision",
        target_level=1 - RISK,
        confidence_level=CONFIDENCE,
        list_predict_params=thresholds,
        fwer_method="fixed_sequence",
    )
    with warnings.catch_warnings():
        # MAPIE warns if the error rate does not fall from each threshold to the next
        # one. The promise does not need this.
        warnings.filterwarnings("ignore", message="Fixed sequence testing")
        controller.calibrate(confidence, is_correct)
    return controller.best_predict_param


confidence_cal, is_correct_cal = confidence_and_truth(
    clf.predict_proba(X_cal), y_cal
)
threshold = choose_with_mapie(confidence_cal, is_correct_cal)
print(f"threshold {threshold:.2f}")

# %%
# Check it on other cells
# -----------------------

proba_test = clf.predict_proba(X_test)
confidence_test, is_correct_test = confidence_and_truth(proba_test, y_test)
is_named = confidence_test >= threshold
coverage, error_rate = is_named.mean(), 1 - is_correct_test[is_named].mean()
print(f"named: {coverage:.1%}, errors among these: {error_rate:.1%}")

# %%
# What exactly is promised?
# -------------------------
# Suppose that many people draw calibration images and choose a threshold in this way.
# For at least 90 % of them, the error rate among all future cells above their threshold
# is at most 5 %. In a small number of cells, the rate can be higher by chance.
#
# To check this, let the 1,200 images that were not used for training be the whole
# population, so that the true error rate for each threshold is known. Calibration
# images are drawn from it many times. For comparison, a threshold is also chosen
# without a test: the lowest one for which the error rate of the calibration images is
# at most 5 %.

population = [
    np.concatenate(parts)
    for parts in zip(
        (confidence_cal, is_correct_cal),
        (confidence_test, is_correct_test),
        strict=True,
    )
]


def error_rates(confidence, is_correct):
    named = confidence >= thresholds[:, np.newaxis]
    return (named & (is_correct == 0)).sum(axis=1) / named.sum(axis=1)


def choose_without_test(confidence, is_correct):
    return thresholds[error_rates(confidence, is_correct) <= RISK][0]


rng = np.random.default_rng(0)
true_rates = dict(
    zip(thresholds.tolist(), error_rates(*population), strict=True)
)
realised = {"with MAPIE": [], "without a test": []}
for _ in range(300):
    drawn = rng.integers(len(population[0]), size=len(X_cal))
    sample = [values[drawn] for values in population]
    for name, choose in [
        ("with MAPIE", choose_with_mapie),
        ("without a test", choose_without_test),
    ]:
        realised[name].append(true_rates[choose(*sample)])
for name, rates in realised.items():
    broken = np.mean(np.array(rates) > RISK)
    print(f"{name}: the error rate is above 5 % in {broken:.0%} of the draws")

# %%
# Draw the errors for each coverage
# ---------------------------------
# The risk–coverage curve shows the error rate for every fraction of named cells. At its
# right end, all cells are named. The point is the chosen threshold. It is below the
# line, since the test leaves a margin for chance.

import matplotlib.pyplot as plt

from skblood.display import RiskCoverageDisplay

fig, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
RiskCoverageDisplay.from_predictions(
    y_test, proba_test, labels=clf.classes_, name="600 test cells", ax=ax
)
ax.axhline(RISK, color="black", ls=":", label="promised error rate")
ax.plot(
    coverage,
    error_rate,
    "o",
    color="#D55E00",
    markersize=9,
    label=f"threshold {threshold:.2f}",
)
ax.legend(loc="upper left")
plt.show()

# %%
# The promise has conditions. The calibration images and the future cells must be drawn
# independently from the same source. Cells of one slide resemble each other, so take
# calibration images from many slides. Each kind of cells must be as frequent as among
# the calibration images: in this sample all kinds are equally frequent, but in blood
# they are not. The promise is about all named cells together, and not about each kind.
# It does not hold for another microscope.
