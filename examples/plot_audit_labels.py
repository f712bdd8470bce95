"""
Audit of labels: which of my cells are labelled wrongly?
========================================================

Whoever sorts a thousand cells makes mistakes, and some images end up in the folder
twice. This example makes such errors on purpose, finds them, and draws a contact sheet
of the suspects.

It needs cleanlab: ``pip install "skblood[audit,plot]"``. On the command line,
``skblood audit FOLDER -o report`` does the same without programming.
"""

# %%
# Labels with known errors
# ------------------------
# In practice, the images and labels would be your own. Here, they are the test images
# that are part of skblood. Twelve labels are replaced with another class at random, and
# three cells are added a second time: one as it is, one mirrored, and one with another
# label. So it is known what should be found.

import numpy as np

from skblood import load_bloodmnist_sample

X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
rng = np.random.default_rng(0)
names = np.unique(y)

copied = [5, 17, 29]
others = np.setdiff1d(np.arange(len(y)), copied)
wrong = rng.choice(others, 12, replace=False)
for i in wrong:
    y[i] = rng.choice(names[names != y[i]])

copies = X[copied]
copies[1] = copies[1][:, ::-1]
X = np.concatenate([X, copies])
y = np.concatenate([y, y[copied]])
y[-1] = "platelet"
print(f"{len(y)} images, {len(wrong)} wrong labels, {len(copied)} copies")

# %%
# Find the suspects
# -----------------
# :func:`~skblood.audit_labels` predicts each label with a model that has not seen it:
# a logistic regression on the embeddings of a pretrained network, by cross-validation.
# Copies of a cell are always in the same fold. The quality of a label is its predicted
# probability.
#
# The pretrained network was not fitted to these images. A network that was fitted to
# them would have seen their wrong labels, and could hide the errors.

from skblood import audit_labels

found = audit_labels(X, y)
table = found.table
print(f"{'image':>5}  {'label':22}{'suggested':22}{'quality':>7}  reason")
for i in range(12):
    print(
        f"{table['index'][i]:5}  {table['label'][i]:22}"
        f"{table['suggested'][i]:22}{table['quality'][i]:7.3f}  "
        f"{table['reason'][i]}"
    )

# %%
# Images that occur twice have a table of their own. A pair with different labels is
# certainly an error.

pairs = found.duplicates
for i in range(len(pairs["first"])):
    print(
        f"{pairs['first'][i]} and {pairs['second'][i]}: "
        f"similarity {pairs['similarity'][i]:.3f}, "
        f"different labels: {pairs['is_contradictory'][i]}"
    )

# %%
# How many were found
# -------------------
# The number of wrong labels among the 12 with the lowest quality, divided by 12, is the
# precision at 12. You cannot compute it for your own images. `n_label_errors` is
# cleanlab's estimate of how many labels are wrong.

first = np.argsort(found.quality)[:12]
# The copy with another label is an error too.
is_error = np.isin(first, [*wrong, len(y) - 1])
print(f"precision at 12: {is_error.mean():.2f}")
print(f"estimated number of wrong labels: {found.n_label_errors}")

# %%
# Look at them
# ------------
# The decision is yours: a suspect can be a rare but correctly labelled cell. Here,
# frames mark the labels that were changed on purpose, which only this example knows.

import matplotlib.pyplot as plt

from skblood.display import CellGridDisplay

shown = table["index"][:24]
texts = [
    f"{label}\nperhaps {suggested}" if label != suggested else label
    for label, suggested in zip(
        table["label"][:24], table["suggested"][:24], strict=True
    )
]
display = CellGridDisplay(
    X[shown], texts=texts, is_marked=np.isin(shown, [*wrong, len(y) - 1])
)
display.plot(n_columns=8)
plt.show()

# %%
# With a model of your own, pass its out-of-sample probabilities as `y_proba`, for
# example those of scikit-learn's ``cross_val_predict(BloodCNNClassifier(), X, y,
# method="predict_proba")``. :doc:`/guide/audit` explains the table, and what was
# measured on the whole BloodMNIST.
